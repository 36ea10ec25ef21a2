//! Statements that run on the thread of the caller.
//!
//! sqlx gives each SQLite connection a thread, and switching to it and back costs more than most
//! statements. What every event and every connection needs goes through this module instead: reads
//! run where they are called, because a reader of a write-ahead log never waits for a writer;
//! commits are made by the persistence actor, which may wait for the disk.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ToSql};
use tokio::{
    sync::OwnedMutexGuard,
    time::{Duration, Instant, sleep},
};

use crate::store::{StoreError, rows::FromColumns};

/// Maximum number of idle read connections.
const IDLE_READERS_MAX: usize = 8;

/// Interval of attempts to begin a transaction while another process writes.
const BUSY_INTERVAL: Duration = Duration::from_millis(10);

/// Maximum number of statements that a connection keeps prepared.
const STATEMENTS: usize = 64;

/// Location of a database, and its idle connections.
#[derive(Debug)]
pub(in crate::store) struct Direct {
    /// Path, or URI of a database in memory.
    location: String,
    busy_timeout: Duration,
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Option<Connection>>,
    relaxed_writer: Mutex<Option<Connection>>,
    closed: AtomicBool,
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// A power failure.
    Full,
    /// A crash of the hub, but not always a power failure.
    Relaxed,
}

impl Direct {
    pub(in crate::store) fn new(location: String, busy_timeout: Duration) -> Self {
        Self {
            location,
            busy_timeout,
            readers: Mutex::default(),
            writer: Mutex::default(),
            relaxed_writer: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.location, flags)?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        super::fold_case::register(&connection)?;
        for (pragma, value) in super::PRAGMAS {
            connection.pragma_update(None, pragma, value)?;
        }
        Ok(connection)
    }

    /// Returns a connection for reads. It begins a transaction, so all reads see one snapshot.
    pub(in crate::store) fn reader(&self) -> Result<DirectReader<'_>, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(DirectReader { direct: self, connection: Some(connection) })
    }

    /// Begins a write transaction. `gate` is held until the end: it excludes the writers that go
    /// through sqlx.
    pub(in crate::store) async fn begin(
        self: &Arc<Self>,
        gate: OwnedMutexGuard<()>,
    ) -> Result<DirectTransaction, StoreError> {
        self.begin_as(Durability::Full, gate).await
    }

    /// Begins a write transaction that a power failure may undo after its commit; it saves waiting
    /// for the disk.
    pub(in crate::store) async fn begin_relaxed(
        self: &Arc<Self>,
        gate: OwnedMutexGuard<()>,
    ) -> Result<DirectTransaction, StoreError> {
        self.begin_as(Durability::Relaxed, gate).await
    }

    async fn begin_as(
        self: &Arc<Self>,
        durability: Durability,
        gate: OwnedMutexGuard<()>,
    ) -> Result<DirectTransaction, StoreError> {
        let idle = self.writer(durability).lock().unwrap_or_else(PoisonError::into_inner).take();
        let connection = if let Some(connection) = idle {
            connection
        } else {
            let connection = self.connect()?;
            // The wait for another process must not block the thread.
            connection.busy_timeout(Duration::ZERO)?;
            if durability == Durability::Relaxed {
                connection.pragma_update(None, "synchronous", "NORMAL")?;
            }
            connection
        };
        let deadline = Instant::now() + self.busy_timeout;
        // IMMEDIATE: no read snapshot is taken first, so the transaction cannot fail as stale.
        while let Err(error) = begin_immediate(&connection) {
            if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy)
                || Instant::now() >= deadline
            {
                return Err(error.into());
            }
            sleep(BUSY_INTERVAL).await;
        }
        let direct = Arc::clone(self);
        Ok(DirectTransaction { direct, durability, connection: Some(connection), _gate: gate })
    }

    fn writer(&self, durability: Durability) -> &Mutex<Option<Connection>> {
        match durability {
            Durability::Full => &self.writer,
            Durability::Relaxed => &self.relaxed_writer,
        }
    }

    /// Sets a pragma of the writing connection, for tests.
    pub(in crate::store) fn set_pragma_by_hand(&self, sql: &str) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match writer.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        writer.insert(connection).execute_batch(sql)?;
        Ok(())
    }

    /// Closes the idle connections, and opens no more.
    pub(in crate::store) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for durability in [Durability::Full, Durability::Relaxed] {
            let mut writer = self.writer(durability).lock().unwrap_or_else(PoisonError::into_inner);
            drop(writer.take());
        }
    }
}

/// Connection that reads one snapshot.
pub(in crate::store) struct DirectReader<'d> {
    direct: &'d Direct,
    /// `None` only while it is dropped.
    connection: Option<Connection>,
}

/// Write transaction; rolled back when dropped.
pub(in crate::store) struct DirectTransaction {
    direct: Arc<Direct>,
    durability: Durability,
    /// `None` after the commit, or if the connection may be unusable.
    connection: Option<Connection>,
    _gate: OwnedMutexGuard<()>,
}

/// Statements of a reader or a transaction.
pub(in crate::store) trait Statements {
    /// Returns the connection.
    ///
    /// # Errors
    /// When the transaction has ended.
    fn connection(&self) -> Result<&Connection, StoreError>;

    /// Runs a statement. Returns the number of changed rows.
    fn run(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<u64, StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        bind(&mut statement, parameters)?;
        Ok(statement.raw_execute()? as u64)
    }

    /// Returns the first row.
    fn first<T: FromColumns>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        bind(&mut statement, parameters)?;
        let mut rows = statement.raw_query();
        Ok(rows.next()?.map(T::from_columns).transpose()?)
    }

    /// Returns rows while `take` accepts them; the row that it does not accept is dropped.
    fn each<T: FromColumns>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        mut take: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        bind(&mut statement, parameters)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            if !take(T::from_columns(row)?) {
                break;
            }
        }
        Ok(())
    }

    /// Returns all rows.
    fn rows<T: FromColumns>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        self.each(sql, parameters, |row| {
            all.push(row);
            true
        })?;
        Ok(all)
    }
}

fn begin_immediate(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
}

/// Binds parameters to `$1`, `$2` and so on, as PostgreSQL numbers them. To SQLite these are names,
/// which it numbers in the order in which they occur.
fn bind(statement: &mut Statement<'_>, parameters: &[&dyn ToSql]) -> rusqlite::Result<()> {
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).unwrap_or_default();
        let number: usize = name.get(1..).and_then(|number| number.parse().ok()).unwrap_or(index);
        let value = parameters
            .get(number - 1)
            .ok_or(rusqlite::Error::InvalidParameterCount(parameters.len(), number))?;
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

fn ended() -> StoreError {
    StoreError::Unavailable("the transaction has ended".to_owned())
}

impl Statements for DirectReader<'_> {
    fn connection(&self) -> Result<&Connection, StoreError> {
        self.connection.as_ref().ok_or_else(ended)
    }
}

impl Statements for DirectTransaction {
    fn connection(&self) -> Result<&Connection, StoreError> {
        self.connection.as_ref().ok_or_else(ended)
    }
}

impl Drop for DirectReader<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // A connection that cannot end its snapshot is closed.
        if connection.prepare_cached("COMMIT").and_then(|mut end| end.execute([])).is_err() {
            return;
        }
        let mut idle = self.direct.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS_MAX {
            idle.push(connection);
        }
    }
}

impl DirectTransaction {
    /// Commits.
    pub(in crate::store) fn commit(mut self) -> Result<(), StoreError> {
        self.run("COMMIT", &[])?;
        let mut writer =
            self.direct.writer(self.durability).lock().unwrap_or_else(PoisonError::into_inner);
        *writer = self.connection.take();
        drop(writer);
        Ok(())
    }
}

impl Drop for DirectTransaction {
    fn drop(&mut self) {
        // After an error SQLite may have rolled back by itself (disk full, I/O error, no memory).
        // Closing the connection rolls back in any case, so the state is known.
        drop(self.connection.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Arc<Direct>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("direct.db");
        let connection = Connection::open(&path).expect("it opens");
        connection.pragma_update(None, "journal_mode", "wal").expect("a file has a log");
        connection.execute("CREATE TABLE t (n INTEGER)", []).expect("a new file");
        (folder, Arc::new(Direct::new(path.display().to_string(), Duration::ZERO)))
    }

    async fn begin(direct: &Arc<Direct>) -> DirectTransaction {
        let gate = Arc::new(tokio::sync::Mutex::new(())).lock_owned().await;
        direct.begin(gate).await.expect("nobody else writes")
    }

    fn count(statements: &impl Statements) -> i64 {
        let row: Option<(i64,)> =
            statements.first("SELECT COUNT(*) FROM t", &[]).expect("it reads");
        row.expect("a count").0
    }

    #[tokio::test]
    async fn a_dropped_transaction_is_rolled_back_and_a_committed_one_is_there() {
        let (_folder, direct) = open();
        let dropped = begin(&direct).await;
        dropped.run("INSERT INTO t VALUES ($1)", &[&1]).expect("it writes");
        drop(dropped);
        assert_eq!(count(&direct.reader().expect("it reads")), 0);

        let committed = begin(&direct).await;
        committed.run("INSERT INTO t VALUES ($1)", &[&1]).expect("it writes");
        committed.commit().expect("the disk is there");
        assert_eq!(count(&direct.reader().expect("it reads")), 1);
    }

    #[tokio::test]
    async fn a_reader_sees_one_snapshot_and_does_not_wait_for_a_writer() {
        let (_folder, direct) = open();
        let reader = direct.reader().expect("it reads");
        assert_eq!(count(&reader), 0);
        let writer = begin(&direct).await;
        writer.run("INSERT INTO t VALUES ($1)", &[&1]).expect("it writes");
        assert_eq!(count(&direct.reader().expect("it reads")), 0);
        writer.commit().expect("the disk is there");
        assert_eq!(count(&reader), 0, "the snapshot is as old as the reader");
        assert_eq!(count(&direct.reader().expect("it reads")), 1);
    }

    #[tokio::test]
    async fn parameters_are_numbered_as_in_postgres() {
        let (_folder, direct) = open();
        let reader = direct.reader().expect("it reads");
        let row: Option<(i64, i64)> =
            reader.first("SELECT $2 + 0, $1 + $2", &[&1, &20]).expect("it reads");
        assert_eq!(row, Some((20, 21)));
        let too_few =
            reader.first::<(i64, i64)>("SELECT $1, $2", &[&1]).expect_err("one is missing");
        assert!(!too_few.is_transient(), "{too_few}");
    }

    #[tokio::test]
    async fn another_process_that_writes_is_waited_for_without_blocking_the_thread() {
        let (_folder, direct) = open();
        let other = Arc::new(Direct::new(direct.location.clone(), Duration::from_secs(30)));
        let writer = begin(&direct).await;
        let release = async {
            tokio::task::yield_now().await;
            writer.commit().expect("the disk is there");
        };
        let (second, ()) = tokio::join!(begin(&other), release);
        second.commit().expect("the disk is there");
    }

    #[tokio::test]
    async fn a_busy_file_is_unavailable_and_an_invalid_statement_refused() {
        let (_folder, direct) = open();
        let _writer = begin(&direct).await;
        let gate = Arc::new(tokio::sync::Mutex::new(())).lock_owned().await;
        let busy = direct.begin(gate).await.map(drop).expect_err("one writer at a time");
        assert!(busy.is_transient(), "{busy}");
        let reader = direct.reader().expect("it reads");
        let refused = reader.run("SELECT nothing", &[]).expect_err("no such column");
        assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
    }
}
