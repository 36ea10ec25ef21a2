//! Audit of administrators' changes: table `audit`. An entry is written in the transaction of its
//! change; the entry of an import, which has many transactions, after them.

use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    Store, StoreError,
    sql_types::{Id, Json},
};
use crate::domain::notification::Timestamp;

pub(super) const ENTER: &str = "INSERT INTO audit (id, at, who, action, subject, before, after) \
VALUES ($1, $2, $3, $4, $5, $6, $7)";

const LIST: &str = "SELECT id, at, who, action, subject, before, after FROM audit \
     WHERE id < $1 AND ($2 = '' OR subject = $2) ORDER BY id DESC LIMIT $3";

const LAST: &str = "SELECT a.id, a.at, a.who, a.action, a.subject, a.before, a.after FROM audit a \
     WHERE a.subject LIKE 'type:%' AND NOT EXISTS (SELECT 1 FROM audit l WHERE l.subject = \
     a.subject AND l.id > a.id)";

/// Change made by an administrator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// ID; later entries have larger ones.
    pub id: Uuid,
    /// Time of the change.
    pub at: Timestamp,
    /// Caller: a user ID, `key:NAME`, or `developer`.
    pub who: String,
    /// Action, such as `type.changed`.
    pub action: String,
    /// Subject, such as `type:NOTE_CREATED`.
    pub subject: String,
    /// State before the change.
    pub before: Option<Value>,
    /// State after the change.
    pub after: Option<Value>,
}

/// Writes an entry in an open transaction.
macro_rules! entered {
    ($entry:expr, $tx:ident) => {
        sqlx::query($crate::store::audit::ENTER)
            .bind($crate::store::sql_types::Id($entry.id))
            .bind($entry.at)
            .bind(&$entry.who)
            .bind(&$entry.action)
            .bind(&$entry.subject)
            .bind($entry.before.as_ref().map($crate::store::audit::json))
            .bind($entry.after.as_ref().map($crate::store::audit::json))
            .execute(&mut *$tx)
            .await?
    };
}
pub(super) use entered;

/// Returns a state as it is stored.
pub(super) fn json(state: &Value) -> Json<'static> {
    state.to_string().into()
}

#[derive(FromRow)]
struct Row {
    id: Id,
    at: Timestamp,
    who: String,
    action: String,
    subject: String,
    before: Option<Json<'static>>,
    after: Option<Json<'static>>,
}

impl TryFrom<Row> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let json =
            |json: Option<Json<'_>>| json.and_then(|json| serde_json::from_str(&json.0).ok());
        Ok(Self {
            id: row.id.0,
            at: row.at,
            who: row.who,
            action: row.action,
            subject: row.subject,
            before: json(row.before),
            after: json(row.after),
        })
    }
}

impl Store {
    /// Returns the newest entries, newest first: those before `before`, and only of `subject` if
    /// given.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn audit(
        &self,
        before: Option<Uuid>,
        subject: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let before = Id(before.unwrap_or(Uuid::max()));
        let rows: Vec<Row> = on_pool!(self, |pool| {
            sqlx::query_as(LIST)
                .bind(before)
                .bind(subject.unwrap_or_default())
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        super::rows::all(rows)
    }

    /// Returns the last entry of each type.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn last_changes_of_types(&self) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, |pool| sqlx::query_as(LAST).fetch_all(pool).await)?;
        super::rows::all(rows)
    }

    /// Writes the entry of a change that is already committed.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn note_change(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        in_transaction!(self, |_db, tx| {
            entered!(entry, tx);
        });
        Ok(())
    }
}
