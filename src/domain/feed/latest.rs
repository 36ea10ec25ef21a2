//! What waits for a watcher: of each thing only the newest message, because a seat count that is wrong by now is of no use.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::{FeedId, Key};

/// Messages that wait, the one that has waited longest first.
#[derive(Debug, Default)]
pub struct Latest {
    order: VecDeque<Key>,
    messages: HashMap<Key, Bytes>,
}

impl Latest {
    /// Puts a message in the place of one about the same, or behind the others. When `most` wait already the first is dropped;
    /// says whether one was.
    pub fn put(&mut self, key: Key, message: Bytes, most: usize) -> bool {
        if let Some(waiting) = self.messages.get_mut(&key) {
            *waiting = message;
            return false;
        }
        let full = self.order.len() >= most.max(1);
        if full {
            self.take();
        }
        self.order.push_back(key.clone());
        self.messages.insert(key, message);
        full
    }

    /// The message that has waited longest.
    pub fn take(&mut self) -> Option<Bytes> {
        let key = self.order.pop_front()?;
        let message = self.messages.remove(&key);
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
