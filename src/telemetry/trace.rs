//! Delivery trace: processing of the latest events, to explain why a user did or did not get a
//! notification.
//!
//! It is kept in memory, with limits on number and age. Recording costs a few small copies per
//! event and one short lock per batch.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use serde::Serialize;
use uuid::Uuid;

use crate::domain::{
    event::{Event, Identity},
    notification::Timestamp,
    plan::Draft,
    user::UserId,
};

/// Maximum number of users listed per event.
pub const PEOPLE_MAX: usize = 100;

/// Maximum number of connections listed per push.
pub const CONNECTIONS_MAX: usize = 20;

/// Maximum size of the recorded events, and of the pushes, in bytes; beyond it the oldest are
/// dropped early.
const KEPT_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Trace of an event.
#[derive(Debug, Clone)]
pub struct EventTrace {
    /// ID of the event.
    pub event_id: String,
    /// Identity for deduplication.
    pub identity: Option<Identity>,
    /// Name under which it was published.
    pub name: String,
    /// Code of its type.
    pub code: String,
    /// Publisher.
    pub publisher: Option<String>,
    /// Source: `http`, `nats`, `schedule`.
    pub source: &'static str,
    /// Time of arrival.
    pub received_at: Timestamp,
    /// Users that it names: user, actor, recipients.
    pub names: Vec<UserId>,
    /// Outcome, as in `lonceng_events_total`.
    pub outcome: &'static str,
    /// Reason, if it made no notification.
    pub reason: Option<Reason>,
    /// Users that got a notification.
    pub delivered: Vec<Delivered>,
    /// Number of them; the list may be shorter.
    pub delivered_count: usize,
    /// Users that muted its type.
    pub muted: Vec<UserId>,
    /// Number of them.
    pub muted_count: usize,
}

/// Reason for which an event made no notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Code, such as `muted`.
    pub code: &'static str,
    /// Description.
    pub detail: String,
}

/// Notification of one user.
#[derive(Debug, Clone)]
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

/// Live delivery of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PushMode {
    /// Pushed to connections.
    Pushed,
    /// Beyond the live limit, and part of a summary.
    Limited,
}

/// Push of a notification to a connected user.
#[derive(Debug, Clone)]
pub struct PushRecord {
    /// ID of the notification.
    pub notification_id: Uuid,
    /// Time.
    pub at: Timestamp,
    /// Live delivery.
    pub live: PushMode,
    /// IDs of the connections.
    pub connections: Vec<String>,
}

impl PushRecord {
    /// Returns its approximate size in memory, in bytes.
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.connections.iter().map(|id| size_of::<String>() + id.len()).sum::<usize>()
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
            publisher: event.source.clone(),
            source,
            received_at,
            names: named.chain(direct).take(PEOPLE_MAX).cloned().collect(),
            outcome: "",
            reason: None,
            delivered: Vec::new(),
            delivered_count: 0,
            muted: Vec::new(),
            muted_count: 0,
        }
    }

    /// Returns whether it concerns a user.
    #[must_use]
    pub fn concerns(&self, user: &UserId) -> bool {
        self.names.contains(user)
            || self.muted.contains(user)
            || self.delivered.iter().any(|delivered| delivered.user_id == *user)
    }

    /// Returns its approximate size in memory, in bytes.
    fn bytes(&self) -> usize {
        let of = |user: &UserId| size_of::<UserId>() + user.as_str().len();
        let texts = self.event_id.len() + self.name.len() + self.code.len();
        let optional = self.publisher.as_ref().map_or(0, String::len)
            + self.identity.as_ref().map_or(0, |identity| identity.as_str().len())
            + self.reason.as_ref().map_or(0, |reason| reason.detail.len());
        let people: usize = self.names.iter().chain(&self.muted).map(of).sum();
        let delivered: usize = self
            .delivered
            .iter()
            .map(|delivered| size_of::<Delivered>() + of(&delivered.user_id))
            .sum();
        size_of::<Self>() + texts + optional + people + delivered
    }

    fn matches(&self, id: &str, uuid: Option<Uuid>) -> bool {
        self.event_id == id
            || self.identity.as_ref().is_some_and(|identity| identity.as_str() == id)
            || uuid.is_some_and(|uuid| {
                self.delivered.iter().any(|delivered| delivered.notification_id == uuid)
            })
    }
}

/// Traces of the latest events.
#[derive(Debug, Default)]
pub struct DeliveryTrace {
    limit: AtomicUsize,
    keep_ms: AtomicI64,
    kept: Mutex<Records>,
}

#[derive(Debug, Default)]
struct Records {
    events: VecDeque<EventTrace>,
    events_bytes: usize,
    pushes: VecDeque<PushRecord>,
    pushes_bytes: usize,
    /// Time before which pushes are no longer known.
    pushes_since: Timestamp,
}

impl DeliveryTrace {
    /// Creates a trace of `limit` events for `minutes`; off if either is 0.
    #[must_use]
    pub fn new(limit: usize, minutes: u32, now: Timestamp) -> Self {
        let trace = Self::default();
        trace.set(limit, minutes, now);
        trace
    }

    /// Replaces the limits.
    pub fn set(&self, limit: usize, minutes: u32, now: Timestamp) {
        let before = self.is_on();
        self.limit.store(limit, Ordering::Relaxed);
        self.keep_ms.store(i64::from(minutes) * 60_000, Ordering::Relaxed);
        if !self.is_on() || !before {
            // Earlier pushes are not known.
            *self.kept() = Records { pushes_since: now, ..Records::default() };
        }
    }

    /// Returns the maximum number of events, and their lifetime in milliseconds.
    #[must_use]
    pub fn limits(&self) -> (usize, i64) {
        (self.limit.load(Ordering::Relaxed), self.keep_ms.load(Ordering::Relaxed))
    }

    /// Returns whether the trace is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let (limit, keep_ms) = self.limits();
        limit > 0 && keep_ms > 0
    }

    fn kept(&self) -> MutexGuard<'_, Records> {
        // Nothing panics while it is held half changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records traces of events.
    pub fn record_events(&self, events: Vec<EventTrace>) {
        let (limit, keep_ms) = self.limits();
        let Some(now) = events.last().map(|event| event.received_at).filter(|_| self.is_on())
        else {
            return;
        };
        let mut kept = self.kept();
        kept.events_bytes += events.iter().map(EventTrace::bytes).sum::<usize>();
        kept.events.extend(events);
        let old = |event: &EventTrace| event.received_at.0 < now.0 - keep_ms;
        while kept.events.len() > limit
            || kept.events_bytes > KEPT_MAX_BYTES
            || kept.events.front().is_some_and(old)
        {
            let gone = kept.events.pop_front();
            kept.events_bytes -= gone.as_ref().map_or(0, EventTrace::bytes);
        }
    }

    /// Records pushes.
    pub fn record_pushes(&self, pushes: Vec<PushRecord>) {
        let (limit, keep_ms) = self.limits();
        let Some(now) = pushes.last().map(|pushes| pushes.at).filter(|_| self.is_on()) else {
            return;
        };
        let mut kept = self.kept();
        kept.pushes_bytes += pushes.iter().map(PushRecord::bytes).sum::<usize>();
        kept.pushes.extend(pushes);
        let old = |pushes: &PushRecord| pushes.at.0 < now.0 - keep_ms;
        while kept.pushes.len() > limit
            || kept.pushes_bytes > KEPT_MAX_BYTES
            || kept.pushes.front().is_some_and(old)
        {
            let gone = kept.pushes.pop_front();
            kept.pushes_bytes -= gone.as_ref().map_or(0, PushRecord::bytes);
            kept.pushes_since = gone.map_or(kept.pushes_since, |pushes| pushes.at);
        }
    }

    /// Returns the traces of an event, by its ID, its identity, or the ID of a notification; newest
    /// first.
    #[must_use]
    pub fn of_event(&self, id: &str, limit: usize) -> Vec<EventTrace> {
        let uuid = Uuid::try_parse(id).ok();
        self.kept()
            .events
            .iter()
            .rev()
            .filter(|event| event.matches(id, uuid))
            .take(limit)
            .cloned()
            .collect()
    }

    /// Returns the traces that concern a user, newest first.
    #[must_use]
    pub fn of_user(&self, user: &UserId, limit: usize) -> Vec<EventTrace> {
        self.kept()
            .events
            .iter()
            .rev()
            .filter(|event| event.concerns(user))
            .take(limit)
            .cloned()
            .collect()
    }

    /// Returns the latest traces of a type, newest first.
    #[must_use]
    pub fn of_code(&self, code: &str, limit: usize) -> Vec<EventTrace> {
        self.kept()
            .events
            .iter()
            .rev()
            .filter(|event| event.code == code)
            .take(limit)
            .cloned()
            .collect()
    }

    /// Returns the pushes of a notification created at `at`. `None` if not known any more; empty if
    /// the user was not connected.
    #[must_use]
    pub fn pushes_of(&self, notification_id: Uuid, at: Timestamp) -> Option<Vec<PushRecord>> {
        let kept = self.kept();
        let pushes = kept.pushes.iter().filter(|push| push.notification_id == notification_id);
        let pushes: Vec<PushRecord> = pushes.cloned().collect();
        (!pushes.is_empty() || at > kept.pushes_since).then_some(pushes)
    }

    /// Returns the number of traces, and the time of the oldest.
    #[must_use]
    pub fn extent(&self) -> (usize, Option<Timestamp>) {
        let kept = self.kept();
        (kept.events.len(), kept.events.front().map(|event| event.received_at))
    }
}

#[cfg(test)]
mod tests;
