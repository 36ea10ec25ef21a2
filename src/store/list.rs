//! List of an inbox, newest first, and single notifications.

use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;

use super::{
    Backend, Store, StoreError,
    catchup::INBOX,
    on::{keep, within},
    postgres,
    rows::{
        InboxRow, NotificationRow, PAGE_MAX_BYTES, RowsOfPage, all, counters,
        notification_selection,
    },
    sql_types::Id,
    sqlite,
};
use crate::{
    clock,
    domain::{
        inbox::InboxState,
        notification::{Notification, Status, Timestamp},
        user::UserId,
    },
    telemetry::LogLimit,
};

/// Maximum size of a page of the list, in bytes of text.
const LIST_MAX_BYTES: usize = 4 * PAGE_MAX_BYTES;

/// Columns and place of a page.
macro_rules! page_columns {
    () => {
        concat!(
            "SELECT ",
            notification_selection!(),
            " FROM notifications WHERE user_id = $1 AND seq < $2"
        )
    };
}

/// A page on SQLite, where a condition that is not asked for costs next to nothing. A literal
/// status makes the index of unread notifications usable.
macro_rules! page {
    ($status:literal) => {
        concat!(
            page_columns!(),
            " AND status ",
            $status,
            " AND ($3 = '' OR status = $3) AND ($4 = '' OR type_code = $4) AND ($6 = '' OR \
             category = $6) AND ($7 = '' OR fold_case(title) LIKE $7 ESCAPE '!' OR \
             fold_case(message) LIKE $7 ESCAPE '!') ORDER BY seq DESC LIMIT $5"
        )
    };
}

const LIST: &str = page!("<> 'deleted'");

const LIST_UNREAD: &str = page!("= 'unread'");

/// Folds a text on PostgreSQL: text and pattern alike, because its idea of upper case depends on
/// the database. The letters that it may not know are those that become two.
macro_rules! folded {
    ($text:literal) => {
        concat!(
            "UPPER(LOWER(REPLACE(REPLACE(REPLACE(",
            $text,
            ", 'ß', 'ss'), 'ẞ', 'ss'), 'İ', 'i\u{307}')))"
        )
    };
}

/// Returns the statement for a page with the state of its inbox on PostgreSQL, in one round trip: a
/// row of the state alone if the page is empty.
///
/// Has only the conditions that are asked for. From `$3 = '' OR status = $3`, the planner would
/// expect almost no row, and read and sort the whole inbox instead of the newest of its index.
fn page_with_inbox(filter: &Filter) -> String {
    let mut conditions = String::from(match filter.status {
        Some(Status::Unread) => " AND status = 'unread'",
        Some(_) => " AND status <> 'deleted' AND status = $3",
        None => " AND status <> 'deleted'",
    });
    for (is_asked, condition) in [
        (filter.type_code.is_some(), " AND type_code = $4"),
        (filter.category.is_some(), " AND category = $6"),
        (
            filter.search.is_some(),
            concat!(
                " AND (",
                folded!("title"),
                " LIKE ",
                folded!("$7"),
                " ESCAPE '!' OR ",
                folded!("message"),
                " LIKE ",
                folded!("$7"),
                " ESCAPE '!')"
            ),
        ),
    ] {
        if is_asked {
            conditions.push_str(condition);
        }
    }
    [
        "SELECT inbox.revision AS inbox_revision, inbox.unread AS inbox_unread, inbox.unseen AS \
         inbox_unseen, page.* FROM (SELECT 1) AS one LEFT JOIN inboxes AS inbox ON inbox.user_id = \
         $1 LEFT JOIN LATERAL (",
        page_columns!(),
        &conditions,
        " ORDER BY seq DESC LIMIT $5) AS page ON TRUE ORDER BY page.seq DESC",
    ]
    .concat()
}

/// Selects the position of a time: the last change up to it, and before the first later one,
/// because the clocks of several hubs may differ.
const PLACE_AT: &str = "SELECT COALESCE(MAX(revision), 0) FROM notifications WHERE user_id = $1 \
     AND COALESCE(changed_at, created_at) <= $2 AND revision < COALESCE((SELECT MIN(revision) FROM \
     notifications WHERE user_id = $1 AND COALESCE(changed_at, created_at) > $2), \
     9223372036854775807)";

const GET: &str = concat!(
    "SELECT ",
    notification_selection!(),
    " FROM notifications WHERE user_id = $1 AND notification_id = $2 AND status <> 'deleted'"
);

/// Filter of a list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this status; `None`: all that are not deleted.
    pub status: Option<Status>,
    /// Only this type.
    pub type_code: Option<String>,
    /// Only this category.
    pub category: Option<String>,
    /// Only notifications whose title or message contains this text, in any case.
    pub search: Option<String>,
    /// Only notifications before this position.
    pub before_seq: Option<i64>,
}

/// Returns the pattern of `LIKE` for a text that is contained.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Page of the list, newest first, with the state of the inbox in the same snapshot.
#[derive(Debug)]
pub struct Listing {
    /// Notifications.
    pub items: Vec<Notification>,
    /// Position of the next page; `None` at the end.
    pub next: Option<i64>,
    /// State of the inbox.
    pub inbox: InboxState,
}

/// Unread notifications of all inboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct UnreadTotals {
    /// Number of unread notifications.
    pub unread: i64,
    /// Number of inboxes with unread notifications.
    pub users: i64,
}

/// Selects users by their newest unread notification: its ID begins with its time.
const WITH_UNREAD: &str = "SELECT user_id FROM notifications WHERE status = 'unread' GROUP BY \
user_id \
     ORDER BY MAX(CAST(notification_id AS TEXT)) DESC LIMIT $1";

const UNREAD_TOTALS: &str = "SELECT CAST(COALESCE(SUM(unread), 0) AS BIGINT) AS unread, COUNT(*) \
AS users FROM inboxes WHERE unread > 0";

const EXISTING: &str = "SELECT 1 FROM notifications WHERE user_id = $1 AND notification_id = $2";

/// Time limit for a list from the replica.
const REPLICA_TIMEOUT: Duration = Duration::from_secs(2);

/// Limit of the log lines about the replica.
static REPLICA_FAILED: LogLimit = LogLimit::new();

fn replica_failed(error: &str) {
    if let Some(suppressed) = REPLICA_FAILED.admit(clock::monotonic().0) {
        tracing::warn!(
            error,
            suppressed,
            "store: the replica failed; lists are read from the \
            store itself"
        );
    }
}

impl Store {
    /// Counts the unread notifications of all inboxes.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn unread_totals(&self) -> Result<UnreadTotals, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_as(UNREAD_TOTALS).fetch_one(pool).await)?)
    }

    /// Returns the users with the newest unread notifications.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn users_with_unread(&self, limit: i64) -> Result<Vec<UserId>, StoreError> {
        let users: Vec<String> = on_pool!(self, |pool| sqlx::query_scalar(WITH_UNREAD)
            .bind(limit)
            .fetch_all(pool)
            .await)?;
        users.iter().map(|user| super::rows::user_id(user)).collect()
    }

    /// Returns whether a user has, or had, a notification.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn has_notification(&self, user: &UserId, id: Uuid) -> Result<bool, StoreError> {
        let found: Option<i32> = on_pool!(self, |pool| {
            sqlx::query_scalar(EXISTING).bind(user.as_str()).bind(Id(id)).fetch_optional(pool).await
        })?;
        Ok(found.is_some())
    }

    /// Returns a page of the list, from the replica if there is one and it answers.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn list(
        &self,
        user: &UserId,
        filter: &Filter,
        limit: i64,
    ) -> Result<Listing, StoreError> {
        if let Some(replica) = &self.replica {
            match timeout(REPLICA_TIMEOUT, replica.list_here(user, filter, limit)).await {
                Ok(Ok(listing)) => return Ok(listing),
                Ok(Err(error)) => replica_failed(&error.to_string()),
                Err(_) => replica_failed("no answer within two seconds"),
            }
        }
        self.list_here(user, filter, limit).await
    }

    async fn list_here(
        &self,
        user: &UserId,
        filter: &Filter,
        limit: i64,
    ) -> Result<Listing, StoreError> {
        let is_unread = filter.status == Some(Status::Unread);
        let page = RowsOfPage::new(limit, LIST_MAX_BYTES);
        let (before, status, type_code) = (
            filter.before_seq.unwrap_or(i64::MAX),
            filter.status.map_or("", Status::as_str),
            filter.type_code.as_deref().unwrap_or(""),
        );
        let category = filter.category.as_deref().unwrap_or("");
        let search = filter.search.as_deref().map(|text| pattern(&self.folded(text)));
        let search = search.as_deref().unwrap_or_default();
        let (user, asked) = (user.as_str(), limit.saturating_add(1));
        let (inbox, (rows, complete)) = if let Backend::Postgres(pool) = &self.backend {
            // All parameters are bound, also those of conditions that the statement does not have.
            let sql = sqlx::AssertSqlSafe(page_with_inbox(filter));
            let found = sqlx::query(sql).bind(user).bind(before).bind(status).bind(type_code);
            let found = found.bind(asked).bind(category).bind(search);
            let mut owned = pool.acquire().await?;
            let filled = within(postgres::fill_with_inbox(page, found.fetch(&mut *owned))).await;
            keep(&mut owned, &filled, postgres::makes_unusable);
            filled?
        } else {
            let sql = if is_unread { LIST_UNREAD } else { LIST };
            reading!(self, snapshot, |db, tx| {
                let inbox = db::first!(tx, InboxRow, INBOX, user)?;
                let rows = db::page!(
                    tx, page, sql, user, before, status, type_code, asked, category, search
                )?;
                (counters(inbox), rows)
            })
        };
        let items: Vec<Notification> = all(rows)?;
        let next = items.last().filter(|_| !complete).map(|last| last.seq);
        Ok(Listing { items, next, inbox })
    }

    /// Folds a text as the statements of the backend do, unless they do it themselves.
    fn folded(&self, text: &str) -> String {
        match &self.backend {
            Backend::Sqlite(_) => sqlite::folded(text),
            Backend::Postgres(_) => text.to_owned(),
        }
    }

    /// Returns a notification of a user.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn notification(
        &self,
        user: &UserId,
        id: Uuid,
    ) -> Result<Option<Notification>, StoreError> {
        let row = reading!(self, |db, tx| {
            db::first!(tx, NotificationRow, GET, user.as_str(), Id(id))
        })?;
        row.map(Notification::try_from).transpose()
    }

    /// Returns the revision of the last change up to a time, where `since=TIME` starts. The time
    /// is that of the hub when it stored the change: a notification to which its publisher gave an
    /// earlier time of creation is not missed.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn revision_at(&self, user: &UserId, time: Timestamp) -> Result<i64, StoreError> {
        Ok(on_pool!(self, |pool| {
            sqlx::query_scalar(PLACE_AT).bind(user.as_str()).bind(time).fetch_one(pool).await
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_is_not_asked_for_is_not_in_the_statement() {
        let all = page_with_inbox(&Filter::default());
        for absent in ["$3", "$4", "$6", "$7", "LIKE"] {
            assert!(!all.contains(absent), "{absent} in {all}");
        }
        let unread = page_with_inbox(&Filter { status: Some(Status::Unread), ..Filter::default() });
        assert!(unread.contains("status = 'unread'") && !unread.contains("$3"), "{unread}");
        let filtered = page_with_inbox(&Filter {
            status: Some(Status::Archived),
            type_code: Some("NOTE_CREATED".to_owned()),
            category: Some("Notes".to_owned()),
            search: Some("refund".to_owned()),
            before_seq: None,
        });
        for present in ["status = $3", "type_code = $4", "category = $6", "$7", "LIKE"] {
            assert!(filtered.contains(present), "{present} not in {filtered}");
        }
    }
}
