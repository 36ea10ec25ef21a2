//! Event as it arrived, before decoding.

use std::fmt;

use serde::Deserialize;

use super::{Event, Identity, fields};
use crate::domain::{
    notification::Timestamp,
    rejected::{Rejected, RejectedKind},
};

/// Event as it arrived, before decoding.
pub struct RawEvent<'a> {
    /// Payload.
    pub payload: &'a [u8],
    /// Headers, with names in lower case; unknown ones are ignored.
    pub headers: &'a [(String, String)],
    /// Subject, for brokers that have one.
    pub subject: Option<&'a str>,
    /// Identity given by the broker, used if the event has no other.
    pub broker_identity: Option<Identity>,
    /// Time of arrival.
    pub now: Timestamp,
    /// Maximum size of one event, in bytes.
    pub max_event_bytes: usize,
}

impl RawEvent<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the publisher's key from the headers; `Nats-Msg-Id` comes first. `Idempotency-Key`
    /// is a header of HTTP, which has no subject. Records of Kafka and messages of AMQP have
    /// `event_id`.
    fn header_key(&self) -> Option<(&'static str, &str)> {
        let found = |name: &'static str| Some((name, self.header(name)?));
        ["nats-msg-id", "idempotency-key", "event_id"]
            .into_iter()
            .filter(|name| *name != "idempotency-key" || self.subject.is_none())
            .find_map(found)
            .filter(|(_, key)| !key.is_empty())
    }

    /// Checks the key of the headers.
    pub(super) fn check_header_key(&self) -> Result<(), Rejected> {
        let Some((name, key)) = self.header_key() else { return Ok(()) };
        let field = match name {
            "nats-msg-id" => "Nats-Msg-Id",
            "idempotency-key" => "Idempotency-Key",
            other => other,
        };
        fields::identifier(field, key.to_owned()).map(drop)
    }

    /// Assigns ID and identity to the event.
    pub(super) fn assign_identity(
        &self,
        event: &mut Event,
        event_id: Option<String>,
        index: Option<usize>,
    ) {
        let key = self.header_key().map(|(_, key)| Identity::key(key));
        let of_batch =
            |identity: Identity| index.map_or(identity.clone(), |index| identity.of_batch(index));
        event.identity = event
            .identity
            .take()
            .or_else(|| key.map(of_batch))
            .or_else(|| event_id.as_deref().map(Identity::key))
            .or_else(|| self.broker_identity.clone().map(of_batch));
        if event.id.is_empty() {
            let header_key = if index.is_none() { self.header_key() } else { None };
            event.id =
                event_id.or_else(|| header_key.map(|(_, key)| key.to_owned())).unwrap_or_default();
        }
    }
}

/// Parses a payload as JSON.
pub(super) fn parse<'p, T: Deserialize<'p>>(payload: &'p [u8]) -> Result<T, Rejected> {
    serde_json::from_slice(payload).map_err(|error| {
        Rejected::whole(RejectedKind::InvalidJson, format!("the payload is not JSON: {error}"))
    })
}

impl fmt::Debug for RawEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload is personal data, and is not printed.
        f.debug_struct("RawEvent")
            .field("bytes", &self.payload.len())
            .field("subject", &self.subject)
            .finish()
    }
}
