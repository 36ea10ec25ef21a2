//! Macros that run one body on either backend.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use sqlx::pool::PoolConnection;
use tokio::time::timeout;

use super::StoreError;

/// Runs one statement that reads, on the pool of the backend. With `unlimited`, PostgreSQL may take
/// longer than a hub would wait, for commands of operators.
macro_rules! on_pool {
    ($store:expr, |$pool:ident| $body:expr) => {
        match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => {
                let $pool = &sqlite.readers;
                $body
            }
            $crate::store::Backend::Postgres(pool) => match pool.acquire().await {
                Ok(mut owned) => {
                    let result = {
                        let $pool = &mut *owned;
                        $crate::store::on::read_within(async { $body }).await
                    };
                    if result.as_ref().is_err_and($crate::store::on::is_timeout) {
                        owned.close_on_drop();
                    }
                    result
                }
                Err(error) => Err(error),
            },
        }
    };
    ($store:expr, unlimited, |$pool:ident| $body:expr) => {
        match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => {
                let $pool = &sqlite.readers;
                $body
            }
            $crate::store::Backend::Postgres($pool) => $body,
        }
    };
}

/// Runs a statement on a writable connection of the backend. The connection is closed if the
/// statement fails in a way that may leave it unusable, and the outcome is recorded for the store's
/// readiness.
macro_rules! on_writer {
    ($store:expr, |$connection:ident| $body:expr) => {{
        $store.admit()?;
        let result = match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => {
                let (_gate, mut owned) = $store.record_failure(sqlite.acquire_writer().await)?;
                let result = {
                    let $connection = &mut *owned;
                    $body
                }
                .map_err($crate::store::StoreError::from);
                $crate::store::on::keep(&mut owned, &result, $crate::store::sqlite::makes_unusable);
                result
            }
            $crate::store::Backend::Postgres(pool) => {
                let mut owned = $store.record_failure(pool.acquire().await)?;
                let result = {
                    let $connection = &mut *owned;
                    let written = async { $body.map_err($crate::store::StoreError::from) };
                    $crate::store::on::within(written).await
                };
                $crate::store::on::keep(
                    &mut owned,
                    &result,
                    $crate::store::postgres::makes_unusable,
                );
                result
            }
        };
        $store.record_outcome(result)
    }};
}

/// Runs a body in a write transaction of the backend; `$db` is the module of the backend. After a
/// failure nothing has changed, and the connection is closed if it may be unusable.
macro_rules! in_transaction {
    ($store:expr, |$db:ident, $tx:ident| $body:expr) => {{
        $store.admit()?;
        let result = match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => {
                use $crate::store::sqlite as $db;
                let (_gate, mut owned) = $store.record_failure(sqlite.acquire_writer().await)?;
                let result = async {
                    let mut $tx = $db::begin_write(&mut owned).await?;
                    let result = $body;
                    $tx.commit().await?;
                    Ok::<_, $crate::store::StoreError>(result)
                }
                .await;
                $crate::store::on::keep(&mut owned, &result, $db::makes_unusable);
                result
            }
            $crate::store::Backend::Postgres(pool) => {
                use $crate::store::postgres as $db;
                let mut owned = $store.record_failure(pool.acquire().await)?;
                let result = $crate::store::on::within(async {
                    let mut $tx = $db::begin_write(&mut owned).await?;
                    let result = $body;
                    $tx.commit().await?;
                    Ok::<_, $crate::store::StoreError>(result)
                })
                .await;
                $crate::store::on::keep(&mut owned, &result, $db::makes_unusable);
                result
            }
        };
        $store.record_outcome(result)?
    }};
}

/// Runs a body in a write transaction that costs no switch of threads on SQLite, for what changes
/// inboxes. Statements are `$db::run!`, `$db::first!` and `$db::rows!`. With `begin_relaxed`, a
/// power failure may undo the commit on SQLite.
macro_rules! in_inbox_transaction {
    ($store:expr, |$db:ident, $tx:ident| $body:expr) => {
        in_inbox_transaction!($store, begin, |$db, $tx| $body)
    };
    ($store:expr, $begin:ident, |$db:ident, $tx:ident| $body:expr) => {{
        $store.admit()?;
        let result = match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => {
                use $crate::store::sqlite as $db;
                #[allow(unused_imports)]
                use $crate::store::sqlite::Statements as _;
                let gate = $store.record_failure(sqlite.lock_gate().await)?;
                async {
                    #[allow(unused_mut)]
                    let mut $tx = sqlite.direct.$begin(gate).await?;
                    let result = $body;
                    $tx.commit()?;
                    Ok::<_, $crate::store::StoreError>(result)
                }
                .await
            }
            $crate::store::Backend::Postgres(pool) => {
                use $crate::store::postgres as $db;
                let mut owned = $store.record_failure(pool.acquire().await)?;
                let result = $crate::store::on::within(async {
                    let mut $tx = $db::begin_write(&mut owned).await?;
                    let result = $body;
                    $tx.commit().await?;
                    Ok::<_, $crate::store::StoreError>(result)
                })
                .await;
                $crate::store::on::keep(&mut owned, &result, $db::makes_unusable);
                result
            }
        };
        $store.record_outcome(result)?
    }};
}

/// Runs a read that costs no switch of threads on SQLite. With `snapshot`, all its statements see
/// one state.
macro_rules! reading {
    ($store:expr, snapshot, |$db:ident, $reader:ident| $body:expr) => {
        match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => reading!(@sqlite sqlite, $db, $reader, $body),
            $crate::store::Backend::Postgres(pool) => {
                use $crate::store::postgres as $db;
                let mut owned = pool.acquire().await?;
                let result = $crate::store::on::within(async {
                    let mut $reader = $db::begin_read(&mut owned).await?;
                    let result = $body;
                    $reader.commit().await?;
                    Ok::<_, $crate::store::StoreError>(result)
                })
                .await;
                $crate::store::on::keep(&mut owned, &result, $db::makes_unusable);
                result?
            }
        }
    };
    ($store:expr, |$db:ident, $reader:ident| $body:expr) => {
        match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => reading!(@sqlite sqlite, $db, $reader, $body),
            $crate::store::Backend::Postgres(pool) => {
                use $crate::store::postgres as $db;
                let mut owned = pool.acquire().await?;
                let result = {
                    let $reader = &mut *owned;
                    $crate::store::on::within(async { $body }).await
                };
                $crate::store::on::keep(&mut owned, &result, $db::makes_unusable);
                result
            }
        }
    };
    (@sqlite $sqlite:ident, $db:ident, $reader:ident, $body:expr) => {{
        use $crate::store::sqlite as $db;
        #[allow(unused_imports)]
        use $crate::store::sqlite::Statements as _;
        let $reader = $sqlite.direct.reader()?;
        $body
    }};
}

/// Runs reads in one snapshot of the backend.
macro_rules! in_snapshot {
    ($store:expr, |$tx:ident| $body:expr) => {
        match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => {
                let mut $tx = sqlite.readers.begin().await?;
                let result = $body;
                $tx.commit().await?;
                result
            }
            $crate::store::Backend::Postgres(pool) => {
                let mut owned = pool.acquire().await?;
                let result = $crate::store::on::within(async {
                    let mut $tx = $crate::store::postgres::begin_read(&mut owned).await?;
                    let result = $body;
                    $tx.commit().await?;
                    Ok::<_, $crate::store::StoreError>(result)
                })
                .await;
                $crate::store::on::keep(
                    &mut owned,
                    &result,
                    $crate::store::postgres::makes_unusable,
                );
                result?
            }
        }
    };
}

/// Time limit for a transaction on a server. Beyond it the connection is given up: the network may
/// have lost it without a word.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns what to say about a server that does not answer in time.
fn no_answer() -> String {
    format!("the server did not answer within {} s", TRANSACTION_TIMEOUT.as_secs())
}

/// Limits the time of a transaction, or of reads.
pub(super) async fn within<T>(
    transaction: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(TRANSACTION_TIMEOUT, transaction)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable(no_answer())))
}

/// Limits the time of one statement that reads.
pub(super) async fn read_within<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(TRANSACTION_TIMEOUT, statement)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(io::Error::new(ErrorKind::TimedOut, no_answer()))))
}

/// Returns whether a read was given up because of its time: its connection must be closed.
pub(super) fn is_timeout(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut)
}

/// Returns a connection to the pool, or closes it after an error that may have left it unusable.
pub(super) fn keep<Db: sqlx::Database, T>(
    connection: &mut PoolConnection<Db>,
    result: &Result<T, StoreError>,
    makes_unusable: fn(&StoreError) -> bool,
) {
    if result.as_ref().is_err_and(makes_unusable) {
        connection.close_on_drop();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_answer_is_given_up() {
        let read = read_within(pending::<Result<(), sqlx::Error>>()).await;
        let error = read.expect_err("nothing was read");
        assert!(is_timeout(&error), "{error}");
        assert!(StoreError::from(error).is_transient());
        assert!(!is_timeout(&sqlx::Error::RowNotFound));
        let written = within(pending::<Result<(), StoreError>>()).await;
        assert!(written.expect_err("nothing was written").is_transient());
    }
}
