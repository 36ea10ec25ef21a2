//! Removal of notifications that were written to an archive file.
//!
//! The rows of a page are written elsewhere between the two calls, so a row is removed only if it
//! has not changed since it was read.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::{
    Store, StoreError,
    rows::{InboxRow, PAGE_MAX_BYTES, RowsOfPage, all, notification_selection},
};
use crate::domain::{
    notification::{Notification, Timestamp},
    user::UserId,
};

/// Maximum size of a page, in bytes of text.
const ARCHIVE_MAX_BYTES: usize = 4 * PAGE_MAX_BYTES;

/// Selects what was archived or deleted, the oldest change first.
const ARCHIVABLE: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE COALESCE(changed_at, created_at) <= $1 AND status IN ('archived', \
     'deleted') ORDER BY COALESCE(notifications.changed_at, \
     notifications.created_at), user_id, notification_id LIMIT $2"
);

const COUNT: &str = "SELECT COUNT(*) FROM notifications WHERE COALESCE(changed_at, created_at) <= \
     $1 AND status IN ('archived', 'deleted')";

/// Notification in an archive file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedRow {
    /// Owner.
    pub user_id: UserId,
    /// ID.
    pub notification_id: Uuid,
    /// Revision in the file: a row with another one has changed and stays.
    pub revision: i64,
}

impl From<&Notification> for ArchivedRow {
    fn from(item: &Notification) -> Self {
        Self {
            user_id: item.user_id.clone(),
            notification_id: item.notification_id,
            revision: item.revision,
        }
    }
}

/// Removed row.
#[derive(sqlx::FromRow)]
struct RemovedRow {
    user_id: String,
    revision: i64,
    status: String,
    metadata_id: Option<String>,
}

/// Change of an inbox by the removal of its notifications.
#[derive(Default)]
struct Purge {
    /// Highest revision of a removed notification.
    revision: i64,
    /// True if a client may still display one of them: then every client starts over.
    is_visible: bool,
}

impl Store {
    /// Returns at most `limit` archived and deleted notifications whose last change is
    /// not after `before`, the oldest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn archivable(
        &self,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<Notification>, StoreError> {
        let page = RowsOfPage::new(limit, ARCHIVE_MAX_BYTES);
        let (rows, _) =
            reading!(self, |db, reader| db::page!(reader, page, ARCHIVABLE, before, limit))?;
        all(rows)
    }

    /// Counts the notifications that [`Store::archivable`] returns without a limit.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn count_archivable(&self, before: Timestamp) -> Result<i64, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_scalar(COUNT).bind(before).fetch_one(pool).await)?)
    }

    /// Removes notifications that have not changed since they were read. Returns their number.
    /// Clients that may display one of them start over.
    ///
    /// # Errors
    /// When the store is unavailable; then nothing has changed.
    pub async fn remove_archived(&self, rows: &[ArchivedRow]) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let users: std::collections::BTreeSet<&str> =
            rows.iter().map(|row| row.user_id.as_str()).collect();
        let users = json!(users).to_string();
        let keys: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "user": row.user_id,
                    "id": row.notification_id.to_string(),
                    "revision": row.revision,
                })
            })
            .collect();
        let keys = json!(keys).to_string();
        let ids: Vec<String> = rows.iter().map(|row| row.notification_id.to_string()).collect();
        let removed = in_transaction!(self, |db, tx| {
            let _locked: Vec<InboxRow> =
                sqlx::query_as(db::LOCK_INBOXES).bind(&users).fetch_all(&mut *tx).await?;
            let removed: Vec<RemovedRow> =
                sqlx::query_as(db::REMOVE_ARCHIVED).bind(&keys).fetch_all(&mut *tx).await?;
            sqlx::query(db::DROP_GROUPS).bind(json!(ids).to_string()).execute(&mut *tx).await?;
            sqlx::query(db::PURGE_INBOXES).bind(purges(&removed)).execute(&mut *tx).await?;
            let metadata: Vec<String> =
                removed.iter().filter_map(|row| row.metadata_id.clone()).collect();
            db::drop_unused_metadata(&mut tx, &metadata).await?;
            removed.len()
        });
        Ok(removed as u64)
    }
}

/// Returns the changes of inboxes as a JSON list of `{user, revision, step}`.
fn purges(removed: &[RemovedRow]) -> String {
    let mut inboxes: BTreeMap<&str, Purge> = BTreeMap::new();
    for row in removed {
        let purge = inboxes.entry(&row.user_id).or_default();
        purge.revision = purge.revision.max(row.revision);
        // Of a deletion every client learned when it was made.
        purge.is_visible |= row.status != "deleted";
    }
    let purges: Vec<_> = inboxes
        .into_iter()
        .map(|(user, purge)| {
            let step = i64::from(purge.is_visible);
            json!({ "user": user, "revision": purge.revision, "step": step })
        })
        .collect();
    json!(purges).to_string()
}
