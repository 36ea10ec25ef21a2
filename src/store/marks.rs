//! Marks: read, unread, archive, delete, and everything read at once.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Store, StoreError, in_transaction,
    rows::{NotificationRow, counters, notification_columns},
};
use crate::domain::{
    inbox::{Change, ChangeKind, ClientId, Mark, Step, transition},
    notification::{Notification, Status, Timestamp},
    user::UserId,
};

/// What became of a mark.
#[derive(Debug, Clone)]
pub enum MarkOutcome {
    /// No such notification in this inbox.
    NotFound,
    /// Done, or nothing to do: the change's kind says which.
    Done(Change),
}

const FIND: &str =
    concat!("SELECT ", notification_columns!(), " FROM notifications WHERE user_id = $1 AND notification_id = $2");

const MARK_ALL: &str = "UPDATE notifications SET status = 'read', read_at = $3, revision = $4 + ranked.place \
     FROM (SELECT notification_id AS id, ROW_NUMBER() OVER (ORDER BY seq) AS place FROM notifications \
           WHERE user_id = $1 AND status = 'unread' AND revision <= $2) AS ranked \
     WHERE notifications.notification_id = ranked.id";

const LAST_CHANGED: &str =
    concat!("SELECT ", notification_columns!(), " FROM notifications WHERE user_id = $1 AND revision = $2");

impl Store {
    /// Marks one notification of a user.
    ///
    /// # Errors
    /// When the store is away or refuses; then nothing has changed.
    pub async fn mark(
        &self,
        user: &UserId,
        id: Uuid,
        mark: Mark,
        origin: Option<ClientId>,
        now: Timestamp,
    ) -> Result<MarkOutcome, StoreError> {
        let outcome = in_transaction!(self, begin_write, |db, tx| {
            let inbox: Option<(i64, i64)> =
                sqlx::query_as(db::LOCK_INBOX).bind(user.as_str()).fetch_optional(&mut *tx).await?;
            let row: Option<NotificationRow> =
                sqlx::query_as(FIND).bind(user.as_str()).bind(id.to_string()).fetch_optional(&mut *tx).await?;
            let before = counters(inbox);
            match row.map(Notification::try_from).transpose()? {
                None => None,
                Some(found) if found.status == Status::Deleted && mark != Mark::Delete => None,
                Some(mut found) => match transition(found.status, mark) {
                    None => {
                        let step = Step {
                            previous_revision: before.revision,
                            revision: before.revision,
                            unread: before.unread,
                        };
                        Some((ChangeKind::Unchanged(mark), found, step))
                    }
                    Some(effect) => {
                        let step = Step {
                            previous_revision: before.revision,
                            revision: before.revision + 1,
                            unread: before.unread + effect.unread_delta,
                        };
                        apply(&mut found, effect.status, step.revision, now);
                        sqlx::query("UPDATE inboxes SET revision = $2, unread = $3 WHERE user_id = $1")
                            .bind(user.as_str())
                            .bind(step.revision)
                            .bind(step.unread)
                            .execute(&mut *tx)
                            .await?;
                        sqlx::query(
                            "UPDATE notifications SET status = $2, read_at = $3, revision = $4 \
                             WHERE notification_id = $1",
                        )
                        .bind(id.to_string())
                        .bind(found.status.as_str())
                        .bind(found.read_at.map(|time| time.0))
                        .bind(step.revision)
                        .execute(&mut *tx)
                        .await?;
                        Some((ChangeKind::Marked(mark), found, step))
                    }
                },
            }
        });
        Ok(outcome.map_or(MarkOutcome::NotFound, |(kind, found, step)| {
            MarkOutcome::Done(Change { user_id: user.clone(), kind, notification: Some(Arc::new(found)), step, origin })
        }))
    }

    /// Marks read everything unread that last changed at or before `up_to`; without it, everything.
    ///
    /// One statement, whatever the number; each notification takes a revision of its own.
    ///
    /// # Errors
    /// When the store is away or refuses; then nothing has changed.
    pub async fn read_all(
        &self,
        user: &UserId,
        up_to: Option<i64>,
        origin: Option<ClientId>,
        now: Timestamp,
    ) -> Result<Change, StoreError> {
        let (kind, notification, step) = in_transaction!(self, begin_write, |db, tx| {
            let inbox: Option<(i64, i64)> =
                sqlx::query_as(db::LOCK_INBOX).bind(user.as_str()).fetch_optional(&mut *tx).await?;
            let before = counters(inbox);
            let up_to = up_to.unwrap_or(before.revision).min(before.revision);
            let marked = sqlx::query(MARK_ALL)
                .bind(user.as_str())
                .bind(up_to)
                .bind(now.0)
                .bind(before.revision)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            let marked = i64::try_from(marked).unwrap_or(i64::MAX);
            let step = Step {
                previous_revision: before.revision,
                revision: before.revision + marked,
                unread: before.unread - marked,
            };
            if marked == 0 {
                (ChangeKind::UnchangedAll, None, step)
            } else {
                sqlx::query("UPDATE inboxes SET revision = $2, unread = $3 WHERE user_id = $1")
                    .bind(user.as_str())
                    .bind(step.revision)
                    .bind(step.unread)
                    .execute(&mut *tx)
                    .await?;
                let last: NotificationRow =
                    sqlx::query_as(LAST_CHANGED).bind(user.as_str()).bind(step.revision).fetch_one(&mut *tx).await?;
                let kind = ChangeKind::ReadAll { up_to_revision: up_to, from_revision: before.revision };
                (kind, Some(Notification::try_from(last)?), step)
            }
        });
        let notification = notification.map(Arc::new);
        Ok(Change { user_id: user.clone(), kind, notification, step, origin })
    }
}

fn apply(notification: &mut Notification, status: Status, revision: i64, now: Timestamp) {
    notification.status = status;
    notification.revision = revision;
    match status {
        Status::Read => notification.read_at = Some(now),
        Status::Unread => notification.read_at = None,
        Status::Archived | Status::Deleted | Status::AutoCleared => {}
    }
    notification.read = notification.read_at.is_some();
}
