//! Failures of the store.

/// Failure of the store; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Unreachable, too busy or full; the same call may succeed later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The queue of the hub is full; the same call may succeed later.
    #[error("the queue of the store is full")]
    Overloaded,
    /// The statement was refused; the same call will fail again.
    #[error("the store refused: {0}")]
    Refused(String),
    /// A row has an invalid value.
    #[error("a row cannot be read: {0}")]
    Corrupt(String),
    /// The URL is invalid.
    #[error("store.url: {0}")]
    BadUrl(String),
    /// Another hub uses the store.
    #[error("{0}")]
    Locked(String),
    /// Another hub has taken over the work: nothing was changed.
    #[error("another hub has taken over the lease {0:?}")]
    LeaseLost(&'static str),
    /// The schema could not be migrated.
    #[error("the migration failed: {0}")]
    Migration(String),
}

impl StoreError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Overloaded)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match &error {
            sqlx::Error::Database(database) if transient(database.as_ref()) => {
                Self::Unavailable(text)
            }
            sqlx::Error::Database(_) | sqlx::Error::RowNotFound => Self::Refused(text),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_) => Self::Corrupt(text),
            sqlx::Error::Configuration(_) => Self::BadUrl(text),
            sqlx::Error::Migrate(_) => Self::Migration(text),
            // All other errors concern the connection: sockets, pools, protocol, TLS.
            _ => Self::Unavailable(text),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => {
                if super::sqlite::is_transient(failure.extended_code) {
                    Self::Unavailable(text)
                } else {
                    Self::Refused(text)
                }
            }
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::Corrupt(text),
            _ => Self::Refused(text),
        }
    }
}

/// Returns whether a database error is transient.
///
/// PostgreSQL: connection exceptions, a read-only server (25006, after a failover or on a full
/// managed disk), a transaction that was idle for too long (25P03), rollbacks to be retried,
/// insufficient resources, a lock that is not available (55P03), operator intervention (appendix
/// A).
fn transient(error: &dyn sqlx::error::DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return ["08", "25006", "25P03", "40", "53", "55P03", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    super::sqlite::is_transient(code.parse().unwrap_or(0))
}
