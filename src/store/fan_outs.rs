//! Progress of large fan-outs: table `fan_outs`. A chunk and the progress are committed together.

use std::collections::HashSet;

use sqlx::FromRow;

use super::{Backend, Store, StoreError};
use crate::domain::{event::Identity, notification::Timestamp, plan::RecipientSet};

/// Selects the identities of a JSON list whose fan-out has begun.
const BEGUN_SQLITE: &str =
    "SELECT identity FROM fan_outs WHERE identity IN (SELECT value FROM json_each($1))";

/// Selects the identities of a JSON list whose fan-out has begun.
const BEGUN_POSTGRES: &str =
    "SELECT identity FROM fan_outs WHERE identity IN (SELECT json_array_elements_text($1::json))";

pub(super) const COUNT_FINISHED: &str = "SELECT COUNT(*) FROM event_identities WHERE identity = $1";

const BEGIN: &str = "INSERT INTO fan_outs (identity, audience, user_id, started_at) VALUES ($1, \
$2, '', $3) \
     ON CONFLICT DO NOTHING";

const SELECT_PROGRESS: &str = "SELECT user_id, audience FROM fan_outs WHERE identity = $1";

/// Advances the progress, unless another hub has.
pub(super) const ADVANCE: &str =
    "UPDATE fan_outs SET user_id = $3 WHERE identity = $1 AND user_id = $2";

pub(super) const END: &str = "DELETE FROM fan_outs WHERE identity = $1";

/// Chunk of a large fan-out: the recipients after one user, up to another.
#[derive(Debug, Clone)]
pub struct Part {
    /// Identity of the event.
    pub identity: Identity,
    /// Last user of the previous chunk.
    pub after: String,
    /// Last user of this chunk.
    pub to: String,
}

/// Starting point of a large fan-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FanOutStart {
    /// It is finished.
    Over,
    /// Users up to this one are done, of the recipients with which it began.
    After(String, RecipientSet),
}

#[derive(FromRow)]
struct Row {
    user_id: String,
    audience: String,
}

/// Encodes a set of recipients: `*` for all users, or `role:` and the name of a role.
pub(super) fn encode(recipients: &RecipientSet) -> String {
    match recipients {
        RecipientSet::Role(role) => format!("role:{role}"),
        RecipientSet::All | RecipientSet::Users(_) => "*".to_owned(),
    }
}

/// Decodes what `encode` returned. Unknown text is an error: read as all users, it would notify
/// people that the event was not for.
pub(super) fn decode(recipients: &str) -> Result<RecipientSet, StoreError> {
    match recipients.strip_prefix("role:") {
        Some(role) => Ok(RecipientSet::Role(role.to_owned())),
        None if recipients == "*" => Ok(RecipientSet::All),
        None => Err(StoreError::Corrupt(format!("recipients of a fan-out: {recipients:?}"))),
    }
}

impl Store {
    /// Begins a large fan-out, or finds its progress.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn begin_fan_out(
        &self,
        identity: &Identity,
        recipients: &RecipientSet,
        now: Timestamp,
    ) -> Result<FanOutStart, StoreError> {
        let identity = identity.as_str();
        // Read the row first: the last chunk deletes it, and by then the identity exists.
        let at: Option<Row> = in_transaction!(self, |_db, tx| {
            sqlx::query(BEGIN)
                .bind(identity)
                .bind(encode(recipients))
                .bind(now.0)
                .execute(&mut *tx)
                .await?;
            let over: i64 =
                sqlx::query_scalar(COUNT_FINISHED).bind(identity).fetch_one(&mut *tx).await?;
            if over > 0 {
                sqlx::query(END).bind(identity).execute(&mut *tx).await?;
                None
            } else {
                sqlx::query_as(SELECT_PROGRESS).bind(identity).fetch_optional(&mut *tx).await?
            }
        });
        match at {
            Some(row) => Ok(FanOutStart::After(row.user_id, decode(&row.audience)?)),
            None => Ok(FanOutStart::Over),
        }
    }

    /// Returns the identities whose fan-out has begun.
    ///
    /// # Errors
    /// When the store is unavailable.
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

    /// Deletes the progress of a fan-out without any committed chunk.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn forget_fan_out(&self, identity: &Identity) -> Result<(), StoreError> {
        let sql = "DELETE FROM fan_outs WHERE identity = $1 AND user_id = ''";
        on_writer!(self, |pool| sqlx::query(sql)
            .bind(identity.as_str())
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Deletes the progress of at most `limit` fan-outs that began before `before` and are not
    /// owed. Returns their number.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn purge_fan_outs(&self, before: i64, limit: i64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM fan_outs WHERE identity IN (SELECT identity FROM fan_outs WHERE \
        started_at < $1 AND event IS NULL LIMIT $2)";
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

#[cfg(test)]
mod tests {
    use super::{RecipientSet, decode, encode};

    #[test]
    fn recipients_survive_encoding_and_unknown_text_is_an_error() {
        for set in [RecipientSet::All, RecipientSet::Role("night:shift".to_owned())] {
            assert_eq!(decode(&encode(&set)).ok(), Some(set));
        }
        for unknown in ["", "users", "roles:admin"] {
            assert!(decode(unknown).is_err(), "{unknown}");
        }
    }
}
