//! Statements specific to PostgreSQL: bulk inserts by UNNEST of one array per column.

mod activity;
pub(super) mod commit;
mod directory;
pub(super) mod partitions;

use std::sync::LazyLock;

use std::collections::HashSet;

use futures_util::{Stream, TryStreamExt as _};
use sqlx::{
    Connection as _, FromRow as _, PgConnection, Postgres as Db, Row as _, Transaction,
    postgres::PgRow,
};

use super::{
    Fence, StoreError,
    columns::{column_names, notification_columns},
    deliveries::{DeliveryOutcome, DeliveryRow},
    planned::{stored_actors, stored_metadata, stored_presentation},
    rows::{InboxRow, NotificationRow, RowsOfPage, notification_selection},
    sql_types::{Id, Json},
    sweep::again,
};
use crate::domain::{
    inbox::{InboxState, RevisionStep},
    notification::{Notification, Timestamp},
    user::UserId,
};

pub(super) use activity::insert_activity;
pub(super) use directory::merge_people;

/// Runs a statement. Returns the number of changed rows.
macro_rules! run {
    ($on:expr, $sql:expr $(, $parameter:expr)* $(,)?) => {
        sqlx::query($sql)
            $(.bind($parameter))*
            .execute(&mut *$on)
            .await
            .map(|done| done.rows_affected())
            .map_err($crate::store::StoreError::from)
    };
}

/// Returns the first row.
macro_rules! first {
    ($on:expr, $row:ty, $sql:expr $(, $parameter:expr)* $(,)?) => {
        sqlx::query_as::<_, $row>($sql)
            $(.bind($parameter))*
            .fetch_optional(&mut *$on)
            .await
            .map_err($crate::store::StoreError::from)
    };
}

/// Returns all rows.
macro_rules! rows {
    ($on:expr, $row:ty, $sql:expr $(, $parameter:expr)* $(,)?) => {
        sqlx::query_as::<_, $row>($sql)
            $(.bind($parameter))*
            .fetch_all(&mut *$on)
            .await
            .map_err($crate::store::StoreError::from)
    };
}

/// Returns a page of notifications, and whether none follows.
macro_rules! page {
    ($on:expr, $page:expr, $sql:expr $(, $parameter:expr)* $(,)?) => {
        $crate::store::postgres::fill(
            $page,
            sqlx::query_as($sql)$(.bind($parameter))*.fetch(&mut *$on),
        )
        .await
    };
}
pub(super) use {first, page, rows, run};

/// Adds rows to a page while they fit.
pub(super) async fn fill(
    mut page: RowsOfPage,
    mut rows: impl Stream<Item = Result<NotificationRow, sqlx::Error>> + Unpin,
) -> Result<(Vec<NotificationRow>, bool), StoreError> {
    while let Some(row) = rows.try_next().await? {
        if !page.add(row) {
            break;
        }
    }
    Ok(page.finish())
}

/// Adds rows to a page while they fit, and reads the state of the inbox, which every row has.
pub(super) async fn fill_with_inbox(
    mut page: RowsOfPage,
    mut rows: impl Stream<Item = Result<PgRow, sqlx::Error>> + Unpin,
) -> Result<(InboxState, (Vec<NotificationRow>, bool)), StoreError> {
    let mut inbox = InboxState::default();
    while let Some(row) = rows.try_next().await? {
        let number = |name| row.try_get::<Option<i64>, _>(name).map(Option::unwrap_or_default);
        inbox = InboxState {
            revision: number("inbox_revision")?,
            unread: number("inbox_unread")?,
            unseen: number("inbox_unseen")?,
        };
        let is_empty = row.try_get::<Option<Id>, _>("notification_id")?.is_none();
        if is_empty || !page.add(NotificationRow::from_row(&row)?) {
            break;
        }
    }
    Ok((inbox, page.finish()))
}

/// Begins a write transaction. READ COMMITTED: each statement sees earlier commits, and the first
/// one locks the inbox's row.
pub(super) async fn begin_write(
    connection: &mut PgConnection,
) -> Result<Transaction<'_, Db>, StoreError> {
    Ok(connection.begin().await?)
}

/// Locks a lease that must still be held, until the end of the transaction. A fenced write with the
/// token of an earlier holder changes nothing.
pub(super) async fn hold_lease(
    connection: &mut PgConnection,
    fence: &Fence,
) -> Result<(), StoreError> {
    let Some(token) = fence.token else { return Ok(()) };
    let held: Option<i64> = sqlx::query_scalar(
        "SELECT token FROM leases WHERE name = $1 AND token = $2 AND expires_at > \
         (extract(epoch FROM clock_timestamp()) * 1000)::bigint FOR SHARE",
    )
    .bind(fence.name)
    .bind(token)
    .fetch_optional(connection)
    .await?;
    held.map(drop).ok_or(StoreError::LeaseLost(fence.name))
}

/// Returns whether a connection must not be used after this error: it may lead to a server that has
/// become a standby, and a new one leads to the primary.
pub(super) fn makes_unusable(error: &StoreError) -> bool {
    error.is_transient()
}

/// Begins a read transaction with one snapshot.
pub(super) async fn begin_read(
    connection: &mut PgConnection,
) -> Result<Transaction<'_, Db>, StoreError> {
    Ok(connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}

pub(super) const LOCK_INBOX: &str =
    "SELECT user_id, revision, unread, unseen FROM inboxes WHERE user_id = $1 FOR UPDATE";

/// Selects users by a JSON list of IDs.
pub(super) const USERS_BY_ID: &str = "SELECT user_id, login, name, email, roles, locale, \
timezone, email_verified, addresses FROM users \
     WHERE user_id = ANY(ARRAY(SELECT json_array_elements_text($1::json)))";

/// Selects users and their preferences by a JSON list of IDs.
pub(super) const RECIPIENTS: &str = "SELECT i.value AS recipient, u.user_id, u.login, u.name, \
     u.email, u.roles, u.locale, u.timezone, u.email_verified, u.addresses, p.preferences FROM \
     UNNEST(ARRAY(SELECT json_array_elements_text($1::json))) AS i (value) LEFT JOIN users u ON \
     u.user_id = i.value LEFT JOIN \
     user_notification_preferences p ON \
     p.user_id = i.value";

/// Selects inboxes by a JSON list of users.
pub(super) const INBOXES_BY_ID: &str = "SELECT user_id, revision, unread, unseen FROM inboxes \
WHERE user_id = ANY(ARRAY(SELECT json_array_elements_text($1::json)))";

/// Locks inboxes by a JSON list of users, in the order in which commits lock them.
pub(super) const LOCK_INBOXES: &str = "SELECT user_id, revision, unread, unseen FROM inboxes \
     WHERE user_id = ANY(ARRAY(SELECT json_array_elements_text($1::json))) \
     ORDER BY user_id COLLATE \"C\" FOR UPDATE";

/// Selects notifications by a JSON list of IDs.
pub(super) const NOTIFICATIONS_BY_ID: &str =
    again!("SELECT json_array_elements_text($1::json)::uuid");

/// Sets states from a JSON list of `{id, status, revision}`; `$2` is now.
pub(super) const ENTER_ALL: &str = "UPDATE notifications SET status = e.status, revision = \
e.revision, snoozed_until = NULL, seen_at = CASE WHEN e.status = 'unread' THEN NULL ELSE seen_at \
     END, read_at = CASE WHEN e.status = 'unread' THEN NULL ELSE read_at END, changed_at = $2 \
     FROM json_to_recordset($1::json) AS e (id uuid, status text, revision bigint) WHERE \
     notification_id = e.id";

/// Removes the content of tombstones by a JSON list of IDs; `$2` is now.
pub(super) const BLANK_ALL: &str = "UPDATE notifications SET title = '', message = '', metadata \
= '{}', \
     metadata_id = NULL, action_url = NULL, actors = NULL, category = NULL, \
     presentation = NULL, deleted_at = $2 \
     WHERE notification_id = ANY(ARRAY(SELECT json_array_elements_text($1::json)::uuid))";

/// Drops the events of the groups of notifications that are gone, by a JSON list of IDs.
pub(super) const DROP_GROUPS: &str = "DELETE FROM group_members WHERE notification_id IN \
     (SELECT json_array_elements_text($1::json)::uuid) AND NOT EXISTS (SELECT 1 FROM \
     notifications n WHERE n.user_id = group_members.user_id AND n.notification_id = \
     group_members.notification_id AND n.status <> 'deleted')";

/// Sets the highest purged revisions from a JSON list of `{user, revision}`.
pub(super) const SET_PURGED: &str = "UPDATE inboxes SET purged_revision = \
GREATEST(purged_revision, e.revision) \
     FROM json_to_recordset($1::json) AS e (\"user\" text, revision bigint) WHERE user_id = \
     e.\"user\"";

/// Deletes tombstones by a JSON list of IDs.
pub(super) const DROP_TOMBSTONES: &str = "DELETE FROM notifications WHERE status = 'deleted' \
     AND notification_id = ANY(ARRAY(SELECT json_array_elements_text($1::json)::uuid))";

/// Deletes notifications by a JSON list of `{user, id, revision}`, if they have this revision.
pub(super) const REMOVE_ARCHIVED: &str = "DELETE FROM notifications n USING \
     json_to_recordset($1::json) AS e (\"user\" text, id uuid, revision bigint) WHERE n.user_id = \
     e.\"user\" AND n.notification_id = e.id AND n.revision = e.revision RETURNING n.user_id, \
     n.revision, n.status, n.metadata_id";

/// Records removed notifications in their inboxes, from a JSON list of `{user, revision, step}`; a
/// step of 1 is a revision that makes all clients start over.
pub(super) const PURGE_INBOXES: &str = "UPDATE inboxes i SET revision = i.revision + e.step, \
     purged_revision = GREATEST(i.purged_revision, e.revision, (i.revision + 1) * e.step) FROM \
     json_to_recordset($1::json) AS e (\"user\" text, revision bigint, step bigint) WHERE \
     i.user_id = e.\"user\"";

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
pub(super) const PREFERENCES_BY_ID: &str = "SELECT user_id, preferences FROM \
user_notification_preferences \
     WHERE user_id = ANY(ARRAY(SELECT json_array_elements_text($1::json)))";

pub(super) async fn insert_identities(
    connection: &mut PgConnection,
    identities: &[&str],
    now: Timestamp,
) -> Result<HashSet<String>, StoreError> {
    if identities.is_empty() {
        return Ok(HashSet::new());
    }
    let fresh: Vec<String> = sqlx::query_scalar(
        "INSERT INTO event_identities (identity, seen_at) SELECT identity, $2 FROM \
         UNNEST($1::text[]) AS identity \
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
         SELECT user_id, count, count, count FROM UNNEST($1::text[], $2::bigint[]) AS new \
         (user_id, count) \
         ON CONFLICT (user_id) DO UPDATE SET revision = i.revision + excluded.revision, \
         unread = i.unread + excluded.unread, unseen = i.unseen + excluded.unseen RETURNING \
         user_id, revision, unread, unseen",
    )
    .bind(users)
    .bind(numbers)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.user_id.clone(), row.into())).collect())
}

/// Statement that inserts notifications from one array per column.
static INSERT_NOTIFICATIONS: LazyLock<String> = LazyLock::new(|| {
    let names = notification_columns!(column_names, n);
    let parameters: Vec<String> = (1..=names.len()).map(|number| format!("${number}")).collect();
    let (names, parameters) = (names.join(", "), parameters.join(", "));
    format!("INSERT INTO notifications ({names}) SELECT * FROM UNNEST({parameters})")
});

/// Binds the columns of all notifications, one array per column.
macro_rules! bind_all {
    ($n:ident, [$query:expr, $all:expr], $(($name:ident, $value:expr)),*) => {
        $query$(.bind($all().map(|$n| $value).collect::<Vec<_>>()))*
    };
}

pub(super) use bind_all;

pub(super) async fn insert_notifications(
    connection: &mut PgConnection,
    notifications: &[(Notification, RevisionStep)],
) -> Result<(), StoreError> {
    if notifications.is_empty() {
        return Ok(());
    }
    let all = || notifications.iter().map(|(notification, _)| notification);
    let query = sqlx::query(sqlx::AssertSqlSafe(INSERT_NOTIFICATIONS.as_str()));
    notification_columns!(bind_all, n, query, all).execute(connection).await?;
    Ok(())
}

/// Deletes shared metadata that no notification refers to.
pub(super) async fn drop_metadata_of_one(
    connection: &mut PgConnection,
    id: Option<&str>,
) -> Result<(), StoreError> {
    let ids: Vec<String> = id.into_iter().map(str::to_owned).collect();
    drop_unused_metadata(connection, &ids).await
}

/// Inserts deliveries in one statement, because the inboxes are locked meanwhile: one array per
/// column.
const INSERT_DELIVERIES: &str = "INSERT INTO deliveries (delivery_id, notification_id, user_id, \
     type_code, channel, state, unless, digest, recipients, due_at, created_at, closes, \
     trace_context) SELECT delivery_id, notification_id, user_id, type_code, channel, 'scheduled', \
     unless, digest, recipients, due_at, created_at, closes, trace_context FROM UNNEST($1, $2, $3, \
     $4, $5, $6, $7, $8, $9, $10, $11, $12) AS new (delivery_id, notification_id, user_id, \
     type_code, channel, unless, digest, recipients, due_at, created_at, closes, trace_context)";

pub(super) async fn insert_deliveries(
    connection: &mut PgConnection,
    rows: &[DeliveryRow],
) -> Result<(), StoreError> {
    fn column<'a, T>(rows: &'a [DeliveryRow], of: impl Fn(&'a DeliveryRow) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(INSERT_DELIVERIES)
        .bind(column(rows, |row| row.delivery_id))
        .bind(column(rows, |row| row.notification_id))
        .bind(column(rows, |row| row.user_id.as_str()))
        .bind(column(rows, |row| row.type_code.as_str()))
        .bind(column(rows, |row| row.channel.as_str()))
        .bind(column(rows, |row| row.unless.as_str()))
        .bind(column(rows, |row| row.digest))
        .bind(column(rows, |row| row.recipients))
        .bind(column(rows, |row| row.due_at))
        .bind(column(rows, |row| row.created_at))
        .bind(column(rows, |row| row.closes))
        .bind(column(rows, |row| row.trace_context.as_deref()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes the outcomes of attempts, one array per column. A delivery that was cancelled meanwhile
/// stays so, unless it was sent.
const RECORD: &str = "UPDATE deliveries d SET state = o.state, reason = o.reason, attempts = \
     d.attempts + o.attempts, due_at = COALESCE(o.due_at, d.due_at), sent_at = o.sent_at, \
     confirmed = COALESCE(o.confirmed, d.confirmed), claimed_until = NULL FROM UNNEST($1, $2, $3, \
     $4, $5, $6, $7) AS o (delivery_id, state, reason, attempts, due_at, sent_at, confirmed) WHERE \
     d.delivery_id = o.delivery_id AND (d.state = 'sending' OR o.state = 'sent')";

pub(super) async fn record_outcomes(
    connection: &mut PgConnection,
    outcomes: &[DeliveryOutcome],
) -> Result<(), StoreError> {
    fn column<'a, T>(rows: &'a [DeliveryOutcome], of: impl Fn(&'a DeliveryOutcome) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    sqlx::query(RECORD)
        .bind(column(outcomes, |one| Id(one.delivery_id)))
        .bind(column(outcomes, |one| one.state))
        .bind(column(outcomes, |one| one.reason.as_deref()))
        .bind(column(outcomes, |one| one.attempts))
        .bind(column(outcomes, |one| one.due_at))
        .bind(column(outcomes, |one| one.sent_at))
        .bind(column(outcomes, DeliveryOutcome::stored_confirmed))
        .execute(connection)
        .await?;
    Ok(())
}
