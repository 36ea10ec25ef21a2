//! Notifications and people that deliveries refer to.

use serde_json::json;
use uuid::Uuid;

use crate::{
    domain::{channel::UnlessState, notification::Notification},
    store::{
        Store, StoreError,
        rows::{NotificationRow, all, notification_selection},
        sql_types::Id,
    },
};

/// Selects a notification of an event that is not deleted.
const NOT_DELETED: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE event_id = $1 AND COALESCE(source, '') = $2 AND status <> 'deleted' \
      ORDER BY notification_id LIMIT 1"
);

/// Counts whether a notification of an event was read, or with $3 at least seen.
const NOTICED: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM notifications WHERE event_id = $1 AND \
     COALESCE(source, '') = $2 AND (read_at IS NOT NULL OR ($3 AND seen_at IS NOT NULL)) LIMIT 1) \
     AS noticed";

/// Counts whether an event has a notification.
const OF_EVENT: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM notifications WHERE event_id = $1 AND \
     COALESCE(source, '') = $2 LIMIT 1) AS found";

const NOTIFICATION: &str =
    concat!("SELECT ", notification_selection!(), " FROM notifications WHERE notification_id = $1");

impl Store {
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

    /// Returns notifications of any users, deleted ones included.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn notifications(&self, ids: &[Uuid]) -> Result<Vec<Notification>, StoreError> {
        let ids = json!(ids.iter().map(Uuid::to_string).collect::<Vec<_>>()).to_string();
        all(reading!(self, |db, tx| {
            db::rows!(tx, NotificationRow, db::NOTIFICATIONS_BY_ID, ids.as_str())
        })?)
    }

    /// Returns a notification of the event of another one that its owner has not deleted.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn not_deleted_like(
        &self,
        item: &Notification,
    ) -> Result<Option<Notification>, StoreError> {
        let Some(event_id) = &item.event_id else { return Ok(None) };
        let row: Option<NotificationRow> = on_pool!(self, |pool| {
            sqlx::query_as(NOT_DELETED)
                .bind(event_id)
                .bind(item.source.as_deref().unwrap_or_default())
                .fetch_optional(pool)
                .await
        })?;
        row.map(Notification::try_from).transpose()
    }

    /// Returns whether anyone has, or had, a notification of an event.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn has_notification_of(
        &self,
        event_id: &str,
        source: &str,
    ) -> Result<bool, StoreError> {
        let found = reading!(self, |db, tx| db::first!(tx, (i64,), OF_EVENT, event_id, source))?;
        Ok(found.is_some_and(|(count,)| count > 0))
    }

    /// Returns whether anyone has seen, or read, the notification of the event of this one.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn was_noticed_by_anyone(
        &self,
        item: &Notification,
        unless: UnlessState,
    ) -> Result<bool, StoreError> {
        let counts_seen = unless == UnlessState::Seen;
        let Some(event_id) = &item.event_id else {
            return Ok(item.read || counts_seen && item.seen_at.is_some());
        };
        let noticed: i64 = on_pool!(self, |pool| {
            sqlx::query_scalar(NOTICED)
                .bind(event_id)
                .bind(item.source.as_deref().unwrap_or_default())
                .bind(counts_seen)
                .fetch_one(pool)
                .await
        })?;
        Ok(noticed > 0)
    }
}
