//! Trace of one event.

use std::{
    borrow::Cow,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use serde::Serialize;
use uuid::{Builder, Uuid};

use super::PEOPLE_MAX;
use crate::domain::{
    event::{Event, Identity},
    notification::Timestamp,
    plan::Draft,
    rejected::Rejected,
    user::UserId,
};

/// Outcome of an event that cannot be decoded, as in `lonceng_events_total`.
const REJECTED: &str = "rejected";

/// Trace of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTrace {
    /// ID of the trace: a `UUIDv7` of the time of arrival. Traces of one hub are ordered by it.
    pub id: Uuid,
    /// ID of the event.
    pub event_id: String,
    /// Identity for deduplication.
    pub identity: Option<Identity>,
    /// Name under which it was published.
    pub name: String,
    /// Code of its type; empty for an event that cannot be decoded.
    pub code: String,
    /// Publisher.
    pub publisher: Option<String>,
    /// Source: `http`, `nats`, `schedule`.
    pub source: Cow<'static, str>,
    /// Time of arrival.
    pub received_at: Timestamp,
    /// Users that it names: user, actor, recipients.
    pub names: Vec<UserId>,
    /// Outcome, as in `lonceng_events_total`.
    pub outcome: Cow<'static, str>,
    /// Reason, if it made no notification, or not for all of its recipients.
    pub reason: Option<Reason>,
    /// Users that got a notification.
    pub delivered: Vec<Delivered>,
    /// Number of them; the list may be shorter.
    pub delivered_count: usize,
    /// Users that muted its type.
    pub muted: Vec<UserId>,
    /// Number of them.
    pub muted_count: usize,
    /// Users for whom rendering failed, of a large fan-out.
    pub failed: Vec<UserId>,
    /// Number of them.
    pub failed_count: usize,
}

/// Reason for which an event made no notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Code, such as `muted`.
    pub code: Cow<'static, str>,
    /// Description.
    pub detail: String,
}

/// Notification of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// User.
    pub user_id: UserId,
    /// ID of the notification.
    pub notification_id: Uuid,
    /// True in the user's quiet hours.
    pub quiet: bool,
}

impl Delivered {
    /// Creates the record of a draft with its ID.
    #[must_use]
    pub fn new(notification_id: Uuid, draft: &Draft) -> Self {
        Self { user_id: draft.user_id.clone(), notification_id, quiet: draft.quiet }
    }
}

/// Bits of a trace's ID that count the traces of this process; they start over after 67 million.
const SEQUENCE_BITS: u32 = 26;

/// Returns the ID of a trace: the time, the number of the trace, and bits of this process.
fn next_id(received_at: Timestamp) -> Uuid {
    static SEQUENCE: AtomicU32 = AtomicU32::new(0);
    static PROCESS: LazyLock<[u8; 16]> = LazyLock::new(|| Uuid::new_v4().into_bytes());
    let number = SEQUENCE.fetch_add(1, Ordering::Relaxed) & ((1 << SEQUENCE_BITS) - 1);
    let [a, b, c, d] = number.to_be_bytes();
    // The bits of the version (the first half of byte 0) and of the variant (the first two of byte
    // 2) are overwritten.
    let [mut bytes @ .., _, _, _, _, _, _] = *PROCESS;
    bytes[0] = (a << 2) | (b >> 6);
    bytes[1] = (b << 2) | (c >> 6);
    bytes[2] = c & 0x3F;
    bytes[3] = d;
    Builder::from_unix_timestamp_millis(received_at.0.max(0).unsigned_abs(), &bytes).into_uuid()
}

/// Returns the publisher that an event names; that of a direct message has the person who sent it.
fn publisher(event: &Event) -> Option<String> {
    let is_person = |name: &&str| !name.starts_with("key:") && *name != "developer";
    let person = event.publisher.as_deref().filter(is_person);
    let person = person.filter(|_| event.direct.is_some());
    match (&event.source, person) {
        (Some(source), Some(person)) => Some(format!("{source} ({person})")),
        (source, person) => source.clone().or_else(|| person.map(str::to_owned)),
    }
}

impl EventTrace {
    /// Creates the trace of an event from `source`.
    #[must_use]
    pub fn new(event: &Event, source: &'static str, received_at: Timestamp) -> Self {
        let named = event.user_id.iter().chain(&event.actor_id).chain(&event.recipients);
        let direct = event
            .direct
            .iter()
            .flat_map(|direct| direct.targets.iter().map(|person| &person.user_id));
        Self {
            event_id: event.id.clone(),
            identity: event.identity.clone(),
            name: event.name.clone(),
            code: event.code.clone(),
            publisher: publisher(event),
            names: named.chain(direct).take(PEOPLE_MAX).cloned().collect(),
            ..Self::empty(source, received_at)
        }
    }

    /// Creates the trace of a message from `source` that cannot be decoded. `id` stands for the
    /// event's.
    #[must_use]
    pub fn undecodable(
        id: Uuid,
        rejected: &Rejected,
        source: &'static str,
        received_at: Timestamp,
    ) -> Self {
        Self {
            event_id: id.to_string(),
            outcome: REJECTED.into(),
            reason: Some(Reason {
                code: rejected.kind.as_str().into(),
                detail: rejected.to_string(),
            }),
            ..Self::empty(source, received_at)
        }
    }

    fn empty(source: &'static str, received_at: Timestamp) -> Self {
        Self {
            id: next_id(received_at),
            event_id: String::new(),
            identity: None,
            name: String::new(),
            code: String::new(),
            publisher: None,
            source: source.into(),
            received_at,
            names: Vec::new(),
            outcome: "".into(),
            reason: None,
            delivered: Vec::new(),
            delivered_count: 0,
            muted: Vec::new(),
            muted_count: 0,
            failed: Vec::new(),
            failed_count: 0,
        }
    }

    /// Returns whether it concerns a user.
    #[must_use]
    pub fn concerns(&self, user: &UserId) -> bool {
        self.names.contains(user)
            || self.muted.contains(user)
            || self.failed.contains(user)
            || self.delivered.iter().any(|delivered| delivered.user_id == *user)
    }

    /// Returns the users that it concerns, each once, at most [`PEOPLE_MAX`].
    #[must_use]
    pub fn people(&self) -> Vec<&UserId> {
        let delivered = self.delivered.iter().map(|delivered| &delivered.user_id);
        let mut people: Vec<&UserId> = Vec::new();
        for user in self.names.iter().chain(delivered).chain(&self.muted).chain(&self.failed) {
            if people.len() >= PEOPLE_MAX {
                break;
            }
            if !people.contains(&user) {
                people.push(user);
            }
        }
        people
    }

    /// Returns its approximate size in memory, in bytes.
    pub(in crate::telemetry) fn bytes(&self) -> usize {
        let of = |user: &UserId| size_of::<UserId>() + user.as_str().len();
        let texts = self.event_id.len() + self.name.len() + self.code.len();
        let optional = self.publisher.as_ref().map_or(0, String::len)
            + self.identity.as_ref().map_or(0, |identity| identity.as_str().len())
            + self.reason.as_ref().map_or(0, |reason| reason.detail.len());
        let people: usize = self.names.iter().chain(&self.muted).chain(&self.failed).map(of).sum();
        let delivered: usize = self
            .delivered
            .iter()
            .map(|delivered| size_of::<Delivered>() + of(&delivered.user_id))
            .sum();
        size_of::<Self>() + texts + optional + people + delivered
    }

    /// Returns whether it is the trace of an event with this ID or identity, or made this
    /// notification.
    pub(super) fn matches(&self, id: &str, uuid: Option<Uuid>) -> bool {
        self.event_id == id
            || self.identity.as_ref().is_some_and(|identity| identity.as_str() == id)
            || uuid.is_some_and(|uuid| {
                self.delivered.iter().any(|delivered| delivered.notification_id == uuid)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_time_and_of_creation() {
        let ids: Vec<Uuid> = [5, 5, 5, 6, 6].map(|ms| next_id(Timestamp(ms))).into();
        assert!(ids.is_sorted() && ids[0] != ids[1], "{ids:?}");
        assert_eq!(ids[0].get_version_num(), 7);
        let time = ids[4].get_timestamp().map(|time| time.to_unix());
        assert_eq!(time, Some((0, 6_000_000)));
    }
}
