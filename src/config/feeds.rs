//! Live feeds in config.toml: `[[feed]]`.

use serde::{Deserialize, Serialize};

use crate::domain::feed;

/// Entry of `[[feed]]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Name in `/ws/{feed}`.
    pub name: String,
    /// True if no identity is required.
    #[serde(default)]
    pub public: bool,
    /// Fields that watchers may filter by.
    #[serde(default)]
    pub filters: Vec<String>,
    /// True if a new watcher gets the current state first.
    #[serde(default)]
    pub snapshot: bool,
    /// Messages about events.
    #[serde(default, rename = "message")]
    pub messages: Vec<FeedMessage>,
}

/// Entry of `[[feed.message]]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FeedMessage {
    /// Names of the events.
    pub on: Vec<String>,
    /// `type` of the message.
    #[serde(rename = "type")]
    pub kind: String,
    /// Fields that watchers see.
    pub fields: Vec<String>,
    /// Fields that identify the subject of a message: a newer message replaces a waiting one with
    /// the same values. By default the filters of the feed, and fields that are IDs.
    #[serde(default)]
    pub key: Option<Vec<String>>,
}

impl Feed {
    /// Returns the default key of a message: the filters of the feed, and fields that are IDs.
    fn key_of(&self, message: &FeedMessage) -> Vec<String> {
        let is_id = |name: &&String| *name == "id" || name.ends_with("_id") || name.ends_with("Id");
        let ids = message.fields.iter().filter(is_id).filter(|name| !self.filters.contains(name));
        self.filters.iter().chain(ids).cloned().collect()
    }

    /// Converts to the feed of the domain.
    #[must_use]
    pub(super) fn to_feed(&self) -> feed::Feed {
        let rules = self.messages.iter().map(|message| feed::Rule {
            on: message.on.clone(),
            kind: message.kind.clone(),
            fields: message.fields.clone(),
            key: message.key.clone().unwrap_or_else(|| self.key_of(message)),
        });
        feed::Feed {
            name: self.name.clone(),
            public: self.public,
            filters: self.filters.clone(),
            snapshot: self.snapshot,
            rules: rules.collect(),
        }
    }
}
