//! Notification, in the one shape in which it is stored, listed and pushed.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{presentation::Presentation, user::UserId};

/// Mutable state of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationState {
    /// Status.
    pub status: Status,
    /// Time at which it was first displayed.
    pub seen_at: Option<Timestamp>,
    /// Time at which it was read.
    pub read_at: Option<Timestamp>,
    /// Time at which its action was first followed.
    pub clicked_at: Option<Timestamp>,
    /// Index of the action that was pressed last.
    pub clicked_action: Option<u8>,
    /// Time at which it expires.
    pub expires_at: Option<Timestamp>,
    /// Time at which a snoozed one becomes unread again.
    pub snoozed_until: Option<Timestamp>,
}

impl NotificationState {
    pub(super) fn unread(self) -> i64 {
        i64::from(self.status == Status::Unread)
    }

    pub(super) fn unseen(self) -> i64 {
        i64::from(self.status == Status::Unread && self.seen_at.is_none())
    }
}

/// Priority of a notification.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Priority {
    /// In the list, and a silent toast.
    Low,
    /// A toast that closes by itself.
    #[default]
    Medium,
    /// A toast that stays until it is dismissed, exempt from the live limit.
    High,
}

impl Priority {
    /// Returns `LOW`, `MEDIUM` or `HIGH`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }

    /// Parses the name, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High]
            .into_iter()
            .find(|priority| text.eq_ignore_ascii_case(priority.as_str()))
    }
}

/// Status of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not read yet; counted in the badge.
    Unread,
    /// Read.
    Read,
    /// Put off: it becomes unread again at a time.
    Snoozed,
    /// Archived: not in the list, but still there.
    Archived,
    /// Deleted: kept as a tombstone, so that every device learns of it.
    Deleted,
    /// Expired.
    AutoCleared,
}

impl Status {
    const ALL: [Self; 6] =
        [Self::Unread, Self::Read, Self::Snoozed, Self::Archived, Self::Deleted, Self::AutoCleared];

    /// Returns the name in the interfaces.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Read => "read",
            Self::Snoozed => "snoozed",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::AutoCleared => "auto_cleared",
        }
    }

    /// Parses the name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, written as RFC 3339 with `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Converts to chrono's type; a time out of range becomes the epoch.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(self.0).single().unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Formats as RFC 3339 in UTC with `Z`; with milliseconds only if they are not zero.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    /// Parses RFC 3339 with any offset.
    ///
    /// # Errors
    /// A description of the expected format.
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

/// Notification in the inbox of a user.
#[derive(Debug, Clone, Serialize)]
pub struct Notification {
    /// `UUIDv7`: globally unique, ordered by time.
    pub notification_id: Uuid,
    /// `MILLISECONDS-SEQUENCE`: ID of the older API, unique within the inbox.
    pub stream_id: String,
    /// Revision of the inbox at its last change.
    pub revision: i64,
    /// Code of its type.
    pub type_code: String,
    /// Title.
    pub title: String,
    /// Message, plain text; it must be escaped for display.
    pub message: String,
    /// Priority.
    pub priority: Priority,
    /// Publisher of the event.
    pub source: Option<String>,
    /// User that caused the event.
    pub actor_id: Option<UserId>,
    /// Kind of the entity it is about.
    pub entity_type: Option<String>,
    /// ID of the entity.
    pub entity_id: Option<String>,
    /// URL that a click opens.
    pub action_url: Option<String>,
    /// Category, icon, actions and marked-up message.
    #[serde(flatten)]
    pub presentation: Presentation,
    /// Index of the action that was pressed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicked_action: Option<u8>,
    /// Data of the event without its recipients; `{}` after deletion.
    pub metadata: Arc<RawValue>,
    /// Number of events it stands for; 1 unless its type groups.
    pub count: i64,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time at which it expires.
    pub expires_at: Option<Timestamp>,
    /// Status.
    pub status: Status,
    /// True if it has been read.
    pub read: bool,
    /// Time at which it was read.
    pub read_at: Option<Timestamp>,
    /// Time at which it was first displayed.
    pub seen_at: Option<Timestamp>,
    /// Time at which a snoozed one becomes unread again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
    /// Time of its last change; not part of any interface.
    #[serde(skip)]
    pub changed_at: Timestamp,
    /// End of the retention period of its type; not part of any interface.
    #[serde(skip)]
    pub keep_until: Option<Timestamp>,
    /// Time at which its action was first followed, for the comparison of variants.
    #[serde(skip)]
    pub clicked_at: Option<Timestamp>,
    /// Variant of its type; not part of any interface.
    #[serde(skip)]
    pub variant: Option<String>,
    /// ID of its event; not part of any interface.
    #[serde(skip)]
    pub event_id: Option<String>,
    /// Caller that published the event.
    #[serde(skip)]
    pub publisher: Option<String>,
    /// Value by which it is grouped.
    #[serde(skip)]
    pub group_key: Option<String>,
    /// Names of the actors of its group, newest first.
    #[serde(skip)]
    pub actors: Vec<String>,
    /// ID of the metadata that the recipients of an event share in the store.
    #[serde(skip)]
    pub metadata_id: Option<String>,
    /// Owner of the inbox; not serialized.
    #[serde(skip)]
    pub user_id: UserId,
    /// Revision of the inbox at its creation: its position in the list.
    #[serde(skip)]
    pub seq: i64,
}

impl Notification {
    /// Returns the mutable state.
    #[must_use]
    pub fn state(&self) -> NotificationState {
        NotificationState {
            status: self.status,
            seen_at: self.seen_at,
            read_at: self.read_at,
            clicked_at: self.clicked_at,
            clicked_action: self.clicked_action,
            expires_at: self.expires_at,
            snoozed_until: self.snoozed_until,
        }
    }

    /// Sets the mutable state, with the revision and the time of the change.
    pub fn enter(&mut self, state: NotificationState, revision: i64, now: Timestamp) {
        self.changed_at = now;
        self.status = state.status;
        self.seen_at = state.seen_at;
        self.read_at = state.read_at;
        self.clicked_at = state.clicked_at;
        self.clicked_action = state.clicked_action;
        self.expires_at = state.expires_at;
        self.snoozed_until = state.snoozed_until;
        self.read = self.read_at.is_some();
        self.revision = revision;
        if self.status == Status::Deleted {
            self.blank();
        }
    }

    /// Removes the content: of a deleted notification only the tombstone is kept.
    fn blank(&mut self) {
        self.title = String::new();
        self.message = String::new();
        self.action_url = None;
        self.presentation = Presentation::default();
        self.metadata_id = None;
        self.actors = Vec::new();
        // The constant is JSON.
        if let Ok(empty) = RawValue::from_string("{}".to_owned()) {
            self.metadata = Arc::from(empty);
        }
    }
}

/// Returns the `stream_id` of a notification created at `created_at` with the sequence `seq`.
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
    fn names_are_parsed_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Priority::parse("high"), Some(Priority::High));
        assert_eq!(Priority::parse("urgent"), None);
        assert_eq!(stream_id(Timestamp(1_767_225_600_000), 17), "1767225600000-17");
    }
}
