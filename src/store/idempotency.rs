//! Requests with an Idempotency-Key: who is at it, and what was answered.

use super::{Kind, Store, StoreError};
use crate::domain::notification::Timestamp;

/// For how long an answer is given again, in milliseconds: 24 hours.
pub const ANSWER_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// After how long a request that was never answered counts as dead, in milliseconds. No request takes as long.
const ABANDONED_MS: i64 = 60_000;

/// The same for a request of this very process, which should have known: a task that was lost, in milliseconds.
const LOST_MS: i64 = 600_000;

/// What a key is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// It is yours since then: do it, then [`Store::answer`] or [`Store::release`].
    Yours(Timestamp),
    /// It has been done: this was the answer.
    Answered(String),
    /// Somebody is at it.
    InFlight,
    /// It was used for another request.
    Other,
}

const RESERVE: &str = "INSERT INTO idempotency_keys (key, fingerprint, holder, started_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (key) DO NOTHING";

const FIND: &str =
    "SELECT fingerprint, holder, started_at, answer FROM idempotency_keys WHERE key = $1";

const TAKE_OVER: &str =
    "UPDATE idempotency_keys SET holder = $2 WHERE key = $1 AND holder = $3 AND answer IS NULL";

const RENEW: &str = "UPDATE idempotency_keys SET fingerprint = $2, holder = $3, started_at = $4, answer = NULL \
     WHERE key = $1 AND started_at = $5";

const ANSWER: &str = "UPDATE idempotency_keys SET answer = $2 WHERE key = $1";

const RELEASE: &str =
    "DELETE FROM idempotency_keys WHERE key = $1 AND holder = $2 AND answer IS NULL";

const ABANDON: &str =
    "UPDATE idempotency_keys SET holder = '' WHERE key = $1 AND holder = $2 AND answer IS NULL";

const PURGE: &str = "DELETE FROM idempotency_keys WHERE key IN \
     (SELECT key FROM idempotency_keys WHERE started_at < $1 LIMIT $2)";

impl Store {
    /// Reserves a key for a request with this fingerprint. `holder` is a word that only this process has.
    ///
    /// # Errors
    /// When the store is away.
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
            return Ok(Reservation::Yours(now));
        }
        let found: Option<(String, String, i64, Option<String>)> =
            on_writer!(self, |pool| sqlx::query_as(FIND).bind(key).fetch_optional(pool).await)?;
        // It was released in between: the next try will find it free.
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
            return Ok(if renewed == 1 { Reservation::Yours(now) } else { Reservation::InFlight });
        }
        if known != fingerprint {
            return Ok(Reservation::Other);
        }
        if let Some(answer) = answer {
            return Ok(Reservation::Answered(answer));
        }
        // SQLite has one hub: whoever held it under another word is dead.
        let foreign = other != holder
            && (other.is_empty()
                || self.kind() == Kind::Sqlite
                || started_at < now.0 - ABANDONED_MS);
        let dead = foreign || started_at < now.0 - LOST_MS;
        if !dead {
            return Ok(Reservation::InFlight);
        }
        let taken = on_writer!(self, |pool| {
            let query = sqlx::query(TAKE_OVER).bind(key).bind(holder).bind(&other);
            query.execute(pool).await.map(|done| done.rows_affected())
        })?;
        Ok(if taken == 1 {
            Reservation::Yours(Timestamp(started_at))
        } else {
            Reservation::InFlight
        })
    }

    /// Keeps the answer to a reserved request, to be given again.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn answer(&self, key: &str, answer: &str) -> Result<(), StoreError> {
        on_writer!(self, |pool| sqlx::query(ANSWER)
            .bind(key)
            .bind(answer)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Gives a key back: nothing was done under it.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn release(&self, key: &str, holder: &str) -> Result<(), StoreError> {
        on_writer!(self, |pool| sqlx::query(RELEASE)
            .bind(key)
            .bind(holder)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Lets whoever comes next go on from where it began: nobody knows whether anything was done under it.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn abandon(&self, key: &str, holder: &str) -> Result<(), StoreError> {
        on_writer!(self, |pool| sqlx::query(ABANDON)
            .bind(key)
            .bind(holder)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Forgets keys from before `before`, at most `limit` of them; says how many.
    ///
    /// # Errors
    /// When the store is away.
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
