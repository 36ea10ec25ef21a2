//! The flat event and the topic envelope.

use serde_json::{Map, Value};

use super::{Event, code_of, fields, raw::RawEvent};
use crate::domain::{notification::Timestamp, rejected::Rejected};

/// `{"type":"REFUND_REQUESTED","userId":"user123","amount":100000}`: everything but the type, the people and the event's
/// id is data. On NATS the subject names the type when the field is absent.
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
    // A nested `data` object is how publishers of the other shapes write it; its fields are data like those beside it.
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

/// `{"topic":"booking.created","payload":{"id":"…","data":{…}}}`: the fields of `payload.data` are data, and so are those
/// beside it; without a payload, those beside `topic`.
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
    // The people may be named beside the topic or inside; inside is nearer to what happened.
    let mut scope = map;
    scope.extend(data.clone());
    let mut event = event(incoming, &name, &scope)?;
    event.data = data;
    Ok((event, event_id))
}

/// What every shape but CloudEvents says in the same fields.
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
        direct: None,
    })
}

/// `timestamp` or `time`, when it is a time; publishers put other things there too, which then are only data.
pub(super) fn event_time(scope: &Map<String, Value>) -> Option<Timestamp> {
    ["timestamp", "time"].into_iter().find_map(|name| {
        scope.get(name).and_then(Value::as_str).and_then(|text| Timestamp::parse(text).ok())
    })
}

/// A subject as a name: without the prefix that only routes it.
pub(super) fn bare_subject(subject: &str) -> String {
    subject.strip_prefix("events.").unwrap_or(subject).to_owned()
}
