//! Opening and migration of the store.

use std::{
    fs::{File, TryLockError},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tracing::log::LevelFilter;
use uuid::Uuid;

use super::{
    Backend, Kind, Sqlite, Store, StoreError, Writes, file_identity,
    postgres::partitions::partition, sqlite::Direct,
};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Level of the library's message about a slow acquisition. Each waiting task would log one: the
/// state of the store in readiness and in the log says it once.
const SLOW_ACQUIRE_LEVEL: LevelFilter = LevelFilter::Debug;

/// Time to wait for a connection before the store counts as unavailable.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Number of read connections to SQLite, beside the one that writes.
const SQLITE_READERS: u32 = 4;

/// Maximum number of connections to PostgreSQL of one hub.
const POSTGRES_CONNECTIONS: u32 = 10;

/// Size to which SQLite's write-ahead log shrinks when it can, in bytes.
const LOG_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Duration from which a statement is logged, at the level `debug`.
const SLOW_STATEMENT: Duration = Duration::from_secs(1);

/// Error of a replica of something else than PostgreSQL.
const REPLICA_OF_POSTGRES: &str = "only a store on PostgreSQL has a replica, at an address such \
     as postgres://user@host/database";

const UNKNOWN_SCHEME: &str = "must start with sqlite:// or postgres://";

/// Lock that prevents a second hub on the same SQLite file. Released when dropped, even by a crash.
#[derive(Debug)]
pub struct StoreLock {
    #[expect(dead_code, reason = "held")]
    by_name: Option<File>,
    #[expect(dead_code, reason = "held")]
    by_identity: Option<File>,
}

impl StoreLock {
    /// Lock of a store that needs none.
    const NONE: Self = Self { by_name: None, by_identity: None };
}

impl Store {
    /// Validates a URL without connecting.
    ///
    /// # Errors
    /// A description without the URL, which may contain a password.
    pub fn check_url(url: &str) -> Result<(), String> {
        let (valid, example) = match Kind::of_url(url) {
            Some(Kind::Sqlite) => {
                (SqliteConnectOptions::from_str(url).is_ok(), "sqlite://data/lonceng.db")
            }
            Some(Kind::Postgres) => {
                (PgConnectOptions::from_str(url).is_ok(), "postgres://user:password@host/database")
            }
            None => return Err(UNKNOWN_SCHEME.to_owned()),
        };
        if valid { Ok(()) } else { Err(format!("is not an address such as {example}")) }
    }

    /// Locks the SQLite file for this hub: another one would not deliver what this one stores.
    /// PostgreSQL needs no lock.
    ///
    /// # Errors
    /// When another hub has the lock; the error names the file and the process.
    pub fn lock(&self) -> Result<StoreLock, StoreError> {
        let Backend::Sqlite(Sqlite { file: Some(database), .. }) = &self.backend else {
            return Ok(StoreLock::NONE);
        };
        // The file itself, so that a symbolic link to it leads to the same lock.
        let real = database.canonicalize().unwrap_or_else(|_| database.clone());
        let path = PathBuf::from(format!("{}.lock", real.display()));
        let unusable = |error: &std::io::Error| {
            StoreError::BadUrl(format!("cannot use {}: {error}", path.display()))
        };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| unusable(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder is only for the error message.
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let process =
                    if holder.is_empty() { String::new() } else { format!(" (process {holder})") };
                return Err(StoreError::Locked(format!(
                    "another hub{process} uses {}; stop it, or set store.url to another file",
                    database.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(&error)),
        }
        let written = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        written.map_err(|error| unusable(&error))?;
        let by_identity = file_identity::lock(&real).map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Locked(format!(
                "another hub uses {} under another name (a hard link); stop it, or set store.url \
                 to another file",
                database.display()
            )),
            TryLockError::Error(error) => {
                StoreError::BadUrl(format!("cannot lock {}: {error}", real.display()))
            }
        })?;
        Ok(StoreLock { by_name: Some(file), by_identity })
    }

    /// Shrinks SQLite's write-ahead log after a long reader let it grow. Does not wait: while
    /// readers are active, the log stays as it is.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn shrink_log(&self) -> Result<(), StoreError> {
        let Backend::Sqlite(sqlite) = &self.backend else { return Ok(()) };
        let Some(file) = &sqlite.file else { return Ok(()) };
        let size = std::fs::metadata(format!("{}-wal", file.display()))
            .map_or(0, |metadata| metadata.len());
        if size <= LOG_MAX_BYTES {
            return Ok(());
        }
        let (_gate, mut writer) = sqlite.acquire_writer().await?;
        let shrunk = async {
            sqlx::query("PRAGMA busy_timeout = 0").execute(&mut *writer).await?;
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *writer).await?;
            let restored = sqlx::query(sqlx::AssertSqlSafe(format!(
                "PRAGMA busy_timeout = {}",
                ACQUIRE_TIMEOUT.as_millis()
            )));
            restored.execute(&mut *writer).await
        };
        if let Err(error) = shrunk.await {
            writer.close_on_drop();
            return Err(error.into());
        }
        Ok(())
    }

    /// Opens the store. PostgreSQL is connected on first use, so this succeeds while it is
    /// unavailable.
    ///
    /// # Errors
    /// When the URL is invalid, or SQLite's file cannot be opened.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let writes = Arc::new(Mutex::new(Writes::default()));
        let backend = match Kind::of_url(url) {
            Some(Kind::Sqlite) => Backend::Sqlite(open_sqlite(url).await?),
            Some(Kind::Postgres) => Backend::Postgres(open_postgres(url, &writes)?),
            None => return Err(StoreError::BadUrl(UNKNOWN_SCHEME.to_owned())),
        };
        Ok(Self::new(backend, writes))
    }

    /// Validates the URL of a replica without connecting; empty for none.
    ///
    /// # Errors
    /// A description without the URL, which may contain a password.
    pub fn check_replica(url: &str, replica: &str) -> Result<(), String> {
        let both = [url, replica].map(Kind::of_url) == [Some(Kind::Postgres); 2];
        if replica.is_empty() || (both && PgConnectOptions::from_str(replica).is_ok()) {
            return Ok(());
        }
        Err(REPLICA_OF_POSTGRES.to_owned())
    }

    /// Reads lists from the PostgreSQL server at `url`, a standby of the store's. Everything that
    /// must be exact is read from the store itself, and so are lists while the replica is
    /// unavailable.
    ///
    /// # Errors
    /// When the URL is invalid.
    pub fn with_replica(mut self, url: &str) -> Result<Self, StoreError> {
        let writes = Arc::new(Mutex::new(Writes::default()));
        let backend = Backend::Postgres(open_postgres(url, &writes)?);
        self.replica = Some(Arc::new(Self::new(backend, writes)));
        Ok(self)
    }

    /// Applies missing migrations, and gives a new store its epoch.
    ///
    /// # Errors
    /// When the store is unavailable, or was created by a newer version.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.apply_migrations().await?;
        self.set_epoch(&new_epoch(), false).await
    }

    /// [`Store::migrate`], with hash partitions of the notifications if the store is new and on
    /// PostgreSQL. Another store stays as it is, and the log says so.
    ///
    /// # Errors
    /// When the store is unavailable, or was created by a newer version.
    pub async fn migrate_partitioned(&self, partitions: u32) -> Result<(), StoreError> {
        self.apply_migrations().await?;
        if let Backend::Postgres(pool) = &self.backend {
            let found = partition(&mut *pool.acquire().await?, partitions).await?;
            if found != partitions {
                tracing::warn!(
                    partitions = found,
                    "store: store.partitions = {partitions} counts only when a store is created; \
                     this one keeps its number"
                );
            }
        } else if partitions > 0 {
            tracing::warn!("store: SQLite has no partitions; store.partitions has no effect");
        }
        self.set_epoch(&new_epoch(), false).await
    }

    async fn apply_migrations(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => SQLITE.run(&sqlite.writer).await,
            Backend::Postgres(pool) => POSTGRES.run(pool).await,
        }
        .map_err(|error| match error {
            sqlx::migrate::MigrateError::Execute(error) => StoreError::from(error),
            other => StoreError::Migration(other.to_string()),
        })
    }

    /// Returns the versions of the migrations of this version.
    pub(super) fn migrations(&self) -> Vec<i64> {
        let known = match &self.backend {
            Backend::Sqlite(_) => &SQLITE,
            Backend::Postgres(_) => &POSTGRES,
        };
        known.iter().map(|migration| migration.version).collect()
    }

    /// Returns the file of a SQLite URL; `None` for a server, and in memory.
    #[must_use]
    pub fn file_of_url(url: &str) -> Option<PathBuf> {
        let is_sqlite = Kind::of_url(url) == Some(Kind::Sqlite);
        let options = is_sqlite.then(|| SqliteConnectOptions::from_str(url).ok()).flatten()?;
        file_of(&options)
    }

    /// Renews the epoch, after a restore from a backup.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn renew_epoch(&self) -> Result<String, StoreError> {
        let word = new_epoch();
        self.set_epoch(&word, true).await?;
        Ok(word)
    }
}

/// Returns a new epoch of eight hexadecimal digits.
fn new_epoch() -> String {
    Uuid::new_v4().simple().to_string().chars().take(8).collect()
}

fn open_postgres(url: &str, writes: &Arc<Mutex<Writes>>) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url)?.application_name("lonceng").options([
        // A hub that died or lost its network in the middle of a transaction must not hold locks.
        ("idle_in_transaction_session_timeout", "15s"),
        ("lock_timeout", "10s"),
        ("tcp_user_timeout", "15s"),
    ]);
    // While the server has trouble, every statement is slow: the readiness says so, once.
    let options = options.log_slow_statements(LevelFilter::Debug, SLOW_STATEMENT);
    let known = Arc::clone(writes);
    Ok(PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .acquire_slow_level(SLOW_ACQUIRE_LEVEL)
        // After a failure only new connections are used: an old one may lead to a server that is
        // now a standby.
        .before_acquire(move |_, connection| {
            let failed_at = known.lock().unwrap_or_else(PoisonError::into_inner).failed_at;
            let is_newer = failed_at.is_none_or(|at| connection.age < at.elapsed());
            Box::pin(async move { Ok(is_newer) })
        })
        .connect_lazy_with(options))
}

async fn open_sqlite(url: &str) -> Result<Sqlite, StoreError> {
    let options = SqliteConnectOptions::from_str(url)?
        .log_slow_statements(LevelFilter::Debug, SLOW_STATEMENT)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a commit survives a power failure, as an acknowledgement promises.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .pragma("cache_size", "-8192")
        .pragma("wal_autocheckpoint", "10000")
        .pragma("journal_size_limit", LOG_MAX_BYTES.to_string())
        .pragma("temp_store", "memory")
        .statement_cache_capacity(200);
    let file = file_of(&options);
    let name = options.get_filename().display();
    let location = match file {
        Some(_) => name.to_string(),
        None => format!("{name}?mode=memory&cache=shared"),
    };
    if let Some(folder) =
        options.get_filename().parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|error| cannot_open(folder, &error))?;
    }
    // Opened now, so that an invalid path is reported at the start.
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .acquire_slow_level(SLOW_ACQUIRE_LEVEL)
        // A file does not disconnect: a test before each use would cost a thread switch.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone())
        .await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .acquire_slow_level(SLOW_ACQUIRE_LEVEL)
        // A file does not disconnect: a test before each use would cost a thread switch.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options);
    let direct = Arc::new(Direct::new(location, ACQUIRE_TIMEOUT));
    Ok(Sqlite { writer, readers, direct, gate: Arc::default(), file })
}

/// Returns the file of a database; `None` in memory.
fn file_of(options: &SqliteConnectOptions) -> Option<PathBuf> {
    // The name of an in-memory database is not that of a file.
    let is_file = !options.get_filename().to_string_lossy().starts_with("file:sqlx-in-memory");
    is_file.then(|| options.get_filename().to_owned())
}

fn cannot_open(folder: &Path, error: &std::io::Error) -> StoreError {
    StoreError::BadUrl(format!("cannot create the folder {}: {error}", folder.display()))
}
