//! Conflating queue between the broadcaster and a connection. It is separate from the mailbox,
//! which rejects messages when full: here the newest message always finds room.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;

use super::{WAITING_BYTES_MAX, transport::Transport};
use crate::{
    domain::{
        feed::{ConflatedMap, FeedId, FlowControl, Key},
        monotonic::Monotonic,
    },
    protocol::frame,
};

/// Maximum number of messages per batch.
const BATCH: usize = 64;

/// Maximum number of events queued for an administrator with `scope: all`, and their size in bytes;
/// then the oldest is dropped. No queue is larger, unless `server.outbound_queue` is.
const ALL_WAITING_MAX: usize = 4_096;
const ALL_WAITING_MAX_BYTES: usize = 8 * WAITING_BYTES_MAX;

/// Maximum size of a queued snapshot, in bytes.
const SNAPSHOT_MAX_BYTES: usize = 4 * WAITING_BYTES_MAX;

/// Queue of feed messages for one connection.
#[derive(Default)]
pub struct ConflatingQueue {
    waiting: Mutex<ConflatedMap>,
    /// Wakes the driver of the connection.
    waker: AtomicWaker,
    /// Maximum number of messages.
    most: usize,
}

impl fmt::Debug for ConflatingQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConflatingQueue").field("most", &self.most).finish_non_exhaustive()
    }
}

impl ConflatingQueue {
    /// Creates a queue for `most` messages.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, ..Self::default() })
    }

    fn waiting(&self) -> MutexGuard<'_, ConflatedMap> {
        // No code panics while the lock is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a live message of a feed, in the place of a waiting one with the same key.
    pub fn put(&self, key: Key, message: Bytes) {
        let mut waiting = self.waiting();
        let was_empty = waiting.is_empty();
        waiting.put(key, message, self.most, WAITING_BYTES_MAX);
        drop(waiting);
        self.wake(was_empty);
    }

    /// Queues an event for an administrator with `scope: all`.
    pub fn put_event(&self, key: Key, message: Bytes) {
        let mut waiting = self.waiting();
        let was_empty = waiting.is_empty();
        waiting.put(key, message, self.most.max(ALL_WAITING_MAX), ALL_WAITING_MAX_BYTES);
        drop(waiting);
        self.wake(was_empty);
    }

    /// Queues the snapshot of a feed, with room for all of it beside what waits and what follows.
    pub fn put_snapshot(&self, snapshot: Vec<(Key, Bytes)>) {
        if snapshot.is_empty() {
            return;
        }
        let bytes: usize = snapshot.iter().map(|(_, message)| message.len()).sum();
        let mut waiting = self.waiting();
        let was_empty = waiting.is_empty();
        let most = (waiting.len() + snapshot.len() + self.most).min(ALL_WAITING_MAX);
        let max_bytes = waiting.bytes() + bytes.min(SNAPSHOT_MAX_BYTES) + WAITING_BYTES_MAX;
        let (most, max_bytes) = (most.max(self.most), max_bytes.min(ALL_WAITING_MAX_BYTES));
        for (key, message) in snapshot {
            waiting.put(key, message, most, max_bytes);
        }
        drop(waiting);
        self.wake(was_empty);
    }

    /// Wakes the driver if the queue was empty; otherwise it has been woken or waits for the
    /// client.
    fn wake(&self, was_empty: bool) {
        if was_empty {
            self.waker.wake();
        }
    }

    /// Registers a waker for the next message in an empty queue.
    pub(crate) fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    /// Removes and returns all messages.
    #[cfg(test)]
    pub(crate) fn take_all(&self) -> Vec<Bytes> {
        let mut waiting = self.waiting();
        std::iter::from_fn(|| waiting.pop()).collect()
    }

    /// Removes the messages of a feed; with `None` those of `scope: all`.
    pub fn forget(&self, feed: Option<FeedId>) {
        self.waiting().forget(feed);
    }
}

/// Drain of a queue: sends messages as fast as the client reads them.
pub(crate) struct QueueDrain {
    queue: Arc<ConflatingQueue>,
    window: FlowControl,
    /// Number of replies that must be sent before any feed message.
    pub(crate) held: usize,
    /// True if a timer for the next attempt is set.
    timer: bool,
}

impl QueueDrain {
    pub(crate) fn new(queue: Arc<ConflatingQueue>) -> Self {
        Self { queue, window: FlowControl::default(), held: 0, timer: false }
    }

    pub(crate) fn register(&self, waker: &std::task::Waker) {
        self.queue.register(waker);
    }

    /// Sends a batch if flow control allows. Returns the delay until the next attempt, if nothing
    /// else triggers it.
    pub(crate) fn drain_queue(
        &mut self,
        transport: &mut Transport,
        now: Monotonic,
    ) -> Option<Duration> {
        let mut waiting = self.queue.waiting();
        if self.held > 0 || waiting.is_empty() {
            return None;
        }
        // The client of an event stream never answers; only the socket's buffer limits it.
        if transport.answers() && !self.window.is_open(now) {
            let again = self.window.opens_at()?;
            if std::mem::replace(&mut self.timer, true) {
                return None;
            }
            return Some(Duration::from_millis(
                again.0.saturating_sub(now.0).max(1).unsigned_abs(),
            ));
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < WAITING_BYTES_MAX {
            let Some(message) = waiting.pop() else { break };
            bytes += message.len();
            batch.push(message);
        }
        // Release the lock before encoding.
        drop(waiting);
        for message in batch {
            transport.enqueue(message, None);
        }
        if transport.answers()
            && let Some(number) = self.window.send(now)
        {
            transport.enqueue_raw(frame::ping(&number.to_be_bytes()));
        }
        None
    }

    pub(crate) fn timer_is_over(&mut self) {
        self.timer = false;
    }

    pub(crate) fn answered(&mut self, payload: &[u8], now: Monotonic) {
        if let Ok(number) = payload.try_into() {
            self.window.answered(u32::from_be_bytes(number), now);
        }
    }
}
