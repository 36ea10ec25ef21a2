//! The flat event and the topic envelope.

use serde_json::{Map, Value};

use super::{Event, code_of, fields, raw::RawEvent};
use crate::domain::{notification::Timestamp, rejected::Rejected};

/// Decodes `{"type":"REFUND_REQUESTED","userId":"user123","amount":100000}`: all fields except the
/// type, the users and the event's ID are data. On NATS the subject names the type if the field is
/// absent.
pub(super) fn flat(
    incoming: &RawEvent<'_>,
    mut map: Map<String, Value>,
) -> Result<(Event, Option<String>), Rejected> {
    let name = match fields::text(&map, "type")? {
        Some(name) => name,
        None => incoming
            .subject
            .map(|subject| fields::identifier("type", bare_subject(subject)))
            .transpose()?
            .ok_or_else(|| Rejected::missing("type", "the event names no type; add \"type\""))?,
    };
    let event_id = fields::text(&map, "event_id")?;
    fields::remove(&mut map, "type");
    fields::remove(&mut map, "event_id");
    // Publishers of the other shapes nest a `data` object; its fields are data too.
    if let Some(Value::Object(inner)) = map.get("data") {
        for (key, value) in inner.clone() {
            map.entry(key).or_insert(value);
        }
        map.remove("data");
    }
    let mut event = event(incoming, &name, &map)?;
    fields::remove(&mut map, "user_id");
    fields::remove(&mut map, "actor_id");
    event.data = map;
    Ok((event, event_id))
}

/// Decodes `{"topic":"booking.created","payload":{"id":"…","data":{…}}}`: the fields of
/// `payload.data` and those beside it are data; without a payload, those beside `topic`.
pub(super) fn topic_envelope(
    incoming: &RawEvent<'_>,
    mut map: Map<String, Value>,
) -> Result<(Event, Option<String>), Rejected> {
    let name = match map.remove("topic") {
        Some(Value::String(topic)) if !topic.is_empty() => fields::identifier("topic", topic)?,
        Some(Value::Null) | None => {
            return Err(Rejected::missing("topic", "topic must not be null"));
        }
        Some(_) => return Err(Rejected::invalid("topic", "must be a string that is not empty")),
    };
    let mut event_id = fields::text(&map, "event_id")?;
    let mut data = match map.remove("payload") {
        None | Some(Value::Null) => {
            fields::remove(&mut map, "event_id");
            std::mem::take(&mut map)
        }
        Some(Value::Object(payload)) => payload,
        Some(_) => return Err(Rejected::invalid("payload", "must be an object")),
    };
    match data.remove("data") {
        Some(Value::Object(inner)) => data.extend(inner),
        Some(other) => {
            data.insert("data".to_owned(), other);
        }
        None => {}
    }
    if event_id.is_none() {
        event_id = fields::text(&data, "event_id")?;
    }
    // Users may be named beside the topic or inside the payload; the payload takes precedence.
    let mut scope = map;
    scope.extend(data.clone());
    let mut event = event(incoming, &name, &scope)?;
    event.data = data;
    Ok((event, event_id))
}

/// Builds an event from the fields that all shapes except CloudEvents share.
fn event(
    incoming: &RawEvent<'_>,
    name: &str,
    scope: &Map<String, Value>,
) -> Result<Event, Rejected> {
    let code = code_of(name);
    if code.is_empty() {
        return Err(Rejected::invalid("type", "the event's type is empty"));
    }
    let source =
        fields::find(scope, "source").and_then(|(_, value)| value.as_str()).map(str::to_owned);
    Ok(Event {
        id: String::new(),
        identity: None,
        name: name.to_owned(),
        code,
        source: source.map(|source| fields::identifier("source", source)).transpose()?,
        user_id: fields::user(scope, "user_id")?,
        actor_id: fields::user(scope, "actor_id")?,
        recipients: fields::recipients(scope)?,
        time: event_time(scope).unwrap_or(incoming.now),
        data: Map::new(),
        bytes: 0,
        publisher: None,
        direct: None,
        trace: None,
        destination: None,
    })
}

/// Returns `timestamp` or `time` if it is a time; other values are only data.
pub(super) fn event_time(scope: &Map<String, Value>) -> Option<Timestamp> {
    ["timestamp", "time"].into_iter().find_map(|name| {
        scope.get(name).and_then(Value::as_str).and_then(|text| Timestamp::parse(text).ok())
    })
}

/// Returns a subject without the routing prefix.
pub(super) fn bare_subject(subject: &str) -> String {
    subject.strip_prefix("events.").unwrap_or(subject).to_owned()
}
