//! Deliveries on channels: table `deliveries`, an outbox that is written with the notifications.

mod closing;
mod lookup;
mod queue;

use std::sync::Arc;

use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    Store, StoreError,
    sql_types::{Id, Json},
};
use crate::domain::{
    channel::{PUSH, UnlessState},
    deliveries::DeliveryDraft,
    notification::{Notification, Timestamp},
    trace_context::TraceContext,
    user::UserId,
};

pub(super) const INSERT_DELIVERY: &str = "INSERT INTO deliveries (delivery_id, notification_id, \
     user_id, type_code, channel, state, unless, digest, recipients, due_at, created_at, closes, \
     trace_context) VALUES ($1, $2, $3, $4, $5, 'scheduled', $6, $7, $8, $9, $10, $11, $12)";

macro_rules! delivery_columns {
    () => {
        "delivery_id, notification_id, user_id, type_code, channel, state, reason, unless, digest, \
         closes, recipients, attempts, due_at, created_at, sent_at, confirmed, trace_context"
    };
}
use delivery_columns;

const RETRY: &str = "UPDATE deliveries SET state = 'scheduled', reason = NULL, attempts = 0, \
     due_at = $2, unless = '', digest = $3, claimed_until = NULL WHERE delivery_id = $1 AND state \
     IN ('failed', 'cancelled', 'skipped')";

const GET: &str =
    concat!("SELECT ", delivery_columns!(), " FROM deliveries WHERE delivery_id = $1");

/// Selects a page, newest first. Empty text and the nil ID mean any.
const LIST: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM deliveries WHERE delivery_id < $1 AND ($2 = '' OR user_id = $2) AND ($3 = '' OR channel \
     = $3) AND ($4 = '' OR state = $4) AND ($5 = $6 OR notification_id = $5) ORDER BY delivery_id \
     DESC LIMIT $7"
);

const COUNTS: &str = "SELECT channel, state, COUNT(*) AS number FROM deliveries GROUP BY channel, \
     state";

const CANCEL: &str = "UPDATE deliveries SET state = 'cancelled', reason = $2, claimed_until = NULL \
     WHERE notification_id = $1 AND state IN ('scheduled', 'sending')";

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
    pub(super) trace_context: Option<String>,
}

impl DeliveryRow {
    /// Creates the delivery of a notification.
    pub(super) fn of(
        draft: &DeliveryDraft,
        item: &Notification,
        trace: Option<&TraceContext>,
        now: Timestamp,
    ) -> Self {
        Self {
            delivery_id: Id(Uuid::now_v7()),
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
            trace_context: trace.map(TraceContext::to_stored),
        }
    }

    /// Creates the push that closes an earlier one on the devices of its recipient.
    pub(super) fn closing(id: Uuid, user: &UserId, type_code: &str, now: Timestamp) -> Self {
        Self {
            delivery_id: Id(Uuid::now_v7()),
            notification_id: Id(id),
            user_id: user.as_str().to_owned(),
            type_code: type_code.to_owned(),
            channel: PUSH.to_owned(),
            unless: String::new(),
            digest: false,
            closes: true,
            recipients: 1,
            due_at: now,
            created_at: now,
            trace_context: None,
        }
    }

    /// Creates the delivery that stands for all recipients of an event; the notification of the
    /// first one leads to the event.
    pub(super) fn broadcast(
        draft: &DeliveryDraft,
        first: &Notification,
        trace: Option<&TraceContext>,
        now: Timestamp,
    ) -> Self {
        Self {
            delivery_id: Id(Uuid::now_v7()),
            notification_id: Id(first.notification_id),
            user_id: String::new(),
            type_code: first.type_code.clone(),
            channel: draft.channel.clone(),
            unless: draft.unless.map_or("", UnlessState::as_str).to_owned(),
            digest: false,
            closes: false,
            recipients: draft.recipients,
            due_at: draft.due_at,
            created_at: now,
            trace_context: trace.map(TraceContext::to_stored),
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
    /// Recipient; `None` if it stands for all recipients of an event.
    pub user_id: Option<UserId>,
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
    #[serde(skip_serializing_if = "is_one")]
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
    /// Trace of its event.
    #[serde(skip)]
    pub trace: Option<Arc<TraceContext>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(number: &i64) -> bool {
    *number == 1
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
    trace_context: Option<String>,
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        Self {
            delivery_id: row.delivery_id.0,
            notification_id: row.notification_id.0,
            // Empty if it stands for all recipients of an event.
            user_id: UserId::parse(&row.user_id).ok(),
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
            trace: row.trace_context.as_deref().and_then(TraceContext::from_stored),
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

impl DeliveryOutcome {
    /// Returns the browsers as they are stored.
    pub(super) fn stored_confirmed(&self) -> Option<Json<'static>> {
        // A list of texts always serializes.
        serde_json::to_string(self.confirmed.as_ref()?).ok().map(Json::from)
    }
}

impl Store {
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
}
