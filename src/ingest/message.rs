//! Message of a broker, and its disposition.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    clock,
    domain::{
        event::{Decoded, Event, Identity, RawEvent, decode},
        rejected::Rejected,
        trace_context::TraceContext,
    },
    pipeline::Outcome,
    store::DeadLetter,
};

/// Maximum number of headers stored with a dead letter, and maximum length of a value, in
/// characters.
const HEADERS_KEPT: usize = 32;
const HEADER_VALUE_MAX: usize = 1_024;

/// Prefixes of the attributes of CloudEvents in headers: Kafka binding, section 3.2.4.1, and AMQP
/// binding, section 3.1.3.1. HTTP and NATS have `ce-`.
const CLOUD_EVENT_PREFIXES: [&str; 3] = ["ce_", "cloudevents:", "cloudevents_"];

/// Returns the name of a header as events are decoded with: in lower case, with the prefix `ce-`
/// for attributes of CloudEvents.
pub(super) fn header_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let attribute = CLOUD_EVENT_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    match attribute {
        Some(attribute) => format!("ce-{attribute}"),
        None => name,
    }
}

/// Message of a broker.
#[derive(Debug, Clone)]
pub struct SourceMessage {
    /// Subject, topic or routing key.
    pub subject: String,
    /// Headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Payload, one event or a batch.
    pub payload: bytes::Bytes,
    /// Identity that the broker gives the message; `None` when the broker does not redeliver.
    pub identity: Option<Identity>,
    /// Number of this delivery, from 1.
    pub delivered: u64,
}

/// Action at the broker for a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Acknowledge: its events are committed, or there is nothing to commit.
    Ack,
    /// Acknowledge without redelivery: the message is malformed, and stored as a dead letter.
    Reject(Rejected),
    /// The hub failed on the message. [`Consumer`](super::Consumer) turns this into one of the
    /// others.
    Failed(String),
    /// Deliver again after a delay.
    Retry {
        /// Delay.
        after: Duration,
        /// True if the hub as a whole cannot take events now.
        unavailable: bool,
    },
}

impl Disposition {
    /// Derives the disposition of a message from the outcomes of its events. The worst one decides.
    pub(super) fn of(outcomes: &[Outcome], backoff: Duration) -> Self {
        let mut disposition = Self::Ack;
        // In an atomic batch the others fail because of the worst event, which has the reason.
        for outcome in outcomes {
            match (outcome, &disposition) {
                (Outcome::Rejected(rejected), _) => return Self::Reject(rejected.clone()),
                (
                    Outcome::Unavailable(_) | Outcome::Overloaded | Outcome::Interrupted { .. },
                    _,
                ) => {
                    disposition = Self::Retry { after: backoff, unavailable: true };
                }
                (Outcome::Failed(reason), Self::Ack) => disposition = Self::Failed(reason.clone()),
                (
                    Outcome::Failed(_)
                    | Outcome::Accepted(_)
                    | Outcome::Duplicate
                    | Outcome::Skipped(_)
                    | Outcome::InProgress(_),
                    _,
                ) => {}
            }
        }
        disposition
    }
}

impl SourceMessage {
    /// Decodes the payload; an event without an ID gets a new one.
    pub(super) fn decode(&self, max_event_bytes: usize) -> Result<Decoded, Rejected> {
        let mut decoded = decode(&RawEvent {
            payload: &self.payload,
            headers: &self.headers,
            subject: Some(&self.subject),
            broker_identity: self.identity.clone(),
            now: clock::now(),
            max_event_bytes,
        })?;
        for event in &mut decoded.events {
            assign_id(event);
            event.destination = Some(self.subject.clone());
        }
        Ok(decoded)
    }

    /// Returns the ID of the trace that the message belongs to, for the log.
    pub(super) fn trace_id(&self) -> Option<String> {
        TraceContext::of_headers(&self.headers).map(|trace| trace.id())
    }

    /// Returns the ID of the dead letter of this message; a new one at each call if the broker
    /// gives the message no identity.
    pub(super) fn dead_letter_id(&self) -> Uuid {
        self.identity.as_ref().map_or_else(Uuid::now_v7, stable_id)
    }

    /// Creates the dead letter of this message. Its ID follows from the broker's identity, so that
    /// a message stored twice, because the hub died in between, is one row.
    pub(super) fn dead_letter(&self, source: &'static str, rejected: &Rejected) -> DeadLetter {
        let id = self.dead_letter_id();
        let mut letter = DeadLetter::new(id, clock::now(), source, rejected, &self.payload);
        letter.subject = Some(self.subject.clone());
        letter.identity = self.identity.as_ref().map(|identity| identity.as_str().to_owned());
        let short = |value: &String| value.chars().take(HEADER_VALUE_MAX).collect::<String>();
        letter.headers = self
            .headers
            .iter()
            .take(HEADERS_KEPT)
            .map(|(name, value)| (name.clone(), short(value)))
            .collect();
        letter
    }
}

fn assign_id(event: &mut Event) {
    if event.id.is_empty() {
        event.id = Uuid::now_v7().to_string();
    }
}

fn stable_id(identity: &Identity) -> Uuid {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(identity.as_str().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::skipped::Skipped, pipeline::Stored};

    fn message(delivered: u64) -> SourceMessage {
        SourceMessage {
            subject: "events.x".into(),
            headers: Vec::new(),
            payload: bytes::Bytes::from_static(b"{}"),
            identity: Some(Identity::stream("S", 1, 2)),
            delivered,
        }
    }

    #[test]
    fn worst_outcome_decides_the_disposition() {
        let second = Duration::from_secs(1);
        let disposition = |outcomes: &[Outcome]| Disposition::of(outcomes, second);
        let fine = [
            Outcome::Duplicate,
            Outcome::Skipped(Skipped::NoType),
            Outcome::Accepted(Stored::default()),
        ];
        assert_eq!(disposition(&fine), Disposition::Ack);
        let away = Outcome::Unavailable("away".into());
        assert_eq!(
            disposition(std::slice::from_ref(&away)),
            Disposition::Retry { after: second, unavailable: true }
        );
        let failed = Outcome::Failed("refused".into());
        assert_eq!(
            disposition(&[failed]),
            Disposition::Failed("refused".into()),
            "the broker's count decides nothing"
        );
        let bad = Rejected::missing("user_id", "x");
        assert_eq!(
            disposition(&[away.clone(), Outcome::Rejected(bad.clone())]),
            Disposition::Reject(bad.clone())
        );
        let filler = || Outcome::Failed("another event of the batch is bad".into());
        assert_eq!(
            disposition(&[filler(), Outcome::Rejected(bad.clone())]),
            Disposition::Reject(bad)
        );
        assert_eq!(
            disposition(&[filler(), away]),
            Disposition::Retry { after: second, unavailable: true }
        );
    }

    #[test]
    fn attributes_of_cloud_events_have_one_prefix() {
        for name in ["ce_id", "ce-id", "CE_ID", "cloudEvents:id", "cloudEvents_id"] {
            assert_eq!(header_name(name), "ce-id");
        }
        assert_eq!(header_name("Event_Id"), "event_id");
    }

    #[test]
    fn dead_letter_of_the_same_message_has_the_same_id() {
        let rejected = Rejected::missing("user_id", "x");
        assert_eq!(
            message(1).dead_letter("nats", &rejected).id,
            message(2).dead_letter("nats", &rejected).id
        );
    }
}
