//! Checks of the store against itself: counters equal rows, revisions are whole, nothing is
//! orphaned.

use sqlx::FromRow;

use super::{Store, StoreError};

/// Selects one page of inboxes with what their rows add up to, each in one statement, so that a
/// running hub cannot change them in between: $1 after which user, $2 number of inboxes.
const INBOXES: &str = "SELECT i.user_id, i.revision, i.unread, i.unseen, i.purged_revision, \
     COALESCE(n.unread, 0) AS unread_rows, COALESCE(n.unseen, 0) AS unseen_rows, \
     COALESCE(n.last_revision, 0) AS last_revision FROM \
     (SELECT * FROM inboxes WHERE user_id > $1 ORDER BY user_id LIMIT $2) i LEFT JOIN \
     (SELECT user_id, CAST(SUM(CASE WHEN status = 'unread' THEN 1 ELSE 0 END) AS BIGINT) AS \
     unread, CAST(SUM(CASE WHEN status = 'unread' AND seen_at IS NULL THEN 1 ELSE 0 END) AS \
     BIGINT) AS unseen, MAX(revision) AS last_revision FROM notifications WHERE user_id > $1 AND \
     user_id IN (SELECT user_id FROM inboxes WHERE user_id > $1 ORDER BY user_id LIMIT $2) \
     GROUP BY user_id) n ON n.user_id = i.user_id ORDER BY i.user_id";

/// Selects users with notifications and no inbox.
const WITHOUT_INBOX: &str = "SELECT DISTINCT user_id FROM notifications n WHERE NOT EXISTS \
     (SELECT 1 FROM inboxes i WHERE i.user_id = n.user_id) LIMIT $1";

/// Selects notifications whose shared metadata is missing.
const WITHOUT_METADATA: &str = "SELECT CAST(notification_id AS TEXT) FROM notifications n WHERE \
     metadata_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM shared_metadata m WHERE m.id = \
     n.metadata_id) LIMIT $1";

/// Selects shared metadata that no notification uses.
const UNUSED_METADATA: &str = "SELECT id FROM shared_metadata m WHERE NOT EXISTS \
     (SELECT 1 FROM notifications n WHERE n.metadata_id = m.id) LIMIT $1";

/// Selects deliveries that are to be sent, and whose notification is missing or of somebody else.
/// Those that have ended may outlive it.
const WITHOUT_NOTIFICATION: &str = "SELECT CAST(delivery_id AS TEXT) FROM deliveries d WHERE state \
     IN ('scheduled', 'sending') AND NOT EXISTS (SELECT 1 FROM notifications n WHERE \
     n.notification_id = d.notification_id AND (d.user_id = '' OR n.user_id = d.user_id)) LIMIT $1";

/// Selects groups of events whose notification is missing or of somebody else.
const WITHOUT_GROUP: &str = "SELECT DISTINCT CAST(notification_id AS TEXT) FROM group_members g \
     WHERE NOT EXISTS (SELECT 1 FROM notifications n WHERE n.notification_id = g.notification_id \
     AND n.user_id = g.user_id) LIMIT $1";

/// Orphans that `lonceng verify` looks for, with the beginning of the finding.
const ORPHANS: [(&str, &str); 3] = [
    (WITHOUT_INBOX, "notifications without an inbox, of the user"),
    (WITHOUT_METADATA, "missing shared metadata of the notification"),
    (UNUSED_METADATA, "shared metadata that no notification uses:"),
];

/// Orphans that running hubs look for too: only what waits is read.
const ORPHANS_OF_CHANNELS: [(&str, &str); 2] = [
    (WITHOUT_NOTIFICATION, "the notification of a delivery that waits is missing, of the delivery"),
    (WITHOUT_GROUP, "the notification of grouped events is missing:"),
];

/// Maximum number of findings of each kind.
const FINDINGS_MAX: i64 = 100;

/// Number of inboxes compared in one statement.
const PAGE: i64 = 500;

/// Result of a check of some inboxes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Number of inboxes.
    pub inboxes: usize,
    /// Inconsistencies, one sentence each.
    pub findings: Vec<String>,
    /// Last user of the page; `None` if there are no more.
    pub next: Option<String>,
}

#[derive(FromRow)]
struct Row {
    user_id: String,
    revision: i64,
    unread: i64,
    unseen: i64,
    purged_revision: i64,
    unread_rows: i64,
    unseen_rows: i64,
    last_revision: i64,
}

impl Row {
    fn findings(&self) -> impl Iterator<Item = String> {
        let user = &self.user_id;
        let count = |name: &str, counter: i64, rows: i64| {
            (counter != rows).then(|| {
                format!("inbox of {user:?}: {name} is {counter}, and {rows} notifications are")
            })
        };
        // Every change leaves its revision at a notification, until that is purged.
        let last = self.last_revision.max(self.purged_revision);
        let revision = (self.revision != last).then(|| {
            format!(
                "inbox of {user:?}: revision is {}, and its last change is {last}",
                self.revision
            )
        });
        [
            count("unread", self.unread, self.unread_rows),
            count("unseen", self.unseen, self.unseen_rows),
            revision,
        ]
        .into_iter()
        .flatten()
    }
}

impl Store {
    /// Compares the next inboxes after a user with their notifications, at most `limit`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn verify_inboxes(&self, after: &str, limit: i64) -> Result<Verified, StoreError> {
        let rows: Vec<Row> = on_pool!(self, unlimited, |pool| sqlx::query_as(INBOXES)
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await)?;
        let full = i64::try_from(rows.len()).is_ok_and(|count| count >= limit);
        Ok(Verified {
            inboxes: rows.len(),
            findings: rows.iter().flat_map(Row::findings).collect(),
            next: rows.last().filter(|_| full).map(|row| row.user_id.clone()),
        })
    }

    /// Checks the whole store. A running hub may go on.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn verify(&self) -> Result<Verified, StoreError> {
        let mut whole = Verified::default();
        let mut after = Some(String::new());
        while let Some(user) = after {
            let page = self.verify_inboxes(&user, PAGE).await?;
            whole.inboxes += page.inboxes;
            whole.findings.extend(page.findings);
            after = page.next;
        }
        whole.findings.extend(self.orphans(&ORPHANS).await?);
        whole.findings.extend(self.verify_deliveries().await?);
        Ok(whole)
    }

    /// Looks for deliveries and grouped events without a notification. Returns the findings.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn verify_deliveries(&self) -> Result<Vec<String>, StoreError> {
        self.orphans(&ORPHANS_OF_CHANNELS).await
    }

    async fn orphans(&self, kinds: &[(&'static str, &str)]) -> Result<Vec<String>, StoreError> {
        let mut findings = Vec::new();
        for (sql, what) in kinds {
            let found: Vec<String> = on_pool!(self, unlimited, |pool| sqlx::query_scalar(*sql)
                .bind(FINDINGS_MAX)
                .fetch_all(pool)
                .await)?;
            findings.extend(found.into_iter().map(|id| format!("{what} {id:?}")));
        }
        Ok(findings)
    }
}
