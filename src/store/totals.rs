//! Totals that survive a restart, for the console.

use super::{Store, StoreError};

/// Adds to the number of events of all hubs, in the table `meta`.
const ADD_EVENTS: &str = "INSERT INTO meta (key, value) VALUES ('events_total', CAST(CAST($1 AS \
BIGINT) AS TEXT)) \
     ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + CAST($1 AS \
     BIGINT) AS TEXT)";

const EVENTS: &str = "SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'events_total'";

/// Counts notifications without tombstones.
const NOTIFICATIONS: &str = "SELECT COUNT(*) FROM notifications WHERE status <> 'deleted'";

impl Store {
    /// Adds events to the total.
    ///
    /// # Errors
    /// When the store is unavailable; then nothing is added.
    pub async fn add_events(&self, events: i64) -> Result<(), StoreError> {
        on_writer!(self, |writer| sqlx::query(ADD_EVENTS)
            .bind(events)
            .execute(writer)
            .await
            .map(drop))
    }

    /// Returns the total of events.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn events_total(&self) -> Result<i64, StoreError> {
        let total: Option<i64> =
            on_pool!(self, |pool| sqlx::query_scalar(EVENTS).fetch_optional(pool).await)?;
        Ok(total.unwrap_or(0))
    }

    /// Counts the notifications of all inboxes. This is slow in a large store: callers cache the
    /// result.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn count_notifications(&self) -> Result<i64, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_scalar(NOTIFICATIONS).fetch_one(pool).await)?)
    }
}
