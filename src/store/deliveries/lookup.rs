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

/// Selects notifications of an event after an ID.
const OF_EVENT: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE event_id = $1 AND notification_id > $2 ORDER BY \
      notification_id LIMIT $3"
);

impl Store {
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

    /// Returns notifications of an event after an ID, in the order of their IDs.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn notifications_of_event(
        &self,
        event_id: &str,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<Notification>, StoreError> {
        let rows: Vec<NotificationRow> = on_pool!(self, |pool| {
            sqlx::query_as(OF_EVENT)
                .bind(event_id)
                .bind(Id(after))
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        all(rows)
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
