//! Hash partitions of the notifications, by user.
//!
//! Migrations create a plain table. In a new store it is still empty, and is replaced by a
//! partitioned one with the same columns and indexes, to which later migrations apply as well.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::store::StoreError;

/// Key of the lock that one hub at a time holds while it partitions a store.
const LOCK: i64 = 0x006c_6f6e_6365_6e67;

const COUNT: &str = "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'notifications'::regclass";

/// Selects whether a store is new: its first hub sets the epoch after the migrations.
const IS_NEW: &str = "SELECT NOT EXISTS (SELECT 1 FROM meta WHERE key = 'epoch') AND NOT EXISTS \
     (SELECT 1 FROM notifications)";

/// Selects the statements that create the indexes of the table, apart from the primary key.
const INDEXES: &str = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = \
     'notifications'::regclass AND NOT indisprimary";

const RENAME: &str = "ALTER TABLE notifications RENAME TO notifications_plain";

const CREATE: &str = "CREATE TABLE notifications (LIKE notifications_plain INCLUDING DEFAULTS \
     INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMMENTS) PARTITION BY HASH (user_id)";

const DROP: &str = "DROP TABLE notifications_plain";

/// Adds the primary key. A unique index of a partitioned table has to contain the column that it is
/// partitioned by; with the ID first it serves lookups by ID, too.
const PRIMARY_KEY: &str = "ALTER TABLE notifications ADD PRIMARY KEY (notification_id, user_id)";

/// Partitions the notifications of a new store. Returns the number of partitions that the store
/// has, 0 for a plain table.
///
/// # Errors
/// When the store is unavailable or refuses; then nothing has changed.
pub(in crate::store) async fn partition(
    connection: &mut PgConnection,
    partitions: u32,
) -> Result<u32, StoreError> {
    let mut tx = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    let count: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *tx).await?;
    let is_new: bool = sqlx::query_scalar(IS_NEW).fetch_one(&mut *tx).await?;
    if partitions == 0 || count > 0 || !is_new {
        return Ok(u32::try_from(count).unwrap_or(u32::MAX));
    }
    let indexes: Vec<String> = sqlx::query_scalar(INDEXES).fetch_all(&mut *tx).await?;
    for sql in [RENAME, CREATE, DROP, PRIMARY_KEY] {
        sqlx::query(sql).execute(&mut *tx).await?;
    }
    for sql in indexes {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    }
    for number in 0..partitions {
        let sql = format!(
            "CREATE TABLE notifications_p{number} PARTITION OF notifications FOR VALUES WITH \
             (MODULUS {partitions}, REMAINDER {number})"
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(partitions)
}
