//! Audit of administrators' changes: table `audit`. An entry is written in the transaction of its
//! change; the entry of an import, which has many transactions, after them.

use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    Store, StoreError,
    like::pattern,
    sql_types::{Id, Json},
};
use crate::domain::notification::Timestamp;

pub(super) const ENTER: &str = "INSERT INTO audit (id, at, who, action, subject, before, after) \
VALUES ($1, $2, $3, $4, $5, $6, $7)";

const LIST: &str = "SELECT id, at, who, action, subject, before, after FROM audit \
     WHERE id < $1 AND ($2 = '' OR subject = $2) AND at >= $5 AND at <= $6 \
     AND ($3 = '' OR LOWER(subject) LIKE $3 ESCAPE '\\' OR LOWER(action) LIKE $3 ESCAPE '\\') \
     AND ($4 = '' OR LOWER(who) LIKE $4 ESCAPE '\\' OR EXISTS (SELECT 1 FROM users u \
     WHERE u.user_id = audit.who AND (LOWER(COALESCE(u.login, '')) LIKE $4 ESCAPE '\\' \
     OR LOWER(COALESCE(u.name, '')) LIKE $4 ESCAPE '\\'))) ORDER BY id DESC LIMIT $7";

/// Selects the last change of each type; a test and a message are no changes of their type.
const LAST: &str = "SELECT a.id, a.at, a.who, a.action, a.subject, a.before, a.after FROM audit a \
     WHERE a.subject LIKE 'type:%' AND a.action NOT IN ('type.tested', 'message.sent') \
     AND NOT EXISTS (SELECT 1 FROM audit l WHERE l.subject = a.subject AND l.id > a.id \
     AND l.action NOT IN ('type.tested', 'message.sent'))";

/// Selects the last change of one type, as [`LAST`] does.
const LAST_OF_TYPE: &str = "SELECT id, at, who, action, subject, before, after FROM audit \
     WHERE subject = $1 AND action NOT IN ('type.tested', 'message.sent') ORDER BY id DESC LIMIT 1";

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

/// Filter of the audit; an empty text stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Subject, such as `type:NOTE_CREATED`.
    pub subject: String,
    /// Part of the subject or the action.
    pub text: String,
    /// Part of the caller's ID, or of the login or the name of that user.
    pub who: String,
    /// Earliest time.
    pub from: Option<Timestamp>,
    /// Latest time.
    pub to: Option<Timestamp>,
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
    /// Returns the newest entries that match a filter, newest first: those before `before`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn audit(
        &self,
        before: Option<Uuid>,
        filter: &AuditFilter,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let before = Id(before.unwrap_or(Uuid::max()));
        let rows: Vec<Row> = on_pool!(self, |pool| {
            sqlx::query_as(LIST)
                .bind(before)
                .bind(&filter.subject)
                .bind(pattern(&filter.text))
                .bind(pattern(&filter.who))
                .bind(filter.from.unwrap_or(Timestamp(0)))
                .bind(filter.to.unwrap_or(Timestamp(i64::MAX)))
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        super::rows::all(rows)
    }

    /// Returns the last change of each type.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn last_changes_of_types(&self) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, |pool| sqlx::query_as(LAST).fetch_all(pool).await)?;
        super::rows::all(rows)
    }

    /// Returns the last change of a type, by its subject.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn last_change_of_type(
        &self,
        subject: &str,
    ) -> Result<Option<AuditEntry>, StoreError> {
        let row: Option<Row> = on_pool!(self, |pool| {
            sqlx::query_as(LAST_OF_TYPE).bind(subject).fetch_optional(pool).await
        })?;
        row.map(TryInto::try_into).transpose()
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
