//! Events of groups: table `group_members`, written with the notifications, for recall.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Store, StoreError,
    marks::{SET_INBOX, find_for_change, store_state},
    planned::{stored_actors, stored_metadata, stored_presentation},
    rows::{InboxRow, NotificationRow, counters, notification_selection, user_id},
    sql_types::{Id, Json},
};
use crate::domain::{
    group::GroupMember,
    inbox::{Change, ChangeKind, Mark, transition},
    notification::{Notification, Timestamp},
    regroup::Regrouping,
    user::UserId,
};

/// Selects the notification that an event is grouped with: $4 is the age of the oldest.
pub(super) const FIND_GROUP: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND type_code = $2 AND group_key = $3 AND status = \
      'unread' AND created_at >= $4 ORDER BY seq DESC LIMIT 1"
);

/// Counts the deliveries of a notification on a channel that are still to be made. What is being
/// sent shows the notification as it was.
pub(super) const PENDING: &str = "SELECT COUNT(*) FROM deliveries WHERE notification_id = $1 AND \
     channel = $2 AND state = 'scheduled'";

/// Maximum number of events of a group that are kept, besides the first and the newest.
pub(super) const MEMBERS_MAX: i64 = 500;

/// Maximum size of the events of a group that are kept, besides the first and the newest, in bytes.
pub(super) const MEMBERS_MAX_BYTES: i64 = 256 * 1024;

/// Number of events after which a group is trimmed.
pub(super) const TRIM_EVERY: i64 = 16;

/// Adds an event to a group.
pub(super) const ADD_MEMBER: &str = "INSERT INTO group_members (notification_id, revision, \
     user_id, event_id, source, publisher, actor_id, actor, event, bytes, added_at) VALUES ($1, \
     $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Drops the oldest events of a group beyond its limits: $2 number, $3 bytes. The first one and the
/// newest one stay.
pub(super) const TRIM_MEMBERS: &str = "DELETE FROM group_members WHERE notification_id = $1 AND \
     revision IN (SELECT revision FROM (SELECT revision, ROW_NUMBER() OVER (ORDER BY revision \
     DESC) AS place, SUM(bytes) OVER (ORDER BY revision DESC) AS total, MIN(CASE WHEN recalled \
     THEN NULL ELSE revision END) OVER () AS first FROM group_members WHERE notification_id = $1) \
     AS m WHERE place > 1 AND revision <> COALESCE(first, -1) AND (place > $2 OR total > $3))";

const MEMBERS: &str = "SELECT revision, event_id, source, actor, event, added_at, recalled FROM \
     group_members WHERE notification_id = $1 ORDER BY revision";

const OF_USER: &str = "SELECT notification_id, event_id, event FROM group_members WHERE user_id = \
     $1 ORDER BY notification_id, revision";

/// Leaves a recalled event without its content.
const BLANK_MEMBER: &str = "UPDATE group_members SET recalled = TRUE, actor_id = NULL, actor = \
     NULL, event = NULL, bytes = 0 WHERE notification_id = $1 AND revision = $2";

/// Cancels the deliveries of a notification that are not sent yet: $3 only those of later events.
const CANCEL: &str = "UPDATE deliveries SET state = 'cancelled', reason = $2, claimed_until = NULL \
     WHERE notification_id = $1 AND state IN ('scheduled', 'sending') AND created_at > $3 AND NOT \
     closes";

/// Changes a notification to one of a smaller group.
const SHRINK: &str = "UPDATE notifications SET count = $2, message = $3, actors = $4, revision = \
     $5, changed_at = $6, presentation = $8, title = $9, source = $10, actor_id = $11, entity_type \
     = $12, entity_id = $13, action_url = $14, metadata = $15, metadata_id = $16, event_id = $17, \
     publisher = $18, category = $19 WHERE user_id = $7 AND notification_id = $1";

/// Selects the notifications of an event after an ID: those that it made, and those whose group it
/// has joined.
const OCCURRENCES: &str = "SELECT notification_id, user_id, source, publisher, is_member FROM \
     (SELECT n.notification_id, n.user_id, n.source, n.publisher, FALSE AS is_member FROM \
     notifications n WHERE n.event_id = $1 AND NOT EXISTS (SELECT 1 FROM group_members m WHERE \
     m.notification_id = n.notification_id AND m.event_id = $1) UNION ALL SELECT \
     m.notification_id, m.user_id, m.source, m.publisher, TRUE FROM group_members m WHERE \
     m.event_id = $1) o WHERE notification_id > $2 ORDER BY notification_id LIMIT $3";

/// Stores a notification of a smaller group, whose inbox is locked.
macro_rules! shrink {
    ($after:expr, $found:expr, $step:expr, $now:expr, $db:ident, $tx:ident) => {{
        let user = $after.user_id.as_str();
        $db::run!(
            $tx,
            SHRINK,
            Id($after.notification_id),
            $after.count,
            $after.message.as_str(),
            stored_actors(&$after),
            $step.revision,
            $now,
            user,
            stored_presentation(&$after),
            $after.title.as_str(),
            $after.source.as_deref(),
            $after.actor_id.as_ref().map(UserId::as_str),
            $after.entity_type.as_deref(),
            $after.entity_id.as_deref(),
            $after.action_url.as_deref(),
            Json::from(stored_metadata(&$after)),
            $after.metadata_id.as_deref(),
            $after.event_id.as_deref(),
            $after.publisher.as_deref(),
            $after.presentation.category.as_deref()
        )?;
        $db::run!($tx, SET_INBOX, user, $step.revision, $step.unread, $step.unseen)?;
        if $found.metadata_id != $after.metadata_id {
            $db::drop_metadata_of_one(&mut $tx, $found.metadata_id.as_deref()).await?;
        }
    }};
}

/// Notification that an event made, or whose group it has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Notification.
    pub notification_id: Uuid,
    /// Owner of the inbox.
    pub user_id: UserId,
    /// Source of the event.
    pub source: Option<String>,
    /// Caller that published the event.
    pub publisher: Option<String>,
    /// True if the event belongs to a group.
    pub is_member: bool,
}

#[derive(sqlx::FromRow)]
struct OccurrenceRow {
    notification_id: Id,
    user_id: String,
    source: Option<String>,
    publisher: Option<String>,
    is_member: bool,
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    revision: i64,
    event_id: Option<String>,
    source: Option<String>,
    actor: Option<String>,
    event: Option<String>,
    added_at: Timestamp,
    recalled: bool,
}

impl From<MemberRow> for GroupMember {
    fn from(row: MemberRow) -> Self {
        let MemberRow { revision, event_id, source, actor, event, added_at, recalled } = row;
        Self { revision, event_id, source, actor, event, added_at, recalled }
    }
}

/// Result of taking events out of a group.
#[derive(Debug)]
pub enum Regrouped {
    /// The notification has changed meanwhile.
    Conflict,
    /// Done, with the number of cancelled deliveries.
    Done(Change, u64),
}

impl Store {
    /// Returns notifications of an event after an ID, in the order of their IDs.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn occurrences(
        &self,
        event_id: &str,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<Occurrence>, StoreError> {
        let rows: Vec<OccurrenceRow> = on_pool!(self, |pool| {
            sqlx::query_as(OCCURRENCES)
                .bind(event_id)
                .bind(Id(after))
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        let occurrence = |row: OccurrenceRow| {
            Ok(Occurrence {
                notification_id: row.notification_id.0,
                user_id: user_id(&row.user_id)?,
                source: row.source,
                publisher: row.publisher,
                is_member: row.is_member,
            })
        };
        rows.into_iter().map(occurrence).collect()
    }

    /// Returns the notification that an event would be grouped with: unread, of this type and
    /// value, and not older than `since`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn group(
        &self,
        user: &UserId,
        type_code: &str,
        key: &str,
        since: Timestamp,
    ) -> Result<Option<Notification>, StoreError> {
        let user = user.as_str();
        let row = reading!(self, |db, tx| {
            db::first!(tx, NotificationRow, FIND_GROUP, user, type_code, key, since)
        })?;
        row.map(Notification::try_from).transpose()
    }

    /// Returns whether a notification has a delivery on a channel that is still to be made.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn has_pending_delivery(&self, id: Uuid, channel: &str) -> Result<bool, StoreError> {
        let count = reading!(self, |db, tx| db::first!(tx, (i64,), PENDING, Id(id), channel))?;
        Ok(count.is_some_and(|(count,)| count > 0))
    }

    /// Returns the events of the group of a notification, oldest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn group_members(&self, id: Uuid) -> Result<Vec<GroupMember>, StoreError> {
        let rows: Vec<MemberRow> =
            on_pool!(self, |pool| sqlx::query_as(MEMBERS).bind(Id(id)).fetch_all(pool).await)?;
        Ok(rows.into_iter().map(GroupMember::from).collect())
    }

    /// Returns the events of the groups of a user, for the export of personal data.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub(super) async fn groups_of(&self, user: &UserId) -> Result<Vec<Value>, StoreError> {
        let rows: Vec<(Id, Option<String>, Option<String>)> = on_pool!(self, |pool| {
            sqlx::query_as(OF_USER).bind(user.as_str()).fetch_all(pool).await
        })?;
        let member = |(id, event_id, event): (Id, Option<String>, Option<String>)| {
            let event: Option<Value> = event.and_then(|text| serde_json::from_str(&text).ok());
            json!({ "notification_id": id.0, "event_id": event_id, "event": event })
        };
        Ok(rows.into_iter().map(member).collect())
    }

    /// Takes events out of a group, if its notification still has the revision that it had before:
    /// the notification becomes `after`, or is deleted if no event is left. Its deliveries are
    /// cancelled that no other event needs.
    ///
    /// # Errors
    /// When the store is unavailable or refuses; then nothing has changed.
    pub async fn regroup(
        &self,
        regrouping: &Regrouping,
        (before, after): (&Notification, Notification),
        reason: &str,
        now: Timestamp,
    ) -> Result<Regrouped, StoreError> {
        let user = &before.user_id;
        let id = Id(before.notification_id);
        let outcome = in_inbox_transaction!(self, |db, tx| {
            let inbox = counters(db::first!(tx, InboxRow, db::LOCK_INBOX, user.as_str())?);
            let found = find_for_change!(db, tx, user, id);
            match found.filter(|found| found.revision == before.revision) {
                None => None,
                Some(mut found) if regrouping.is_empty() => {
                    let cancelled = db::run!(tx, CANCEL, id, reason, Timestamp(i64::MIN))?;
                    let change = match transition(found.state(), Mark::Delete, now) {
                        None => (found, inbox.unchanged_step()),
                        Some(state) => {
                            let step = inbox.next(found.state(), state);
                            let shared = found.metadata_id.clone();
                            found.enter(state, step.revision, now);
                            store_state!(found, step, None::<Timestamp>, shared, now, db, tx);
                            (found, step)
                        }
                    };
                    Some((ChangeKind::Marked(Mark::Delete), change, cancelled))
                }
                Some(found) => {
                    let step = inbox.next(found.state(), found.state());
                    let mut after = after;
                    after.revision = step.revision;
                    after.changed_at = now;
                    shrink!(after, found, step, now, db, tx);
                    for revision in &regrouping.taken_out {
                        db::run!(tx, BLANK_MEMBER, id, *revision)?;
                    }
                    let cancelled = match regrouping.newest_at {
                        // The deliveries are those of an event that the store does not have.
                        None => 0,
                        Some(time) => db::run!(tx, CANCEL, id, reason, time)?,
                    };
                    Some((ChangeKind::Shrunk, (after, step), cancelled))
                }
            }
        });
        let Some((kind, (notification, step), cancelled)) = outcome else {
            return Ok(Regrouped::Conflict);
        };
        let change = Change {
            user_id: user.clone(),
            kind,
            notification: Some(Arc::new(notification)),
            step,
            origin: None,
            trace: None,
        };
        Ok(Regrouped::Done(change, cancelled))
    }
}
