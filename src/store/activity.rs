//! Activity: traces of the latest events, and counts of all events; tables `activity`,
//! `activity_users` and `activity_counts`. They are written in the background, never with a
//! notification.

use sqlx::FromRow;
use uuid::{Builder, Uuid};

use super::{
    ActivityCount, CountUnit, Fence, Store, StoreError,
    activity_counts::{ADD_COUNT, DELETE_COUNTS, HOURS_KEPT_MS, MINUTES_KEPT_MS},
    sql_types::{Id, Json},
};
use crate::domain::{notification::Timestamp, user::UserId};

/// Number of recipients above which an event's users are not all listed with it.
pub const ACTIVITY_USERS_MAX: usize = 100;

macro_rules! columns {
    () => {
        "id, event_id, identity, type_code, outcome, reason_code, reason, received_at, source, \
         publisher, instance, recipients, notifications, trace"
    };
}
pub(super) use columns;

/// Selects a page before the ID $1 and from the ID $2 on: $3 type, $4 outcome (empty for any), $5
/// limit.
macro_rules! page {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM activity WHERE id < $1 AND id >= $2 AND ",
            $condition,
            " ORDER BY id DESC LIMIT $5"
        )
    };
}
const ALL: &str = page!("($3 = '' OR type_code = $3) AND ($4 = '' OR outcome = $4)");
const OF_TYPE: &str = page!("type_code = $3 AND ($4 = '' OR outcome = $4)");
const OF_OUTCOME: &str = page!("($3 = '' OR type_code = $3) AND outcome = $4");

/// The user $6. An event for more users than are listed with it is found through their
/// notifications.
const OF_USER: &str = page!(
    "($3 = '' OR type_code = $3) AND ($4 = '' OR outcome = $4) AND id IN (SELECT activity_id FROM \
     activity_users WHERE user_id = $6 AND activity_id < $1 AND activity_id >= $2 UNION SELECT \
     a.id FROM notifications n JOIN activity a ON a.event_id = n.event_id WHERE n.user_id = $6 \
     AND n.event_id IS NOT NULL AND a.outcome = 'accepted' AND a.recipients > $7)"
);

const OF_EVENT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM activity WHERE id IN (SELECT id FROM activity WHERE event_id = $1 UNION SELECT id \
     FROM activity WHERE identity = $1) ORDER BY id DESC LIMIT $2"
);

/// Selects the events that list the user $1.
const LISTING: &str = "SELECT a.event_id, a.type_code, a.received_at FROM activity_users u JOIN \
     activity a ON a.id = u.activity_id WHERE u.user_id = $1 ORDER BY a.id";

const EVENT_OF_NOTIFICATION: &str =
    "SELECT event_id FROM notifications WHERE notification_id = $1 AND event_id IS NOT NULL";

/// ID of the newest row beyond the number $1.
const BEYOND: &str = "SELECT id FROM activity ORDER BY id DESC LIMIT 1 OFFSET $1";

/// IDs of the oldest rows up to $1, at most $2.
const OLDEST: &str = "SELECT id FROM activity WHERE id <= $1 ORDER BY id LIMIT $2";

/// Rows up to the ID $1.
const DELETE: &str = "DELETE FROM activity WHERE id <= $1";
const DELETE_USERS: &str = "DELETE FROM activity_users WHERE activity_id <= $1";

/// Trace of an event, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityRow {
    /// ID: a `UUIDv7` of the time of arrival.
    pub id: Uuid,
    /// ID of the event.
    pub event_id: String,
    /// Identity for deduplication.
    pub identity: Option<String>,
    /// Code of its type; empty for an event that could not be decoded.
    pub type_code: String,
    /// Outcome, as in `lonceng_events_total`.
    pub outcome: String,
    /// Code of the reason, if it made no notification.
    pub reason_code: Option<String>,
    /// The reason, as a sentence.
    pub reason: Option<String>,
    /// Time of arrival.
    pub received_at: Timestamp,
    /// Source: `http`, `nats`, `schedule`.
    pub source: String,
    /// Publisher, as the event names it.
    pub publisher: Option<String>,
    /// Name of the hub that processed it.
    pub instance: String,
    /// Number of users that it is for.
    pub recipients: i64,
    /// Number of notifications that it made.
    pub notifications: i64,
    /// JSON of the users, for an explanation.
    pub trace: String,
    /// Users to find it by; empty when it is read.
    pub users: Vec<String>,
}

/// Filter of the list of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// Code of the type.
    pub type_code: Option<String>,
    /// Outcome.
    pub outcome: Option<String>,
    /// User that the event concerns.
    pub user: Option<UserId>,
    /// Earliest time of arrival.
    pub from: Option<Timestamp>,
    /// Latest time of arrival.
    pub to: Option<Timestamp>,
    /// ID before which the page begins.
    pub before: Option<Uuid>,
}

/// Row with the columns of the table.
#[derive(FromRow)]
struct Row {
    id: Id,
    event_id: String,
    identity: Option<String>,
    type_code: String,
    outcome: String,
    reason_code: Option<String>,
    reason: Option<String>,
    received_at: Timestamp,
    source: String,
    publisher: Option<String>,
    instance: String,
    recipients: i64,
    notifications: i64,
    trace: Json<'static>,
}

impl From<Row> for ActivityRow {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.0,
            event_id: row.event_id,
            identity: row.identity,
            type_code: row.type_code,
            outcome: row.outcome,
            reason_code: row.reason_code,
            reason: row.reason,
            received_at: row.received_at,
            source: row.source,
            publisher: row.publisher,
            instance: row.instance,
            recipients: row.recipients,
            notifications: row.notifications,
            trace: row.trace.into_text(),
            users: Vec::new(),
        }
    }
}

/// Returns the lowest ID of a time.
fn first_id(at: Timestamp) -> Uuid {
    Builder::from_unix_timestamp_millis(at.0.max(0).unsigned_abs(), &[0; 10]).into_uuid()
}

impl Store {
    /// Writes traces, and adds counts. A batch whose rows are already there was committed before,
    /// and changes nothing. On SQLite a power failure may undo it.
    ///
    /// # Errors
    /// When the store is unavailable; then nothing is known of the batch, and it may be repeated.
    pub async fn write_activity(
        &self,
        rows: &[ActivityRow],
        counts: &[ActivityCount],
    ) -> Result<(), StoreError> {
        in_inbox_transaction!(self, begin_relaxed, |db, tx| {
            let added = db::insert_activity(&mut tx, rows).await?;
            if added > 0 || rows.is_empty() {
                for unit in CountUnit::ALL {
                    for count in counts {
                        db::run!(
                            tx,
                            ADD_COUNT,
                            unit.as_str(),
                            unit.start(count.starts_at),
                            &count.outcome,
                            count.events,
                            count.notifications,
                        )?;
                    }
                }
            }
        });
        Ok(())
    }

    /// Returns the newest events that match, newest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn activity(
        &self,
        filter: &ActivityFilter,
        limit: i64,
    ) -> Result<Vec<ActivityRow>, StoreError> {
        let (type_code, outcome) = (filter.type_code.as_deref(), filter.outcome.as_deref());
        let end = filter.to.map_or(Uuid::max(), |to| first_id(Timestamp(to.0.saturating_add(1))));
        let before = filter.before.map_or(end, |before| before.min(end));
        let from = filter.from.map_or(Uuid::nil(), first_id);
        let sql = match (&filter.user, type_code, outcome) {
            (Some(_), _, _) => OF_USER,
            (None, Some(_), _) => OF_TYPE,
            (None, None, Some(_)) => OF_OUTCOME,
            (None, None, None) => ALL,
        };
        let rows: Vec<Row> = on_pool!(self, |pool| {
            let query = sqlx::query_as(sql)
                .bind(Id(before))
                .bind(Id(from))
                .bind(type_code.unwrap_or_default())
                .bind(outcome.unwrap_or_default())
                .bind(limit);
            let query = match &filter.user {
                Some(user) => query.bind(user.as_str()).bind(ACTIVITY_USERS_MAX as i64),
                None => query,
            };
            query.fetch_all(pool).await
        })?;
        Ok(rows.into_iter().map(ActivityRow::from).collect())
    }

    /// Returns the traces of an event, by its ID or identity, newest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn activity_of_event(
        &self,
        event: &str,
        limit: i64,
    ) -> Result<Vec<ActivityRow>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, |pool| {
            sqlx::query_as(OF_EVENT).bind(event).bind(limit).fetch_all(pool).await
        })?;
        Ok(rows.into_iter().map(ActivityRow::from).collect())
    }

    /// Returns the ID, type and time of arrival of the events that list a user, oldest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub(super) async fn activity_ids(
        &self,
        user: &UserId,
    ) -> Result<Vec<(String, String, Timestamp)>, StoreError> {
        Ok(on_pool!(self, |pool| {
            sqlx::query_as(LISTING).bind(user.as_str()).fetch_all(pool).await
        })?)
    }

    /// Returns the ID of the event that made a notification.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn event_of_notification(
        &self,
        notification_id: Uuid,
    ) -> Result<Option<String>, StoreError> {
        Ok(on_pool!(self, |pool| {
            sqlx::query_scalar(EVENT_OF_NOTIFICATION)
                .bind(Id(notification_id))
                .fetch_optional(pool)
                .await
        })?)
    }

    /// Deletes the oldest events, at most `limit`: those that arrived before `before`, and those
    /// beyond the number `kept`; and old counts. Returns the number of events.
    ///
    /// # Errors
    /// When the store is unavailable, or the lease of the sweeper is lost; then nothing has
    /// changed.
    pub async fn purge_activity(
        &self,
        before: Timestamp,
        kept: i64,
        limit: i64,
        now: Timestamp,
        fence: &Fence,
    ) -> Result<u64, StoreError> {
        let beyond: Option<Id> = on_pool!(self, |pool| {
            sqlx::query_scalar(BEYOND).bind(kept).fetch_optional(pool).await
        })?;
        let cut = beyond.map_or(first_id(before), |Id(beyond)| beyond.max(first_id(before)));
        let due: Vec<Id> = on_pool!(self, |pool| {
            sqlx::query_scalar(OLDEST).bind(Id(cut)).bind(limit).fetch_all(pool).await
        })?;
        let last = due.last().copied();
        Ok(in_transaction!(self, |db, tx| {
            db::hold_lease(&mut tx, fence).await?;
            let minutes = Timestamp(now.0 - MINUTES_KEPT_MS);
            let hours = Timestamp(now.0 - HOURS_KEPT_MS);
            sqlx::query(DELETE_COUNTS).bind(minutes).bind(hours).execute(&mut *tx).await?;
            match last {
                None => 0,
                Some(last) => {
                    sqlx::query(DELETE_USERS).bind(last).execute(&mut *tx).await?;
                    sqlx::query(DELETE).bind(last).execute(&mut *tx).await?.rows_affected()
                }
            }
        }))
    }
}
