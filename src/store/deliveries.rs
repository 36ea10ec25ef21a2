//! Deliveries on channels: table `deliveries`, an outbox that is written with the notifications.

use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    Store, StoreError,
    rows::NotificationRow,
    sql_types::{Id, Json},
};
use crate::domain::{
    channel::{DeliveryDraft, UnlessState},
    notification::{Notification, Timestamp},
    plan::Draft,
    user::UserId,
};

pub(super) const INSERT_DELIVERY: &str = "INSERT INTO deliveries (delivery_id, notification_id, \
     user_id, type_code, channel, state, unless, digest, recipients, due_at, created_at, closes) \
     VALUES ($1, $2, $3, $4, $5, 'scheduled', $6, $7, $8, $9, $10, $11)";

macro_rules! columns {
    () => {
        "delivery_id, notification_id, user_id, type_code, channel, state, reason, unless, digest, \
         closes, recipients, attempts, due_at, created_at, sent_at, confirmed"
    };
}

/// Claims due deliveries of a channel: $1 channel, $2 now, $3 end of the claim, $4 limit, $5 with
/// digests.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE deliveries SET state = 'sending', claimed_until = $3 WHERE delivery_id IN \
             (SELECT delivery_id FROM deliveries WHERE channel = $1 AND state IN ('scheduled', \
             'sending') AND due_at <= $2 AND (state = 'scheduled' OR claimed_until <= $2) AND \
             ($5 OR NOT digest) ORDER BY due_at LIMIT $4 ",
            $lock,
            ") RETURNING ",
            columns!()
        )
    };
}

const CLAIM_SQLITE: &str = claim!("");
const CLAIM_POSTGRES: &str = claim!("FOR UPDATE SKIP LOCKED");

/// Counts due deliveries: a statement that changes nothing would count as a successful write.
const DUE: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE channel = $1 AND state IN \
     ('scheduled', 'sending') AND due_at <= $2 AND (state = 'scheduled' OR claimed_until <= $2) \
     LIMIT 1) AS due";

/// Claims what else a digest of a user collects: $1 user, $2 now, $3 end of the claim, $4 type with
/// a window.
const CLAIM_DIGEST: &str = concat!(
    "UPDATE deliveries SET state = 'sending', claimed_until = $3 WHERE user_id = $1 AND channel = \
     'email' AND digest AND (state = 'scheduled' OR state = 'sending' AND claimed_until <= $2) AND \
     (due_at <= $2 OR type_code = $4) RETURNING ",
    columns!()
);

/// Writes the outcome of an attempt. A delivery that was cancelled meanwhile stays so, unless it
/// was sent.
const RECORD: &str = "UPDATE deliveries SET state = $2, reason = $3, attempts = attempts + $4, \
     due_at = COALESCE($5, due_at), sent_at = $6, confirmed = COALESCE($7, confirmed), \
     claimed_until = NULL WHERE delivery_id = $1 AND (state = 'sending' OR $2 = 'sent')";

const RELEASE: &str = "UPDATE deliveries SET state = 'scheduled', claimed_until = NULL WHERE state \
     = 'sending'";

const RETRY: &str = "UPDATE deliveries SET state = 'scheduled', reason = NULL, attempts = 0, \
     due_at = $2, unless = '', digest = $3, claimed_until = NULL WHERE delivery_id = $1 AND state \
     IN ('failed', 'cancelled', 'skipped', 'scheduled')";

const GET: &str = concat!("SELECT ", columns!(), " FROM deliveries WHERE delivery_id = $1");

/// Selects a page, newest first. Empty text and the nil ID mean any.
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM deliveries WHERE delivery_id < $1 AND ($2 = '' OR user_id = $2) AND ($3 = '' OR channel \
     = $3) AND ($4 = '' OR state = $4) AND ($5 = $6 OR notification_id = $5) ORDER BY delivery_id \
     DESC LIMIT $7"
);

const COUNTS: &str = "SELECT channel, state, COUNT(*) AS number FROM deliveries GROUP BY channel, \
     state";

const CANCEL: &str = "UPDATE deliveries SET state = 'cancelled', reason = $2, claimed_until = NULL \
     WHERE notification_id = $1 AND state IN ('scheduled', 'sending')";

/// Deletes ended deliveries before an ID: IDs begin with their time.
const PURGE: &str = "DELETE FROM deliveries WHERE delivery_id IN (SELECT delivery_id FROM \
     deliveries WHERE delivery_id < $1 AND state NOT IN ('scheduled', 'sending') ORDER BY \
     delivery_id LIMIT $2)";

/// Skips due deliveries of channels that the hub does not have.
const SKIP_UNKNOWN: &str = "UPDATE deliveries SET state = 'skipped', reason = $3, claimed_until = \
     NULL WHERE channel = $1 AND state = 'scheduled' AND due_at <= $2";

const WAITING_CHANNELS: &str = "SELECT DISTINCT channel FROM deliveries WHERE state = 'scheduled' \
     AND due_at <= $1";

const NOTIFICATION: &str = concat!(
    "SELECT ",
    super::rows::notification_selection!(),
    " FROM notifications WHERE notification_id = $1"
);

/// Selects notifications of an event after an ID.
const OF_EVENT: &str = concat!(
    "SELECT ",
    super::rows::notification_selection!(),
    " FROM notifications WHERE event_id = $1 AND notification_id > $2 ORDER BY notification_id LIMIT $3"
);

const WAS_PUSHED: &str = "SELECT COUNT(*) FROM deliveries WHERE notification_id = $1 AND channel = \
     'push' AND state = 'sent' AND NOT closes";

/// Values of a new delivery.
pub(super) struct DeliveryRow {
    pub(super) delivery_id: Id,
    pub(super) notification_id: Id,
    pub(super) user_id: String,
    pub(super) type_code: String,
    pub(super) channel: String,
    pub(super) unless: String,
    pub(super) digest: bool,
    pub(super) closes: bool,
    pub(super) recipients: i64,
    pub(super) due_at: Timestamp,
    pub(super) created_at: Timestamp,
}

impl DeliveryRow {
    /// Creates the delivery of a notification.
    pub(super) fn of(draft: &DeliveryDraft, item: &Notification, now: Timestamp) -> Self {
        Self {
            delivery_id: Id(draft.id),
            notification_id: Id(item.notification_id),
            user_id: item.user_id.as_str().to_owned(),
            type_code: item.type_code.clone(),
            channel: draft.channel.clone(),
            unless: draft.unless.map_or("", UnlessState::as_str).to_owned(),
            digest: draft.digest,
            closes: false,
            recipients: draft.recipients,
            due_at: draft.due_at,
            created_at: now,
        }
    }

    /// Creates the delivery that stands for all recipients of an event.
    pub(super) fn broadcast(
        draft: &DeliveryDraft,
        notification: Uuid,
        first: &Draft,
        now: Timestamp,
    ) -> Self {
        Self {
            delivery_id: Id(draft.id),
            notification_id: Id(notification),
            user_id: String::new(),
            type_code: first.type_code.clone(),
            channel: draft.channel.clone(),
            unless: draft.unless.map_or("", UnlessState::as_str).to_owned(),
            digest: false,
            closes: false,
            recipients: draft.recipients,
            due_at: draft.due_at,
            created_at: now,
        }
    }
}

/// Delivery of a notification on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// ID; the other side sees it.
    pub delivery_id: Uuid,
    /// Notification.
    pub notification_id: Uuid,
    /// Recipient; empty if it stands for all recipients of an event.
    pub user_id: String,
    /// Code of the type.
    pub type_code: String,
    /// Channel.
    pub channel: String,
    /// `scheduled`, `sending`, `sent`, `failed`, `cancelled` or `skipped`.
    pub state: String,
    /// Reason of the state.
    pub reason: Option<String>,
    /// Number of attempts.
    pub attempts: i64,
    /// Time at which it is due.
    pub due_at: Timestamp,
    /// Time of the notification.
    pub created_at: Timestamp,
    /// Time at which the other side accepted it.
    pub sent_at: Option<Timestamp>,
    /// Number of recipients that it stands for.
    #[serde(skip)]
    pub recipients: i64,
    /// State of the notification in which it is not needed.
    #[serde(skip)]
    pub unless: Option<UnlessState>,
    /// True if it waits for a digest.
    #[serde(skip)]
    pub digest: bool,
    /// True if it closes an earlier push.
    #[serde(skip)]
    pub closes: bool,
    /// Browsers that have confirmed it.
    #[serde(skip)]
    pub confirmed: Vec<String>,
}

#[derive(FromRow)]
struct Row {
    delivery_id: Id,
    notification_id: Id,
    user_id: String,
    type_code: String,
    channel: String,
    state: String,
    reason: Option<String>,
    unless: String,
    digest: bool,
    closes: bool,
    recipients: i64,
    attempts: i64,
    due_at: Timestamp,
    created_at: Timestamp,
    sent_at: Option<Timestamp>,
    confirmed: Json<'static>,
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        Self {
            delivery_id: row.delivery_id.0,
            notification_id: row.notification_id.0,
            user_id: row.user_id,
            type_code: row.type_code,
            channel: row.channel,
            state: row.state,
            reason: row.reason,
            attempts: row.attempts,
            due_at: row.due_at,
            created_at: row.created_at,
            sent_at: row.sent_at,
            recipients: row.recipients,
            unless: UnlessState::parse(&row.unless),
            digest: row.digest,
            closes: row.closes,
            confirmed: serde_json::from_str(&row.confirmed.0).unwrap_or_default(),
        }
    }
}

/// Outcome of an attempt, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryOutcome {
    /// Delivery.
    pub delivery_id: Uuid,
    /// New state.
    pub state: &'static str,
    /// Reason.
    pub reason: Option<String>,
    /// 1 if the other side was contacted.
    pub attempts: i64,
    /// Time of the next attempt.
    pub due_at: Option<Timestamp>,
    /// Time at which the other side accepted it.
    pub sent_at: Option<Timestamp>,
    /// Browsers that have confirmed it.
    pub confirmed: Option<Vec<String>>,
}

/// States of deliveries.
pub const DELIVERY_STATES: [&str; 6] =
    ["scheduled", "sending", "sent", "failed", "cancelled", "skipped"];

/// Filter of a list of deliveries; empty text means any.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Recipient.
    pub user: String,
    /// Channel.
    pub channel: String,
    /// State.
    pub state: String,
    /// Notification.
    pub notification: Option<Uuid>,
    /// Only those before this ID.
    pub before: Option<Uuid>,
}

impl Store {
    /// Claims due deliveries of a channel until a time, at most `limit`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn claim_deliveries(
        &self,
        channel: &str,
        (now, until): (Timestamp, Timestamp),
        limit: i64,
        digests: bool,
    ) -> Result<Vec<Delivery>, StoreError> {
        let due: i64 = on_pool!(self, |pool| {
            sqlx::query_scalar(DUE).bind(channel).bind(now).fetch_one(pool).await
        })?;
        if due == 0 {
            return Ok(Vec::new());
        }
        let sql = self.at_database_clock(CLAIM_SQLITE, CLAIM_POSTGRES);
        let rows: Vec<Row> = on_writer!(self, |connection| {
            sqlx::query_as(sql)
                .bind(channel)
                .bind(now)
                .bind(until)
                .bind(limit)
                .bind(digests)
                .fetch_all(connection)
                .await
        })?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// Claims what else a digest of a user collects: what is due, and what is of a type whose
    /// window has ended.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn claim_digest(
        &self,
        user: &str,
        now: Timestamp,
        until: Timestamp,
        type_with_window: &str,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<Row> = on_writer!(self, |connection| {
            sqlx::query_as(CLAIM_DIGEST)
                .bind(user)
                .bind(now)
                .bind(until)
                .bind(type_with_window)
                .fetch_all(connection)
                .await
        })?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// Records outcomes in one transaction.
    ///
    /// # Errors
    /// When the store is unavailable; then nothing is recorded.
    pub async fn record_deliveries(&self, outcomes: &[DeliveryOutcome]) -> Result<(), StoreError> {
        in_transaction!(self, |_db, tx| {
            for outcome in outcomes {
                let confirmed = outcome.confirmed.as_ref();
                let confirmed = confirmed.and_then(|list| serde_json::to_string(list).ok());
                sqlx::query(RECORD)
                    .bind(Id(outcome.delivery_id))
                    .bind(outcome.state)
                    .bind(&outcome.reason)
                    .bind(outcome.attempts)
                    .bind(outcome.due_at)
                    .bind(outcome.sent_at)
                    .bind(confirmed.map(Json::from))
                    .execute(&mut *tx)
                    .await?;
            }
        });
        Ok(())
    }

    /// Releases the claims of an earlier run of this hub, if it is the only one that uses the
    /// store; with several hubs they expire.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn release_deliveries(&self) -> Result<(), StoreError> {
        if self.kind().has_one_hub() {
            on_writer!(self, |connection| {
                sqlx::query(RELEASE).execute(connection).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Returns a delivery.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn delivery(&self, id: Uuid) -> Result<Option<Delivery>, StoreError> {
        let row: Option<Row> =
            on_pool!(self, |pool| { sqlx::query_as(GET).bind(Id(id)).fetch_optional(pool).await })?;
        Ok(row.map(Delivery::from))
    }

    /// Returns deliveries, newest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, |pool| {
            sqlx::query_as(LIST)
                .bind(Id(filter.before.unwrap_or(Uuid::max())))
                .bind(&filter.user)
                .bind(&filter.channel)
                .bind(&filter.state)
                .bind(Id(filter.notification.unwrap_or(Uuid::nil())))
                .bind(Id(Uuid::nil()))
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// Counts deliveries by channel and state.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn delivery_counts(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_as(COUNTS).fetch_all(pool).await)?)
    }

    /// Schedules a delivery that has ended again, at once and without conditions. Returns whether
    /// it had ended.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn retry_delivery(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let retried = on_writer!(self, |connection| {
            sqlx::query(RETRY)
                .bind(Id(id))
                .bind(now)
                .bind(false)
                .execute(connection)
                .await
                .map(|done| done.rows_affected())
        })?;
        Ok(retried > 0)
    }

    /// Cancels the deliveries of a notification that are not sent yet. Returns their number.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn cancel_deliveries(
        &self,
        notification: Uuid,
        reason: &str,
    ) -> Result<u64, StoreError> {
        on_writer!(self, |connection| {
            sqlx::query(CANCEL)
                .bind(Id(notification))
                .bind(reason)
                .execute(connection)
                .await
                .map(|done| done.rows_affected())
        })
    }

    /// Schedules pushes that close the notification on the devices of its owner, if it was pushed
    /// to them. Returns whether it was.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn close_pushed(
        &self,
        item: &Notification,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = Id(item.notification_id);
        let pushed: i64 = on_pool!(self, |pool| {
            sqlx::query_scalar(WAS_PUSHED).bind(id).fetch_one(pool).await
        })?;
        if pushed == 0 {
            return Ok(false);
        }
        on_writer!(self, |connection| {
            sqlx::query(INSERT_DELIVERY)
                .bind(Id(Uuid::now_v7()))
                .bind(id)
                .bind(item.user_id.as_str())
                .bind(&item.type_code)
                .bind(crate::domain::channel::PUSH)
                .bind("")
                .bind(false)
                .bind(1_i64)
                .bind(now)
                .bind(now)
                .bind(true)
                .execute(connection)
                .await
                .map(drop)
        })?;
        Ok(true)
    }

    /// Deletes at most `limit` ended deliveries of notifications from before a time.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn purge_deliveries(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        let ms = u64::try_from(before.0).unwrap_or(0);
        let first = uuid::Builder::from_unix_timestamp_millis(ms, &[0; 10]).into_uuid();
        on_writer!(self, |connection| {
            sqlx::query(PURGE)
                .bind(Id(first))
                .bind(limit)
                .execute(connection)
                .await
                .map(|done| done.rows_affected())
        })
    }

    /// Skips due deliveries of channels that are not among `known`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn skip_unknown_channels(
        &self,
        known: &[&str],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let waiting: Vec<String> = on_pool!(self, |pool| {
            sqlx::query_scalar(WAITING_CHANNELS).bind(now).fetch_all(pool).await
        })?;
        for channel in waiting.iter().filter(|channel| !known.contains(&channel.as_str())) {
            let reason = format!("the channel {channel} is not configured");
            on_writer!(self, |connection| {
                sqlx::query(SKIP_UNKNOWN)
                    .bind(channel)
                    .bind(now)
                    .bind(reason)
                    .execute(connection)
                    .await
                    .map(drop)
            })?;
        }
        Ok(())
    }

    /// Returns a notification of any user, deleted ones included.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn any_notification(&self, id: Uuid) -> Result<Option<Notification>, StoreError> {
        let row: Option<NotificationRow> = on_pool!(self, |pool| {
            sqlx::query_as(NOTIFICATION).bind(Id(id)).fetch_optional(pool).await
        })?;
        row.map(Notification::try_from).transpose()
    }

    /// Returns notifications of an event after an ID, in the order of their IDs.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn notifications_of_event(
        &self,
        event_id: &str,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<Notification>, StoreError> {
        let rows: Vec<NotificationRow> = on_pool!(self, |pool| {
            sqlx::query_as(OF_EVENT)
                .bind(event_id)
                .bind(Id(after))
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        super::rows::all(rows)
    }

    /// Returns the recipient of a delivery with preferences, if the directory knows them.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn recipient(
        &self,
        user: &UserId,
    ) -> Result<
        (crate::domain::user::Person, Option<crate::domain::preferences::Preferences>),
        StoreError,
    > {
        let (people, preferences) = self.recipients(std::slice::from_ref(user)).await?;
        let person = people.into_iter().next();
        let person = person.unwrap_or_else(|| crate::domain::user::Person::unknown(user.clone()));
        Ok((person, preferences.into_iter().next().map(|(_, chosen)| chosen)))
    }
}
