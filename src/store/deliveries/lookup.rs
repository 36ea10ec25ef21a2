//! Notifications and people that deliveries refer to.

use uuid::Uuid;

use crate::{
    domain::{
        notification::Notification,
        preferences::Preferences,
        user::{Person, UserId},
    },
    store::{
        Store, StoreError,
        rows::{NotificationRow, all, notification_selection},
        sql_types::Id,
    },
};

const NOTIFICATION: &str =
    concat!("SELECT ", notification_selection!(), " FROM notifications WHERE notification_id = $1");

/// Selects read notifications of a user that changed after a revision and were pushed.
const READ_AND_PUSHED: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND revision > $2 AND read_at IS NOT NULL AND EXISTS \
      (SELECT 1 FROM deliveries d WHERE d.notification_id = notifications.notification_id AND \
      d.channel = 'push' AND d.state = 'sent' AND NOT d.closes) ORDER BY revision LIMIT $3"
);

impl Store {
    /// Returns notifications of a user that were pushed, and were read after a revision; the oldest
    /// changes first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn read_and_pushed(
        &self,
        user: &UserId,
        revision: i64,
        limit: i64,
    ) -> Result<Vec<Notification>, StoreError> {
        let rows: Vec<NotificationRow> = on_pool!(self, |pool| {
            sqlx::query_as(READ_AND_PUSHED)
                .bind(user.as_str())
                .bind(revision)
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        all(rows)
    }

    /// Returns a notification of any user, deleted ones included.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn any_notification(&self, id: Uuid) -> Result<Option<Notification>, StoreError> {
        let row: Option<NotificationRow> = on_pool!(self, |pool| {
            sqlx::query_as(NOTIFICATION).bind(Id(id)).fetch_optional(pool).await
        })?;
        row.map(Notification::try_from).transpose()
    }

    /// Returns the recipient of a delivery with preferences, if the directory knows them.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn recipient(
        &self,
        user: &UserId,
    ) -> Result<(Person, Option<Preferences>), StoreError> {
        let (people, preferences) = self.recipients(std::slice::from_ref(user)).await?;
        let person = people.into_iter().next();
        let person = person.unwrap_or_else(|| Person::unknown(user.clone()));
        Ok((person, preferences.into_iter().next().map(|(_, chosen)| chosen)))
    }
}
