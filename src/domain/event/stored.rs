//! Encoded events: as the store keeps them while they wait for their recipients, and as hubs send
//! them to each other.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Direct, Event, Identity, without_recipients};
use crate::domain::{
    notification::Timestamp, presentation::Presentation, trace_context::TraceContext, user::UserId,
};

/// Fields of an event. Its overrides as a direct notification are there only for a group: a large
/// fan-out has none, and no feed shows them.
#[derive(Serialize, Deserialize)]
struct Fields {
    id: String,
    identity: Option<String>,
    name: String,
    /// Empty from hubs of earlier versions, which send the code beside the event.
    #[serde(default)]
    code: String,
    source: Option<String>,
    user_id: Option<UserId>,
    actor_id: Option<UserId>,
    recipients: Vec<UserId>,
    time: i64,
    data: Map<String, Value>,
    bytes: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    publisher: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    direct: Option<Overrides>,
}

/// Overrides of a direct notification that determine its content.
#[derive(Serialize, Deserialize)]
struct Overrides {
    title: Option<String>,
    action_url: Option<String>,
    presentation: Presentation,
    metadata: Option<Map<String, Value>>,
}

impl From<&Direct> for Overrides {
    fn from(direct: &Direct) -> Self {
        Self {
            title: direct.title.clone(),
            action_url: direct.action_url.clone(),
            presentation: direct.presentation.clone(),
            metadata: direct.metadata.clone(),
        }
    }
}

impl From<Overrides> for Direct {
    fn from(overrides: Overrides) -> Self {
        let Overrides { title, action_url, presentation, metadata } = overrides;
        Self { title, action_url, presentation, metadata, ..Self::default() }
    }
}

impl Event {
    /// Encodes the event as JSON, without its overrides as a direct notification.
    #[must_use]
    pub fn to_stored(&self) -> Vec<u8> {
        // A type of this crate with string keys always serializes.
        serde_json::to_vec(&self.fields()).unwrap_or_default()
    }

    /// Encodes what rendering needs of an event of a group: its data without the recipients, and
    /// its overrides as a direct notification.
    #[must_use]
    pub fn to_member(&self) -> String {
        let fields = Fields {
            identity: None,
            recipients: Vec::new(),
            data: without_recipients(&self.data).into_owned(),
            trace: None,
            direct: self.direct.as_deref().map(Overrides::from),
            ..self.fields()
        };
        serde_json::to_string(&fields).unwrap_or_default()
    }

    fn fields(&self) -> Fields {
        Fields {
            id: self.id.clone(),
            identity: self.identity.as_ref().map(|identity| identity.as_str().to_owned()),
            name: self.name.clone(),
            code: self.code.clone(),
            source: self.source.clone(),
            user_id: self.user_id.clone(),
            actor_id: self.actor_id.clone(),
            recipients: self.recipients.clone(),
            time: self.time.0,
            data: self.data.clone(),
            bytes: self.bytes,
            publisher: self.publisher.clone(),
            trace: self.trace.as_ref().map(|trace| trace.to_stored()),
            direct: None,
        }
    }

    /// Decodes what [`Event::to_stored`] or [`Event::to_member`] returned.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let fields: Fields = serde_json::from_slice(bytes)?;
        Ok(Self {
            id: fields.id,
            identity: fields.identity.map(Identity::stored),
            name: fields.name,
            code: fields.code,
            source: fields.source,
            user_id: fields.user_id,
            actor_id: fields.actor_id,
            recipients: fields.recipients,
            time: Timestamp(fields.time),
            data: fields.data,
            bytes: fields.bytes,
            publisher: fields.publisher,
            direct: fields.direct.map(|overrides| Box::new(overrides.into())),
            trace: fields.trace.as_deref().and_then(TraceContext::from_stored),
            destination: None,
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
            recipients: UserId::parse("8").into_iter().collect(),
            time: Timestamp(1_767_225_600_001),
            data,
            bytes: 77,
            publisher: Some("key:shop".to_owned()),
            direct: None,
            trace: None,
            destination: None,
        };
        let again = Event::from_stored(&event.to_stored()).expect("it was just encoded");
        assert_eq!(format!("{again:?}"), format!("{event:?}"));
        assert!(Event::from_stored(b"{}").is_err());

        let direct = Direct { title: Some("Mine".to_owned()), ..Direct::default() };
        let direct = Event { direct: Some(Box::new(direct)), ..event };
        let member = Event::from_stored(direct.to_member().as_bytes()).expect("just encoded");
        assert_eq!((&member.data, &member.user_id), (&direct.data, &direct.user_id));
        assert!(member.recipients.is_empty(), "they are private, and may be many");
        assert_eq!(member.direct.and_then(|direct| direct.title).as_deref(), Some("Mine"));
    }
}
