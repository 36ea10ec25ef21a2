//! Case folding for searches: `LOWER` of SQLite knows only ASCII.

use rusqlite::{Connection, functions::FunctionFlags};

/// Folds a text, so that two that differ only in case are equal, in all of Unicode. Upper case,
/// because letters that have no counterpart of their own, such as `ß` and `ς`, have one there.
pub(in crate::store) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    text.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase).collect()
}

/// Defines `fold_case(TEXT)` on a connection.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function("fold_case", 1, flags, |call| Ok(folded(call.get_raw(0).as_str()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_only_in_case_are_folded_to_the_same() {
        for (one, other) in [
            ("Refund", "rEFUND"),
            ("ÉCOLE", "école"),
            ("Привет", "ПРИВЕТ"),
            ("ΟΔΟΣ", "οδος"),
            ("Straße", "STRASSE"),
            ("ẞ", "ß"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("é"), folded("e"), "an accent is no case");
    }

    #[test]
    fn statements_can_fold() {
        let connection = Connection::open_in_memory().expect("memory");
        register(&connection).expect("a new function");
        let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
        assert_eq!(text("SELECT fold_case('Größe')").as_deref(), Ok("GRÖSSE"));
    }
}
