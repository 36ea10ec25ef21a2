//! Where notifications are kept: SQLite or PostgreSQL behind one type.
//!
//! A statement that both understand is written once and run on whichever is there ([`on_pool`]); what differs (many rows
//! at once) stands under the same name in [`sqlite`] and [`postgres`]. One conformance suite holds both to the same
//! behaviour (`tests/store.rs`).
//!
//! **Architecture invariant:** SQL lives in this folder and nowhere else.

mod audit;
mod catchup;
mod commit;
mod dead_letters;
mod directory;
mod error;
mod fan_outs;
mod idempotency;
mod list;
mod marks;
mod on;
mod open;
mod postgres;
mod preferences;
mod rows;
mod schedules;
mod sqlite;
mod sweep;
mod types;
mod variants;

pub use audit::AuditEntry;
pub use catchup::Page;
pub use commit::{Committed, Planned};
pub use dead_letters::DeadLetter;
pub use error::StoreError;
pub use fan_outs::{FanOutStart, Part};
pub use idempotency::{ANSWER_KEPT_MS, Reservation};
pub use list::{Filter, Listing, UnreadTotals};
pub use marks::MarkOutcome;
pub use schedules::ScheduleRun;
pub use sweep::RetentionCursor;
pub use types::TypesWatch;
pub use variants::VariantCounts;

use on::{in_transaction, on_pool};
use sqlx::{PgPool, SqlitePool};

/// How far back an identity is remembered, in milliseconds: four days. At least 24 hours are promised; and a stream that the
/// hub made keeps its events for three, so that a consumer that is made again and starts over finds only duplicates.
pub const IDENTITY_KEPT_MS: i64 = 4 * 24 * 60 * 60 * 1_000;

/// The store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
}

#[derive(Debug, Clone)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(PgPool),
}

/// SQLite has one writer at a time; a pool of one connection makes writers queue here instead of failing as busy.
#[derive(Debug, Clone)]
struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file on this machine.
    Sqlite,
    /// A server.
    Postgres,
}

impl Store {
    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.backend {
            Backend::Sqlite(_) => Kind::Sqlite,
            Backend::Postgres(_) => Kind::Postgres,
        }
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_pool!(self, readers, |pool| sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        Ok(())
    }

    /// The random word that says whether revisions still mean what they meant.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn epoch(&self) -> Result<String, StoreError> {
        Ok(on_pool!(self, readers, |pool| {
            sqlx::query_scalar("SELECT value FROM meta WHERE key = 'epoch'").fetch_one(pool).await
        })?)
    }

    /// Sets the epoch, unless there is one and it is to be kept.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn set_epoch(&self, word: &str, replace: bool) -> Result<(), StoreError> {
        let sql = if replace {
            "INSERT INTO meta (key, value) VALUES ('epoch', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        } else {
            "INSERT INTO meta (key, value) VALUES ('epoch', $1) ON CONFLICT (key) DO NOTHING"
        };
        on_pool!(self, writer, |pool| sqlx::query(sql).bind(word).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Forgets identities seen before `before`, at most `limit` of them; says how many.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn purge_identities(&self, before: i64, limit: i64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM event_identities WHERE identity IN \
                   (SELECT identity FROM event_identities WHERE seen_at < $1 LIMIT $2)";
        Ok(on_pool!(self, writer, |pool| {
            sqlx::query(sql).bind(before).bind(limit).execute(pool).await.map(|done| done.rows_affected())
        })?)
    }

    /// Runs a statement as an administrator with a database client would: for tests of what plain SQL does.
    ///
    /// # Errors
    /// When the store is away or refuses.
    #[doc(hidden)]
    pub async fn execute_by_hand(&self, sql: &'static str) -> Result<(), StoreError> {
        on_pool!(self, writer, |pool| sqlx::query(sql).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Closes its connections.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(sqlite) => {
                sqlite.readers.close().await;
                sqlite.writer.close().await;
            }
            Backend::Postgres(pool) => pool.close().await,
        }
    }
}
