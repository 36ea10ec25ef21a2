//! Notification types: table `notification_types`.

mod row;

use row::Row;
use sqlx::postgres::PgListener;

use super::{
    Backend, Store, StoreError,
    audit::{AuditEntry, entered},
    sql_types::{Json, Texts},
};
use crate::domain::{
    catalog::{Origin, TypeRow},
    notification::Timestamp,
};

const ALL: &str = "SELECT code, display_name, template, target_type, target_role, target_users, \
priority, channels, \
     is_active, ttl_seconds, action_url, entity_type, entity_field, mandatory, keep_days, \
     variants, schedule, escalate, group_by, group_window, digest, category, icon, actions, rich, \
     translations, email, origin, updated_at \
     FROM notification_types ORDER BY code";

/// Inserts a row as an administrator.
const MAKE: &str = "INSERT INTO notification_types (code, display_name, template, target_type, \
target_role, \
     target_users, priority, channels, is_active, ttl_seconds, action_url, entity_type, \
     entity_field, updated_at, \
     mandatory, keep_days, variants, schedule, escalate, group_by, group_window, digest, \
     category, icon, actions, rich, translations, email, origin) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
     $20, $21, $22, $23, $24, $25, $26, $27, $28, $29) \
     ON CONFLICT DO NOTHING";

/// Updates a row, unless it has been changed since.
const CHANGE: &str = "UPDATE notification_types SET display_name = $2, template = $3, \
target_type = $4, target_role = $5, \
     target_users = $6, priority = $7, channels = $8, is_active = $9, ttl_seconds = $10, \
     action_url = $11, \
     entity_type = $12, entity_field = $13, updated_at = $14, mandatory = $15, keep_days = $16, \
     variants = $17, schedule = $18, escalate = $19, group_by = $20, group_window = $21, digest = \
     $22, category = $23, icon = $24, actions = $25, rich = $26, translations = $27, email = $28, \
     origin = $29 WHERE code = $1 AND updated_at = $30";

const DROP: &str = "DELETE FROM notification_types WHERE code = $1 AND updated_at = $2";

/// Writes a row of config.toml, unless an administrator has changed it or it is the same.
const FROM_FILE: &str = "INSERT INTO notification_types AS t (code, display_name, template, \
target_type, target_role, \
     target_users, priority, channels, is_active, ttl_seconds, action_url, entity_type, \
     entity_field, origin, updated_at, \
     mandatory, keep_days, variants, schedule, escalate, group_by, group_window, digest, \
     category, icon, actions, rich, translations, email) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'config', $14, $15, $16, \
     $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28) \
     ON CONFLICT (code) DO UPDATE SET display_name = $2, template = $3, target_type = $4, \
     target_role = $5, \
     target_users = $6, priority = $7, channels = $8, is_active = $9, ttl_seconds = $10, \
     action_url = $11, \
     entity_type = $12, entity_field = $13, updated_at = $14, mandatory = $15, keep_days = $16, \
     variants = $17, \
     schedule = $18, escalate = $19, group_by = $20, group_window = $21, digest = $22, \
     category = $23, icon = $24, actions = $25, rich = $26, translations = $27, email = $28 \
     WHERE t.origin = 'config'";

/// Deletes a row that config.toml no longer has, unless an administrator has changed it.
const GONE_FROM_FILE: &str = "DELETE FROM notification_types WHERE code = $1 AND origin = 'config'";

/// Returns whether two rows are equal, except for the time of change.
fn same(a: &TypeRow, b: &TypeRow) -> bool {
    TypeRow { updated_at: b.updated_at, ..a.clone() } == *b
}

/// Binds the columns of a row, `$1` to `$28`.
macro_rules! bound {
    ($query:expr, $row:expr, $now:expr) => {
        $query
            .bind(&$row.code)
            .bind(&$row.display_name)
            .bind(&$row.template)
            .bind(&$row.target_type)
            .bind(&$row.target_role)
            .bind(Texts($row.target_users.iter().map(ToString::to_string).collect()))
            .bind(&$row.priority)
            .bind(Texts::new(&$row.channels))
            .bind($row.is_active)
            .bind($row.ttl_seconds)
            .bind(&$row.action_url)
            .bind($row.entity.as_ref().map(|entity| entity.kind.clone()))
            .bind($row.entity.as_ref().map(|entity| entity.id.clone()))
            .bind($now)
            .bind($row.mandatory)
            .bind($row.keep_days)
            .bind(Json::from(list(&$row.variants)))
            .bind($row.schedule.as_ref().map(|schedule| {
                schedule.as_str().map_or_else(|| schedule.to_string(), str::to_owned)
            }))
            .bind(Json::from(list(&$row.escalate)))
            .bind(&$row.group_by)
            .bind(&$row.group_window)
            .bind(&$row.digest)
            .bind(&$row.category)
            .bind(&$row.icon)
            .bind(Json::from(list(&$row.actions)))
            .bind($row.rich)
            .bind(Json::from(list(&$row.translations)))
            .bind(Json::from(list(&$row.email)))
    };
}

fn list(texts: &impl serde::Serialize) -> String {
    // Lists and maps of strings always serialize.
    serde_json::to_string(texts).unwrap_or_else(|_| "[]".to_owned())
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Config => "config",
        Origin::Admin => "admin",
    }
}

/// Listener for changes of types, by any client of the database.
#[derive(Debug)]
pub struct TypesWatch(Option<PgListener>);

impl TypesWatch {
    /// Waits for a change of types. On SQLite, which has no notifications, it waits forever.
    ///
    /// # Errors
    /// When the connection is lost; then create another listener.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            None => std::future::pending().await,
            Some(listener) => match listener.try_recv().await? {
                Some(_) => Ok(()),
                None => Err(StoreError::Unavailable(
                    "the listener for changes of types is closed".to_owned(),
                )),
            },
        }
    }
}

/// The connection returns to its pool in a task. At shutdown there may be no runtime to spawn it: a
/// panic here would abort the process while it unwinds.
impl Drop for TypesWatch {
    fn drop(&mut self) {
        if tokio::runtime::Handle::try_current().is_err() {
            std::mem::forget(self.0.take());
        }
    }
}

impl Store {
    /// Starts listening for changes of types.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn watch_types(&self) -> Result<TypesWatch, StoreError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(TypesWatch(None)),
            Backend::Postgres(pool) => {
                let mut listener = PgListener::connect_with(pool).await?;
                listener.listen("lonceng_types").await?;
                Ok(TypesWatch(Some(listener)))
            }
        }
    }

    /// Returns all rows of types.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn types(&self) -> Result<Vec<TypeRow>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?;
        Ok(rows.into_iter().map(TypeRow::from).collect())
    }

    /// Writes the types of config.toml to the table; rows changed by an administrator stay. Returns
    /// the number of rows that changed.
    ///
    /// # Errors
    /// When the store is unavailable; the next call completes it.
    pub async fn write_config_types(
        &self,
        types: &[TypeRow],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let table = self.types().await?;
        let known = crate::domain::catalog::by_code(&table);
        let file = crate::domain::catalog::by_code(types);
        let mut changed = 0;
        for row in types {
            if known
                .get(row.code.as_str())
                .is_some_and(|known| known.origin == Origin::Admin || same(row, known))
            {
                continue;
            }
            self.write_config_type(row, now).await?;
            changed += 1;
        }
        for row in table
            .iter()
            .filter(|row| row.origin == Origin::Config && !file.contains_key(row.code.as_str()))
        {
            on_writer!(self, |pool| {
                sqlx::query(GONE_FROM_FILE).bind(&row.code).execute(pool).await.map(drop)
            })?;
            changed += 1;
        }
        Ok(changed)
    }

    async fn write_config_type(&self, row: &TypeRow, now: Timestamp) -> Result<(), StoreError> {
        on_writer!(self, |pool| bound!(sqlx::query(FROM_FILE), row, now)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Creates a type as an administrator. Returns false if the code exists.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn make_type(&self, row: &TypeRow, entry: &AuditEntry) -> Result<bool, StoreError> {
        Ok(in_transaction!(self, |_db, tx| {
            let made = bound!(sqlx::query(MAKE), row, row.updated_at)
                .bind(origin(row.origin))
                .execute(&mut *tx)
                .await?;
            let made = made.rows_affected() > 0;
            if made {
                entered!(entry, tx);
            }
            made
        }))
    }

    /// Changes a type that still equals `before`. Returns whether it did.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn change_type(
        &self,
        row: &TypeRow,
        before: &TypeRow,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        Ok(in_transaction!(self, |_db, tx| {
            let changed = bound!(sqlx::query(CHANGE), row, row.updated_at)
                .bind(origin(row.origin))
                .bind(before.updated_at)
                .execute(&mut *tx)
                .await?;
            let changed = changed.rows_affected() > 0;
            if changed {
                entered!(entry, tx);
            }
            changed
        }))
    }

    /// Deletes a type that still equals `before`. Returns whether it did.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn drop_type(
        &self,
        before: &TypeRow,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        Ok(in_transaction!(self, |_db, tx| {
            let dropped = sqlx::query(DROP)
                .bind(&before.code)
                .bind(before.updated_at)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if dropped > 0 {
                entered!(entry, tx);
            }
            dropped > 0
        }))
    }
}
