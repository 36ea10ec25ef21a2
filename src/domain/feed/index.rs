//! Inverted index of watchers; a lookup costs O(matches), not O(connections).
//!
//! Watchers that use the same keys are grouped, by each combination of the values they name. An
//! event needs one lookup for each set of keys in use.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use super::{Filters, Values};

/// Watchers of one feed.
#[derive(Debug, Clone)]
pub struct Index<S> {
    shapes: Vec<Shape<S>>,
    of: HashMap<S, Filters>,
}

/// Watchers that use the same keys.
#[derive(Debug, Clone)]
struct Shape<S> {
    places: Vec<usize>,
    watchers: HashMap<Box<[String]>, HashSet<S>>,
}

impl<S> Default for Index<S> {
    fn default() -> Self {
        Self { shapes: Vec::new(), of: HashMap::new() }
    }
}

impl<S: Copy + Eq + Hash> Index<S> {
    /// Returns the number of watchers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Returns whether there is no watcher.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Returns all watchers.
    pub fn watchers(&self) -> impl Iterator<Item = S> + '_ {
        self.of.keys().copied()
    }

    /// Returns whether a watcher has exactly these filters.
    #[must_use]
    pub fn has(&self, watcher: S, filters: &Filters) -> bool {
        self.of.get(&watcher) == Some(filters)
    }

    /// Adds a watcher, or replaces its filters.
    pub fn insert(&mut self, watcher: S, filters: Filters) {
        if self.has(watcher, &filters) {
            return;
        }
        self.remove(watcher);
        let places = filters.places();
        let at = self.shapes.iter().position(|shape| shape.places == places).unwrap_or_else(|| {
            self.shapes.push(Shape { places, watchers: HashMap::new() });
            self.shapes.len() - 1
        });
        for combination in filters.combinations() {
            self.shapes[at].watchers.entry(combination).or_default().insert(watcher);
        }
        self.of.insert(watcher, filters);
    }

    /// Removes a watcher. Returns whether it was present.
    pub fn remove(&mut self, watcher: S) -> bool {
        let Some(filters) = self.of.remove(&watcher) else { return false };
        let places = filters.places();
        let Some(at) = self.shapes.iter().position(|shape| shape.places == places) else {
            return false;
        };
        let watchers = &mut self.shapes[at].watchers;
        for combination in filters.combinations() {
            if let Some(found) = watchers.get_mut(&combination) {
                found.remove(&watcher);
                if found.is_empty() {
                    watchers.remove(&combination);
                }
            }
        }
        if watchers.is_empty() {
            self.shapes.swap_remove(at);
        }
        true
    }

    /// Returns the watchers that an event with these values matches, each once.
    pub fn watching<'a>(&'a self, values: &'a Values) -> impl Iterator<Item = S> + 'a {
        self.shapes
            .iter()
            .filter_map(|shape| {
                let values = shape.places.iter().map(|place| values.get(*place).cloned().flatten());
                let combination: Vec<String> = values.collect::<Option<_>>()?;
                shape.watchers.get(combination.as_slice())
            })
            .flatten()
            .copied()
    }

    /// Linear version of [`Self::watching`], for the comparison in tests.
    #[cfg(test)]
    pub(super) fn watching_by_scan(&self, values: &Values) -> HashSet<S> {
        self.of
            .iter()
            .filter(|(_, filters)| filters.matches(values))
            .map(|(watcher, _)| *watcher)
            .collect()
    }

    /// Returns the number of index entries.
    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.shapes.iter().map(|shape| 1 + shape.watchers.len()).sum()
    }
}
