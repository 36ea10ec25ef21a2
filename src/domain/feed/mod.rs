//! Live feeds: state that is shown as it happens, and not stored.
//!
//! A [`Feed`] defines the events it shows and which of their fields. Watchers select with
//! [`Filters`], the [`Index`] finds the watchers of an event without visiting all, and a
//! [`ConflatedMap`] holds the newest message of each [`Key`] for each watcher. Nothing here knows a
//! clock or a connection.

mod conflated_map;
mod filters;
mod flow_control;
mod index;
mod snapshot;

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};

pub use conflated_map::ConflatedMap;
pub use filters::{FilterError, Filters, FiltersErrorKind, Values};
pub use flow_control::FlowControl;
pub use index::Index;
pub use snapshot::Snapshot;

use super::{
    event::{Event, code_of, other_spelling},
    notification::Timestamp,
};

/// Maximum number of filter keys of a feed.
pub const FILTERS_MAX: usize = 16;

/// Query parameters that are not filters: they identify the caller.
pub const RESERVED: [&str; 5] = ["user_id", "login", "role", "roles", "token"];

/// A feed, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Name in `/ws/{feed}`.
    pub name: String,
    /// True if no identity is required.
    pub public: bool,
    /// Fields that watchers may filter by.
    pub filters: Vec<String>,
    /// True if a new watcher gets the current state first.
    pub snapshot: bool,
    /// Rules for the events it shows.
    pub rules: Vec<Rule>,
}

/// Rule of a feed: the events, and the fields that are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Names of the events, such as `booking.created`.
    pub on: Vec<String>,
    /// `type` of the message.
    pub kind: String,
    /// Fields that watchers see; others are left out.
    pub fields: Vec<String>,
    /// Fields that identify the subject of a message: a later message replaces a waiting one with
    /// the same values.
    pub key: Vec<String>,
}

/// Position of a feed among all feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedId(pub usize);

/// Subject of a message, for conflation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Feed; `None` for `scope: all`.
    pub feed: Option<FeedId>,
    /// Type of the message and the values of its key.
    about: Arc<str>,
}

impl Key {
    /// Returns a key that no other message has.
    #[must_use]
    pub fn unique(number: u64) -> Self {
        Self { feed: None, about: Arc::from(number.to_string()) }
    }
}

/// Message that watchers receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// `type`.
    pub kind: String,
    /// The feed's name.
    pub feed: String,
    /// The rule's fields, where the event has them.
    pub data: Map<String, Value>,
    /// Time of the event.
    pub timestamp: Timestamp,
}

/// All feeds, indexed by the events they show.
#[derive(Debug, Clone, Default)]
pub struct Feeds {
    /// Current feeds, and retired ones in their old positions.
    all: Vec<Feed>,
    retired: Vec<bool>,
    /// Feed and rule, by code of the event.
    by_code: HashMap<String, Vec<(usize, usize)>>,
}

impl Feeds {
    /// Creates the set of feeds.
    #[must_use]
    pub fn new(feeds: Vec<Feed>) -> Self {
        let retired = vec![false; feeds.len()];
        Self::placed(feeds, retired)
    }

    /// Returns new feeds as successors of these: a feed that its watchers can keep using keeps its
    /// ID, others are new, and a removed one is retired; its ID is never used again.
    #[must_use]
    pub fn succeeded_by(&self, feeds: Vec<Feed>) -> Self {
        let (mut placed, mut retired) = (self.all.clone(), vec![true; self.all.len()]);
        for feed in feeds {
            let before = placed
                .iter()
                .zip(&retired)
                .position(|(known, retired)| *retired && known.is_compatible_with(&feed));
            if let Some(at) = before {
                placed[at] = feed;
                retired[at] = false;
            } else {
                placed.push(feed);
                retired.push(false);
            }
        }
        Self::placed(placed, retired)
    }

    fn placed(feeds: Vec<Feed>, retired: Vec<bool>) -> Self {
        let mut by_code: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (at, feed) in feeds.iter().enumerate().filter(|(at, _)| !retired[*at]) {
            for (rule, names) in feed.rules.iter().map(|rule| &rule.on).enumerate() {
                for name in names {
                    let rules = by_code.entry(code_of(name)).or_default();
                    if !rules.contains(&(at, rule)) {
                        rules.push((at, rule));
                    }
                }
            }
        }
        Self { all: feeds, retired, by_code }
    }

    /// Returns whether a feed is retired.
    #[must_use]
    pub fn is_retired(&self, id: FeedId) -> bool {
        self.retired[id.0]
    }

    /// Returns all feeds in the order of their IDs, retired ones included.
    #[must_use]
    pub fn all(&self) -> &[Feed] {
        &self.all
    }

    /// Returns the feed of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<FeedId> {
        self.all
            .iter()
            .zip(&self.retired)
            .position(|(feed, retired)| !retired && feed.name == name)
            .map(FeedId)
    }

    /// Returns a feed. An ID is valid for the feeds that assigned it, and for their successors.
    #[must_use]
    pub fn get(&self, id: FeedId) -> &Feed {
        &self.all[id.0]
    }

    /// Returns the feeds that show events of this code, with the rules.
    pub fn showing(&self, code: &str) -> impl Iterator<Item = (FeedId, &Rule)> {
        let places = self.by_code.get(code).map_or(&[][..], Vec::as_slice);
        places.iter().map(|(feed, rule)| (FeedId(*feed), &self.all[*feed].rules[*rule]))
    }
}

/// Returns a field of the event's data, in either spelling.
fn field<'a>(event: &'a Event, name: &str) -> Option<&'a Value> {
    event.data.get(name).or_else(|| other_spelling(name).and_then(|other| event.data.get(&other)))
}

/// Returns a value as filters compare it: text as is, numbers and booleans as in JSON.
fn comparable(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Feed {
    /// Returns whether watchers of this feed can keep watching the other one: access and filters
    /// are the same.
    fn is_compatible_with(&self, other: &Self) -> bool {
        self.name == other.name && self.public == other.public && self.filters == other.filters
    }

    /// Returns the values of an event for the filters of this feed.
    #[must_use]
    pub fn values(&self, event: &Event) -> Values {
        self.filters.iter().map(|name| field(event, name).and_then(comparable)).collect()
    }

    /// Returns the message about an event: the rule's fields under the rule's names, and no others.
    #[must_use]
    pub fn show(&self, rule: &Rule, event: &Event) -> Shown {
        let seen =
            rule.fields.iter().filter_map(|name| Some((name.clone(), field(event, name)?.clone())));
        Shown {
            kind: rule.kind.clone(),
            feed: self.name.clone(),
            data: seen.collect(),
            timestamp: event.time,
        }
    }
}

impl Rule {
    /// Returns the key of the message about an event.
    #[must_use]
    pub fn key_of(&self, feed: FeedId, event: &Event) -> Key {
        let mut about = Vec::with_capacity(self.key.len() + 1);
        about.push(Some(self.kind.clone()));
        about.extend(self.key.iter().map(|name| field(event, name).and_then(comparable)));
        // A list of strings always serializes.
        Key {
            feed: Some(feed),
            about: Arc::from(serde_json::to_string(&about).unwrap_or_default()),
        }
    }
}

/// Returns a complete event for `scope: all`: its data, and the users it names.
#[must_use]
pub fn whole(event: &Event) -> Map<String, Value> {
    let mut data = event.data.clone();
    for (name, user) in [("user_id", &event.user_id), ("actor_id", &event.actor_id)] {
        if let Some(user) = user
            && field(event, name).is_none()
        {
            data.insert(name.to_owned(), Value::String(user.as_str().to_owned()));
        }
    }
    data
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
