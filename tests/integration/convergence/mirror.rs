//! Inbox of a client, built from the messages that it received.

use std::collections::BTreeMap;

use serde_json::Value;

/// Inbox of a client.
#[derive(Default)]
pub(crate) struct Mirror {
    pub(crate) epoch: String,
    /// Revision up to which all changes are known; -1 before the first connection.
    pub(crate) revision: i64,
    pub(crate) items: BTreeMap<String, (i64, String)>,
    pub(crate) unread: i64,
    /// Description of a gap or of an order to start over; `None` if neither occurred.
    pub(crate) broken: Option<String>,
}

/// Next step of a client.
#[derive(PartialEq, Eq)]
pub(crate) enum Next {
    Nothing,
    Sync,
}

impl Mirror {
    /// Stores a notification unless a newer revision is known.
    pub(crate) fn put(&mut self, item: &Value) {
        let id = item["notification_id"].as_str().expect("an id").to_owned();
        let revision = item["revision"].as_i64().expect("a revision");
        let known = self.items.get(&id).map_or(-1, |(revision, _)| *revision);
        if revision >= known {
            self.items
                .insert(id, (revision, item["status"].as_str().expect("a status").to_owned()));
        }
    }

    /// Applies the revision of a change; a gap must be closed by a `sync.request`.
    pub(crate) fn follow(&mut self, data: &Value) -> Next {
        let (previous, revision) = (
            data["previous_revision"].as_i64().expect("one"),
            data["revision"].as_i64().expect("one"),
        );
        if revision <= self.revision {
            return Next::Nothing;
        }
        if previous != self.revision {
            return Next::Sync;
        }
        self.revision = revision;
        self.unread = data["unread"].as_i64().expect("a count");
        Next::Nothing
    }

    /// Applies a message of the server.
    pub(crate) fn apply(&mut self, message: &Value) -> Next {
        let data = &message["data"];
        match message["type"].as_str().expect("a type") {
            "connected" => {
                if self.revision < 0 {
                    data["epoch"].as_str().expect("an epoch").clone_into(&mut self.epoch);
                    self.revision = data["revision"].as_i64().expect("one");
                    self.unread = data["unread"].as_i64().expect("a count");
                }
                Next::Nothing
            }
            "reset" => {
                self.broken = Some("a reset".to_owned());
                Next::Nothing
            }
            "sync.response" => {
                for item in data.as_array().expect("a list") {
                    self.put(item);
                }
                self.revision = self.revision.max(message["revision"].as_i64().expect("one"));
                self.unread = message["unread"].as_i64().expect("a count");
                if message["complete"] == true { Next::Nothing } else { Next::Sync }
            }
            kind @ ("notification.push" | "notification.update") => {
                let id = data["notification_id"].as_str().expect("an id");
                let new = !self.items.contains_key(id);
                let before = self.revision;
                let next = self.follow(data);
                if kind == "notification.update"
                    && new
                    && next == Next::Nothing
                    && self.revision > before
                {
                    self.broken = Some(format!("an update of {id}, which was not pushed before"));
                }
                self.put(data);
                next
            }
            kind if kind.ends_with("_all.ack") && data["revision"] != data["previous_revision"] => {
                Next::Sync
            }
            kind if is_ack(kind) => {
                if let (Some(id), Some(status)) =
                    (data["notification_id"].as_str(), data["status"].as_str())
                {
                    let revision = data["revision"].as_i64().expect("one");
                    let before = self.revision;
                    let next = self.follow(data);
                    if self.revision > before {
                        self.items.insert(id.to_owned(), (revision, status.to_owned()));
                    }
                    return next;
                }
                Next::Nothing
            }
            "notifications.summary" => Next::Sync,
            _ => Next::Nothing,
        }
    }
}

/// Returns whether a message acknowledges a mark of this client.
pub(crate) fn is_ack(kind: &str) -> bool {
    kind.rsplit('.').next() == Some("ack")
}
