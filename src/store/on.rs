//! Running one body on whichever database is there.

/// Runs the same expression on either backend's pool: `readers` or `writer`, which PostgreSQL does not tell apart.
macro_rules! on_pool {
    ($store:expr, $which:ident, |$pool:ident| $body:expr) => {
        match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => {
                let $pool = &sqlite.$which;
                $body
            }
            $crate::store::Backend::Postgres($pool) => $body,
        }
    };
}

/// Runs the same body in a transaction of either backend; `$db` is the module with what differs. `$begin` is a function
/// of that module.
macro_rules! in_transaction {
    ($store:expr, $begin:ident, |$db:ident, $tx:ident| $body:expr) => {
        match &$store.backend {
            $crate::store::Backend::Sqlite(sqlite) => {
                use $crate::store::sqlite as $db;
                let mut $tx = $db::$begin(sqlite).await?;
                let result = $body;
                $tx.commit().await?;
                result
            }
            $crate::store::Backend::Postgres(pool) => {
                use $crate::store::postgres as $db;
                let mut $tx = $db::$begin(pool).await?;
                let result = $body;
                $tx.commit().await?;
                result
            }
        }
    };
}

/// The pattern for LIKE, with `\\` to escape, that finds a text wherever it stands; empty for an empty one.
pub(super) fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    if pattern.is_empty() { pattern } else { format!("%{pattern}%") }
}

pub(super) use {in_transaction, on_pool};
