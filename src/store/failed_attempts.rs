//! Failed attempts to process an event: table `failed_attempts`. They are counted in the store, so
//! that several hubs count together; a crash or an outage is not counted.

use super::{Store, StoreError};
use crate::domain::{event::Identity, notification::Timestamp};

const COUNT: &str = "INSERT INTO failed_attempts AS f (identity, attempts, failed_at) VALUES \
($1, 1, $2) \
     ON CONFLICT (identity) DO UPDATE SET attempts = f.attempts + 1, failed_at = \
     excluded.failed_at RETURNING attempts";

const FORGET: &str = "DELETE FROM failed_attempts WHERE identity = $1";

const PURGE: &str = "DELETE FROM failed_attempts WHERE identity IN \
     (SELECT identity FROM failed_attempts WHERE failed_at < $1 LIMIT $2)";

impl Store {
    /// Counts a failed attempt. Returns the number so far, this one included.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn count_failed_attempt(
        &self,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let attempts: i64 = on_writer!(self, |connection| {
            sqlx::query_scalar(COUNT)
                .bind(identity.as_str())
                .bind(now.0)
                .fetch_one(connection)
                .await
        })?;
        Ok(attempts.unsigned_abs())
    }

    /// Deletes the failed attempts of an event.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn forget_failed_attempts(&self, identity: &Identity) -> Result<(), StoreError> {
        on_writer!(self, |connection| {
            sqlx::query(FORGET).bind(identity.as_str()).execute(connection).await.map(drop)
        })
    }

    /// Deletes at most `limit` attempts from before `before`. Returns their number.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn purge_failed_attempts(&self, before: i64, limit: i64) -> Result<u64, StoreError> {
        on_writer!(self, |connection| {
            sqlx::query(PURGE)
                .bind(before)
                .bind(limit)
                .execute(connection)
                .await
                .map(|done| done.rows_affected())
        })
    }
}
