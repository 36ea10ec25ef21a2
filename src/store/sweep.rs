//! Expiry, archiving and retention: bounded batches, found by an index in the order of their time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::json;

use super::{
    Fence, Kind, Store, StoreError,
    marks::SET_INBOX,
    rows::{InboxRow, NotificationRow, all},
    sql_types::Id,
};
use crate::domain::{
    inbox::{Change, ChangeKind, InboxState, SweepKind},
    notification::{Notification, Status, Timestamp},
    user::UserId,
};

/// Position in the check of retention periods: users in the order of their IDs.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RetentionCursor(pub String);

/// Number of users whose retention period is checked together.
const RETENTION_PAGE: i64 = 100;

const EXPIRED: &str = "SELECT user_id, notification_id FROM notifications \
     WHERE expires_at <= $1 AND expires_at IS NOT NULL AND status IN ('unread', 'read') ORDER BY \
     expires_at LIMIT $2";

const ARCHIVABLE: &str = "SELECT user_id, notification_id FROM notifications \
     WHERE created_at <= $1 AND status = 'read' AND (kept_from IS NULL OR kept_from <= $1) ORDER \
     BY created_at LIMIT $2";

const DISCARDABLE: &str = "SELECT user_id, notification_id FROM notifications \
     WHERE keep_until <= $1 AND keep_until IS NOT NULL AND status <> 'deleted' ORDER BY \
     keep_until LIMIT $2";

/// The first list of statuses is that of the index.
const REMOVABLE: &str = "SELECT user_id, notification_id FROM notifications \
     WHERE COALESCE(changed_at, created_at) <= $1 AND status IN ('archived', 'deleted', \
     'auto_cleared') AND status <> 'deleted' ORDER BY COALESCE(changed_at, created_at) LIMIT $2";

const SNOOZED: &str = "SELECT user_id, notification_id FROM notifications \
     WHERE snoozed_until <= $1 AND status = 'snoozed' ORDER BY snoozed_until LIMIT $2";

const TOMBSTONES: &str = "SELECT user_id, notification_id, revision FROM notifications \
     WHERE status = 'deleted' AND deleted_at < $1 ORDER BY deleted_at LIMIT $2";

/// Selects notifications beyond the retention period of one page of users: $1 now, $2 limit, $3
/// after which user, $4 up to which.
macro_rules! retained {
    ($day:literal) => {
        concat!(
            "SELECT n.user_id, n.notification_id FROM user_notification_preferences p \
             JOIN notifications n ON n.user_id = p.user_id AND n.status IN ('unread', 'read') \
             AND COALESCE(n.kept_from, n.created_at) <= $1 - p.retention_days * ",
            $day,
            " WHERE p.retention_days IS NOT NULL AND p.user_id > $3 AND p.user_id <= $4 ORDER BY \
             n.user_id, n.seq LIMIT $2"
        )
    };
}
const RETAINED_SQLITE: &str = retained!("86400000");
const RETAINED_POSTGRES: &str = retained!("interval '24 hours'");

const RETENTION_USERS: &str = "SELECT user_id FROM user_notification_preferences \
     WHERE retention_days IS NOT NULL AND user_id > $1 ORDER BY user_id LIMIT $2";

impl Store {
    /// Applies a sweep to at most `limit` notifications. `before` is now, for the archive the
    /// latest time of creation, and for deletion that of the last change.
    ///
    /// # Errors
    /// When the store is unavailable, or the lease of the sweeper is lost; then nothing has
    /// changed.
    pub async fn sweep(
        &self,
        sweep: SweepKind,
        before: Timestamp,
        limit: i64,
        now: Timestamp,
        fence: &Fence,
    ) -> Result<Vec<Change>, StoreError> {
        let sql = match sweep {
            SweepKind::Expire => EXPIRED,
            SweepKind::Archive => ARCHIVABLE,
            SweepKind::Discard => DISCARDABLE,
            SweepKind::Delete => REMOVABLE,
            SweepKind::Wake => SNOOZED,
            // Retention periods are per user, and not found by one time.
            SweepKind::RetentionEnded => return Ok(Vec::new()),
        };
        let due: Vec<(String, Id)> = on_pool!(self, |pool| sqlx::query_as(sql)
            .bind(before)
            .bind(limit)
            .fetch_all(pool)
            .await)?;
        self.enter_all(sweep, &due, (before, now), fence).await
    }

    /// Clears notifications beyond the retention period, for the next page of users with one.
    /// Returns the next position; `None` when all users have been checked.
    ///
    /// # Errors
    /// When the store is unavailable; then nothing has changed.
    pub async fn sweep_retention(
        &self,
        after: &RetentionCursor,
        now: Timestamp,
        limit: i64,
        fence: &Fence,
    ) -> Result<(Vec<Change>, Option<RetentionCursor>), StoreError> {
        let users: Vec<String> = on_pool!(self, |pool| {
            sqlx::query_scalar(RETENTION_USERS)
                .bind(&after.0)
                .bind(RETENTION_PAGE)
                .fetch_all(pool)
                .await
        })?;
        let Some(last) = users.last() else { return Ok((Vec::new(), None)) };
        let retained = match self.kind() {
            Kind::Sqlite => RETAINED_SQLITE,
            Kind::Postgres => RETAINED_POSTGRES,
        };
        let due: Vec<(String, Id)> = on_pool!(self, |pool| {
            sqlx::query_as(retained)
                .bind(now)
                .bind(limit)
                .bind(&after.0)
                .bind(last)
                .fetch_all(pool)
                .await
        })?;
        // The rest follows in the next round over the same users.
        let full = due.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = if full { after.clone() } else { RetentionCursor(last.clone()) };
        Ok((self.enter_all(SweepKind::RetentionEnded, &due, (now, now), fence).await?, Some(next)))
    }

    /// Deletes at most `limit` tombstones of notifications deleted before `before`. Returns their
    /// number. Clients before their revisions start over. This takes no revision: nothing visible
    /// changes.
    ///
    /// # Errors
    /// When the store is unavailable; then nothing has changed.
    pub async fn purge_tombstones(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        let due: Vec<(String, Id, i64)> = on_pool!(self, |pool| sqlx::query_as(TOMBSTONES)
            .bind(before)
            .bind(limit)
            .fetch_all(pool)
            .await)?;
        if due.is_empty() {
            return Ok(0);
        }
        let mut revisions: BTreeMap<&str, i64> = BTreeMap::new();
        for (user, _, revision) in &due {
            let highest = revisions.entry(user).or_default();
            *highest = (*highest).max(*revision);
        }
        let users = json!(revisions.keys().collect::<Vec<_>>()).to_string();
        let purged: Vec<_> = revisions
            .iter()
            .map(|(user, revision)| json!({ "user": user, "revision": revision }))
            .collect();
        let ids =
            json!(due.iter().map(|(_, id, _)| id.0.to_string()).collect::<Vec<_>>()).to_string();
        let removed = in_transaction!(self, |db, tx| {
            let _locked: Vec<InboxRow> =
                sqlx::query_as(db::LOCK_INBOXES).bind(&users).fetch_all(&mut *tx).await?;
            sqlx::query(db::SET_PURGED).bind(json!(purged).to_string()).execute(&mut *tx).await?;
            sqlx::query(db::DROP_TOMBSTONES).bind(&ids).execute(&mut *tx).await?.rows_affected()
        });
        Ok(removed)
    }

    /// Deletes at most `limit` identities from before `before`. Returns their number.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn purge_identities(&self, before: i64, limit: i64) -> Result<u64, StoreError> {
        let sql = "DELETE FROM event_identities WHERE identity IN \
                   (SELECT identity FROM event_identities WHERE seen_at < $1 LIMIT $2)";
        Ok(on_writer!(self, |pool| {
            sqlx::query(sql)
                .bind(before)
                .bind(limit)
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        })?)
    }

    /// Locks the inboxes in the order of commits, reads each notification again, which may have
    /// changed since it was found, and changes those that still match.
    async fn enter_all(
        &self,
        sweep: SweepKind,
        due: &[(String, Id)],
        (before, now): (Timestamp, Timestamp),
        fence: &Fence,
    ) -> Result<Vec<Change>, StoreError> {
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let users: BTreeSet<&str> = due.iter().map(|(user, _)| user.as_str()).collect();
        let users = json!(users).to_string();
        let ids = json!(due.iter().map(|(_, id)| id.0.to_string()).collect::<Vec<_>>()).to_string();
        in_transaction!(self, |db, tx| {
            db::hold_lease(&mut tx, fence).await?;
            let inboxes: Vec<InboxRow> =
                sqlx::query_as(db::LOCK_INBOXES).bind(&users).fetch_all(&mut *tx).await?;
            let mut inboxes: BTreeMap<String, InboxState> =
                inboxes.into_iter().map(|row| (row.user_id.clone(), row.into())).collect();
            let rows: Vec<NotificationRow> =
                sqlx::query_as(db::NOTIFICATIONS_BY_ID).bind(&ids).fetch_all(&mut *tx).await?;
            let mut changes = Vec::with_capacity(rows.len());
            let (mut deleted, mut unused) = (Vec::new(), Vec::new());
            for mut found in all::<_, Notification>(rows)? {
                let Some(inbox) = inboxes.get_mut(found.user_id.as_str()) else { continue };
                if !is_still_due(sweep, &found, before) {
                    continue;
                }
                let Some(state) = sweep.apply(found.state()) else { continue };
                let step = inbox.next(found.state(), state);
                *inbox = step.counters();
                let shared = found.metadata_id.clone();
                found.enter(state, step.revision, now);
                if found.status == Status::Deleted {
                    deleted.push(found.notification_id.to_string());
                    unused.extend(shared);
                }
                changes.push(Change {
                    user_id: found.user_id.clone(),
                    kind: ChangeKind::Swept(effect_of(sweep, &found)),
                    notification: Some(Arc::new(found)),
                    step,
                    origin: None,
                    trace: None,
                });
            }
            sqlx::query(db::ENTER_ALL).bind(updates(&changes)).bind(now).execute(&mut *tx).await?;
            if !deleted.is_empty() {
                let ids = json!(deleted).to_string();
                sqlx::query(db::BLANK_ALL).bind(&ids).bind(now).execute(&mut *tx).await?;
                sqlx::query(db::DROP_GROUPS).bind(&ids).execute(&mut *tx).await?;
                db::drop_unused_metadata(&mut tx, &unused).await?;
            }
            let touched: BTreeSet<&UserId> = changes.iter().map(|change| &change.user_id).collect();
            for user in touched {
                let Some(counters) = inboxes.get(user.as_str()) else { continue };
                sqlx::query(SET_INBOX)
                    .bind(user.as_str())
                    .bind(counters.revision)
                    .bind(counters.unread)
                    .bind(counters.unseen)
                    .execute(&mut *tx)
                    .await?;
            }
            Ok(changes)
        })
    }
}

/// Returns what a sweep has done to a notification: one that should wake after its time to live has
/// expired.
fn effect_of(sweep: SweepKind, found: &Notification) -> SweepKind {
    match (sweep, found.status) {
        (SweepKind::Wake, Status::AutoCleared) => SweepKind::Expire,
        _ => sweep,
    }
}

/// Returns whether a notification that was found is still due: another hub may have changed its
/// time meanwhile.
fn is_still_due(sweep: SweepKind, found: &Notification, before: Timestamp) -> bool {
    match sweep {
        SweepKind::Expire => found.expires_at.is_some(),
        SweepKind::Wake => found.snoozed_until.is_some_and(|time| time <= before),
        SweepKind::Delete => found.changed_at <= before,
        _ => true,
    }
}

/// Returns the new states of notifications as a JSON array.
fn updates(changes: &[Change]) -> String {
    let update = |item: &Arc<Notification>| {
        json!({
            "id": item.notification_id.to_string(),
            "status": item.status.as_str(),
            "revision": item.revision,
        })
    };
    let items = changes.iter().filter_map(|change| change.notification.as_ref());
    json!(items.map(update).collect::<Vec<_>>()).to_string()
}

/// Selects notifications again after locking, in the order in which the changes get their
/// revisions.
macro_rules! again {
    ($ids:literal) => {
        concat!(
            "SELECT ",
            notification_selection!(),
            " FROM notifications WHERE notification_id IN (",
            $ids,
            ") ORDER BY user_id, seq"
        )
    };
}
pub(super) use again;
