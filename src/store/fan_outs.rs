//! How far events for very many have come: table `fan_outs`. A piece is committed together with that.

use super::{Store, StoreError, on_pool};
use crate::domain::{event::Identity, notification::Timestamp};

const IS_OVER: &str = "SELECT COUNT(*) FROM event_identities WHERE identity = $1";

const BEGIN: &str = "INSERT INTO fan_outs (identity, user_id, started_at) VALUES ($1, '', $2) ON CONFLICT DO NOTHING";

const AT: &str = "SELECT user_id FROM fan_outs WHERE identity = $1";

/// The next piece, unless somebody else has brought it.
pub(super) const ADVANCE: &str = "UPDATE fan_outs SET user_id = $3 WHERE identity = $1 AND user_id = $2";

pub(super) const END: &str = "DELETE FROM fan_outs WHERE identity = $1";

/// One piece of an event for very many: those after somebody, up to somebody.
#[derive(Debug, Clone)]
pub struct Part {
    /// The event's.
    pub identity: Identity,
    /// Up to whom it has been brought.
    pub after: String,
    /// Up to whom this piece brings it.
    pub to: String,
}

/// Where to begin with an event for very many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FanOutStart {
    /// Everybody has it.
    Over,
    /// Those up to this user have it.
    After(String),
}

impl Store {
    /// Begins with an event for very many, or finds how far it has come.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn begin_fan_out(&self, identity: &Identity, now: Timestamp) -> Result<FanOutStart, StoreError> {
        let identity = identity.as_str();
        let over: i64 =
            on_pool!(self, readers, |pool| sqlx::query_scalar(IS_OVER).bind(identity).fetch_one(pool).await)?;
        if over > 0 {
            return Ok(FanOutStart::Over);
        }
        on_pool!(self, writer, |pool| sqlx::query(BEGIN).bind(identity).bind(now.0).execute(pool).await.map(drop))?;
        let at: Option<String> =
            on_pool!(self, writer, |pool| sqlx::query_scalar(AT).bind(identity).fetch_optional(pool).await)?;
        // Another hub may have brought the last piece just now.
        Ok(at.map_or(FanOutStart::Over, FanOutStart::After))
    }

    /// Forgets events that nobody has gone on with since `before`, at most `limit`; says how many.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn purge_fan_outs(&self, before: i64, limit: i64) -> Result<u64, StoreError> {
        let sql =
            "DELETE FROM fan_outs WHERE identity IN (SELECT identity FROM fan_outs WHERE started_at < $1 LIMIT $2)";
        Ok(on_pool!(self, writer, |pool| {
            sqlx::query(sql).bind(before).bind(limit).execute(pool).await.map(|done| done.rows_affected())
        })?)
    }
}
