//! What of a feed somebody watches: values of one key are alternatives, several keys must all match.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Map, Value};

use super::{Feed, comparable};

/// Most values of one key.
pub const VALUES_MAX: usize = 100;

/// Most combinations of values: each is an entry in the index, and anybody may ask for them.
pub const COMBINATIONS_MAX: usize = 100;

/// Longest value, in bytes.
const VALUE_MAX_BYTES: usize = 256;

/// What an event has in the fields that a feed can be filtered by, in the order of the feed's filters.
pub type Values = Vec<Option<String>>;

/// What somebody watches of a feed: allowed values by the key's place among the feed's filters. Without any it is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<usize, BTreeSet<String>>);

/// Filters that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// Which kind.
    pub kind: FiltersErrorKind,
    /// The key that is wrong.
    pub key: String,
    /// What is wrong with it, and what is expected.
    pub detail: String,
}

/// The kinds of [`FilterError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FiltersErrorKind {
    /// A key that the feed does not have, or a value that is none.
    Bad,
    /// More than is taken.
    TooMany,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl FilterError {
    fn new(kind: FiltersErrorKind, key: &str, detail: String) -> Self {
        Self { kind, key: key.to_owned(), detail }
    }
}

impl Filters {
    /// Reads `{"course_id":["PIANO-101","PIANO-102"],"room_id":"yyy"}`.
    ///
    /// # Errors
    /// When a key is not one of the feed's, or its values are none.
    pub fn of_json(feed: &Feed, filters: &Map<String, Value>) -> Result<Self, FilterError> {
        let mut wanted = Self::default();
        for (key, value) in filters {
            let place = place(feed, key)?;
            let values = match value {
                Value::Array(values) => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            if values.is_empty() {
                let detail = format!("{key} has no value: name one, or leave the key out");
                return Err(FilterError::new(FiltersErrorKind::Bad, key, detail));
            }
            for value in values {
                let text = comparable(value).ok_or_else(|| {
                    let detail = format!("{key} must be a string, a number, or a list of them");
                    FilterError::new(FiltersErrorKind::Bad, key, detail)
                })?;
                wanted.add(place, key, text)?;
            }
        }
        wanted.bounded(feed)
    }

    /// Reads `?course_id=PIANO-101&course_id=PIANO-102`.
    ///
    /// # Errors
    /// When a key is not one of the feed's.
    pub fn of_pairs<'a>(
        feed: &Feed,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, FilterError> {
        let mut wanted = Self::default();
        for (key, value) in pairs {
            wanted.add(place(feed, key)?, key, value.to_owned())?;
        }
        wanted.bounded(feed)
    }

    fn add(&mut self, place: usize, key: &str, value: String) -> Result<(), FilterError> {
        if value.len() > VALUE_MAX_BYTES {
            let detail = format!(
                "a value of {key} has {} bytes, at most {VALUE_MAX_BYTES} are taken",
                value.len()
            );
            return Err(FilterError::new(FiltersErrorKind::Bad, key, detail));
        }
        let values = self.0.entry(place).or_default();
        values.insert(value);
        if values.len() > VALUES_MAX {
            let detail = format!("{key} has more than {VALUES_MAX} values");
            return Err(FilterError::new(FiltersErrorKind::TooMany, key, detail));
        }
        Ok(())
    }

    /// The combinations of all values are what the index holds, so they are bounded too.
    fn bounded(self, feed: &Feed) -> Result<Self, FilterError> {
        let within = |so_far: usize, values: &BTreeSet<String>| {
            so_far
                .checked_mul(values.len())
                .filter(|combinations| *combinations <= COMBINATIONS_MAX)
        };
        if self.0.values().try_fold(1, within).is_some() {
            return Ok(self);
        }
        let most =
            self.0.iter().max_by_key(|(_, values)| values.len()).map_or(0, |(place, _)| *place);
        let key = feed.filters.get(most).map_or("", String::as_str);
        let detail = format!(
            "the values of all keys make more than {COMBINATIONS_MAX} combinations, the most that are taken; name fewer of {key}"
        );
        Err(FilterError::new(FiltersErrorKind::TooMany, key, detail))
    }

    /// Whether an event with these values is watched.
    #[must_use]
    pub fn take(&self, values: &Values) -> bool {
        self.0.iter().all(|(place, wanted)| {
            values.get(*place).and_then(Option::as_ref).is_some_and(|value| wanted.contains(value))
        })
    }

    /// The places of the keys that are named, in order.
    pub(super) fn places(&self) -> Vec<usize> {
        self.0.keys().copied().collect()
    }

    /// One key and its values, if any is named.
    pub(super) fn first(&self) -> Option<(usize, &BTreeSet<String>)> {
        self.0.first_key_value().map(|(place, values)| (*place, values))
    }

    /// Every combination of values, one of each key, in the order of [`Self::places`].
    pub(super) fn combinations(&self) -> Vec<Box<[String]>> {
        let mut all: Vec<Vec<String>> = vec![Vec::new()];
        for values in self.0.values() {
            all = all
                .into_iter()
                .flat_map(|begun| {
                    values
                        .iter()
                        .map(move |value| begun.iter().cloned().chain([value.clone()]).collect())
                })
                .collect();
        }
        all.into_iter().map(Vec::into_boxed_slice).collect()
    }
}

fn place(feed: &Feed, key: &str) -> Result<usize, FilterError> {
    feed.filters.iter().position(|known| known == key).ok_or_else(|| {
        let detail = match feed.filters.as_slice() {
            [] => format!("{key:?} is no filter: the feed {:?} has none", feed.name),
            known => format!(
                "{key:?} is no filter of the feed {:?}; it has {}",
                feed.name,
                known.join(", ")
            ),
        };
        FilterError::new(FiltersErrorKind::Bad, key, detail)
    })
}
