//! Where notifications are kept: SQLite or PostgreSQL behind one type.
//!
//! A statement that both understand is written once and run on whichever is there (`on_pool!`); what differs (many rows
//! at once) stands under the same name in [`sqlite`] and [`postgres`]. One conformance suite holds both to the same
//! behaviour (`tests/integration/store.rs`).
//!
//! **Architecture invariant:** SQL lives in this folder and nowhere else.

#[macro_use]
mod on;

mod audit;
mod catchup;
mod commit;
mod dead_letters;
mod directory;
mod error;
mod failed_attempts;
mod fan_outs;
mod idempotency;
mod list;
mod marks;
mod open;
mod postgres;
mod preferences;
mod rows;
mod schedules;
mod sqlite;
mod sweep;
mod totals;
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
pub use open::StoreLock;
pub use schedules::ScheduleRun;
pub use sweep::RetentionCursor;
pub use types::TypesWatch;
pub use variants::VariantCounts;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{PgPool, SqlitePool};
use tokio::time::Instant;

/// How far back an identity is remembered, in milliseconds: four days. At least 24 hours are promised; and a stream that the
/// hub made keeps its events for three, so that a consumer that is made again and starts over finds only duplicates.
pub const IDENTITY_KEPT_MS: i64 = 4 * 24 * 60 * 60 * 1_000;

/// Time for which it is known that a notification was deleted, in milliseconds: 30 days. A client that was away for longer
/// starts over.
pub const TOMBSTONE_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Interval after which a store that nobody has written to is written to, to see whether it can be.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Bytes that a store must take before it counts as writable again: more than fits into a file's last page.
const PROBE_BYTES: usize = 128 * 1024;

const PROBE: &str = "INSERT INTO meta (key, value) VALUES ('write_probe', $1) \
     ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// The store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    writes: Arc<Mutex<Writes>>,
}

/// Outcome of the latest write.
#[derive(Debug, Default)]
struct Writes {
    succeeded_at: Option<Instant>,
    failed: bool,
    /// Latest failure: a connection to PostgreSQL that was made before it may lead to a server that is a standby now.
    failed_at: Option<Instant>,
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
    /// The file; none in memory.
    file: Option<PathBuf>,
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

    fn new(backend: Backend, writes: Arc<Mutex<Writes>>) -> Self {
        Self { backend, writes }
    }

    /// Notes the outcome of a write for [`Store::ping`].
    fn noted<T, E: Into<StoreError>>(&self, result: Result<T, E>) -> Result<T, StoreError> {
        let result = result.map_err(Into::into);
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(_) => {
                writes.succeeded_at = Some(Instant::now());
                writes.failed = false;
            }
            Err(error) if error.is_transient() => {
                writes.failed = true;
                writes.failed_at = Some(Instant::now());
            }
            // The store works; it is the statement that it does not want.
            Err(_) => {}
        }
        drop(writes);
        result
    }

    /// Checks that the store answers, and that it can be written to: a server may be read-only, a disk full. What was
    /// written a moment ago need not be tried again.
    ///
    /// # Errors
    /// When it does not answer, or takes no writes.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_pool!(self, |pool| sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        let (failed, recent) = {
            let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
            (writes.failed, writes.succeeded_at.is_some_and(|at| at.elapsed() < PROBE_INTERVAL))
        };
        if recent && !failed {
            return Ok(());
        }
        if let Backend::Sqlite(sqlite) = &self.backend
            && sqlite.writer.num_idle() == 0
            && sqlite.writer.size() > 0
        {
            // Somebody is writing; how that ends is noted.
            return Ok(());
        }
        if failed {
            self.probe(&" ".repeat(PROBE_BYTES)).await?;
        }
        self.probe("").await
    }

    async fn probe(&self, value: &str) -> Result<(), StoreError> {
        on_writer!(self, |connection| sqlx::query(PROBE)
            .bind(value)
            .execute(connection)
            .await
            .map(drop))
    }

    /// The random word that says whether revisions still mean what they meant.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn epoch(&self) -> Result<String, StoreError> {
        Ok(on_pool!(self, |pool| {
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
        on_writer!(self, |pool| sqlx::query(sql).bind(word).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Forgets identities seen before `before`, at most `limit` of them; says how many.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn purge_identities(&self, before: i64, limit: i64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM event_identities WHERE identity IN \
                   (SELECT identity FROM event_identities WHERE seen_at < $1 LIMIT $2)";
        Ok(on_writer!(self, |pool| {
            sqlx::query(sql)
                .bind(before)
                .bind(limit)
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        })?)
    }

    /// Runs a statement as an administrator with a database client would: for tests of what plain SQL does.
    ///
    /// # Errors
    /// When the store is away or refuses.
    #[doc(hidden)]
    pub async fn execute_by_hand(&self, sql: &'static str) -> Result<(), StoreError> {
        on_writer!(self, |pool| sqlx::query(sql).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Counts by a statement, as an administrator with a database client would.
    ///
    /// # Errors
    /// When the store is away or refuses.
    #[doc(hidden)]
    pub async fn count_by_hand(&self, sql: &'static str) -> Result<i64, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_scalar(sql).fetch_one(pool).await)?)
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
