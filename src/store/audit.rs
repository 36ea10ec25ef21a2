//! Who changed what, and when: table `audit`. An entry is written in the transaction of its
//! change; that of an upload, which is many, after them.

use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::notification::Timestamp;

pub(super) const ENTER: &str = "INSERT INTO audit (id, at, who, action, subject, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7)";

const LIST: &str = "SELECT id, at, who, action, subject, before, after FROM audit \
     WHERE ($1 = '' OR id < $1) AND ($2 = '' OR subject = $2) ORDER BY id DESC LIMIT $3";

const LAST: &str = "SELECT a.id, a.at, a.who, a.action, a.subject, a.before, a.after FROM audit a \
     JOIN (SELECT MAX(id) AS id FROM audit WHERE subject LIKE 'type:%' GROUP BY subject) l ON l.id = a.id";

/// A change that an administrator made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Its id; later ones are larger.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who: a user's id, `key:NAME`, or `developer`.
    pub who: String,
    /// What was done, such as `type.changed`.
    pub action: String,
    /// To what, such as `type:NOTE_CREATED`.
    pub subject: String,
    /// How it was.
    pub before: Option<Value>,
    /// How it is.
    pub after: Option<Value>,
}

/// Writes an entry in a transaction that is open.
macro_rules! entered {
    ($entry:expr, $tx:ident) => {
        sqlx::query($crate::store::audit::ENTER)
            .bind($entry.id.to_string())
            .bind($entry.at.0)
            .bind(&$entry.who)
            .bind(&$entry.action)
            .bind(&$entry.subject)
            .bind($entry.before.as_ref().map(ToString::to_string))
            .bind($entry.after.as_ref().map(ToString::to_string))
            .execute(&mut *$tx)
            .await?
    };
}
pub(super) use entered;

#[derive(FromRow)]
struct Row {
    id: String,
    at: i64,
    who: String,
    action: String,
    subject: String,
    before: Option<String>,
    after: Option<String>,
}

impl TryFrom<Row> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        Ok(Self {
            id: Uuid::try_parse(&row.id)
                .map_err(|_| StoreError::Corrupt(format!("audit id {:?}", row.id)))?,
            at: Timestamp(row.at),
            who: row.who,
            action: row.action,
            subject: row.subject,
            before: json(row.before),
            after: json(row.after),
        })
    }
}

impl Store {
    /// The newest changes, newest first: those before `before`, and only of `subject` where one is named.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn audit(
        &self,
        before: Option<Uuid>,
        subject: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let before = before.map_or_else(String::new, |id| id.to_string());
        let rows: Vec<Row> = on_pool!(self, |pool| {
            sqlx::query_as(LIST)
                .bind(&before)
                .bind(subject.unwrap_or_default())
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        super::rows::all(rows)
    }

    /// The last change of each type.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn last_changes_of_types(&self) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, |pool| sqlx::query_as(LAST).fetch_all(pool).await)?;
        super::rows::all(rows)
    }

    /// Notes a change that is made already.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn note_change(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        in_transaction!(self, |_db, tx| {
            entered!(entry, tx);
        });
        Ok(())
    }
}
