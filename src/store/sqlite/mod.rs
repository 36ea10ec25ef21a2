//! Statements specific to SQLite.
//!
//! A commit inserts row by row: its statements stay prepared and run on the thread of the caller
//! ([`direct`]), so that grouping rows would save nothing.

mod activity;
mod direct;
mod directory;
mod fold_case;

use std::sync::LazyLock;

use std::collections::HashSet;

use serde_json::json;
use sqlx::{Connection as _, Sqlite as Db, SqliteConnection, Transaction};

use super::{
    Fence, StoreError,
    columns::{column_names, notification_columns},
    deliveries::{DeliveryOutcome, DeliveryRow, INSERT_DELIVERY},
    planned::{stored_actors, stored_metadata, stored_presentation},
    rows::{InboxRow, notification_selection},
    sql_types::{Id, Json},
    sweep::again,
};
use crate::domain::{
    inbox::{InboxState, RevisionStep},
    notification::{Notification, Timestamp},
    user::UserId,
};

pub(super) use activity::insert_activity;
pub(super) use direct::{Direct, DirectTransaction, Statements};
pub(super) use directory::merge_people;
pub(super) use fold_case::folded;

/// Settings of a connection that bypasses sqlx; those that sqlx sets are in `open.rs`. FULL: a
/// commit survives a power failure, as an acknowledgement promises.
pub(super) const PRAGMAS: [(&str, &str); 5] = [
    ("synchronous", "FULL"),
    ("cache_size", "-8192"),
    ("wal_autocheckpoint", "10000"),
    ("journal_size_limit", "67108864"),
    ("temp_store", "memory"),
];

/// Returns whether an error is transient, by its (extended) result code: busy, locked, read-only,
/// interrupted, I/O error, full, cannot open.
pub(super) fn is_transient(code: i32) -> bool {
    matches!(code & 0xFF, 5 | 6 | 8 | 9 | 10 | 13 | 14)
}

/// Runs a statement. Returns the number of changed rows.
macro_rules! run {
    ($on:expr, $sql:expr $(, $parameter:expr)* $(,)?) => {
        $on.run($sql, rusqlite::params![$($parameter),*])
    };
}

/// Returns the first row.
macro_rules! first {
    ($on:expr, $row:ty, $sql:expr $(, $parameter:expr)* $(,)?) => {
        $on.first::<$row>($sql, rusqlite::params![$($parameter),*])
    };
}

/// Returns all rows.
macro_rules! rows {
    ($on:expr, $row:ty, $sql:expr $(, $parameter:expr)* $(,)?) => {
        $on.rows::<$row>($sql, rusqlite::params![$($parameter),*])
    };
}

/// Returns a page of notifications, and whether none follows.
macro_rules! page {
    ($on:expr, $page:expr, $sql:expr $(, $parameter:expr)* $(,)?) => {{
        let mut page: $crate::store::rows::RowsOfPage = $page;
        $on.each($sql, rusqlite::params![$($parameter),*], |row| page.add(row))
            .map(|()| page.finish())
    }};
}
pub(super) use {first, page, rows, run};

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

/// Selects an inbox for a change. SQLite has a single writer, so no lock is needed.
pub(super) const LOCK_INBOX: &str =
    "SELECT user_id, revision, unread, unseen FROM inboxes WHERE user_id = $1";

/// Selects users by a JSON list of IDs.
pub(super) const USERS_BY_ID: &str = "SELECT user_id, login, name, email, roles, locale, \
timezone, email_verified, addresses FROM users \
                                      WHERE user_id IN (SELECT value FROM json_each($1))";

/// Selects users and their preferences by a JSON list of IDs.
pub(super) const RECIPIENTS: &str = "SELECT i.value AS recipient, u.user_id, u.login, u.name, \
     u.email, u.roles, u.locale, u.timezone, u.email_verified, u.addresses, p.preferences FROM \
     json_each($1) i LEFT JOIN users u ON u.user_id = i.value LEFT JOIN \
     user_notification_preferences p ON p.user_id = i.value";

/// Selects inboxes by a JSON list of users.
pub(super) const INBOXES_BY_ID: &str = "SELECT user_id, revision, unread, unseen FROM inboxes \
WHERE user_id IN (SELECT value FROM json_each($1))";

/// Selects inboxes by a JSON list of users, for a change.
pub(super) const LOCK_INBOXES: &str = INBOXES_BY_ID;

/// Selects notifications by a JSON list of IDs.
pub(super) const NOTIFICATIONS_BY_ID: &str = again!("SELECT value FROM json_each($1)");

/// Sets states from a JSON list of `{id, status, revision}`; `$2` is now.
pub(super) const ENTER_ALL: &str = "UPDATE notifications SET status = e.value ->> 'status', \
     revision = e.value ->> 'revision', snoozed_until = NULL, seen_at = CASE WHEN e.value ->> \
     'status' = 'unread' THEN NULL ELSE seen_at END, read_at = CASE WHEN e.value ->> 'status' = \
     'unread' THEN NULL ELSE read_at END, changed_at = $2 FROM json_each($1) AS e WHERE \
     notification_id = e.value ->> 'id'";

/// Removes the content of tombstones by a JSON list of IDs; `$2` is now.
pub(super) const BLANK_ALL: &str = "UPDATE notifications SET title = '', message = '', metadata \
= '{}', \
     metadata_id = NULL, action_url = NULL, actors = NULL, category = NULL, \
     presentation = NULL, deleted_at = $2 WHERE notification_id \
     IN (SELECT value FROM json_each($1))";

/// Drops the events of the groups of notifications that are gone, by a JSON list of IDs.
pub(super) const DROP_GROUPS: &str = "DELETE FROM group_members WHERE notification_id IN \
     (SELECT value FROM json_each($1)) AND NOT EXISTS (SELECT 1 FROM \
     notifications n WHERE n.user_id = group_members.user_id AND n.notification_id = \
     group_members.notification_id AND n.status <> 'deleted')";

/// Sets the highest purged revisions from a JSON list of `{user, revision}`.
pub(super) const SET_PURGED: &str = "UPDATE inboxes SET purged_revision = MAX(purged_revision, \
e.value ->> 'revision') \
     FROM json_each($1) AS e WHERE user_id = e.value ->> 'user'";

/// Deletes tombstones by a JSON list of IDs.
pub(super) const DROP_TOMBSTONES: &str = "DELETE FROM notifications WHERE status = 'deleted' \
     AND notification_id IN (SELECT value FROM json_each($1))";

/// Deletes notifications by a JSON list of `{user, id, revision}`, if they have this revision.
pub(super) const REMOVE_ARCHIVED: &str = "DELETE FROM notifications WHERE (notification_id, \
     user_id, revision) IN (SELECT value ->> 'id', value ->> 'user', value ->> 'revision' FROM \
     json_each($1)) RETURNING user_id, revision, status, metadata_id";

/// Records removed notifications in their inboxes, from a JSON list of `{user, revision, step}`; a
/// step of 1 is a revision that makes all clients start over.
pub(super) const PURGE_INBOXES: &str = "UPDATE inboxes SET revision = revision + (e.value ->> \
     'step'), purged_revision = MAX(purged_revision, e.value ->> 'revision', (revision + 1) * \
     (e.value ->> 'step')) FROM json_each($1) AS e WHERE user_id = e.value ->> 'user'";

/// Deletes shared metadata that no notification refers to, by a JSON list of IDs.
const DROP_UNUSED_METADATA: &str = "DELETE FROM shared_metadata WHERE id IN (SELECT value FROM \
     json_each($1)) AND NOT EXISTS (SELECT 1 FROM notifications WHERE metadata_id = \
     shared_metadata.id)";

/// Deletes shared metadata that no notification refers to.
pub(super) async fn drop_unused_metadata(
    connection: &mut SqliteConnection,
    ids: &[String],
) -> Result<(), StoreError> {
    if !ids.is_empty() {
        sqlx::query(DROP_UNUSED_METADATA).bind(json!(ids).to_string()).execute(connection).await?;
    }
    Ok(())
}

/// Selects preferences by a JSON list of users.
pub(super) const PREFERENCES_BY_ID: &str = "SELECT user_id, preferences FROM \
user_notification_preferences \
     WHERE user_id IN (SELECT value FROM json_each($1))";

const INSERT_IDENTITY: &str =
    "INSERT INTO event_identities (identity, seen_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";

#[expect(clippy::unused_async, reason = "PostgreSQL has the same function")]
pub(super) async fn insert_identities(
    transaction: &mut DirectTransaction,
    identities: &[&str],
    now: Timestamp,
) -> Result<HashSet<String>, StoreError> {
    let mut fresh = HashSet::with_capacity(identities.len());
    for identity in identities {
        if run!(transaction, INSERT_IDENTITY, identity, now.0)? > 0 {
            fresh.insert((*identity).to_owned());
        }
    }
    Ok(fresh)
}

const RAISE_INBOX: &str = "INSERT INTO inboxes (user_id, revision, unread, unseen) VALUES ($1, $2, \
     $2, $2) ON CONFLICT (user_id) DO UPDATE SET revision = revision + excluded.revision, unread = \
     unread + excluded.unread, unseen = unseen + excluded.unseen RETURNING user_id, revision, \
     unread, unseen";

#[expect(clippy::unused_async, reason = "PostgreSQL has the same function")]
pub(super) async fn raise_inboxes(
    transaction: &mut DirectTransaction,
    counts: &[(&str, i64)],
) -> Result<Vec<(String, InboxState)>, StoreError> {
    let mut raised = Vec::with_capacity(counts.len());
    for (user, count) in counts {
        let row = first!(transaction, InboxRow, RAISE_INBOX, user, count)?;
        raised.extend(row.map(|row| (row.user_id.clone(), row.into())));
    }
    Ok(raised)
}

/// Statement that inserts a notification.
static INSERT_NOTIFICATION: LazyLock<String> = LazyLock::new(|| {
    let names = notification_columns!(column_names, n);
    let parameters: Vec<String> = (1..=names.len()).map(|number| format!("?{number}")).collect();
    let (names, parameters) = (names.join(", "), parameters.join(", "));
    format!("INSERT INTO notifications ({names}) VALUES ({parameters})")
});

/// Returns the columns of one notification as parameters.
macro_rules! parameters {
    ($n:ident, [], $(($name:ident, $value:expr)),*) => {
        rusqlite::params![$($value),*]
    };
}

#[expect(clippy::unused_async, reason = "PostgreSQL has the same function")]
pub(super) async fn insert_notifications(
    transaction: &mut DirectTransaction,
    notifications: &[(Notification, RevisionStep)],
) -> Result<(), StoreError> {
    for (n, _) in notifications {
        transaction.run(&INSERT_NOTIFICATION, notification_columns!(parameters, n))?;
    }
    Ok(())
}

/// Deletes shared metadata that no notification refers to.
#[expect(clippy::unused_async, reason = "PostgreSQL has the same function")]
pub(super) async fn drop_metadata_of_one(
    transaction: &mut DirectTransaction,
    id: Option<&str>,
) -> Result<(), StoreError> {
    let Some(id) = id else { return Ok(()) };
    run!(transaction, DROP_UNUSED_METADATA, serde_json::json!([id]).to_string()).map(drop)
}

#[expect(clippy::unused_async, reason = "PostgreSQL has the same function")]
pub(super) async fn insert_deliveries(
    transaction: &mut DirectTransaction,
    deliveries: &[DeliveryRow],
) -> Result<(), StoreError> {
    for row in deliveries {
        run!(
            transaction,
            INSERT_DELIVERY,
            row.delivery_id,
            row.notification_id,
            row.user_id.as_str(),
            row.type_code.as_str(),
            row.channel.as_str(),
            row.unless.as_str(),
            row.digest,
            row.recipients,
            row.due_at,
            row.created_at,
            row.closes,
            row.trace_context.as_deref()
        )?;
    }
    Ok(())
}

/// Writes the outcome of an attempt. A delivery that was cancelled meanwhile stays so, unless it
/// was sent.
const RECORD: &str = "UPDATE deliveries SET state = $2, reason = $3, attempts = attempts + $4, \
     due_at = COALESCE($5, due_at), sent_at = $6, confirmed = COALESCE($7, confirmed), \
     claimed_until = NULL WHERE delivery_id = $1 AND (state = 'sending' OR $2 = 'sent')";

#[expect(clippy::unused_async, reason = "PostgreSQL has the same function")]
pub(super) async fn record_outcomes(
    transaction: &mut DirectTransaction,
    outcomes: &[DeliveryOutcome],
) -> Result<(), StoreError> {
    for outcome in outcomes {
        run!(
            transaction,
            RECORD,
            Id(outcome.delivery_id),
            outcome.state,
            outcome.reason.as_deref(),
            outcome.attempts,
            outcome.due_at,
            outcome.sent_at,
            outcome.stored_confirmed()
        )?;
    }
    Ok(())
}
