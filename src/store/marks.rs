//! Marks of single notifications, and of all.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Store, StoreError,
    rows::{InboxRow, NotificationRow, counters, notification_selection},
    sql_types::Id,
};
use crate::domain::{
    inbox::{BulkMark, Change, ChangeKind, ClientId, Mark, RevisionStep, transition},
    notification::{Notification, Status, Timestamp},
    user::UserId,
};

/// Result of a mark.
#[derive(Debug, Clone)]
pub enum MarkOutcome {
    /// The inbox has no such notification.
    NotFound,
    /// Done, or nothing to do, as the kind of the change says.
    Done(Change),
}

pub(super) const FIND: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND notification_id = $2"
);

/// Marks the notifications that match `condition` by `assignments`. Parameters: $1 user, $2 upper
/// revision, $3 now, $4 revision of the inbox.
macro_rules! mark_all {
    ($assignments:literal, $condition:literal) => {
        concat!(
            "UPDATE notifications SET ",
            $assignments,
            ", changed_at = $3, revision = $4 + ranked.place FROM (SELECT notification_id AS id, \
             ROW_NUMBER() OVER (ORDER BY seq) AS place \
             FROM notifications WHERE user_id = $1 AND status = 'unread' AND seq <= $2",
            $condition,
            ") AS ranked WHERE user_id = $1 AND notification_id = ranked.id"
        )
    };
}

const READ_ALL: &str =
    mark_all!("status = 'read', read_at = $3, seen_at = COALESCE(seen_at, $3)", "");

const SEEN_ALL: &str = mark_all!("seen_at = $3", " AND seen_at IS NULL");

const UNSEEN_UP_TO: &str = "SELECT COUNT(*) FROM notifications WHERE user_id = $1 AND status = \
'unread' \
     AND seen_at IS NULL AND seq <= $2";

const LAST_CHANGED: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND revision = $2"
);

/// Stores the state of one notification.
pub(super) const SET_STATE: &str = "UPDATE notifications SET status = $2, read_at = $3, revision = \
    $4, seen_at = $5, expires_at = $6, kept_from = COALESCE($7, kept_from), clicked_at = $8, \
    snoozed_until = $9, changed_at = $10, clicked_action = $12 WHERE user_id = $11 AND \
    notification_id = $1";

/// Leaves a tombstone without content.
pub(super) const BLANK: &str = "UPDATE notifications SET title = '', message = '', metadata = \
     '{}', metadata_id = NULL, action_url = NULL, actors = NULL, category = NULL, presentation = \
     NULL, deleted_at = $2 WHERE user_id = $3 AND notification_id = $1";

/// Drops the events of the group of a notification.
pub(super) const DROP_MEMBERS: &str = "DELETE FROM group_members WHERE notification_id = $1";

pub(super) const SET_INBOX: &str =
    "UPDATE inboxes SET revision = $2, unread = $3, unseen = $4 WHERE user_id = $1";

/// Returns a notification of a user whose inbox is locked.
macro_rules! find_for_change {
    ($db:ident, $tx:ident, $user:expr, $id:expr) => {
        $db::first!($tx, NotificationRow, $crate::store::marks::FIND, $user.as_str(), $id)?
            .map(Notification::try_from)
            .transpose()?
    };
}

/// Stores the new state of a notification whose inbox is locked, and the inbox. Of a deleted one
/// the content goes, with the metadata `$shared` if no other notification has it.
macro_rules! store_state {
    ($found:expr, $step:expr, $kept_from:expr, $shared:expr, $now:expr, $db:ident, $tx:ident) => {{
        use $crate::store::marks;
        let (id, user) = (Id($found.notification_id), $found.user_id.as_str());
        $db::run!($tx, SET_INBOX, user, $step.revision, $step.unread, $step.unseen)?;
        $db::run!(
            $tx,
            marks::SET_STATE,
            id,
            $found.status.as_str(),
            $found.read_at,
            $step.revision,
            $found.seen_at,
            $found.expires_at,
            $kept_from,
            $found.clicked_at,
            $found.snoozed_until,
            $now,
            user,
            $found.clicked_action.map(i32::from)
        )?;
        if $found.status == $crate::domain::notification::Status::Deleted {
            $db::run!($tx, marks::BLANK, id, $now, user)?;
            if $found.group_key.is_some() {
                $db::run!($tx, marks::DROP_MEMBERS, id)?;
            }
            $db::drop_metadata_of_one(&mut $tx, $shared.as_deref()).await?;
        }
    }};
}
pub(super) use {find_for_change, store_state};

/// Returns the mark without the index of an action that the notification does not have.
fn of_actions(mark: Mark, item: &Notification) -> Mark {
    match mark {
        Mark::Click(Some(index)) if usize::from(index) >= item.presentation.actions.len() => {
            Mark::Click(None)
        }
        other => other,
    }
}

impl Store {
    /// Marks one notification.
    ///
    /// # Errors
    /// When the store is unavailable or refuses; then nothing has changed.
    pub async fn mark(
        &self,
        user: &UserId,
        id: Uuid,
        mark: Mark,
        origin: Option<ClientId>,
        now: Timestamp,
    ) -> Result<MarkOutcome, StoreError> {
        let outcome = in_inbox_transaction!(self, |db, tx| {
            let inbox = db::first!(tx, InboxRow, db::LOCK_INBOX, user.as_str())?;
            let found = find_for_change!(db, tx, user, Id(id));
            let before = counters(inbox);
            match found {
                None => None,
                Some(found) if found.status == Status::Deleted && mark != Mark::Delete => None,
                Some(mut found) => match transition(found.state(), of_actions(mark, &found), now) {
                    None => Some((ChangeKind::Unchanged(mark), found, before.unchanged_step())),
                    Some(state) => {
                        let step = before.next(found.state(), state);
                        let shared = found.metadata_id.clone();
                        found.enter(state, step.revision, now);
                        let kept_from =
                            // Restored by its owner: its age counts from now.
                            matches!(mark, Mark::Unread | Mark::Unarchive).then_some(now);
                        store_state!(found, step, kept_from, shared, now, db, tx);
                        Some((ChangeKind::Marked(mark), found, step))
                    }
                },
            }
        });
        Ok(outcome.map_or(MarkOutcome::NotFound, |(kind, found, step)| {
            MarkOutcome::Done(Change {
                user_id: user.clone(),
                kind,
                notification: Some(Arc::new(found)),
                step,
                origin,
                trace: None,
            })
        }))
    }

    /// Marks all unread notifications created up to the revision `up_to`, or all. Creation counts,
    /// not change: a listed notification may just have been marked as seen.
    ///
    /// One statement for any number; each notification takes a revision.
    ///
    /// # Errors
    /// When the store is unavailable or refuses; then nothing has changed.
    pub async fn mark_all(
        &self,
        user: &UserId,
        mark: BulkMark,
        up_to: Option<i64>,
        origin: Option<ClientId>,
        now: Timestamp,
    ) -> Result<Change, StoreError> {
        let (kind, notification, step) = in_inbox_transaction!(self, |db, tx| {
            let inbox = db::first!(tx, InboxRow, db::LOCK_INBOX, user.as_str())?;
            let before = counters(inbox);
            let up_to = up_to.unwrap_or(before.revision).min(before.revision);
            let unseen = db::first!(tx, (i64,), UNSEEN_UP_TO, user.as_str(), up_to)?;
            let unseen = unseen.map_or(0, |(count,)| count);
            let sql = match mark {
                BulkMark::Read => READ_ALL,
                BulkMark::Seen => SEEN_ALL,
            };
            let marked = db::run!(tx, sql, user.as_str(), up_to, now, before.revision)?;
            let marked = i64::try_from(marked).unwrap_or(i64::MAX);
            let read = if mark == BulkMark::Read { marked } else { 0 };
            let step = RevisionStep {
                previous_revision: before.revision,
                revision: before.revision + marked,
                unread: before.unread - read,
                unseen: before.unseen - unseen,
            };
            if marked == 0 {
                (ChangeKind::UnchangedAll { mark, up_to_revision: up_to }, None, step)
            } else {
                db::run!(tx, SET_INBOX, user.as_str(), step.revision, step.unread, step.unseen)?;
                let last =
                    db::first!(tx, NotificationRow, LAST_CHANGED, user.as_str(), step.revision)?;
                let last = last.map(Notification::try_from).transpose()?;
                let kind =
                    ChangeKind::All { mark, up_to_revision: up_to, from_revision: before.revision };
                (kind, last, step)
            }
        });
        let notification = notification.map(Arc::new);
        Ok(Change { user_id: user.clone(), kind, notification, step, origin, trace: None })
    }
}
