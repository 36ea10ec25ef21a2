//! Statements specific to PostgreSQL: bulk inserts by UNNEST of one array per column.

use std::collections::HashSet;

use sqlx::{Connection as _, PgConnection, PgPool, Postgres as Db, Transaction};

use super::{
    StoreError,
    commit::stored_metadata,
    rows::{InboxRow, notification_columns, notification_selection},
    sweep::again,
};
use crate::domain::{
    inbox::{InboxState, RevisionStep},
    notification::{Notification, Timestamp},
};

/// Begins a write transaction. READ COMMITTED: each statement sees earlier commits, and the first
/// one locks the inbox's row.
pub(super) async fn begin_write(
    connection: &mut PgConnection,
) -> Result<Transaction<'_, Db>, StoreError> {
    Ok(connection.begin().await?)
}

/// Returns whether a connection must not be used after this error: it may lead to a server that has
/// become a standby, and a new one leads to the primary.
pub(super) fn spoils(error: &StoreError) -> bool {
    error.is_transient()
}

/// Begins a read transaction with one snapshot.
pub(super) async fn begin_read(pool: &PgPool) -> Result<Transaction<'static, Db>, StoreError> {
    Ok(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}

pub(super) const LOCK_INBOX: &str =
    "SELECT user_id, revision, unread, unseen FROM inboxes WHERE user_id = $1 FOR UPDATE";

/// Selects users by a JSON list of IDs.
pub(super) const USERS_BY_ID: &str = "SELECT user_id, login, name, email, roles, locale, timezone FROM users \
                                      WHERE user_id IN (SELECT json_array_elements_text($1::json))";

/// Selects inboxes by a JSON list of users.
pub(super) const INBOXES_BY_ID: &str = "SELECT user_id, revision, unread, unseen FROM inboxes WHERE user_id IN (SELECT json_array_elements_text($1::json))";

/// Locks inboxes by a JSON list of users, in the order in which commits lock them.
pub(super) const LOCK_INBOXES: &str = "SELECT user_id, revision, unread, unseen FROM inboxes \
     WHERE user_id IN (SELECT json_array_elements_text($1::json)) ORDER BY user_id COLLATE \"C\" FOR UPDATE";

/// Selects notifications by a JSON list of IDs.
pub(super) const NOTIFICATIONS_BY_ID: &str = again!("SELECT json_array_elements_text($1::json)");

/// Sets states from a JSON list of `{id, status, revision}`.
pub(super) const ENTER_ALL: &str = "UPDATE notifications SET status = e.status, revision = e.revision \
     FROM json_to_recordset($1::json) AS e (id text, status text, revision bigint) WHERE notification_id = e.id";

/// Removes the content of tombstones by a JSON list of IDs; `$2` is now.
pub(super) const BLANK_ALL: &str = "UPDATE notifications SET title = '', message = '', metadata = '{}', \
     metadata_id = NULL, action_url = NULL, deleted_at = $2 \
     WHERE notification_id IN (SELECT json_array_elements_text($1::json))";

/// Sets the highest purged revisions from a JSON list of `{user, revision}`.
pub(super) const SET_PURGED: &str = "UPDATE inboxes SET purged_revision = GREATEST(purged_revision, e.revision) \
     FROM json_to_recordset($1::json) AS e (\"user\" text, revision bigint) WHERE user_id = e.\"user\"";

/// Deletes tombstones by a JSON list of IDs.
pub(super) const DROP_TOMBSTONES: &str = "DELETE FROM notifications WHERE status = 'deleted' \
     AND notification_id IN (SELECT json_array_elements_text($1::json))";

/// Deletes unused shared metadata. The rows are locked first: of two transactions that delete the
/// last two notifications, the second sees the effect of the first.
pub(super) async fn drop_unused_metadata(
    connection: &mut PgConnection,
    ids: &[String],
) -> Result<(), StoreError> {
    if !ids.is_empty() {
        sqlx::query("SELECT id FROM shared_metadata WHERE id = ANY($1) ORDER BY id FOR UPDATE")
            .bind(ids)
            .execute(&mut *connection)
            .await?;
        let sql = "DELETE FROM shared_metadata WHERE id = ANY($1) \
             AND NOT EXISTS (SELECT 1 FROM notifications WHERE metadata_id = shared_metadata.id)";
        sqlx::query(sql).bind(ids).execute(connection).await?;
    }
    Ok(())
}

/// Selects preferences by a JSON list of users.
pub(super) const PREFERENCES_BY_ID: &str = "SELECT user_id, preferences FROM user_notification_preferences \
     WHERE user_id IN (SELECT json_array_elements_text($1::json))";

pub(super) async fn insert_identities(
    connection: &mut PgConnection,
    identities: &[&str],
    now: Timestamp,
) -> Result<HashSet<String>, StoreError> {
    if identities.is_empty() {
        return Ok(HashSet::new());
    }
    let fresh: Vec<String> = sqlx::query_scalar(
        "INSERT INTO event_identities (identity, seen_at) SELECT identity, $2 FROM UNNEST($1::text[]) AS identity \
         ON CONFLICT DO NOTHING RETURNING identity",
    )
    .bind(identities)
    .bind(now.0)
    .fetch_all(connection)
    .await?;
    Ok(fresh.into_iter().collect())
}

pub(super) async fn raise_inboxes(
    connection: &mut PgConnection,
    counts: &[(&str, i64)],
) -> Result<Vec<(String, InboxState)>, StoreError> {
    if counts.is_empty() {
        return Ok(Vec::new());
    }
    let (users, numbers): (Vec<&str>, Vec<i64>) = counts.iter().copied().unzip();
    let rows: Vec<InboxRow> = sqlx::query_as(
        "INSERT INTO inboxes AS i (user_id, revision, unread, unseen) \
         SELECT user_id, count, count, count FROM UNNEST($1::text[], $2::bigint[]) AS new (user_id, count) \
         ON CONFLICT (user_id) DO UPDATE SET revision = i.revision + excluded.revision, \
         unread = i.unread + excluded.unread, unseen = i.unseen + excluded.unseen RETURNING user_id, revision, unread, unseen",
    )
    .bind(users)
    .bind(numbers)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.user_id.clone(), row.into())).collect())
}

pub(super) async fn insert_notifications(
    connection: &mut PgConnection,
    notifications: &[(Notification, RevisionStep)],
) -> Result<(), StoreError> {
    if notifications.is_empty() {
        return Ok(());
    }
    let all = || notifications.iter().map(|(notification, _)| notification);
    sqlx::query(concat!(
        "INSERT INTO notifications (",
        notification_columns!(),
        ") SELECT * FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], \
         $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], \
         $16::bigint[], $17::bigint[], $18::text[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::text[], \
         $24::text[])"
    ))
    .bind(all().map(|n| n.notification_id.to_string()).collect::<Vec<_>>())
    .bind(all().map(|n| n.user_id.as_str()).collect::<Vec<_>>())
    .bind(all().map(|n| n.seq).collect::<Vec<_>>())
    .bind(all().map(|n| n.revision).collect::<Vec<_>>())
    .bind(all().map(|n| n.type_code.as_str()).collect::<Vec<_>>())
    .bind(all().map(|n| n.title.as_str()).collect::<Vec<_>>())
    .bind(all().map(|n| n.message.as_str()).collect::<Vec<_>>())
    .bind(all().map(|n| n.priority.as_str()).collect::<Vec<_>>())
    .bind(all().map(|n| n.source.as_deref()).collect::<Vec<_>>())
    .bind(all().map(|n| n.actor_id.as_ref().map(super::super::domain::user::UserId::as_str)).collect::<Vec<_>>())
    .bind(all().map(|n| n.entity_type.as_deref()).collect::<Vec<_>>())
    .bind(all().map(|n| n.entity_id.as_deref()).collect::<Vec<_>>())
    .bind(all().map(|n| n.action_url.as_deref()).collect::<Vec<_>>())
    .bind(all().map(stored_metadata).collect::<Vec<_>>())
    .bind(all().map(|n| n.count).collect::<Vec<_>>())
    .bind(all().map(|n| n.created_at.0).collect::<Vec<_>>())
    .bind(all().map(|n| n.expires_at.map(|time| time.0)).collect::<Vec<_>>())
    .bind(all().map(|n| n.status.as_str()).collect::<Vec<_>>())
    .bind(all().map(|n| n.read_at.map(|time| time.0)).collect::<Vec<_>>())
    .bind(all().map(|n| n.seen_at.map(|time| time.0)).collect::<Vec<_>>())
    .bind(all().map(|n| n.keep_until.map(|time| time.0)).collect::<Vec<_>>())
    .bind(all().map(|n| n.clicked_at.map(|time| time.0)).collect::<Vec<_>>())
    .bind(all().map(|n| n.variant.as_deref()).collect::<Vec<_>>())
    .bind(all().map(|n| n.metadata_id.as_deref()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
