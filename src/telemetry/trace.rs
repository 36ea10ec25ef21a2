//! Delivery trace: processing of the latest events, to explain why a user did or did not get a
//! notification.
//!
//! It is kept in memory, with limits on number and age. Recording costs a few small copies per
//! event and two short locks per batch. The traces of events wait in an [`ActivityQueue`] too, from
//! which they are written to the store.

mod event;

pub use event::{Delivered, EventTrace, Reason};

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use serde::Serialize;
use uuid::Uuid;

use super::ActivityQueue;
use crate::domain::{notification::Timestamp, user::UserId};

/// Maximum number of users listed per event.
pub const PEOPLE_MAX: usize = 100;

/// Maximum number of connections listed per push.
pub const CONNECTIONS_MAX: usize = 20;

/// Maximum size of the recorded events, and of the pushes, in bytes; beyond it the oldest are
/// dropped early.
const KEPT_MAX_BYTES: usize = 64 * 1024 * 1024;

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

/// Traces of the latest events.
#[derive(Debug, Default)]
pub struct DeliveryTrace {
    limit: AtomicUsize,
    keep_ms: AtomicI64,
    keep_days: AtomicI64,
    kept: Mutex<Records>,
    /// Traces that wait for the store.
    pub activity: ActivityQueue,
}

/// Limits of the trace, from `[explain]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceLimits {
    /// Maximum number of events, in memory and in the store; 0 for none.
    pub events: usize,
    /// Lifetime in memory, in minutes; 0 for none.
    pub minutes: u32,
    /// Lifetime in the store, in days; 0 for none.
    pub days: u32,
}

#[derive(Debug, Default)]
struct Records {
    events: VecDeque<Arc<EventTrace>>,
    events_bytes: usize,
    pushes: VecDeque<PushRecord>,
    pushes_bytes: usize,
    /// Time before which pushes are no longer known.
    pushes_since: Timestamp,
}

impl DeliveryTrace {
    /// Creates a trace with these limits; off if the number of events or both lifetimes are 0.
    #[must_use]
    pub fn new(limits: TraceLimits, now: Timestamp) -> Self {
        let trace = Self::default();
        trace.set(limits, now);
        trace
    }

    /// Replaces the limits.
    pub fn set(&self, limits: TraceLimits, now: Timestamp) {
        let before = self.is_on();
        self.limit.store(limits.events, Ordering::Relaxed);
        self.keep_ms.store(i64::from(limits.minutes) * 60_000, Ordering::Relaxed);
        self.keep_days.store(i64::from(limits.days), Ordering::Relaxed);
        self.activity.limit_to(if limits.days > 0 { limits.events } else { 0 });
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

    /// Returns the maximum number of events in the store, and their lifetime in days; 0 if they are
    /// not stored.
    #[must_use]
    pub fn stored_limits(&self) -> (i64, i64) {
        let events = i64::try_from(self.limit.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        match self.keep_days.load(Ordering::Relaxed) {
            days if events > 0 && days > 0 => (events, days),
            _ => (0, 0),
        }
    }

    /// Returns whether events are recorded, in memory or for the store.
    #[must_use]
    pub fn records_events(&self) -> bool {
        self.is_on() || self.activity.is_on()
    }

    /// Returns whether the trace in memory is on.
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
        let events: Vec<Arc<EventTrace>> = events.into_iter().map(Arc::new).collect();
        self.activity.push(&events);
        let (limit, keep_ms) = self.limits();
        let Some(now) = events.last().map(|event| event.received_at).filter(|_| self.is_on())
        else {
            return;
        };
        let mut kept = self.kept();
        kept.events_bytes += events.iter().map(|event| event.bytes()).sum::<usize>();
        kept.events.extend(events);
        let old = |event: &Arc<EventTrace>| event.received_at.0 < now.0 - keep_ms;
        while kept.events.len() > limit
            || kept.events_bytes > KEPT_MAX_BYTES
            || kept.events.front().is_some_and(old)
        {
            let gone = kept.events.pop_front();
            kept.events_bytes -= gone.as_ref().map_or(0, |event| event.bytes());
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
    pub fn of_event(&self, id: &str, limit: usize) -> Vec<Arc<EventTrace>> {
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
    pub fn of_user(&self, user: &UserId, limit: usize) -> Vec<Arc<EventTrace>> {
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
    pub fn of_code(&self, code: &str, limit: usize) -> Vec<Arc<EventTrace>> {
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
