//! How a store fails: it is away, or it refused.

/// A failure of the store. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or is too busy or full to answer; the same call may work later.
    #[error("the store is away: {0}")]
    Unavailable(String),
    /// More waits to be stored than the hub may hold; the same call may work later.
    #[error("too much waits to be stored")]
    Overloaded,
    /// It refused this statement; the same call will fail again.
    #[error("the store refused: {0}")]
    Refused(String),
    /// A row holds what the hub never wrote.
    #[error("a row cannot be read: {0}")]
    Corrupt(String),
    /// The address is not one.
    #[error("store.url: {0}")]
    BadUrl(String),
    /// Another hub uses the store.
    #[error("{0}")]
    Locked(String),
    /// The schema could not be brought up to date.
    #[error("the migration failed: {0}")]
    Migration(String),
}

impl StoreError {
    /// Whether the same call may work later.
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
            // Everything else is about the connection: sockets, pools, protocol, TLS.
            _ => Self::Unavailable(text),
        }
    }
}

/// PostgreSQL: connection exceptions, a read-only server (25006, after a failover or on a full managed disk), rollbacks
/// to be tried again, resources, a lock that is not free (55P03), operator intervention (appendix A).
/// SQLite: primary result codes for busy, locked, read-only, interrupted, input and output, full, cannot open.
fn transient(error: &dyn sqlx::error::DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return ["08", "25006", "40", "53", "55P03", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    let primary = code.parse::<i32>().map_or(0, |extended| extended & 0xFF);
    matches!(primary, 5 | 6 | 8 | 9 | 10 | 13 | 14)
}
