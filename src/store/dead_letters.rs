//! Dead letters: rejected events, stored for administrators.

use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    Store, StoreError,
    audit::{AuditEntry, entered},
    like::pattern,
    sql_types::{Id, Json},
};
use crate::domain::{notification::Timestamp, rejected::Rejected};

/// Maximum size of a stored payload, in bytes.
const PAYLOAD_KEPT_BYTES: usize = 64 * 1024;

const INSERT: &str = "INSERT INTO dead_letters (id, received_at, source, subject, kind, field, \
reason, identity, headers, \
     payload, truncated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO \
     NOTHING";

macro_rules! columns {
    () => {
        "id, received_at, source, subject, kind, field, reason, identity, headers, payload, \
         truncated"
    };
}

/// Condition: kind, and text in subject, reason or payload.
macro_rules! matching {
    () => {
        "($1 = '' OR kind = $1) \
         AND ($2 = '' OR LOWER(reason) LIKE $2 ESCAPE '\\' OR LOWER(COALESCE(subject, '')) LIKE \
         $2 ESCAPE '\\' \
         OR LOWER(payload) LIKE $2 ESCAPE '\\')"
    };
}

/// Selects a page, newest first, before a position.
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM dead_letters WHERE ",
    matching!(),
    " AND (received_at < $3 OR (received_at = $3 AND id < $4)) ORDER BY received_at DESC, id \
     DESC LIMIT $5"
);

const COUNT: &str = concat!("SELECT COUNT(*) FROM dead_letters WHERE ", matching!());

const ONE: &str = concat!("SELECT ", columns!(), " FROM dead_letters WHERE id = $1");

const DISCARD: &str = "DELETE FROM dead_letters WHERE id = $1";

/// Rejected event with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// ID. The same message has the same one, so a retry creates no second row.
    pub id: Uuid,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Source: `nats`, `http`.
    pub source: String,
    /// Subject.
    pub subject: Option<String>,
    /// Kind of rejection, as in the metric.
    pub kind: String,
    /// Missing or invalid field.
    pub field: Option<String>,
    /// Reason, as a sentence.
    pub reason: String,
    /// Identity of the event.
    pub identity: Option<String>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// First 64 KiB of the payload; bytes that are not UTF-8 are replaced.
    pub payload: String,
    /// True if the payload is longer.
    pub truncated: bool,
}

impl DeadLetter {
    /// Creates a dead letter.
    #[must_use]
    pub fn new(
        id: Uuid,
        received_at: Timestamp,
        source: &str,
        rejected: &Rejected,
        payload: &[u8],
    ) -> Self {
        let kept = &payload[..payload.len().min(PAYLOAD_KEPT_BYTES)];
        Self {
            id,
            received_at,
            source: source.to_owned(),
            subject: None,
            kind: rejected.kind.as_str().to_owned(),
            field: rejected.field.clone(),
            reason: rejected.to_string(),
            identity: None,
            headers: Vec::new(),
            // PostgreSQL cannot store a NUL character.
            payload: String::from_utf8_lossy(kept).replace('\0', "\u{fffd}"),
            truncated: payload.len() > PAYLOAD_KEPT_BYTES,
        }
    }
}

#[derive(FromRow)]
struct Row {
    id: Id,
    received_at: Timestamp,
    source: String,
    subject: Option<String>,
    kind: String,
    field: Option<String>,
    reason: String,
    identity: Option<String>,
    headers: Json<'static>,
    payload: String,
    truncated: bool,
}

impl TryFrom<Row> for DeadLetter {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.0,
            received_at: row.received_at,
            source: row.source,
            subject: row.subject,
            kind: row.kind,
            field: row.field,
            reason: row.reason,
            identity: row.identity,
            headers: serde_json::from_str(&row.headers.0).unwrap_or_default(),
            payload: row.payload,
            truncated: row.truncated,
        })
    }
}

impl Store {
    /// Stores a dead letter.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn keep_dead_letter(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        // PostgreSQL cannot store a NUL character.
        let clean = |text: &str| text.replace('\0', "\u{fffd}");
        let headers =
            clean(&serde_json::to_string(&letter.headers).unwrap_or_else(|_| "[]".to_owned()));
        on_writer!(self, |pool| {
            sqlx::query(INSERT)
                .bind(Id(letter.id))
                .bind(letter.received_at)
                .bind(&letter.source)
                .bind(letter.subject.as_deref().map(clean))
                .bind(&letter.kind)
                .bind(letter.field.as_deref().map(clean))
                .bind(clean(&letter.reason))
                .bind(&letter.identity)
                .bind(Json::from(headers))
                .bind(&letter.payload)
                .bind(letter.truncated)
                .execute(pool)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Returns the newest dead letters, newest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn dead_letters(&self, limit: i64) -> Result<Vec<DeadLetter>, StoreError> {
        self.find_dead_letters(None, None, "", limit).await
    }

    /// Returns dead letters before `before`, of one kind if given, with `text` in subject, reason
    /// or payload.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn find_dead_letters(
        &self,
        before: Option<(Timestamp, Uuid)>,
        kind: Option<&str>,
        text: &str,
        limit: i64,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let (at, id) = before.unwrap_or((Timestamp(i64::MAX), Uuid::nil()));
        let pattern = pattern(text);
        let rows: Vec<Row> = on_pool!(self, |pool| {
            sqlx::query_as(LIST)
                .bind(kind.unwrap_or_default())
                .bind(&pattern)
                .bind(at)
                .bind(Id(id))
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        super::rows::all(rows)
    }

    /// Returns a page of dead letters and the number of all matches, in one snapshot; see
    /// [`Store::find_dead_letters`].
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn page_of_dead_letters(
        &self,
        before: Option<(Timestamp, Uuid)>,
        kind: Option<&str>,
        text: &str,
        limit: i64,
    ) -> Result<(Vec<DeadLetter>, i64), StoreError> {
        let (at, id) = before.unwrap_or((Timestamp(i64::MAX), Uuid::nil()));
        let (kind, pattern) = (kind.unwrap_or_default(), pattern(text));
        let (rows, total): (Vec<Row>, i64) = in_snapshot!(self, |tx| {
            let total =
                sqlx::query_scalar(COUNT).bind(kind).bind(&pattern).fetch_one(&mut *tx).await?;
            let rows =
                sqlx::query_as(LIST).bind(kind).bind(&pattern).bind(at).bind(Id(id)).bind(limit);
            (rows.fetch_all(&mut *tx).await?, total)
        });
        Ok((super::rows::all(rows)?, total))
    }

    /// Counts dead letters, of one kind if given, with `text` in subject, reason or payload.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn count_dead_letters(
        &self,
        kind: Option<&str>,
        text: &str,
    ) -> Result<i64, StoreError> {
        let pattern = pattern(text);
        Ok(on_pool!(self, |pool| {
            sqlx::query_scalar(COUNT)
                .bind(kind.unwrap_or_default())
                .bind(&pattern)
                .fetch_one(pool)
                .await
        })?)
    }

    /// Returns a dead letter.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn dead_letter(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let row: Option<Row> =
            on_pool!(self, |pool| sqlx::query_as(ONE).bind(Id(id)).fetch_optional(pool).await)?;
        row.map(DeadLetter::try_from).transpose()
    }

    /// Deletes a dead letter. Returns whether it existed.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn discard_dead_letter(
        &self,
        id: Uuid,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        Ok(in_transaction!(self, |_db, tx| {
            let gone =
                sqlx::query(DISCARD).bind(Id(id)).execute(&mut *tx).await?.rows_affected() > 0;
            if gone {
                entered!(entry, tx);
            }
            gone
        }))
    }
}
