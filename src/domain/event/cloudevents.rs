//! CloudEvents 1.0: structured and binary mode.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::{
    Event, Identity, code_of, fields,
    raw::{RawEvent, parse},
};
use crate::domain::{notification::Timestamp, rejected::Rejected};

/// Returns whether an event is in binary mode: attributes in headers, data in the body.
pub(super) fn is_binary(incoming: &RawEvent<'_>) -> bool {
    incoming.header("ce-specversion").is_some()
}

/// Reads an event in binary mode (HTTP and NATS protocol bindings, section 3.1).
pub(super) fn binary(incoming: &RawEvent<'_>) -> Result<Event, Rejected> {
    let attribute = |name: &str| {
        let header = incoming.header(&format!("ce-{name}"))?;
        // The bindings percent-encode what a header cannot carry.
        let value = percent_encoding::percent_decode_str(header).decode_utf8_lossy().into_owned();
        (!value.is_empty()).then_some(Value::String(value))
    };
    let mut attributes = Map::new();
    for name in ["specversion", "id", "source", "type", "time", "userid", "actorid", "recipientid"]
    {
        if let Some(value) = attribute(name) {
            attributes.insert(name.to_owned(), value);
        }
    }
    let data = if incoming.payload.is_empty() { Value::Null } else { parse(incoming.payload)? };
    event(incoming, &attributes, data, "ce-")
}

/// Reads an event in structured mode (JSON event format, section 2).
pub(super) fn structured(
    incoming: &RawEvent<'_>,
    mut map: Map<String, Value>,
) -> Result<Event, Rejected> {
    let data = match (map.remove("data"), map.remove("data_base64")) {
        (Some(data), _) => data,
        (None, Some(Value::String(encoded))) => {
            let bytes =
                base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|error| {
                    Rejected::invalid("data_base64", format!("is not base64: {error}"))
                })?;
            parse(&bytes)?
        }
        (None, Some(_)) => return Err(Rejected::invalid("data_base64", "must be a string")),
        (None, None) => Value::Null,
    };
    event(incoming, &map, data, "")
}

fn event(
    incoming: &RawEvent<'_>,
    attributes: &Map<String, Value>,
    data: Value,
    prefix: &str,
) -> Result<Event, Rejected> {
    let required = |name: &str| match attributes.get(name) {
        Some(Value::String(text)) if !text.is_empty() => {
            fields::identifier(&format!("{prefix}{name}"), text.clone())
        }
        None | Some(Value::Null) => Err(Rejected::missing(
            &format!("{prefix}{name}"),
            format!("a CloudEvent needs {prefix}{name}"),
        )),
        Some(_) => {
            Err(Rejected::invalid(&format!("{prefix}{name}"), "must be a string that is not empty"))
        }
    };
    let version = required("specversion")?;
    if version != "1.0" {
        let detail = format!("{version:?} is not known, only \"1.0\"");
        return Err(Rejected::invalid(&format!("{prefix}specversion"), detail));
    }
    let (id, source, name) = (required("id")?, required("source")?, required("type")?);
    let time = match attributes.get("time") {
        None | Some(Value::Null) => incoming.now,
        Some(Value::String(text)) => Timestamp::parse(text)
            .map_err(|detail| Rejected::invalid(&format!("{prefix}time"), detail))?,
        Some(_) => return Err(Rejected::invalid(&format!("{prefix}time"), "must be a string")),
    };
    let data = match data {
        Value::Object(map) => map,
        Value::Null => Map::new(),
        other => Map::from_iter([("data".to_owned(), other)]),
    };
    // Extension attributes name the users; without them the data does, as in the flat shape.
    let user = |extension: &str, field: &str| match fields::user(attributes, extension)? {
        Some(user) => Ok(Some(user)),
        None => fields::user(&data, field),
    };
    let mut recipients = fields::recipients(&data)?;
    if let Some(recipient) = fields::user(attributes, "recipientid")?
        && !recipients.contains(&recipient)
    {
        recipients.push(recipient);
    }
    Ok(Event {
        identity: Some(Identity::cloud_event(&source, &id)),
        code: code_of(&name),
        user_id: user("userid", "user_id")?,
        actor_id: user("actorid", "actor_id")?,
        recipients,
        id,
        name,
        source: Some(source),
        time,
        data,
        bytes: 0,
        publisher: None,
        direct: None,
        trace: None,
        destination: None,
    })
}
