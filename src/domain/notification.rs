//! A notification, as it is stored, listed and pushed: one shape everywhere.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::user::UserId;

/// What of a notification a mark can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationState {
    /// Where it is in its life.
    pub status: Status,
    /// When it was first on a screen.
    pub seen_at: Option<Timestamp>,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// When its action was first followed.
    pub clicked_at: Option<Timestamp>,
    /// When its time to live runs out.
    pub expires_at: Option<Timestamp>,
}

impl NotificationState {
    pub(super) fn unread(self) -> i64 {
        i64::from(self.status == Status::Unread)
    }

    pub(super) fn unseen(self) -> i64 {
        i64::from(self.status == Status::Unread && self.seen_at.is_none())
    }
}

/// How urgent a notification is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Priority {
    /// In the list; a quiet toast.
    Low,
    /// A toast that goes by itself.
    #[default]
    Medium,
    /// A toast that stays until it is dismissed; never limited.
    High,
}

impl Priority {
    /// The word of the contract: `LOW`, `MEDIUM` or `HIGH`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }

    /// Reads the word, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High]
            .into_iter()
            .find(|priority| text.eq_ignore_ascii_case(priority.as_str()))
    }
}

/// Where a notification is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not read yet: counted in the badge.
    Unread,
    /// Read.
    Read,
    /// Put away: out of the list, still there.
    Archived,
    /// Gone from lists; kept as a tombstone so that every device learns of it.
    Deleted,
    /// Its time to live ran out.
    AutoCleared,
}

impl Status {
    const ALL: [Self; 5] =
        [Self::Unread, Self::Read, Self::Archived, Self::Deleted, Self::AutoCleared];

    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Read => "read",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::AutoCleared => "auto_cleared",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, written as RFC 3339 with `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The same moment as chrono's type; far out of range is pinned to the epoch.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(self.0).single().unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// RFC 3339, UTC, with `Z`; milliseconds only when there are some.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    /// Reads RFC 3339 with any offset.
    ///
    /// # Errors
    /// A sentence about what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        DateTime::parse_from_rfc3339(text).map(|time| Self(time.timestamp_millis())).map_err(|_| {
            format!("{text:?} is not a time in RFC 3339, such as 2026-01-01T00:00:00Z")
        })
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

/// A notification in somebody's inbox.
#[derive(Debug, Clone, Serialize)]
pub struct Notification {
    /// `UUIDv7`: unique everywhere, ordered by time.
    pub notification_id: Uuid,
    /// `MILLISECONDS-SEQUENCE`: the older API's name for it, unique within the inbox.
    pub stream_id: String,
    /// The inbox's revision when this notification last changed.
    pub revision: i64,
    /// The type's code.
    pub type_code: String,
    /// A headline.
    pub title: String,
    /// Plain text; whoever shows it escapes it.
    pub message: String,
    /// How urgent.
    pub priority: Priority,
    /// Who published the event.
    pub source: Option<String>,
    /// Who did it.
    pub actor_id: Option<UserId>,
    /// What kind of thing it is about.
    pub entity_type: Option<String>,
    /// Which one.
    pub entity_id: Option<String>,
    /// Where a click leads.
    pub action_url: Option<String>,
    /// The event's data, as its publisher wrote it.
    pub metadata: Arc<RawValue>,
    /// How many events it stands for; 1 unless its type groups.
    pub count: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its time to live runs out.
    pub expires_at: Option<Timestamp>,
    /// Where it is in its life.
    pub status: Status,
    /// Whether it has been read.
    pub read: bool,
    /// When.
    pub read_at: Option<Timestamp>,
    /// When it was first on a screen.
    pub seen_at: Option<Timestamp>,
    /// When its type keeps it no longer; nobody's business but the sweeper's.
    #[serde(skip)]
    pub keep_until: Option<Timestamp>,
    /// When its action was first followed; for the comparison of variants.
    #[serde(skip)]
    pub clicked_at: Option<Timestamp>,
    /// Which of its type's texts it is; its reader need not know.
    #[serde(skip)]
    pub variant: Option<String>,
    /// ID of the metadata where the store keeps it once for all recipients of an event.
    #[serde(skip)]
    pub metadata_id: Option<String>,
    /// Whose inbox; the owner knows, so it is not written.
    #[serde(skip)]
    pub user_id: UserId,
    /// The inbox's revision when it was made: its place in the newest-first list.
    #[serde(skip)]
    pub seq: i64,
}

impl Notification {
    /// What of it a mark can change.
    #[must_use]
    pub fn state(&self) -> NotificationState {
        NotificationState {
            status: self.status,
            seen_at: self.seen_at,
            read_at: self.read_at,
            clicked_at: self.clicked_at,
            expires_at: self.expires_at,
        }
    }

    /// Changes its state, as the inbox's change with this revision.
    pub fn enter(&mut self, state: NotificationState, revision: i64) {
        self.status = state.status;
        self.seen_at = state.seen_at;
        self.read_at = state.read_at;
        self.clicked_at = state.clicked_at;
        self.expires_at = state.expires_at;
        self.read = self.read_at.is_some();
        self.revision = revision;
        if self.status == Status::Deleted {
            self.blank();
        }
    }

    /// Forgets the content: of a deleted notification only the deletion is kept.
    fn blank(&mut self) {
        self.title = String::new();
        self.message = String::new();
        self.action_url = None;
        self.metadata_id = None;
        // The constant is JSON.
        if let Ok(empty) = RawValue::from_string("{}".to_owned()) {
            self.metadata = Arc::from(empty);
        }
    }
}

/// The `stream_id` of the notification made at `created_at` as the inbox's `seq`th change.
#[must_use]
pub fn stream_id(created_at: Timestamp, seq: i64) -> String {
    format!("{}-{seq}", created_at.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_z_and_milliseconds_only_when_there_are_some() {
        assert_eq!(Timestamp(1_767_225_600_000).to_rfc3339(), "2026-01-01T00:00:00Z");
        assert_eq!(Timestamp(1_767_225_600_120).to_rfc3339(), "2026-01-01T00:00:00.120Z");
        assert_eq!(Timestamp::parse("2026-01-01T07:00:00+07:00"), Ok(Timestamp(1_767_225_600_000)));
        assert!(Timestamp::parse("yesterday").is_err());
    }

    #[test]
    fn words_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Priority::parse("high"), Some(Priority::High));
        assert_eq!(Priority::parse("urgent"), None);
        assert_eq!(stream_id(Timestamp(1_767_225_600_000), 17), "1767225600000-17");
    }
}
