//! Reads of an inbox's history, for connecting, resuming and `since`.

use super::{
    Store, StoreError,
    rows::{
        InboxRow, PAGE_MAX_BYTES, PositionRow, RowsOfPage, all, counters, notification_selection,
    },
};
use crate::domain::{
    inbox::{InboxPosition, InboxState},
    notification::Notification,
    user::UserId,
};

pub(super) const INBOX: &str =
    "SELECT user_id, revision, unread, unseen FROM inboxes WHERE user_id = $1";

const POSITION: &str =
    "SELECT revision, unread, unseen, purged_revision FROM inboxes WHERE user_id = $1";

const CHANGED: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND revision > $2 ORDER BY revision LIMIT $3"
);

const NEWEST: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND status <> 'deleted' ORDER BY seq DESC LIMIT $2"
);

const NEWEST_UNREAD: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND status = 'unread' ORDER BY seq DESC LIMIT $2"
);

/// Page of an inbox's history, with the state of the inbox in the same snapshot.
#[derive(Debug, Clone)]
pub struct Page {
    /// Notifications, in the order of the query.
    pub items: Vec<Notification>,
    /// State of the inbox.
    pub inbox: InboxState,
    /// True if no notification follows.
    pub complete: bool,
}

impl Page {
    /// Returns the revision of a client that has these items: the last item's if more follow, else
    /// the inbox's.
    #[must_use]
    pub fn reached(&self) -> i64 {
        match self.items.last() {
            Some(last) if !self.complete => last.revision,
            _ => self.inbox.revision,
        }
    }

    /// Returns for each item the position of a client that has it and all before it, if there is
    /// one: in a list by creation, a later item may have an earlier revision.
    #[must_use]
    pub fn positions(&self) -> Vec<Option<i64>> {
        let mut least = i64::MAX;
        let mut positions: Vec<Option<i64>> = self
            .items
            .iter()
            .rev()
            .map(|item| {
                let fits = item.revision < least;
                least = least.min(item.revision);
                fits.then_some(item.revision)
            })
            .collect();
        positions.reverse();
        positions
    }
}

impl Store {
    /// Returns the state of an inbox.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn inbox(&self, user: &UserId) -> Result<InboxState, StoreError> {
        let row = reading!(self, |db, tx| db::first!(tx, InboxRow, INBOX, user.as_str()))?;
        Ok(counters(row))
    }

    /// Returns the position of an inbox, for a client that resumes.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn position(&self, user: &UserId) -> Result<InboxPosition, StoreError> {
        let row = reading!(self, |db, tx| db::first!(tx, PositionRow, POSITION, user.as_str()))?;
        Ok(row.map(InboxPosition::from).unwrap_or_default())
    }

    /// Returns the states of several inboxes; inboxes without any change are left out.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn inboxes(&self, users: &[UserId]) -> Result<Vec<(UserId, InboxState)>, StoreError> {
        let ids = serde_json::to_string(users).unwrap_or_else(|_| "[]".to_owned());
        let rows = reading!(self, |db, tx| db::rows!(tx, InboxRow, db::INBOXES_BY_ID, &ids))?;
        rows.into_iter().map(|row| Ok((super::rows::user_id(&row.user_id)?, row.into()))).collect()
    }

    /// Returns the changes after a revision, oldest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn changed_since(
        &self,
        user: &UserId,
        since: i64,
        limit: i64,
    ) -> Result<Page, StoreError> {
        self.page(CHANGED, user, Some(since), limit).await
    }

    /// Returns the newest notifications that are not deleted, oldest change first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn newest(&self, user: &UserId, limit: i64) -> Result<Page, StoreError> {
        let mut page = self.page(NEWEST, user, None, limit).await?;
        page.items.sort_by_key(|notification| notification.revision);
        Ok(page)
    }

    /// Returns the newest unread notifications, oldest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn newest_unread(&self, user: &UserId, limit: i64) -> Result<Page, StoreError> {
        let mut page = self.page(NEWEST_UNREAD, user, None, limit).await?;
        page.items.reverse();
        Ok(page)
    }

    async fn page(
        &self,
        sql: &'static str,
        user: &UserId,
        since: Option<i64>,
        limit: i64,
    ) -> Result<Page, StoreError> {
        // One more row than requested shows whether any follows.
        let asked = limit.saturating_add(1);
        let page = RowsOfPage::new(limit, PAGE_MAX_BYTES);
        let (inbox, (rows, complete)) = reading!(self, snapshot, |db, tx| {
            let inbox = db::first!(tx, InboxRow, INBOX, user.as_str())?;
            let rows = if let Some(since) = since {
                db::page!(tx, page, sql, user.as_str(), since, asked)
            } else {
                db::page!(tx, page, sql, user.as_str(), asked)
            };
            (counters(inbox), rows?)
        });
        Ok(Page { items: all(rows)?, inbox, complete })
    }
}
