//! What waits for a watcher: of each thing only the newest message, because a seat count that is wrong by now is of no use.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::{FeedId, Key};

/// Messages that wait, the one that has waited longest first.
#[derive(Debug, Default)]
pub struct ConflatedMap {
    order: VecDeque<Key>,
    messages: HashMap<Key, Bytes>,
    /// Size of the messages, in bytes.
    bytes: usize,
}

impl ConflatedMap {
    /// Puts a message in the place of one about the same, or behind the others. Those that have waited longest are dropped
    /// while more than `most`, or more than `max_bytes` of them, wait; says whether one was.
    pub fn put(&mut self, key: Key, message: Bytes, most: usize, max_bytes: usize) -> bool {
        self.bytes += message.len();
        if let Some(waiting) = self.messages.get_mut(&key) {
            self.bytes -= waiting.len();
            *waiting = message;
        } else {
            self.order.push_back(key.clone());
            self.messages.insert(key, message);
        }
        let mut dropped = false;
        while self.order.len() > 1 && (self.order.len() > most || self.bytes > max_bytes) {
            dropped |= self.take().is_some();
        }
        dropped
    }

    /// The message that has waited longest.
    pub fn take(&mut self) -> Option<Bytes> {
        let key = self.order.pop_front()?;
        let message = self.messages.remove(&key);
        self.bytes -= message.as_ref().map_or(0, Bytes::len);
        if self.order.is_empty() {
            // A burst should not leave its room behind.
            *self = Self::default();
        }
        message
    }

    /// Drops what waits of a feed; `None`: of what administrators see.
    pub fn forget(&mut self, feed: Option<FeedId>) {
        self.order.retain(|key| key.feed != feed);
        self.messages.retain(|key, _| key.feed != feed);
        self.bytes = self.messages.values().map(Bytes::len).sum();
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
