//! Notifications and people that deliveries refer to.

use serde_json::json;
use uuid::Uuid;

use crate::{
    domain::{channel::UnlessState, notification::Notification, user::UserId},
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

const NOTIFICATION: &str =
    concat!("SELECT ", notification_selection!(), " FROM notifications WHERE notification_id = $1");

/// Selects read notifications of a user that changed after a revision and were pushed.
const READ_AND_PUSHED: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND revision > $2 AND read_at IS NOT NULL AND EXISTS \
      (SELECT 1 FROM deliveries d WHERE d.notification_id = notifications.notification_id AND \
      d.channel = 'push' AND d.state = 'sent' AND NOT d.closes) ORDER BY revision LIMIT $3"
);

impl Store {
    /// Returns notifications of a user that were pushed, and were read after a revision; the oldest
    /// changes first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn read_and_pushed(
        &self,
        user: &UserId,
        revision: i64,
        limit: i64,
    ) -> Result<Vec<Notification>, StoreError> {
        let rows: Vec<NotificationRow> = on_pool!(self, |pool| {
            sqlx::query_as(READ_AND_PUSHED)
                .bind(user.as_str())
                .bind(revision)
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        all(rows)
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
