//! Live feeds: what is worth seeing now and not worth keeping.
//!
//! A [`Feed`] says which events it shows and which of their fields. Whoever watches says with [`Filters`] what of it, the
//! [`Index`] finds who watches an event without asking everybody, and a [`ConflatedMap`] holds for each watcher the newest message of
//! each [`Key`]. Nothing here knows a clock or a connection.

mod filters;
mod index;
mod latest;
mod snapshot;
mod window;

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};

pub use filters::{FilterError, Filters, FiltersErrorKind, Values};
pub use index::Index;
pub use latest::ConflatedMap;
pub use snapshot::Snapshot;
pub use window::FlowControl;

use super::{
    event::{Event, code_of, other_spelling},
    notification::Timestamp,
};

/// Most keys that a feed can be filtered by.
pub const FILTERS_MAX: usize = 16;

/// What an address says beside a feed's filters: who is asking.
pub const RESERVED: [&str; 5] = ["user_id", "login", "role", "roles", "token"];

/// A feed, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Its name in `/ws/{feed}`.
    pub name: String,
    /// Whether anybody may watch.
    pub public: bool,
    /// The fields that watchers may filter by.
    pub filters: Vec<String>,
    /// Whether a new watcher gets the latest state at once.
    pub snapshot: bool,
    /// What it shows.
    pub rules: Vec<Rule>,
}

/// What a feed shows of some events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The events' names, such as `booking.created`.
    pub on: Vec<String>,
    /// What watchers see as `type`.
    pub kind: String,
    /// The fields that watchers see, and nothing else.
    pub fields: Vec<String>,
    /// The fields that say what a message is about: a later one about the same replaces an earlier one that still waits.
    pub key: Vec<String>,
}

/// A feed's place among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedId(pub usize);

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The feed; `None` for what administrators see of every event.
    pub feed: Option<FeedId>,
    /// The message's type and the values of its key, apart.
    about: Arc<str>,
}

impl Key {
    /// What nothing else is about.
    #[must_use]
    pub fn unique(number: u64) -> Self {
        Self { feed: None, about: Arc::from(number.to_string()) }
    }
}

/// What watchers see of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// `type`.
    pub kind: String,
    /// The feed's name.
    pub feed: String,
    /// The rule's fields, where the event has them.
    pub data: Map<String, Value>,
    /// When it happened.
    pub timestamp: Timestamp,
}

/// All feeds, and which events they show.
#[derive(Debug, Clone, Default)]
pub struct Feeds {
    /// The present ones, and in their old places those that are not any more.
    all: Vec<Feed>,
    retired: Vec<bool>,
    /// Feed and rule, by the event's code.
    by_code: HashMap<String, Vec<(usize, usize)>>,
}

impl Feeds {
    /// These feeds.
    #[must_use]
    pub fn new(feeds: Vec<Feed>) -> Self {
        let retired = vec![false; feeds.len()];
        Self::placed(feeds, retired)
    }

    /// These feeds after those: one that can go on for who watches it keeps its id, whatever it shows from now on. Others are new;
    /// what is not there any more is retired, and its id never means anything else.
    #[must_use]
    pub fn succeeded_by(&self, feeds: Vec<Feed>) -> Self {
        let (mut placed, mut retired) = (self.all.clone(), vec![true; self.all.len()]);
        for feed in feeds {
            let before = placed
                .iter()
                .zip(&retired)
                .position(|(known, retired)| *retired && known.goes_on_as(&feed));
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

    /// Whether it is not there any more.
    #[must_use]
    pub fn is_retired(&self, id: FeedId) -> bool {
        self.retired[id.0]
    }

    /// All of them, in the order of their ids; retired ones too.
    #[must_use]
    pub fn all(&self) -> &[Feed] {
        &self.all
    }

    /// The feed of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<FeedId> {
        self.all
            .iter()
            .zip(&self.retired)
            .position(|(feed, retired)| !retired && feed.name == name)
            .map(FeedId)
    }

    /// The feed itself. An id is only good for the feeds that gave it, and for those that came after.
    #[must_use]
    pub fn get(&self, id: FeedId) -> &Feed {
        &self.all[id.0]
    }

    /// The feeds that show events of this code, and how.
    pub fn showing(&self, code: &str) -> impl Iterator<Item = (FeedId, &Rule)> {
        let places = self.by_code.get(code).map_or(&[][..], Vec::as_slice);
        places.iter().map(|(feed, rule)| (FeedId(*feed), &self.all[*feed].rules[*rule]))
    }
}

/// A field of the event's data, in either spelling.
fn field<'a>(event: &'a Event, name: &str) -> Option<&'a Value> {
    event.data.get(name).or_else(|| other_spelling(name).and_then(|other| event.data.get(&other)))
}

/// A value as filters compare it: a text as it is, a number or a truth value as JSON writes it.
fn comparable(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Feed {
    /// Whether who watches this feed can watch that one without asking anew: who may, and by what, is the same.
    fn goes_on_as(&self, other: &Self) -> bool {
        self.name == other.name && self.public == other.public && self.filters == other.filters
    }

    /// What the event has in the fields that this feed can be filtered by.
    #[must_use]
    pub fn values(&self, event: &Event) -> Values {
        self.filters.iter().map(|name| field(event, name).and_then(comparable)).collect()
    }

    /// What watchers see of the event: the rule's fields under the rule's names, whatever else the event holds.
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
    /// What the rule's message about this event is about.
    #[must_use]
    pub fn key_of(&self, feed: FeedId, event: &Event) -> Key {
        let mut about = Vec::with_capacity(self.key.len() + 1);
        about.push(Some(self.kind.clone()));
        about.extend(self.key.iter().map(|name| field(event, name).and_then(comparable)));
        // A list of texts always serializes.
        Key {
            feed: Some(feed),
            about: Arc::from(serde_json::to_string(&about).unwrap_or_default()),
        }
    }
}

/// An event whole, as administrators see it: its data, and the people it names.
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
