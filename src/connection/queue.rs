//! Where feeds leave messages for a connection, beside its mailbox: a mailbox that is full takes nothing more, and here what is
//! newest must always find room.

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

/// Messages that leave together.
const BUNCH: usize = 64;

/// What waits for one connection.
#[derive(Default)]
pub struct ConflatingQueue {
    waiting: Mutex<ConflatedMap>,
    /// Wakes the connection's pump.
    waker: AtomicWaker,
    /// Messages that may wait.
    most: usize,
}

impl fmt::Debug for ConflatingQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConflatingQueue").field("most", &self.most).finish_non_exhaustive()
    }
}

impl ConflatingQueue {
    /// Room for `most` messages.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, ..Self::default() })
    }

    fn waiting(&self) -> MutexGuard<'_, ConflatedMap> {
        // Nothing panics while it is held half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a message; one about the same that still waits is replaced.
    pub fn put(&self, key: Key, message: Bytes) {
        self.put_among(key, message, self.most, WAITING_BYTES_MAX);
    }

    /// The same where at least `most` messages, and `max_bytes` of them, may wait: what comes all at once and must be whole.
    pub fn put_among(&self, key: Key, message: Bytes, most: usize, max_bytes: usize) {
        let mut waiting = self.waiting();
        let first = waiting.is_empty();
        waiting.put(key, message, most.max(self.most), max_bytes.max(WAITING_BYTES_MAX));
        drop(waiting);
        // When something waits already the pump has been woken, or waits for the client.
        if first {
            self.waker.wake();
        }
    }

    /// Takes back what waits of a feed; `None`: of what administrators see.
    pub fn forget(&self, feed: Option<FeedId>) {
        self.waiting().forget(feed);
    }
}

/// The connection's side: lets messages out as fast as the client reads them.
pub(crate) struct QueueDrain {
    queue: Arc<ConflatingQueue>,
    window: FlowControl,
    /// Nothing goes out while this many answers are awaited that must go first.
    pub(crate) held: usize,
    /// A look at the window is due already.
    timer: bool,
}

impl QueueDrain {
    pub(crate) fn new(queue: Arc<ConflatingQueue>) -> Self {
        Self { queue, window: FlowControl::default(), held: 0, timer: false }
    }

    pub(crate) fn register(&self, waker: &std::task::Waker) {
        self.queue.waker.register(waker);
    }

    /// Queues a bunch if the client may have one. Answers with when to look again, where nobody else will say.
    pub(crate) fn drain_queue(
        &mut self,
        transport: &mut Transport,
        now: Monotonic,
    ) -> Option<Duration> {
        let mut waiting = self.queue.waiting();
        if self.held > 0 || waiting.is_empty() {
            return None;
        }
        // An event stream's client never says what it has read; what the kernel takes is all that is known.
        if transport.answers() && !self.window.is_open(now) {
            let again = self.window.opens_at()?;
            if std::mem::replace(&mut self.timer, true) {
                return None;
            }
            return Some(Duration::from_millis(
                again.0.saturating_sub(now.0).max(1).unsigned_abs(),
            ));
        }
        let (mut bunch, mut bytes) = (Vec::new(), 0);
        while bunch.len() < BUNCH && bytes < WAITING_BYTES_MAX {
            let Some(message) = waiting.take() else { break };
            bytes += message.len();
            bunch.push(message);
        }
        // Whoever leaves messages here need not wait for them to be written down.
        drop(waiting);
        for message in bunch {
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
