//! Rows of either backend, and their conversion.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{
    StoreError,
    sql_types::{Id, Json, Texts},
};
use crate::domain::{
    inbox::{InboxPosition, InboxState},
    notification::{Notification, Priority, Status, Timestamp, stream_id},
    preferences::Preferences,
    presentation::Presentation,
    user::{Person, UserId},
};

/// Columns of [`NotificationRow`] in a `SELECT … FROM notifications`: with the metadata, wherever
/// it is stored.
macro_rules! notification_selection {
    () => {
        "notification_id, user_id, seq, revision, type_code, title, message, priority, source, \
         actor_id, entity_type, \
         entity_id, action_url, COALESCE((SELECT shared.metadata FROM shared_metadata shared \
         WHERE shared.id = notifications.metadata_id), notifications.metadata) AS metadata, \
         count, created_at, \
         expires_at, status, read_at, seen_at, keep_until, clicked_at, variant, metadata_id, \
         event_id, publisher, group_key, actors, snoozed_until, COALESCE(changed_at, created_at) \
         AS changed_at, category, presentation, clicked_action"
    };
}
pub(super) use notification_selection;

/// Maximum size of a page, in bytes of text; at least one notification is read.
pub(super) const PAGE_MAX_BYTES: usize = 1024 * 1024;

/// Average size of a notification without its texts, in bytes.
const ROW_BYTES: usize = 256;

/// Row that can be read from a result whose columns are in the order of its fields.
pub(super) trait FromColumns: Sized {
    /// Reads the row.
    fn from_columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self>;
}

macro_rules! from_tuple {
    ($($name:ident $at:tt),+) => {
        impl<$($name: rusqlite::types::FromSql),+> FromColumns for ($($name,)+) {
            fn from_columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                Ok(($(row.get::<_, $name>($at)?,)+))
            }
        }
    };
}
from_tuple!(A 0);
from_tuple!(A 0, B 1);
from_tuple!(A 0, B 1, C 2);

/// Defines rows that either backend reads. SQLite reads columns in the order of the fields.
macro_rules! row {
    (
        $(#[$attribute:meta])* $visibility:vis struct $name:ident {
            $($field_visibility:vis $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(sqlx::FromRow)]
        $visibility struct $name {
            $($field_visibility $field: $type,)*
        }

        impl FromColumns for $name {
            fn from_columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                let mut columns = 0..;
                let mut next = || columns.next().unwrap_or_default();
                Ok(Self { $($field: row.get::<usize, $type>(next())?,)* })
            }
        }
    };
}

row! {
    /// Row of `notifications`.
    pub(super) struct NotificationRow {
        notification_id: Id,
        user_id: String,
        seq: i64,
        revision: i64,
        type_code: String,
        title: String,
        message: String,
        priority: String,
        source: Option<String>,
        actor_id: Option<String>,
        entity_type: Option<String>,
        entity_id: Option<String>,
        action_url: Option<String>,
        metadata: Json<'static>,
        count: i64,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
        status: String,
        read_at: Option<Timestamp>,
        seen_at: Option<Timestamp>,
        keep_until: Option<Timestamp>,
        clicked_at: Option<Timestamp>,
        variant: Option<String>,
        metadata_id: Option<String>,
        event_id: Option<String>,
        publisher: Option<String>,
        group_key: Option<String>,
        actors: Option<Json<'static>>,
        snoozed_until: Option<Timestamp>,
        changed_at: Timestamp,
        category: Option<String>,
        presentation: Option<Json<'static>>,
        clicked_action: Option<i32>,
    }
}

impl NotificationRow {
    fn bytes(&self) -> usize {
        let presentation = self.presentation.as_ref().map_or(0, |json| json.0.len());
        self.title.len() + self.message.len() + self.metadata.0.len() + presentation + ROW_BYTES
    }
}

/// Rows read so far of a page: at most `limit`, and at most `max_bytes`.
pub(super) struct RowsOfPage {
    rows: Vec<NotificationRow>,
    limit: usize,
    bytes: usize,
    max_bytes: usize,
    /// False if a row did not fit.
    complete: bool,
}

impl RowsOfPage {
    pub(super) fn new(limit: i64, max_bytes: usize) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        Self { rows: Vec::new(), limit, bytes: 0, max_bytes, complete: true }
    }

    /// Adds a row. Returns false if it does not fit, and the page is over.
    pub(super) fn add(&mut self, row: NotificationRow) -> bool {
        self.bytes += row.bytes();
        let full = self.rows.len() >= self.limit;
        if full || (self.bytes > self.max_bytes && !self.rows.is_empty()) {
            self.complete = false;
        } else {
            self.rows.push(row);
        }
        self.complete
    }

    /// Returns the rows, and whether none follows.
    pub(super) fn finish(self) -> (Vec<NotificationRow>, bool) {
        (self.rows, self.complete)
    }
}

fn corrupt(column: &str, value: &str) -> StoreError {
    StoreError::Corrupt(format!("{column} {value:?}"))
}

pub(super) fn user_id(text: &str) -> Result<UserId, StoreError> {
    UserId::parse(text).map_err(|_| corrupt("user_id", text))
}

impl TryFrom<NotificationRow> for Notification {
    type Error = StoreError;

    fn try_from(row: NotificationRow) -> Result<Self, StoreError> {
        let created_at = row.created_at;
        // Written by SQL it may be invalid, and then there is none.
        let presentation = row.presentation.as_ref();
        let presentation: Presentation =
            presentation.and_then(|json| serde_json::from_str(&json.0).ok()).unwrap_or_default();
        let metadata = RawValue::from_string(row.metadata.into_text())
            .map_err(|error| corrupt("metadata", &error.to_string()))?;
        Ok(Self {
            notification_id: row.notification_id.0,
            stream_id: stream_id(created_at, row.seq),
            revision: row.revision,
            title: row.title,
            message: row.message,
            priority: Priority::parse(&row.priority)
                .ok_or_else(|| corrupt("priority", &row.priority))?,
            source: row.source,
            actor_id: row.actor_id.as_deref().map(user_id).transpose()?,
            entity_type: row.entity_type,
            entity_id: row.entity_id,
            action_url: row.action_url,
            presentation: Presentation { category: row.category, ..presentation },
            clicked_action: row.clicked_action.and_then(|index| u8::try_from(index).ok()),
            metadata: Arc::from(metadata),
            count: row.count,
            created_at,
            expires_at: row.expires_at,
            status: Status::parse(&row.status).ok_or_else(|| corrupt("status", &row.status))?,
            read: row.read_at.is_some(),
            read_at: row.read_at,
            seen_at: row.seen_at,
            keep_until: row.keep_until,
            clicked_at: row.clicked_at,
            variant: row.variant,
            metadata_id: row.metadata_id,
            event_id: row.event_id,
            publisher: row.publisher,
            group_key: row.group_key,
            actors: row
                .actors
                .and_then(|json| serde_json::from_str(&json.0).ok())
                .unwrap_or_default(),
            snoozed_until: row.snoozed_until,
            changed_at: row.changed_at,
            user_id: user_id(&row.user_id)?,
            type_code: row.type_code,
            seq: row.seq,
        })
    }
}

/// Converts rows; fails at the first invalid one.
pub(super) fn all<R, T: TryFrom<R, Error = StoreError>>(
    rows: Vec<R>,
) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(T::try_from).collect()
}

row! {
    /// Row of `inboxes`, with its user.
    pub(super) struct InboxRow {
        pub(super) user_id: String,
        pub(super) revision: i64,
        pub(super) unread: i64,
        pub(super) unseen: i64,
    }
}

row! {
    /// Row of `inboxes`, for a client that resumes.
    pub(super) struct PositionRow {
        revision: i64,
        unread: i64,
        unseen: i64,
        purged_revision: i64,
    }
}

impl From<PositionRow> for InboxPosition {
    fn from(row: PositionRow) -> Self {
        let counters =
            InboxState { revision: row.revision, unread: row.unread, unseen: row.unseen };
        Self { counters, purged: row.purged_revision }
    }
}

impl From<InboxRow> for InboxState {
    fn from(InboxRow { revision, unread, unseen, .. }: InboxRow) -> Self {
        Self { revision, unread, unseen }
    }
}

/// Returns the state of an inbox; an inbox without any change has no row.
pub(super) fn counters(row: Option<InboxRow>) -> InboxState {
    row.map(InboxState::from).unwrap_or_default()
}

row! {
    /// Row of `users`.
    pub(super) struct PersonRow {
        user_id: String,
        login: Option<String>,
        name: Option<String>,
        email: Option<String>,
        roles: Texts,
        locale: Option<String>,
        timezone: Option<String>,
        email_verified: Option<bool>,
        addresses: Json<'static>,
    }
}

/// User, if known, and preferences, if any.
type RecipientParts = (Option<Person>, Option<(UserId, Preferences)>);

row! {
    /// User of `users`, if known, and preferences, if any.
    pub(super) struct RecipientRow {
        recipient: String,
        user_id: Option<String>,
        login: Option<String>,
        name: Option<String>,
        email: Option<String>,
        roles: Option<Texts>,
        locale: Option<String>,
        timezone: Option<String>,
        email_verified: Option<bool>,
        addresses: Option<Json<'static>>,
        preferences: Option<Json<'static>>,
    }
}

/// Parses preferences; an invalid value written by SQL counts as the default.
pub(super) fn parse_preferences(json: &Json<'_>) -> Preferences {
    serde_json::from_str(&json.0).unwrap_or_default()
}

impl RecipientRow {
    /// Returns the user and the preferences.
    pub(super) fn parts(self) -> Result<RecipientParts, StoreError> {
        let Self { recipient, login, name, email, locale, timezone, email_verified, .. } = self;
        let person = self.user_id.map(|user_id| {
            let roles = self.roles.unwrap_or_default();
            let addresses = self.addresses.unwrap_or_else(|| Json::from("{}"));
            Person::try_from(PersonRow {
                user_id,
                login,
                name,
                email,
                roles,
                locale,
                timezone,
                email_verified,
                addresses,
            })
        });
        let preferences = match self.preferences.as_ref().map(parse_preferences) {
            Some(preferences) => Some((user_id(&recipient)?, preferences)),
            None => None,
        };
        Ok((person.transpose()?, preferences))
    }
}

impl TryFrom<PersonRow> for Person {
    type Error = StoreError;

    fn try_from(row: PersonRow) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: user_id(&row.user_id)?,
            login: row.login,
            name: row.name,
            email: row.email,
            roles: row.roles.0,
            locale: row.locale,
            timezone: row.timezone,
            email_verified: row.email_verified,
            addresses: serde_json::from_str(&row.addresses.0).unwrap_or_default(),
        })
    }
}
