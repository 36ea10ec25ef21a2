//! Store of notifications: SQLite or PostgreSQL behind one type.
//!
//! A statement that both understand is written once and runs on either backend (`on_pool!`); what
//! differs (bulk inserts) has the same name in [`sqlite`] and [`postgres`]. One conformance suite
//! runs on both (`tests/integration/store.rs`).
//!
//! **Invariant:** SQL is in this folder and nowhere else.

#[macro_use]
mod on;

mod activity;
mod activity_counts;
mod archive;
mod audit;
mod backup;
mod catchup;
mod columns;
mod commit;
mod dead_letters;
mod deliveries;
mod directory;
mod error;
mod failed_attempts;
mod fan_outs;
mod file_identity;
mod groups;
mod hubs;
mod idempotency;
mod inspect;
mod jobs;
mod kind;
mod like;
mod list;
mod marks;
mod open;
mod outbox;
mod owed_fan_outs;
mod personal_data;
mod planned;
mod postgres;
mod preferences;
mod push_subscriptions;
mod rows;
mod schedules;
mod sql_types;
mod sqlite;
mod sweep;
mod totals;
mod types;
mod variants;
mod verify;

pub use activity::{ACTIVITY_USERS_MAX, ActivityFilter, ActivityRow};
pub use activity_counts::{ActivityCount, CountUnit};
pub use archive::ArchivedRow;
pub use audit::{AuditEntry, AuditFilter};
pub use catchup::Page;
pub use commit::Committed;
pub use dead_letters::DeadLetter;
pub use deliveries::{DELIVERY_STATES, Delivery, DeliveryFilter, DeliveryOutcome};
pub use error::StoreError;
pub use fan_outs::{FanOutStart, Part};
pub use groups::{Occurrence, Regrouped};
pub use hubs::{Fence, HubRow};
pub use idempotency::{ANSWER_KEPT_MS, Reservation};
pub use inspect::{SchemaState, StoreInfo};
pub use jobs::{JobProgress, JobRow};
pub use kind::Kind;
pub use list::{Filter, Listing, UnreadTotals};
pub use marks::MarkOutcome;
pub use open::StoreLock;
pub use outbox::{OutboxBatch, OutboxRow, OutboxWatch};
pub use owed_fan_outs::{OwedFanOut, UnfinishedFanOut};
pub use personal_data::Erased;
pub use planned::{Planned, notification_of};
pub use push_subscriptions::{PushSubscription, subscription_id};
pub use schedules::ScheduleRun;
pub use sweep::RetentionCursor;
pub use types::TypesWatch;
pub use variants::VariantCounts;
pub use verify::Verified;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{PgPool, SqlitePool, pool::PoolConnection};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::{Instant, timeout},
};

/// Retention of identities, in milliseconds: four days. At least 24 hours are promised; and a
/// stream created by the hub keeps its events for three days, so that a recreated consumer that
/// starts over finds only duplicates.
pub const IDENTITY_KEPT_MS: i64 = 4 * 24 * 60 * 60 * 1_000;

/// Retention of tombstones, in milliseconds: 30 days. A client that was away for longer starts
/// over.
pub const TOMBSTONE_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Interval of test writes while nothing else is written.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Size of a test write after a failure, in bytes: more than fits into the last page of a file.
const PROBE_BYTES: usize = 128 * 1024;

const PROBE: &str = "INSERT INTO meta (key, value) VALUES ('write_probe', $1) \
     ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// Store, cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    writes: Arc<Mutex<Writes>>,
    /// Copy that lists are read from.
    replica: Option<Arc<Store>>,
}

/// Interval of attempts to write after a failure: the others fail at once, so that a store in
/// trouble is not flooded.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(250);

/// Outcome of the latest write.
#[derive(Debug, Default)]
struct Writes {
    succeeded_at: Option<Instant>,
    failed: bool,
    /// Text of the latest failure.
    error: String,
    /// Time of the next attempt after a failure.
    attempt_at: Option<Instant>,
    /// Time of the latest failure: an older connection to PostgreSQL may lead to a server that has
    /// become a standby.
    failed_at: Option<Instant>,
}

#[derive(Debug, Clone)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(PgPool),
}

/// SQLite backend. It has one writer at a time; a pool of one connection makes writers wait here
/// instead of failing as busy.
#[derive(Debug, Clone)]
struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Connections that need no switch of threads.
    direct: Arc<sqlite::Direct>,
    /// Excludes the writers of the pool and the direct one from each other. Without it they would
    /// wait for SQLite's lock, which is polled.
    gate: Arc<AsyncMutex<()>>,
    /// File; `None` in memory.
    file: Option<PathBuf>,
}

impl Sqlite {
    /// Waits until no other writer is active.
    async fn lock_gate(&self) -> Result<OwnedMutexGuard<()>, sqlx::Error> {
        let locking = Arc::clone(&self.gate).lock_owned();
        timeout(open::ACQUIRE_TIMEOUT, locking).await.map_err(|_| sqlx::Error::PoolTimedOut)
    }

    /// Acquires the writing connection of the pool.
    async fn acquire_writer(
        &self,
    ) -> Result<(OwnedMutexGuard<()>, PoolConnection<sqlx::Sqlite>), sqlx::Error> {
        Ok((self.lock_gate().await?, self.writer.acquire().await?))
    }
}

impl Store {
    /// Returns the kind of database.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.backend {
            Backend::Sqlite(_) => Kind::Sqlite,
            Backend::Postgres(_) => Kind::Postgres,
        }
    }

    fn new(backend: Backend, writes: Arc<Mutex<Writes>>) -> Self {
        Self { backend, writes, replica: None }
    }

    /// Admits a write. After a failure only one at a time tries, as a probe; the others get the
    /// latest failure at once (a circuit breaker). A success admits all again.
    fn admit(&self) -> Result<(), StoreError> {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        if !writes.failed {
            return Ok(());
        }
        let now = Instant::now();
        if writes.attempt_at.is_some_and(|at| now < at) {
            return Err(StoreError::Unavailable(writes.error.clone()));
        }
        writes.attempt_at = Some(now + ATTEMPT_INTERVAL);
        Ok(())
    }

    /// Records the failure to get a connection. A connection alone is no proof that the store can
    /// be written to.
    fn record_failure<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        match result {
            Ok(connection) => Ok(connection),
            Err(error) => self.record_outcome(Err(error)),
        }
    }

    /// Records the outcome of a write for [`Store::ping`] and [`Store::admit`].
    fn record_outcome<T, E: Into<StoreError>>(
        &self,
        result: Result<T, E>,
    ) -> Result<T, StoreError> {
        let result = result.map_err(Into::into);
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(_) => {
                writes.succeeded_at = Some(Instant::now());
                writes.failed = false;
                writes.attempt_at = None;
            }
            Err(error) if error.is_transient() => {
                writes.failed = true;
                writes.failed_at = Some(Instant::now());
                // The text without what `Unavailable` adds.
                writes.error = match error {
                    StoreError::Unavailable(text) => text.clone(),
                    other => other.to_string(),
                };
            }
            // The store works, and refuses the statement.
            Err(_) => {}
        }
        drop(writes);
        result
    }

    /// Checks that the store answers and can be written to: a server may be read-only, a disk full.
    /// A recent write counts as a check.
    ///
    /// # Errors
    /// When it does not answer, or cannot be written to.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_pool!(self, |pool| sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        let (failed, recent) = {
            let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
            // This is the probe.
            writes.attempt_at = None;
            (writes.failed, writes.succeeded_at.is_some_and(|at| at.elapsed() < PROBE_INTERVAL))
        };
        if recent && !failed {
            return Ok(());
        }
        let is_writing = match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.gate.try_lock().is_err(),
            Backend::Postgres(_) => false,
        };
        if is_writing {
            // The outcome of that write will be recorded.
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

    /// Returns the epoch: random text that changes when revisions lose their meaning.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn epoch(&self) -> Result<String, StoreError> {
        Ok(on_pool!(self, |pool| {
            sqlx::query_scalar("SELECT value FROM meta WHERE key = 'epoch'").fetch_one(pool).await
        })?)
    }

    /// Sets the epoch; an existing one stays unless `replace` is set.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn set_epoch(&self, word: &str, replace: bool) -> Result<(), StoreError> {
        let sql = if replace {
            "INSERT INTO meta (key, value) VALUES ('epoch', $1) ON CONFLICT (key) DO UPDATE SET \
             value = excluded.value"
        } else {
            "INSERT INTO meta (key, value) VALUES ('epoch', $1) ON CONFLICT (key) DO NOTHING"
        };
        on_writer!(self, |pool| sqlx::query(sql).bind(word).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Runs a statement as a database client would, for tests.
    ///
    /// # Errors
    /// When the store is unavailable or refuses.
    #[doc(hidden)]
    pub async fn execute_by_hand(&self, sql: &'static str) -> Result<(), StoreError> {
        if let Backend::Sqlite(sqlite) = &self.backend
            && sql.starts_with("PRAGMA")
        {
            sqlite.direct.set_pragma_by_hand(sql)?;
        }
        on_writer!(self, |pool| sqlx::query(sql).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Runs a counting query as a database client would, for tests.
    ///
    /// # Errors
    /// When the store is unavailable or refuses.
    #[doc(hidden)]
    pub async fn count_by_hand(&self, sql: &'static str) -> Result<i64, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_scalar(sql).fetch_one(pool).await)?)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(sqlite) => {
                sqlite.direct.close();
                sqlite.readers.close().await;
                sqlite.writer.close().await;
            }
            Backend::Postgres(pool) => pool.close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ATTEMPT_INTERVAL, StoreError};
    use crate::testing::{ManualClock, TestStore};

    #[actix::test]
    async fn after_a_failure_one_write_at_a_time_is_admitted_until_one_succeeds() {
        let clock = ManualClock::pause();
        let test = TestStore::open().await;
        let store = &test.store;
        assert!(store.admit().is_ok() && store.admit().is_ok());

        let failure = StoreError::Unavailable("gone".to_owned());
        assert!(store.record_outcome(Err::<(), _>(failure)).is_err());

        assert!(store.admit().is_ok(), "the probe");
        let refused = store.admit().expect_err("the others fail at once");
        assert_eq!(refused.to_string(), "the store is unavailable: gone");
        clock.advance(ATTEMPT_INTERVAL).await;
        assert!(store.admit().is_ok(), "the next probe");
        assert!(store.record_outcome(Ok::<(), StoreError>(())).is_ok());
        assert!(store.admit().is_ok() && store.admit().is_ok());
    }
}
