//! Deliveries of AMQP as messages of a source.

use std::sync::Once;

use lapin::{
    Acker,
    message::Delivery,
    types::{AMQPValue, FieldTable},
};

use crate::{
    domain::event::Identity,
    ingest::{SourceMessage, message::header_name},
};

/// Logs the warning about messages without an identity once per process.
static WARNED: Once = Once::new();

/// Converts a delivery. Its acker is what acknowledges it.
pub(super) fn convert(delivery: Delivery) -> (SourceMessage, Acker) {
    let properties = &delivery.properties;
    let mut headers = properties.headers().as_ref().map(headers).unwrap_or_default();
    if let Some(kind) = properties.content_type() {
        headers.push(("content-type".to_owned(), kind.to_string()));
    }
    let identity = properties.message_id().as_ref().map(|id| Identity::key(id.as_str()));
    if identity.is_none() && !headers.iter().any(|(name, _)| name == "event_id" || name == "ce-id")
    {
        WARNED.call_once(|| {
            tracing::warn!(
                routing_key = %delivery.routing_key,
                "amqp: a message has neither message_id nor event_id: if it is delivered again, \
                 after a lost connection or a kill, its recipients are notified twice. Publish \
                 with message_id"
            );
        });
    }
    let message = SourceMessage {
        subject: delivery.routing_key.to_string(),
        headers,
        payload: delivery.data.into(),
        identity,
        delivered: 1,
    };
    (message, delivery.acker)
}

fn headers(table: &FieldTable) -> Vec<(String, String)> {
    let text = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::ByteArray(bytes) => Some(String::from_utf8_lossy(bytes.as_slice()).into_owned()),
        AMQPValue::Boolean(value) => Some(value.to_string()),
        AMQPValue::ShortShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortShortUInt(value) => Some(value.to_string()),
        AMQPValue::ShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortUInt(value) => Some(value.to_string()),
        AMQPValue::LongInt(value) => Some(value.to_string()),
        AMQPValue::LongUInt(value) => Some(value.to_string()),
        AMQPValue::LongLongInt(value) => Some(value.to_string()),
        _ => None,
    };
    table
        .inner()
        .iter()
        .filter_map(|(name, value)| Some((header_name(name.as_str()), text(value)?)))
        .collect()
}
