//! Personal data of one user: export, and erasure.

use serde_json::{Value, json};

use super::{DeliveryFilter, Store, StoreError};
use crate::domain::{notification::Timestamp, user::UserId};

/// Number of notifications read at once.
const PAGE: i64 = 500;

const METADATA_OF: &str = "SELECT DISTINCT metadata_id FROM notifications WHERE user_id = $1 AND \
     metadata_id IS NOT NULL";

/// Statements that erase a user, in order.
const ERASE: [(&str, &str); 11] = [
    // The revision stays and grows: clients that have an earlier one start over. What is empty
    // already stays as it is.
    (
        "inboxes",
        "UPDATE inboxes SET revision = revision + 1, unread = 0, unseen = 0, purged_revision = \
         revision + 1 WHERE user_id = $1 AND (purged_revision < revision OR unread <> 0 OR unseen \
         <> 0 OR EXISTS (SELECT 1 FROM notifications n WHERE n.user_id = $1))",
    ),
    ("notifications", "DELETE FROM notifications WHERE user_id = $1"),
    ("preferences", "DELETE FROM user_notification_preferences WHERE user_id = $1"),
    ("deliveries", "DELETE FROM deliveries WHERE user_id = $1"),
    ("group_members", "DELETE FROM group_members WHERE user_id = $1"),
    ("push_subscriptions", "DELETE FROM push_subscriptions WHERE user_id = $1"),
    ("directory", "DELETE FROM users WHERE user_id = $1"),
    // The counts of the events stay; of which other users they were is forgotten too.
    (
        "activity",
        "UPDATE activity SET trace = '{}' WHERE id IN (SELECT activity_id FROM activity_users \
         WHERE user_id = $1)",
    ),
    ("activity_users", "DELETE FROM activity_users WHERE user_id = $1"),
    ("as_actor", "UPDATE notifications SET actor_id = NULL WHERE actor_id = $1"),
    (
        "as_actor_of_groups",
        "UPDATE group_members SET actor_id = NULL, actor = NULL, event = NULL, bytes = 0 WHERE \
         actor_id = $1",
    ),
];

const MENTIONS: &str = "SELECT COUNT(*) FROM dead_letters WHERE LOWER(payload) LIKE $1 ESCAPE '\\'";

/// Result of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Number of rows by what they were.
    pub rows: Vec<(&'static str, u64)>,
    /// Number of dead letters that contain the user's ID, which are kept.
    pub dead_letters: i64,
}

impl Store {
    /// Returns everything that the store has of a user: entry of the directory, preferences, state
    /// of the inbox, and all notifications with their dates.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn personal_data(&self, user: &UserId, now: Timestamp) -> Result<Value, StoreError> {
        let users = std::slice::from_ref(user);
        let person = self.people(users).await?.into_iter().next();
        let preferences = self.preferences_of(users).await?.into_iter().next();
        let inbox = self.inbox(user).await?;
        let (mut notifications, mut since) = (Vec::new(), 0);
        loop {
            let page = self.changed_since(user, since, PAGE).await?;
            for item in &page.items {
                let mut json = serde_json::to_value(item).unwrap_or_default();
                json["clicked_at"] = json!(item.clicked_at);
                json["variant"] = json!(item.variant);
                notifications.push(json);
            }
            since = page.reached();
            if page.complete {
                break;
            }
        }
        let of_user =
            DeliveryFilter { user: user.as_str().to_owned(), ..DeliveryFilter::default() };
        let (mut deliveries, mut filter) = (Vec::new(), of_user);
        loop {
            let page = self.deliveries(&filter, PAGE).await?;
            filter.before = page.last().map(|last| last.delivery_id);
            deliveries.extend(page);
            if filter.before.is_none() {
                break;
            }
        }
        let groups = self.groups_of(user).await?;
        let activity = self.activity_ids(user).await?;
        let browsers = self.subscriptions(user.as_str()).await?;
        let browsers: Vec<String> = browsers.into_iter().map(|one| one.endpoint).collect();
        Ok(json!({
            "user_id": user,
            "exported_at": now,
            "directory": person,
            "preferences": preferences.map(|(_, preferences)| preferences),
            "inbox": { "revision": inbox.revision, "unread": inbox.unread, "unseen": inbox.unseen },
            "notifications": notifications,
            "deliveries": deliveries,
            "group_members": groups,
            "push_subscriptions": browsers,
            "activity": activity.into_iter().map(|(event_id, type_code, received_at)| json!({
                "event_id": event_id, "type": type_code, "received_at": received_at,
            })).collect::<Vec<_>>(),
        }))
    }

    /// Deletes everything that the store has of a user, and their name as the cause of other
    /// users' notifications. What stays is the row of the inbox with its revision, so that clients
    /// start over, and texts of other users that mention them.
    ///
    /// # Errors
    /// When the store is unavailable; then nothing has changed.
    pub async fn erase(&self, user: &UserId) -> Result<Erased, StoreError> {
        let rows = in_transaction!(self, |db, tx| {
            sqlx::query(db::LOCK_INBOX).bind(user.as_str()).fetch_optional(&mut *tx).await?;
            let metadata: Vec<String> =
                sqlx::query_scalar(METADATA_OF).bind(user.as_str()).fetch_all(&mut *tx).await?;
            let mut rows = Vec::with_capacity(ERASE.len());
            for (what, sql) in ERASE {
                let done = sqlx::query(sql).bind(user.as_str()).execute(&mut *tx).await?;
                rows.push((what, done.rows_affected()));
            }
            db::drop_unused_metadata(&mut tx, &metadata).await?;
            rows
        });
        let pattern = super::like::pattern(user.as_str());
        let dead_letters: i64 = on_pool!(self, unlimited, |pool| sqlx::query_scalar(MENTIONS)
            .bind(&pattern)
            .fetch_one(pool)
            .await)?;
        Ok(Erased { rows, dead_letters })
    }
}
