//! Filters of a feed: values of one key are alternatives, several keys must all match.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Map, Value};

use super::{Feed, comparable};

/// Maximum number of values of one key.
pub const VALUES_MAX: usize = 100;

/// Maximum number of combinations of values: each is an entry in the index, and anonymous clients
/// can create them.
pub const COMBINATIONS_MAX: usize = 100;

/// Maximum length of value, in bytes.
const VALUE_MAX_BYTES: usize = 256;

/// Values of an event for the filters of a feed, in the order of the feed's filters.
pub type Values = Vec<Option<String>>;

/// Filters of one watcher: allowed values by the position of the key among the feed's filters. An
/// empty filter matches every event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<usize, BTreeSet<String>>);

/// Invalid filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// Kind of error.
    pub kind: FiltersErrorKind,
    /// Invalid key.
    pub key: String,
    /// Description of the error, and what is expected.
    pub detail: String,
}

/// The kinds of [`FilterError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FiltersErrorKind {
    /// A key that the feed does not have, or an invalid value.
    Bad,
    /// Too many values or combinations.
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
    /// Parses `{"course_id":["PIANO-101","PIANO-102"],"room_id":"yyy"}`.
    ///
    /// # Errors
    /// [`FilterError`] for an unknown key or an invalid value.
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

    /// Parses `?course_id=PIANO-101&course_id=PIANO-102`.
    ///
    /// # Errors
    /// [`FilterError`] for an unknown key.
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

    /// Checks the number of combinations, which are the entries of the index.
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
            "the values of all keys make more than {COMBINATIONS_MAX} combinations, the most \
             that are taken; name fewer of {key}"
        );
        Err(FilterError::new(FiltersErrorKind::TooMany, key, detail))
    }

    /// Returns whether an event with these values matches.
    #[must_use]
    pub fn matches(&self, values: &Values) -> bool {
        self.0.iter().all(|(place, wanted)| {
            values.get(*place).and_then(Option::as_ref).is_some_and(|value| wanted.contains(value))
        })
    }

    /// Returns the positions of the keys used, in order.
    pub(super) fn places(&self) -> Vec<usize> {
        self.0.keys().copied().collect()
    }

    /// Returns one key and its values, if there is any.
    pub(super) fn first(&self) -> Option<(usize, &BTreeSet<String>)> {
        self.0.first_key_value().map(|(place, values)| (*place, values))
    }

    /// Returns every combination of one value per key, in the order of [`Self::places`].
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
