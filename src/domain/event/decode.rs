//! From bytes to events: which of the shapes is it, and is it whole.

use std::fmt;

use serde_json::Value;

use super::{Event, Identity, cloudevents, fields, shapes};
use crate::domain::{
    notification::Timestamp,
    rejected::{Rejected, RejectedKind},
};

/// Most events in one batch: one publish is one transaction, and others wait behind it.
const BATCH_MAX_EVENTS: usize = 1_000;

/// What arrived, before anybody looked inside.
pub struct Incoming<'a> {
    /// The body.
    pub payload: &'a [u8],
    /// Headers with lower-case names; those that the decoder does not know do no harm.
    pub headers: &'a [(String, String)],
    /// The NATS subject, where there is one.
    pub subject: Option<&'a str>,
    /// The identity the broker gives it, used when nothing better does.
    pub broker_identity: Option<Identity>,
    /// When it arrived.
    pub now: Timestamp,
    /// Most bytes of one event.
    pub max_event_bytes: usize,
}

/// What was in it.
#[derive(Debug)]
pub struct Decoded {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Whether they came as a batch, so that an error names an index.
    pub batch: bool,
}

impl Incoming<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the key that a publisher gave in a header, in the order of the contract.
    fn header_key(&self) -> Option<(&'static str, &str)> {
        let found = |name: &'static str| Some((name, self.header(name)?));
        ["nats-msg-id", "idempotency-key"].into_iter().find_map(found).filter(|(_, key)| !key.is_empty())
    }

    /// Checks the key of the headers.
    fn check_header_key(&self) -> Result<(), Rejected> {
        let Some((name, key)) = self.header_key() else { return Ok(()) };
        let field = if name == "nats-msg-id" { "Nats-Msg-Id" } else { "Idempotency-Key" };
        fields::identifier(field, key.to_owned()).map(drop)
    }

    /// Settles what the event is called and what makes it the same one again.
    fn name_event(&self, event: &mut Event, event_id: Option<String>, index: Option<usize>) {
        let key = self.header_key().map(|(_, key)| Identity::key(key));
        let of_batch = |identity: Identity| index.map_or(identity.clone(), |index| identity.of_batch(index));
        event.identity = event
            .identity
            .take()
            .or_else(|| key.map(of_batch))
            .or_else(|| event_id.as_deref().map(Identity::key))
            .or_else(|| self.broker_identity.clone().map(of_batch));
        if event.id.is_empty() {
            let header_key = if index.is_none() { self.header_key() } else { None };
            event.id = event_id.or_else(|| header_key.map(|(_, key)| key.to_owned())).unwrap_or_default();
        }
    }
}

/// Decodes what arrived. An event without any id of its own has an empty [`Event::id`]; the caller gives it one.
///
/// # Errors
/// [`Rejected`] with the field, and with the index when it is one of a batch: a batch is taken whole or not at all.
pub fn decode(incoming: &Incoming<'_>) -> Result<Decoded, Rejected> {
    incoming.check_header_key()?;
    if cloudevents::is_binary(incoming) {
        check_size(incoming.payload.len(), incoming)?;
        let mut event = cloudevents::binary(incoming)?;
        incoming.name_event(&mut event, None, None);
        event.bytes = incoming.payload.len();
        return Ok(Decoded { events: vec![event], batch: false });
    }
    let first = incoming.payload.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'[') {
        check_size(incoming.payload.len(), incoming)?;
    }
    let value = parse(incoming.payload)?;
    match value {
        Value::Array(values) => batch(incoming, values),
        value => {
            let mut event = one(incoming, value, None)?;
            event.bytes = incoming.payload.len();
            Ok(Decoded { events: vec![event], batch: false })
        }
    }
}

fn batch(incoming: &Incoming<'_>, values: Vec<Value>) -> Result<Decoded, Rejected> {
    if values.is_empty() {
        return Err(Rejected::whole(RejectedKind::InvalidField, "the batch has no event"));
    }
    if values.len() > BATCH_MAX_EVENTS {
        let detail = format!("a batch has at most {BATCH_MAX_EVENTS} events, this one has {}", values.len());
        return Err(Rejected::whole(RejectedKind::TooLarge, detail));
    }
    let mut events = Vec::with_capacity(values.len());
    // On average: what counts is that the sum is right.
    let bytes = incoming.payload.len() / values.len();
    for (index, value) in values.into_iter().enumerate() {
        // Only a batch that could hold a too large event is worth writing out again.
        if incoming.payload.len() > incoming.max_event_bytes {
            check_size(value.to_string().len(), incoming).map_err(|rejected| rejected.at(index))?;
        }
        let event = one(incoming, value, Some(index)).map_err(|rejected| rejected.at(index))?;
        events.push(Event { bytes, ..event });
    }
    Ok(Decoded { events, batch: true })
}

fn one(incoming: &Incoming<'_>, value: Value, index: Option<usize>) -> Result<Event, Rejected> {
    let Value::Object(map) = value else {
        return Err(Rejected::whole(RejectedKind::InvalidField, "an event must be a JSON object"));
    };
    let (mut event, event_id) = if map.contains_key("specversion") {
        (cloudevents::structured(incoming, map)?, None)
    } else if map.contains_key("topic") {
        shapes::topic_envelope(incoming, map)?
    } else {
        shapes::flat(incoming, map)?
    };
    incoming.name_event(&mut event, event_id, index);
    Ok(event)
}

fn check_size(bytes: usize, incoming: &Incoming<'_>) -> Result<(), Rejected> {
    if bytes > incoming.max_event_bytes {
        let detail = format!("the event has {bytes} bytes, at most {} are taken", incoming.max_event_bytes);
        return Err(Rejected::whole(RejectedKind::TooLarge, detail));
    }
    Ok(())
}

pub(super) fn parse(payload: &[u8]) -> Result<Value, Rejected> {
    serde_json::from_slice(payload)
        .map_err(|error| Rejected::whole(RejectedKind::InvalidJson, format!("the payload is not JSON: {error}")))
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the payload: it is somebody's message.
        f.debug_struct("Incoming").field("bytes", &self.payload.len()).field("subject", &self.subject).finish()
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
