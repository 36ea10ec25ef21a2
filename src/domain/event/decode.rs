//! Decoding of payloads into events.

use std::sync::Arc;

use serde_json::Value;

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
    let value = parse(incoming.payload)?;
    match value {
        Value::Array(values) => decode_batch(incoming, values),
        value => {
            let mut event = decode_event(incoming, value, None)?;
            event.bytes = incoming.payload.len();
            Ok(Decoded { events: vec![event], batch: false })
        }
    }
}

fn decode_batch(incoming: &RawEvent<'_>, values: Vec<Value>) -> Result<Decoded, Rejected> {
    if values.is_empty() {
        return Err(Rejected::whole(RejectedKind::InvalidField, "the batch has no event"));
    }
    if values.len() > BATCH_MAX_EVENTS {
        let detail =
            format!("a batch has at most {BATCH_MAX_EVENTS} events, this one has {}", values.len());
        return Err(Rejected::whole(RejectedKind::TooLarge, detail));
    }
    let mut events = Vec::with_capacity(values.len());
    // The average size of an event; only the sum matters.
    let bytes = incoming.payload.len() / values.len();
    for (index, value) in values.into_iter().enumerate() {
        // Serialize only if the batch may contain an event that is too large.
        if incoming.payload.len() > incoming.max_event_bytes {
            check_size(value.to_string().len(), incoming).map_err(|rejected| rejected.at(index))?;
        }
        let event =
            decode_event(incoming, value, Some(index)).map_err(|rejected| rejected.at(index))?;
        events.push(Event { bytes, ..event });
    }
    Ok(Decoded { events, batch: true })
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
