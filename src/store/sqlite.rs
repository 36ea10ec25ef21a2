//! Statements specific to SQLite: bulk inserts by multi-row VALUES.
//!
//! Rows are inserted in groups of a few fixed sizes, so that the statements are few and stay
//! prepared.

use std::sync::LazyLock;

use std::collections::HashSet;

use serde_json::json;
use sqlx::{Connection as _, QueryBuilder, Sqlite as Db, SqliteConnection, Transaction};

use super::{
    Fence, Sqlite, StoreError,
    columns::{column_names, notification_columns},
    commit::stored_metadata,
    rows::{InboxRow, notification_selection},
    sweep::again,
};
use crate::domain::{
    inbox::{InboxState, RevisionStep},
    notification::{Notification, Timestamp},
    user::UserId,
};

/// Sizes of the groups, largest first. 24 columns times 256 rows stays below SQLite's 32,766
/// parameters.
const GROUPS: [usize; 5] = [256, 64, 16, 4, 1];

/// Begins a write transaction. IMMEDIATE: no read snapshot is taken first, so the transaction
/// cannot fail as stale.
pub(super) async fn begin_write(
    writer: &mut SqliteConnection,
) -> Result<Transaction<'_, Db>, StoreError> {
    Ok(writer.begin_with("BEGIN IMMEDIATE").await?)
}

/// Succeeds: one hub at a time uses a file, so it holds every lease.
#[expect(clippy::unused_async, reason = "PostgreSQL has the same function")]
pub(super) async fn hold_lease(_: &mut SqliteConnection, _: &Fence) -> Result<(), StoreError> {
    Ok(())
}

/// Returns whether a connection must not be used after this error. SQLite may have rolled the
/// transaction back by itself (disk full, I/O error, no memory), and sqlx then counts a transaction
/// that no longer exists; so a connection is not used after any error.
pub(super) fn makes_unusable(_: &StoreError) -> bool {
    true
}

/// Begins a read transaction with one snapshot.
pub(super) async fn begin_read(sqlite: &Sqlite) -> Result<Transaction<'static, Db>, StoreError> {
    Ok(sqlite.readers.begin().await?)
}

/// Selects an inbox for a change. SQLite has a single writer, so no lock is needed.
pub(super) const LOCK_INBOX: &str =
    "SELECT user_id, revision, unread, unseen FROM inboxes WHERE user_id = $1";

/// Selects users by a JSON list of IDs.
pub(super) const USERS_BY_ID: &str = "SELECT user_id, login, name, email, roles, locale, \
timezone FROM users \
                                      WHERE user_id IN (SELECT value FROM json_each($1))";

/// Selects inboxes by a JSON list of users.
pub(super) const INBOXES_BY_ID: &str = "SELECT user_id, revision, unread, unseen FROM inboxes \
WHERE user_id IN (SELECT value FROM json_each($1))";

/// Selects inboxes by a JSON list of users, for a change.
pub(super) const LOCK_INBOXES: &str = INBOXES_BY_ID;

/// Selects notifications by a JSON list of IDs.
pub(super) const NOTIFICATIONS_BY_ID: &str = again!("SELECT value FROM json_each($1)");

/// Sets states from a JSON list of `{id, status, revision}`.
pub(super) const ENTER_ALL: &str = "UPDATE notifications SET status = e.value ->> 'status', \
     revision = e.value ->> 'revision' FROM json_each($1) AS e WHERE notification_id = e.value \
     ->> 'id'";

/// Removes the content of tombstones by a JSON list of IDs; `$2` is now.
pub(super) const BLANK_ALL: &str = "UPDATE notifications SET title = '', message = '', metadata \
= '{}', \
     metadata_id = NULL, action_url = NULL, deleted_at = $2 WHERE notification_id IN (SELECT \
     value FROM json_each($1))";

/// Sets the highest purged revisions from a JSON list of `{user, revision}`.
pub(super) const SET_PURGED: &str = "UPDATE inboxes SET purged_revision = MAX(purged_revision, \
e.value ->> 'revision') \
     FROM json_each($1) AS e WHERE user_id = e.value ->> 'user'";

/// Deletes tombstones by a JSON list of IDs.
pub(super) const DROP_TOMBSTONES: &str = "DELETE FROM notifications WHERE status = 'deleted' \
     AND notification_id IN (SELECT value FROM json_each($1))";

/// Deletes shared metadata that no notification refers to.
pub(super) async fn drop_unused_metadata(
    connection: &mut SqliteConnection,
    ids: &[String],
) -> Result<(), StoreError> {
    if !ids.is_empty() {
        let sql = "DELETE FROM shared_metadata WHERE id IN (SELECT value FROM json_each($1)) \
             AND NOT EXISTS (SELECT 1 FROM notifications WHERE metadata_id = shared_metadata.id)";
        sqlx::query(sql).bind(json!(ids).to_string()).execute(connection).await?;
    }
    Ok(())
}

/// Selects preferences by a JSON list of users.
pub(super) const PREFERENCES_BY_ID: &str = "SELECT user_id, preferences FROM \
user_notification_preferences \
     WHERE user_id IN (SELECT value FROM json_each($1))";

/// Splits items into groups of the fixed sizes.
fn groups<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = GROUPS.into_iter().find(|size| *size <= items.len())?;
        let (group, rest) = items.split_at(size);
        items = rest;
        Some(group)
    })
}

pub(super) async fn insert_identities(
    connection: &mut SqliteConnection,
    identities: &[&str],
    now: Timestamp,
) -> Result<HashSet<String>, StoreError> {
    let mut fresh = HashSet::with_capacity(identities.len());
    for group in groups(identities) {
        let mut query =
            QueryBuilder::<Db>::new("INSERT INTO event_identities (identity, seen_at) ");
        query.push_values(group, |mut row, identity| {
            row.push_bind(*identity).push_bind(now.0);
        });
        query.push(" ON CONFLICT DO NOTHING RETURNING identity");
        fresh.extend(query.build_query_scalar::<String>().fetch_all(&mut *connection).await?);
    }
    Ok(fresh)
}

pub(super) async fn raise_inboxes(
    connection: &mut SqliteConnection,
    counts: &[(&str, i64)],
) -> Result<Vec<(String, InboxState)>, StoreError> {
    let mut raised = Vec::with_capacity(counts.len());
    for group in groups(counts) {
        let mut query =
            QueryBuilder::<Db>::new("INSERT INTO inboxes (user_id, revision, unread, unseen) ");
        query.push_values(group, |mut row, (user, count)| {
            row.push_bind(*user).push_bind(*count).push_bind(*count).push_bind(*count);
        });
        query.push(
            " ON CONFLICT (user_id) DO UPDATE SET revision = revision + excluded.revision, \
             unread = unread + excluded.unread, unseen = unseen + excluded.unseen RETURNING \
             user_id, revision, unread, unseen",
        );
        let rows = query.build_query_as::<InboxRow>().fetch_all(&mut *connection).await?;
        raised.extend(rows.into_iter().map(|row| (row.user_id.clone(), row.into())));
    }
    Ok(raised)
}

/// Beginning of the statement that inserts notifications.
static INSERT_NOTIFICATIONS: LazyLock<String> = LazyLock::new(|| {
    let names = notification_columns!(column_names, n).join(", ");
    format!("INSERT INTO notifications ({names}) ")
});

/// Binds the columns of one notification.
macro_rules! bind_row {
    ($n:ident, [$row:expr], $(($name:ident, $value:expr)),*) => {
        {$($row.push_bind($value);)*}
    };
}

pub(super) async fn insert_notifications(
    connection: &mut SqliteConnection,
    notifications: &[(Notification, RevisionStep)],
) -> Result<(), StoreError> {
    for group in groups(notifications) {
        let mut query = QueryBuilder::<Db>::new(&*INSERT_NOTIFICATIONS);
        query.push_values(group, |mut row, (n, _)| notification_columns!(bind_row, n, row));
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn groups_cover_every_item_once_in_order(count in 0_usize..2_000) {
            let items: Vec<usize> = (0..count).collect();
            let covered: Vec<usize> = groups(&items).flatten().copied().collect();
            prop_assert_eq!(covered, items.clone());
            prop_assert!(groups(&items).all(|group| GROUPS.contains(&group.len())));
        }
    }
}
