//! Backup of a SQLite store while a hub uses it.

use std::path::Path;

use super::{Backend, Store, StoreError};

impl Store {
    /// Writes a consistent copy of a SQLite store to a new file, while hubs go on. Returns false
    /// for PostgreSQL, which has its own tools.
    ///
    /// # Errors
    /// When the file exists already or cannot be written.
    pub async fn backup(&self, file: &Path) -> Result<bool, StoreError> {
        let Backend::Sqlite(sqlite) = &self.backend else { return Ok(false) };
        // VACUUM INTO reads one snapshot, and syncs the new file
        // (https://sqlite.org/lang_vacuum.html#vacuuminto).
        sqlx::query("VACUUM INTO $1")
            .bind(file.display().to_string())
            .execute(&sqlite.readers)
            .await?;
        Ok(true)
    }
}
