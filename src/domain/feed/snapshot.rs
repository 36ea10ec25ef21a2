//! Current state of a feed, for new watchers: the last message about each subject.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Filters, Key, Shown, Values};

/// Last messages of one feed, with a limit; the least recently changed subject is dropped first.
#[derive(Debug, Default)]
pub struct Snapshot {
    last: HashMap<Key, Last>,
    /// Keys in the order of their last change; entries with an outdated number are ignored.
    order: VecDeque<(u64, Key)>,
    by_value: HashMap<(usize, String), HashSet<Key>>,
    changes: u64,
    /// Size of the messages, in bytes of the events they were taken from.
    bytes: usize,
}

#[derive(Debug)]
struct Last {
    change: u64,
    values: Values,
    shown: Shown,
    bytes: usize,
}

impl Snapshot {
    /// Returns the number of subjects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// Returns whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// Stores a message of this size as the last about its key, with limits on keys and bytes.
    pub fn put(
        &mut self,
        key: Key,
        values: Values,
        shown: Shown,
        bytes: usize,
        (most, max_bytes): (usize, usize),
    ) {
        self.forget(&key);
        self.bytes += bytes;
        self.changes += 1;
        for (place, value) in values.iter().enumerate() {
            if let Some(value) = value {
                self.by_value.entry((place, value.clone())).or_default().insert(key.clone());
            }
        }
        self.order.push_back((self.changes, key.clone()));
        self.last.insert(key, Last { change: self.changes, values, shown, bytes });
        while self.last.len() > 1 && (self.last.len() > most || self.bytes > max_bytes) {
            let Some((change, oldest)) = self.order.pop_front() else { break };
            if self.last.get(&oldest).is_some_and(|last| last.change == change) {
                self.forget(&oldest);
            }
        }
        // Remove outdated entries before they outnumber the valid ones.
        if self.order.len() > 2 * self.last.len() + 16 {
            let last = &self.last;
            self.order
                .retain(|(change, key)| last.get(key).is_some_and(|last| last.change == *change));
        }
    }

    fn forget(&mut self, key: &Key) {
        let Some(last) = self.last.remove(key) else { return };
        self.bytes -= last.bytes;
        for (place, value) in last.values.into_iter().enumerate() {
            let Some(value) = value else { continue };
            let place = (place, value);
            if let Some(keys) = self.by_value.get_mut(&place) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_value.remove(&place);
                }
            }
        }
    }

    /// Returns the current state that matches the filters, least recently changed first, with at
    /// most `most` subjects.
    #[must_use]
    pub fn of(&self, filters: &Filters, most: usize) -> Vec<(Key, &Shown)> {
        let mut found: Vec<(&Key, &Last)> = match filters.first() {
            None => self.last.iter().collect(),
            Some((place, values)) => values
                .iter()
                .filter_map(|value| self.by_value.get(&(place, value.clone())))
                .flatten()
                .filter_map(|key| self.last.get_key_value(key))
                .filter(|(_, last)| filters.matches(&last.values))
                .collect(),
        };
        found.sort_by_key(|(_, last)| last.change);
        let skip = found.len().saturating_sub(most);
        found.into_iter().skip(skip).map(|(key, last)| (key.clone(), &last.shown)).collect()
    }
}
