//! Conflated messages of one watcher: it keeps only the newest message about each subject, because
//! outdated state is of no use.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::{FeedId, Key};

/// Waiting messages, the oldest first.
#[derive(Debug, Default)]
pub struct ConflatedMap {
    order: VecDeque<Key>,
    messages: HashMap<Key, Bytes>,
    /// Size of the messages, in bytes.
    bytes: usize,
    /// Largest limits given since the map was last empty: a message with lower ones must not drop
    /// what was added with higher ones.
    most: usize,
    max_bytes: usize,
}

impl ConflatedMap {
    /// Adds a message, in the place of a waiting one with the same key. The oldest are dropped
    /// while more than `most` messages, or more than `max_bytes`, wait; higher limits of an earlier
    /// message apply until the map is empty. Returns whether one was dropped.
    pub fn put(&mut self, key: Key, message: Bytes, most: usize, max_bytes: usize) -> bool {
        self.most = self.most.max(most);
        self.max_bytes = self.max_bytes.max(max_bytes);
        self.bytes += message.len();
        if let Some(waiting) = self.messages.get_mut(&key) {
            self.bytes -= waiting.len();
            *waiting = message;
        } else {
            self.order.push_back(key.clone());
            self.messages.insert(key, message);
        }
        let mut dropped = false;
        while self.order.len() > 1 && (self.order.len() > self.most || self.bytes > self.max_bytes)
        {
            dropped |= self.pop().is_some();
        }
        dropped
    }

    /// Removes and returns the oldest message.
    pub fn pop(&mut self) -> Option<Bytes> {
        let key = self.order.pop_front()?;
        let message = self.messages.remove(&key);
        self.bytes -= message.as_ref().map_or(0, Bytes::len);
        if self.order.is_empty() {
            // Release the memory that a burst needed.
            *self = Self::default();
        }
        message
    }

    /// Drops the messages of a feed; with `None` those of `scope: all`.
    pub fn forget(&mut self, feed: Option<FeedId>) {
        self.order.retain(|key| key.feed != feed);
        self.messages.retain(|key, _| key.feed != feed);
        self.bytes = self.messages.values().map(Bytes::len).sum();
        if self.order.is_empty() {
            *self = Self::default();
        }
    }

    /// Returns the number of waiting messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns the size of the waiting messages, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
