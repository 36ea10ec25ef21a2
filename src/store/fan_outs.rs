//! How far events for very many have come: table `fan_outs`. A piece is committed together with that.

use std::collections::HashSet;

use sqlx::FromRow;

use super::{Backend, Store, StoreError};
use crate::domain::{event::Identity, notification::Timestamp, plan::Audience};

/// Selects the identities of a JSON list whose fan-out has begun.
const BEGUN_SQLITE: &str =
    "SELECT identity FROM fan_outs WHERE identity IN (SELECT value FROM json_each($1))";

/// Selects the identities of a JSON list whose fan-out has begun.
const BEGUN_POSTGRES: &str =
    "SELECT identity FROM fan_outs WHERE identity IN (SELECT json_array_elements_text($1::json))";

const IS_OVER: &str = "SELECT COUNT(*) FROM event_identities WHERE identity = $1";

const BEGIN: &str = "INSERT INTO fan_outs (identity, audience, user_id, started_at) VALUES ($1, $2, '', $3) \
     ON CONFLICT DO NOTHING";

const AT: &str = "SELECT user_id, audience FROM fan_outs WHERE identity = $1";

/// The next piece, unless somebody else has brought it.
pub(super) const ADVANCE: &str =
    "UPDATE fan_outs SET user_id = $3 WHERE identity = $1 AND user_id = $2";

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
    /// Those up to this user have it, of this audience: the one that it began with.
    After(String, Audience),
}

#[derive(FromRow)]
struct Row {
    user_id: String,
    audience: String,
}

/// `*` is everybody; a role's name stands behind `role:`.
fn written(audience: &Audience) -> String {
    match audience {
        Audience::Role(role) => format!("role:{role}"),
        Audience::Everyone | Audience::Users(_) => "*".to_owned(),
    }
}

fn read(audience: &str) -> Audience {
    audience
        .strip_prefix("role:")
        .map_or(Audience::Everyone, |role| Audience::Role(role.to_owned()))
}

impl Store {
    /// Begins with an event for very many, or finds how far it has come.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn begin_fan_out(
        &self,
        identity: &Identity,
        audience: &Audience,
        now: Timestamp,
    ) -> Result<FanOutStart, StoreError> {
        let identity = identity.as_str();
        // The row first: whoever brings the last piece takes it away, and the identity is there by then.
        let at: Option<Row> = in_transaction!(self, |_db, tx| {
            sqlx::query(BEGIN)
                .bind(identity)
                .bind(written(audience))
                .bind(now.0)
                .execute(&mut *tx)
                .await?;
            let over: i64 = sqlx::query_scalar(IS_OVER).bind(identity).fetch_one(&mut *tx).await?;
            if over > 0 {
                sqlx::query(END).bind(identity).execute(&mut *tx).await?;
                None
            } else {
                sqlx::query_as(AT).bind(identity).fetch_optional(&mut *tx).await?
            }
        });
        Ok(at.map_or(FanOutStart::Over, |row| FanOutStart::After(row.user_id, read(&row.audience))))
    }

    /// Which of these events have begun to go out in pieces.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn fan_outs_begun(&self, identities: &[&str]) -> Result<HashSet<String>, StoreError> {
        if identities.is_empty() {
            return Ok(HashSet::new());
        }
        let list = serde_json::to_string(identities).unwrap_or_else(|_| "[]".to_owned());
        let begun: Vec<String> = match &self.backend {
            Backend::Sqlite(sqlite) => {
                sqlx::query_scalar(BEGUN_SQLITE).bind(list).fetch_all(&sqlite.readers).await?
            }
            Backend::Postgres(pool) => {
                sqlx::query_scalar(BEGUN_POSTGRES).bind(list).fetch_all(pool).await?
            }
        };
        Ok(begun.into_iter().collect())
    }

    /// Forgets an event that nobody has got anything of.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn forget_fan_out(&self, identity: &Identity) -> Result<(), StoreError> {
        let sql = "DELETE FROM fan_outs WHERE identity = $1 AND user_id = ''";
        on_writer!(self, |pool| sqlx::query(sql)
            .bind(identity.as_str())
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Forgets events that nobody has gone on with since `before`, at most `limit`; says how many.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn purge_fan_outs(&self, before: i64, limit: i64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM fan_outs WHERE identity IN (SELECT identity FROM fan_outs WHERE started_at < $1 LIMIT $2)";
        Ok(on_writer!(self, |pool| {
            sqlx::query(sql)
                .bind(before)
                .bind(limit)
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        })?)
    }
}
