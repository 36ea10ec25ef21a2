//! Pushes that close an earlier push on the devices of its recipient.

use uuid::Uuid;

use super::DeliveryRow;
use crate::{
    domain::{
        notification::{Notification, Timestamp},
        user::UserId,
    },
    store::{
        Store, StoreError,
        rows::{NotificationRow, notification_selection},
        sql_types::Id,
    },
};

/// Condition for a delivery `d` that at least one browser has.
macro_rules! was_pushed {
    () => {
        "d.channel = 'push' AND (d.state = 'sent' OR d.confirmed <> '[]') AND NOT d.closes"
    };
}

/// Counts the pushes of a notification that at least one browser has.
const WAS_PUSHED: &str =
    concat!("SELECT COUNT(*) FROM deliveries d WHERE d.notification_id = $1 AND ", was_pushed!());

/// Selects read notifications of a user that changed after a revision and were pushed.
const READ_AND_PUSHED: &str = concat!(
    "SELECT notification_id, type_code, revision FROM notifications WHERE user_id = $1 AND \
     revision > $2 AND read_at IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries d WHERE \
     d.notification_id = notifications.notification_id AND ",
    was_pushed!(),
    ") ORDER BY revision LIMIT $3"
);

/// Selects the notification of a push, if at least one browser has it and it was dealt with.
const OVERTAKEN: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE notification_id = (SELECT d.notification_id FROM deliveries d WHERE \
     d.delivery_id = $1 AND ",
    was_pushed!(),
    ") AND (status <> 'unread' OR read_at IS NOT NULL)"
);

/// Number of pushes that are closed in one transaction.
const PAGE: i64 = 500;

impl Store {
    /// Schedules a push that closes the notification on the devices of its owner, if it was pushed
    /// to any. Returns whether it was.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn close_pushed(
        &self,
        item: &Notification,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = Id(item.notification_id);
        let pushed = reading!(self, |db, tx| db::first!(tx, (i64,), WAS_PUSHED, id))?;
        if pushed.is_none_or(|(count,)| count == 0) {
            return Ok(false);
        }
        let rows =
            [DeliveryRow::closing(item.notification_id, &item.user_id, &item.type_code, now)];
        in_inbox_transaction!(self, |db, tx| db::insert_deliveries(&mut tx, &rows).await?);
        Ok(true)
    }

    /// Schedules pushes that close those notifications of a user on the devices that were read
    /// after a revision. Returns whether there are any.
    ///
    /// # Errors
    /// When the store is unavailable; some may be scheduled then.
    pub async fn close_read(
        &self,
        user: &UserId,
        revision: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (mut after, mut any) = (revision, false);
        loop {
            let id = user.as_str();
            let page = reading!(self, |db, tx| {
                db::rows!(tx, (Id, String, i64), READ_AND_PUSHED, id, after, PAGE)
            })?;
            let Some((_, _, last)) = page.last() else { return Ok(any) };
            (after, any) = (*last, true);
            let rows: Vec<DeliveryRow> = page
                .iter()
                .map(|(id, code, _)| DeliveryRow::closing(id.0, user, code, now))
                .collect();
            in_inbox_transaction!(self, |db, tx| db::insert_deliveries(&mut tx, &rows).await?);
        }
    }

    /// Schedules pushes that close those among these deliveries on the devices whose notification
    /// was dealt with while they were on their way. Returns whether there are any.
    ///
    /// # Errors
    /// When the store is unavailable; some may be scheduled then.
    pub async fn close_overtaken(
        &self,
        deliveries: &[Uuid],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut any = false;
        for id in deliveries {
            let id = Id(*id);
            let row = reading!(self, |db, tx| db::first!(tx, NotificationRow, OVERTAKEN, id))?;
            if let Some(item) = row.map(Notification::try_from).transpose()? {
                any |= self.close_pushed(&item, now).await?;
            }
        }
        Ok(any)
    }
}
