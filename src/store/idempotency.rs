//! Requests with an `Idempotency-Key`: their holders and responses.

use super::{Store, StoreError};
use crate::domain::notification::Timestamp;

/// Time for which a response is repeated, in milliseconds: 24 hours.
pub const ANSWER_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// Time after which an unanswered request of another process counts as abandoned, in milliseconds.
/// No request takes as long.
const ABANDONED_MS: i64 = 60_000;

/// The same for a request of this process, whose task was lost, in milliseconds.
const LOST_MS: i64 = 600_000;

/// State of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// Reserved for the caller since this time: carry out the request, then [`Store::answer`] or
    /// [`Store::release`].
    Reserved(Timestamp),
    /// Carried out, with this response.
    Answered(String),
    /// In progress.
    InFlight,
    /// Used for another request.
    Other,
}

const RESERVE: &str = "INSERT INTO idempotency_keys (key, fingerprint, holder, started_at) \
VALUES ($1, $2, $3, $4) \
     ON CONFLICT (key) DO NOTHING";

const FIND: &str =
    "SELECT fingerprint, holder, started_at, answer FROM idempotency_keys WHERE key = $1";

const TAKE_OVER: &str =
    "UPDATE idempotency_keys SET holder = $2 WHERE key = $1 AND holder = $3 AND answer IS NULL";

const RENEW: &str = "UPDATE idempotency_keys SET fingerprint = $2, holder = $3, started_at = $4, \
answer = NULL \
     WHERE key = $1 AND started_at = $5";

const ANSWER: &str = "UPDATE idempotency_keys SET answer = $2 WHERE key = $1";

const RELEASE: &str =
    "DELETE FROM idempotency_keys WHERE key = $1 AND holder = $2 AND answer IS NULL";

const ABANDON: &str =
    "UPDATE idempotency_keys SET holder = '' WHERE key = $1 AND holder = $2 AND answer IS NULL";

const PURGE: &str = "DELETE FROM idempotency_keys WHERE key IN \
     (SELECT key FROM idempotency_keys WHERE started_at < $1 LIMIT $2)";

impl Store {
    /// Reserves a key for a request with this fingerprint. `holder` identifies this process.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn reserve(
        &self,
        key: &str,
        fingerprint: &str,
        holder: &str,
        now: Timestamp,
    ) -> Result<Reservation, StoreError> {
        let reserved = on_writer!(self, |pool| {
            let query = sqlx::query(RESERVE).bind(key).bind(fingerprint).bind(holder).bind(now.0);
            query.execute(pool).await.map(|done| done.rows_affected())
        })?;
        if reserved == 1 {
            return Ok(Reservation::Reserved(now));
        }
        let found: Option<(String, String, i64, Option<String>)> =
            on_writer!(self, |pool| sqlx::query_as(FIND).bind(key).fetch_optional(pool).await)?;
        // It was released in between: the next attempt will find it free.
        let Some((known, other, started_at, answer)) = found else {
            return Ok(Reservation::InFlight);
        };
        if started_at < now.0 - ANSWER_KEPT_MS {
            let renewed = on_writer!(self, |pool| {
                let query = sqlx::query(RENEW)
                    .bind(key)
                    .bind(fingerprint)
                    .bind(holder)
                    .bind(now.0)
                    .bind(started_at);
                query.execute(pool).await.map(|done| done.rows_affected())
            })?;
            return Ok(if renewed == 1 {
                Reservation::Reserved(now)
            } else {
                Reservation::InFlight
            });
        }
        if known != fingerprint {
            return Ok(Reservation::Other);
        }
        if let Some(answer) = answer {
            return Ok(Reservation::Answered(answer));
        }
        // If the store has one hub, any other holder is dead.
        let foreign = other != holder
            && (other.is_empty() || self.kind().has_one_hub() || started_at < now.0 - ABANDONED_MS);
        let dead = foreign || started_at < now.0 - LOST_MS;
        if !dead {
            return Ok(Reservation::InFlight);
        }
        let taken = on_writer!(self, |pool| {
            let query = sqlx::query(TAKE_OVER).bind(key).bind(holder).bind(&other);
            query.execute(pool).await.map(|done| done.rows_affected())
        })?;
        Ok(if taken == 1 {
            Reservation::Reserved(Timestamp(started_at))
        } else {
            Reservation::InFlight
        })
    }

    /// Stores the response to a reserved request.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn answer(&self, key: &str, answer: &str) -> Result<(), StoreError> {
        on_writer!(self, |pool| sqlx::query(ANSWER)
            .bind(key)
            .bind(answer)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Releases a key without any effect.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn release(&self, key: &str, holder: &str) -> Result<(), StoreError> {
        on_writer!(self, |pool| sqlx::query(RELEASE)
            .bind(key)
            .bind(holder)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Abandons a request with unknown effect: the next attempt repeats it with the same IDs.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn abandon(&self, key: &str, holder: &str) -> Result<(), StoreError> {
        on_writer!(self, |pool| sqlx::query(ABANDON)
            .bind(key)
            .bind(holder)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Deletes at most `limit` keys from before `before`. Returns their number.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn purge_idempotency_keys(&self, before: i64, limit: i64) -> Result<u64, StoreError> {
        Ok(on_writer!(self, |pool| {
            sqlx::query(PURGE)
                .bind(before)
                .bind(limit)
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        })?)
    }
}
