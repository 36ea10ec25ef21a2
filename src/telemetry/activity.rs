//! Queue of traces and counts that wait for the store.
//!
//! Events wait here after their reply, so the store never delays one. The queue is bounded: while
//! the store is slower than the events, the oldest traces are dropped and counted; counts are never
//! dropped.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{metric, trace::EventTrace};
use crate::domain::notification::Timestamp;

/// Maximum number of traces that wait.
const EVENTS_MAX: usize = 10_000;

/// Maximum size of the traces that wait, in bytes; the traces in memory share them.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Milliseconds in a minute, the period of the counts.
const MINUTE_MS: i64 = 60_000;

/// Traces and counts that wait for the store.
#[derive(Debug, Default)]
pub struct ActivityQueue {
    limit: AtomicUsize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Arc<EventTrace>>,
    bytes: usize,
    counts: BTreeMap<(Timestamp, &'static str), EventCount>,
}

/// Number of events of one minute with one outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventCount {
    /// Number of events.
    pub events: i64,
    /// Number of their notifications.
    pub notifications: i64,
}

/// Part of the queue that is written together.
#[derive(Debug, Default)]
pub struct Pending {
    /// Traces, oldest first.
    pub events: Vec<Arc<EventTrace>>,
    /// Counts by the start of the minute and the outcome.
    pub counts: BTreeMap<(Timestamp, &'static str), EventCount>,
}

impl Pending {
    /// Returns whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.counts.is_empty()
    }
}

impl ActivityQueue {
    /// Limits the number of traces that wait; 0 records counts only.
    pub(super) fn limit_to(&self, events: usize) {
        self.limit.store(events.min(EVENTS_MAX), Ordering::Relaxed);
        if events == 0 {
            let mut waiting = self.waiting();
            waiting.events.clear();
            waiting.bytes = 0;
        }
    }

    /// Returns whether traces are recorded.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.limit.load(Ordering::Relaxed) > 0
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds traces; beyond the limits the oldest are dropped.
    pub(super) fn push(&self, events: &[Arc<EventTrace>]) {
        let limit = self.limit.load(Ordering::Relaxed);
        if limit == 0 || events.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        waiting.bytes += events.iter().map(|event| event.bytes()).sum::<usize>();
        waiting.events.extend(events.iter().cloned());
        let mut dropped = 0;
        while waiting.events.len() > limit || waiting.bytes > BYTES_MAX {
            let Some(gone) = waiting.events.pop_front() else { break };
            waiting.bytes -= gone.bytes();
            dropped += 1;
        }
        drop(waiting);
        if dropped > 0 {
            metrics::counter!(metric::ACTIVITY_DROPPED).increment(dropped);
        }
    }

    /// Counts an event with its number of notifications.
    pub fn count(&self, outcome: &'static str, notifications: usize, now: Timestamp) {
        let minute = Timestamp(now.0 - now.0.rem_euclid(MINUTE_MS));
        let mut waiting = self.waiting();
        let count = waiting.counts.entry((minute, outcome)).or_default();
        count.events += 1;
        count.notifications += i64::try_from(notifications).unwrap_or(i64::MAX);
    }

    /// Removes the oldest traces, at most `limit` events and about as many users, and all counts.
    #[must_use]
    pub fn take(&self, limit: usize) -> Pending {
        let mut waiting = self.waiting();
        let counts = mem::take(&mut waiting.counts);
        let (mut events, mut people) = (Vec::new(), 0);
        while events.len() < limit && people < limit {
            let Some(event) = waiting.events.pop_front() else { break };
            waiting.bytes -= event.bytes();
            people += event.names.len() + event.delivered.len() + event.muted.len();
            events.push(event);
        }
        Pending { events, counts }
    }

    /// Returns the number of traces that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting().events.len()
    }

    /// Returns whether no trace waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::rejected::{Rejected, RejectedKind};

    fn trace(ms: i64) -> Arc<EventTrace> {
        let rejected = Rejected::whole(RejectedKind::GaveUp, "x".repeat(100));
        Arc::new(EventTrace::undecodable(Uuid::nil(), &rejected, "test", Timestamp(ms)))
    }

    #[test]
    fn oldest_traces_are_dropped_and_counts_are_kept() {
        let queue = ActivityQueue::default();
        queue.push(&[trace(0)]);
        assert!(queue.is_empty(), "it is off");
        queue.limit_to(3);
        for ms in 0..5 {
            queue.push(&[trace(ms)]);
            queue.count("rejected", 2, Timestamp(59_998 + ms));
        }
        let taken = queue.take(2);
        let times: Vec<i64> = taken.events.iter().map(|event| event.received_at.0).collect();
        assert_eq!(times, [2, 3]);
        let counts: Vec<_> = taken.counts.iter().map(|(key, count)| (key.0.0, *count)).collect();
        let count = |events| EventCount { events, notifications: events * 2 };
        assert_eq!(counts, [(0, count(2)), (60_000, count(3))]);
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.take(2).events.len(), 1);
        assert!(queue.take(2).is_empty());
    }

    #[test]
    fn waiting_traces_are_bounded_in_bytes() {
        let queue = ActivityQueue::default();
        queue.limit_to(usize::MAX);
        for ms in 0..40 {
            let large = EventTrace { name: "x".repeat(1024 * 1024), ..(*trace(ms)).clone() };
            queue.push(&[Arc::new(large)]);
        }
        assert!((30..33).contains(&queue.len()), "{}", queue.len());
    }
}
