//! State of the database itself: product, schema, clock.

use sqlx::{Connection as _, PgConnection};

use super::{Backend, Kind, Store, StoreError};
use crate::domain::notification::Timestamp;

/// Database behind a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// Product and version, such as `PostgreSQL 15.3`.
    pub product: String,
    /// True if it refuses writes, as a standby does.
    pub is_read_only: bool,
    /// Time of its clock; `None` for a file.
    pub now: Option<Timestamp>,
}

/// Difference between the schema of a store and that of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaState {
    /// Number of migrations that the store does not have yet.
    pub missing: usize,
    /// Number of migrations that only a newer version knows.
    pub unknown: usize,
}

const POSTGRES: &str = "SELECT current_setting('server_version'), \
     current_setting('transaction_read_only') = 'on', clock_timestamp()";

impl Store {
    /// Opens a store that answers. The pool of [`Store::open`] would try again for some seconds,
    /// and forget why it failed.
    ///
    /// # Errors
    /// When the store does not answer, with the reason.
    pub async fn open_now(url: &str) -> Result<Self, StoreError> {
        if Kind::of_url(url) == Some(Kind::Postgres) {
            PgConnection::connect(url).await?.close().await?;
        }
        Self::open(url).await
    }

    /// Asks the database for its version and clock.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn info(&self) -> Result<StoreInfo, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => {
                let sql = "SELECT sqlite_version()";
                let version: String = sqlx::query_scalar(sql).fetch_one(&sqlite.readers).await?;
                let product = format!("SQLite {version}");
                Ok(StoreInfo { product, is_read_only: false, now: None })
            }
            Backend::Postgres(pool) => {
                let (version, is_read_only, now): (String, bool, Timestamp) =
                    sqlx::query_as(POSTGRES).fetch_one(pool).await?;
                // A distribution adds its own version.
                let version = version.split(' ').next().unwrap_or_default();
                let product = format!("PostgreSQL {version}");
                Ok(StoreInfo { product, is_read_only, now: Some(now) })
            }
        }
    }

    /// Compares the schema of the store with that of this version.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn schema(&self) -> Result<SchemaState, StoreError> {
        let exists = self.has_table("_sqlx_migrations").await?;
        let mut applied: Vec<i64> = Vec::new();
        if exists {
            let sql = "SELECT version FROM _sqlx_migrations WHERE success";
            applied = on_pool!(self, |pool| sqlx::query_scalar(sql).fetch_all(pool).await)?;
        }
        let known = self.migrations();
        Ok(SchemaState {
            missing: known.iter().filter(|version| !applied.contains(version)).count(),
            unknown: applied.iter().filter(|version| !known.contains(version)).count(),
        })
    }

    /// Returns whether the store has the table of the outbox.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn has_outbox(&self) -> Result<bool, StoreError> {
        self.has_table("lonceng_outbox").await
    }

    async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let count: i64 = match &self.backend {
            Backend::Sqlite(sqlite) => {
                let sql = "SELECT COUNT(*) FROM sqlite_master WHERE name = $1";
                sqlx::query_scalar(sql).bind(name).fetch_one(&sqlite.readers).await?
            }
            Backend::Postgres(pool) => {
                let sql = "SELECT COUNT(to_regclass($1))";
                sqlx::query_scalar(sql).bind(name).fetch_one(pool).await?
            }
        };
        Ok(count > 0)
    }
}
