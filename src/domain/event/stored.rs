//! Events as the store keeps them, while they wait for their recipients.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Event, Identity};
use crate::domain::{notification::Timestamp, user::UserId};

/// Fields of an event for a group; a direct notification names its recipients, and is never stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: String,
    identity: Option<String>,
    name: String,
    code: String,
    source: Option<String>,
    user_id: Option<UserId>,
    actor_id: Option<UserId>,
    time_ms: i64,
    data: Map<String, Value>,
    bytes: usize,
}

impl Event {
    /// Encodes an event for a group as JSON.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let stored = Stored {
            id: self.id.clone(),
            identity: self.identity.as_ref().map(|identity| identity.as_str().to_owned()),
            name: self.name.clone(),
            code: self.code.clone(),
            source: self.source.clone(),
            user_id: self.user_id.clone(),
            actor_id: self.actor_id.clone(),
            time_ms: self.time.0,
            data: self.data.clone(),
            bytes: self.bytes,
        };
        // A type of this crate with string keys always serializes.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// Decodes what [`Event::to_stored`] returned.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        let stored: Stored = serde_json::from_str(text)?;
        Ok(Self {
            id: stored.id,
            identity: stored.identity.map(Identity::stored),
            name: stored.name,
            code: stored.code,
            source: stored.source,
            user_id: stored.user_id,
            actor_id: stored.actor_id,
            recipients: Vec::new(),
            time: Timestamp(stored.time_ms),
            data: stored.data,
            bytes: stored.bytes,
            direct: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_survives_the_store() {
        let Value::Object(data) = json!({ "amount": 1.5, "by": { "name": "Ü \u{0}" } }) else {
            panic!("an object");
        };
        let event = Event {
            id: "e1".to_owned(),
            identity: Some(Identity::key("e1")),
            name: "news.published".to_owned(),
            code: "NEWS_PUBLISHED".to_owned(),
            source: Some("shop".to_owned()),
            user_id: UserId::parse("7").ok(),
            actor_id: None,
            recipients: Vec::new(),
            time: Timestamp(1_767_225_600_001),
            data,
            bytes: 77,
            direct: None,
        };
        let again = Event::from_stored(&event.to_stored()).expect("it was just encoded");
        assert_eq!(format!("{again:?}"), format!("{event:?}"));
        assert!(Event::from_stored("{}").is_err());
    }
}
