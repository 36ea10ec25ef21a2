//! The newest-first list of an inbox, and one notification.

use uuid::Uuid;

use super::{
    Store, StoreError,
    catchup::INBOX,
    rows::{
        InboxRow, NotificationRow, PAGE_MAX_BYTES, all, bounded, counters, notification_selection,
    },
};
use crate::domain::{
    inbox::InboxState,
    notification::{Notification, Status, Timestamp},
    user::UserId,
};

/// Maximum size of a page of the list, in bytes of text.
const LIST_MAX_BYTES: usize = 4 * PAGE_MAX_BYTES;

const LIST: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND seq < $2 AND status <> 'deleted' \
      AND ($3 = '' OR status = $3) AND ($4 = '' OR type_code = $4) ORDER BY seq DESC LIMIT $5"
);

/// The same with the status written out, so that the index of the unread ones is used.
const LIST_UNREAD: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND seq < $2 AND status = 'unread' \
      AND ($3 = '' OR status = $3) AND ($4 = '' OR type_code = $4) ORDER BY seq DESC LIMIT $5"
);

/// Below the first that is newer: one that says it was made earlier than it came must not hide those before it.
const PLACE_AT: &str = "SELECT COALESCE(MAX(seq), 0) FROM notifications WHERE user_id = $1 AND created_at <= $2 \
     AND seq < COALESCE((SELECT MIN(seq) FROM notifications WHERE user_id = $1 AND created_at > $2), 9223372036854775807)";

const GET: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND notification_id = $2 AND status <> 'deleted'"
);

/// Which notifications to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these; `None`: all that are not deleted.
    pub status: Option<Status>,
    /// Only this type.
    pub type_code: Option<String>,
    /// Only those made before the one with this place.
    pub before_seq: Option<i64>,
}

/// A page of the list, newest first, and where the inbox stood: one snapshot.
#[derive(Debug)]
pub struct Listing {
    /// The notifications.
    pub items: Vec<Notification>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<i64>,
    /// Where the inbox stood.
    pub inbox: InboxState,
}

/// What is unread in all inboxes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct UnreadTotals {
    /// Notifications.
    pub unread: i64,
    /// Inboxes that have some.
    pub users: i64,
}

/// The id of a notification begins with its time.
const WITH_UNREAD: &str = "SELECT user_id FROM notifications WHERE status = 'unread' GROUP BY user_id \
     ORDER BY MAX(notification_id) DESC LIMIT $1";

const UNREAD_TOTALS: &str = "SELECT CAST(COALESCE(SUM(unread), 0) AS BIGINT) AS unread, COUNT(*) AS users FROM inboxes WHERE unread > 0";

const EXISTING: &str = "SELECT 1 FROM notifications WHERE user_id = $1 AND notification_id = $2";

impl Store {
    /// What is unread in all inboxes together.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn unread_totals(&self) -> Result<UnreadTotals, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_as(UNREAD_TOTALS).fetch_one(pool).await)?)
    }

    /// The users with unread notifications who got the newest of them.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn users_with_unread(&self, limit: i64) -> Result<Vec<UserId>, StoreError> {
        let users: Vec<String> = on_pool!(self, |pool| sqlx::query_scalar(WITH_UNREAD)
            .bind(limit)
            .fetch_all(pool)
            .await)?;
        users.iter().map(|user| super::rows::user_id(user)).collect()
    }

    /// Whether a user has, or had, a notification.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn has_notification(&self, user: &UserId, id: Uuid) -> Result<bool, StoreError> {
        let found: Option<i32> = on_pool!(self, |pool| {
            sqlx::query_scalar(EXISTING)
                .bind(user.as_str())
                .bind(id.to_string())
                .fetch_optional(pool)
                .await
        })?;
        Ok(found.is_some())
    }

    /// A page of a user's list.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn list(
        &self,
        user: &UserId,
        filter: &Filter,
        limit: i64,
    ) -> Result<Listing, StoreError> {
        let sql = if filter.status == Some(Status::Unread) { LIST_UNREAD } else { LIST };
        let (inbox, (rows, complete)) = in_snapshot!(self, |tx| {
            let inbox: Option<InboxRow> =
                sqlx::query_as(INBOX).bind(user.as_str()).fetch_optional(&mut *tx).await?;
            let rows = sqlx::query_as::<_, NotificationRow>(sql)
                .bind(user.as_str())
                .bind(filter.before_seq.unwrap_or(i64::MAX))
                .bind(filter.status.map_or("", Status::as_str))
                .bind(filter.type_code.as_deref().unwrap_or(""))
                .bind(limit.saturating_add(1))
                .fetch(&mut *tx);
            (counters(inbox), bounded(rows, limit, LIST_MAX_BYTES).await?)
        });
        let items: Vec<Notification> = all(rows)?;
        let next = items.last().filter(|_| !complete).map(|last| last.seq);
        Ok(Listing { items, next, inbox })
    }

    /// One notification of a user.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn notification(
        &self,
        user: &UserId,
        id: Uuid,
    ) -> Result<Option<Notification>, StoreError> {
        let row = on_pool!(self, |pool| {
            sqlx::query_as::<_, NotificationRow>(GET)
                .bind(user.as_str())
                .bind(id.to_string())
                .fetch_optional(pool)
                .await
        })?;
        row.map(Notification::try_from).transpose()
    }

    /// The revision with the last notification made up to a moment: where `since=TIME` starts. Marks made between that and the
    /// moment are told again, which does no harm; none made after it is missed.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn revision_at(&self, user: &UserId, time: Timestamp) -> Result<i64, StoreError> {
        Ok(on_pool!(self, |pool| {
            sqlx::query_scalar(PLACE_AT).bind(user.as_str()).bind(time.0).fetch_one(pool).await
        })?)
    }
}
