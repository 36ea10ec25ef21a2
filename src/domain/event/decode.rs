//! Decoding of payloads into events.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::{
    Event, cloudevents,
    raw::{RawEvent, parse},
    shapes,
};
use crate::domain::{
    rejected::{Rejected, RejectedKind},
    trace_context::TraceContext,
};

/// Maximum number of events in one batch: a batch is one transaction, and others wait for it.
const BATCH_MAX_EVENTS: usize = 1_000;

/// Decoded payload.
#[derive(Debug)]
pub struct Decoded {
    /// The events, in order.
    pub events: Vec<Event>,
    /// True if the payload was a batch, so that an error names an index.
    pub batch: bool,
}

/// Decodes a payload. An event without an ID has an empty [`Event::id`]; the caller assigns one.
///
/// # Errors
/// [`Rejected`] with the field, and with the index in a batch: a batch is accepted as a whole or
/// not at all.
pub fn decode(incoming: &RawEvent<'_>) -> Result<Decoded, Rejected> {
    let mut decoded = decode_events(incoming)?;
    if let Some(trace) = TraceContext::of_headers(incoming.headers) {
        for event in &mut decoded.events {
            event.trace = Some(Arc::clone(&trace));
        }
    }
    Ok(decoded)
}

fn decode_events(incoming: &RawEvent<'_>) -> Result<Decoded, Rejected> {
    incoming.check_header_key()?;
    if cloudevents::is_binary(incoming) {
        check_size(incoming.payload.len(), incoming)?;
        let mut event = cloudevents::binary(incoming)?;
        incoming.assign_identity(&mut event, None, None);
        event.bytes = incoming.payload.len();
        return Ok(Decoded { events: vec![event], batch: false });
    }
    let first = incoming.payload.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'[') {
        check_size(incoming.payload.len(), incoming)?;
    }
    if first == Some(&b'[') {
        return decode_batch(incoming, parse(incoming.payload)?);
    }
    let mut event = decode_event(incoming, parse(incoming.payload)?, None)?;
    event.bytes = incoming.payload.len();
    Ok(Decoded { events: vec![event], batch: false })
}

/// Elements of a batch as they were sent, up to the maximum. They are decoded one by one: a batch
/// within its limit of bytes may have millions of elements, each of which would take a hundred.
struct Batch<'p> {
    elements: Vec<&'p RawValue>,
    count: usize,
}

impl<'de> Deserialize<'de> for Batch<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BatchVisitor)
    }
}

struct BatchVisitor;

impl<'de> Visitor<'de> for BatchVisitor {
    type Value = Batch<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut batch = Batch { elements: Vec::new(), count: 0 };
        while batch.count < BATCH_MAX_EVENTS {
            let Some(element) = list.next_element()? else { return Ok(batch) };
            batch.elements.push(element);
            batch.count += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            batch.count += 1;
        }
        Ok(batch)
    }
}

fn decode_batch(incoming: &RawEvent<'_>, batch: Batch<'_>) -> Result<Decoded, Rejected> {
    if batch.count == 0 {
        return Err(Rejected::whole(RejectedKind::InvalidField, "the batch has no event"));
    }
    if batch.count > BATCH_MAX_EVENTS {
        let detail =
            format!("a batch has at most {BATCH_MAX_EVENTS} events, this one has {}", batch.count);
        return Err(Rejected::whole(RejectedKind::TooLarge, detail));
    }
    let mut events = Vec::with_capacity(batch.count);
    // The average size of an event; only the sum matters.
    let bytes = incoming.payload.len() / batch.count;
    for (index, element) in batch.elements.into_iter().enumerate() {
        let event = decode_element(incoming, element.get(), index);
        let event = event.map_err(|rejected| rejected.at(index))?;
        events.push(Event { bytes, ..event });
    }
    Ok(Decoded { events, batch: true })
}

fn decode_element(incoming: &RawEvent<'_>, element: &str, index: usize) -> Result<Event, Rejected> {
    // White space around the parts does not count.
    if element.len() > incoming.max_event_bytes {
        check_size(compact_bytes(element), incoming)?;
    }
    decode_event(incoming, parse(element.as_bytes())?, Some(index))
}

/// Returns the size of a JSON text without white space between its parts.
fn compact_bytes(json: &str) -> usize {
    let (mut bytes, mut in_text, mut escaped) = (0, false, false);
    for byte in json.bytes() {
        if in_text || !byte.is_ascii_whitespace() {
            bytes += 1;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ => {}
        }
    }
    bytes
}

fn decode_event(
    incoming: &RawEvent<'_>,
    value: Value,
    index: Option<usize>,
) -> Result<Event, Rejected> {
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
    incoming.assign_identity(&mut event, event_id, index);
    Ok(event)
}

fn check_size(bytes: usize, incoming: &RawEvent<'_>) -> Result<(), Rejected> {
    if bytes > incoming.max_event_bytes {
        let detail = format!(
            "the event has {bytes} bytes, at most {} are \
            allowed",
            incoming.max_event_bytes
        );
        return Err(Rejected::whole(RejectedKind::TooLarge, detail));
    }
    Ok(())
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
