//! Encoding of the messages on the bus: a line of JSON that describes the message, then its
//! content, which the receiver passes on without decoding it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::message::BusChange;
use crate::{
    domain::{event::Event, inbox::RevisionStep, trace_context::TraceContext, user::UserId},
    protocol::frame,
};

/// Sender of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sender<'a> {
    /// Boot ID of the hub.
    pub(super) hub: &'a str,
    /// Time of sending, in microseconds since 1970.
    pub(super) sent: i64,
}

#[derive(Serialize, Deserialize)]
struct ChangeHeader<'a> {
    #[serde(borrow, flatten)]
    sender: Sender<'a>,
    previous: i64,
    revision: i64,
    unread: i64,
    unseen: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limited: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct EventHeader<'a> {
    #[serde(borrow, flatten)]
    sender: Sender<'a>,
    code: String,
}

fn join(header: &impl Serialize, body: &[u8]) -> Vec<u8> {
    // Types of this module always serialize.
    let mut message = serde_json::to_vec(header).unwrap_or_default();
    message.push(b'\n');
    message.extend_from_slice(body);
    message
}

fn split(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = message.iter().position(|byte| *byte == b'\n')?;
    Some((&message[..end], &message[end + 1..]))
}

/// Encodes a change.
pub(super) fn encode_change(sender: Sender<'_>, change: &BusChange) -> Vec<u8> {
    let RevisionStep { previous_revision, revision, unread, unseen } = change.step;
    let header = ChangeHeader {
        sender,
        previous: previous_revision,
        revision,
        unread,
        unseen,
        limited: change.limited.clone(),
        created: change.created,
        trace: change.trace.as_ref().map(|trace| trace.to_stored()),
    };
    join(&header, frame::payload(&change.frame))
}

/// Decodes a change of the inbox of `user`. Returns `None` if it is malformed.
pub(super) fn decode_change(user: UserId, message: &[u8]) -> Option<(Sender<'_>, BusChange)> {
    let (header, payload) = split(message)?;
    let ChangeHeader { sender, previous, revision, unread, unseen, limited, created, trace } =
        serde_json::from_slice(header).ok()?;
    let step = RevisionStep { previous_revision: previous, revision, unread, unseen };
    let frame: Bytes = frame::text(payload);
    let trace = trace.as_deref().and_then(TraceContext::from_stored);
    Some((sender, BusChange { user_id: user, step, limited, created, trace, frame }))
}

/// Encodes an event.
pub(super) fn encode_event(sender: Sender<'_>, event: &Event) -> Vec<u8> {
    let header = EventHeader { sender, code: event.code.clone() };
    join(&header, &event.to_stored())
}

/// Decodes an event if `wanted` returns true for its code. Returns `None` for a malformed message
/// and for an event that is not wanted.
pub(super) fn decode_event(
    message: &[u8],
    wanted: impl FnOnce(&Sender<'_>, &str) -> bool,
) -> Option<(Sender<'_>, Event)> {
    let (header, body) = split(message)?;
    let EventHeader { sender, code } = serde_json::from_slice(header).ok()?;
    if !wanted(&sender, &code) {
        return None;
    }
    let event = Event { code, ..Event::from_stored(body).ok()? };
    Some((sender, event))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{event::Identity, notification::Timestamp};

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 vendor=1";

    const SENDER: Sender<'static> = Sender { hub: "b1", sent: 5 };

    fn user() -> UserId {
        UserId::parse("budi").expect("a user ID")
    }

    #[test]
    fn a_change_is_decoded_as_encoded() {
        let step = RevisionStep { previous_revision: 4, revision: 5, unread: 2, unseen: 1 };
        for (limited, created) in [(Some("NOTE".to_owned()), Some(Uuid::nil())), (None, None)] {
            let frame = frame::text(b"{\"type\":\"x\"}\n");
            let trace = created.and_then(|_| TraceContext::from_stored(TRACE));
            let change = BusChange { user_id: user(), step, limited, created, trace, frame };

            let message = encode_change(SENDER, &change);

            assert_eq!(decode_change(user(), &message), Some((SENDER, change)));
        }
    }

    #[test]
    fn malformed_messages_are_ignored() {
        for message in ["", "\n", "{}\n{}", "no json\n{}", "{\"hub\":\"b\",\"sent\":1}"] {
            assert_eq!(decode_change(user(), message.as_bytes()), None, "{message}");
            assert!(decode_event(message.as_bytes(), |_, _| true).is_none(), "{message}");
        }
    }

    #[test]
    fn an_event_is_decoded_as_encoded_if_it_is_wanted() {
        let data = json!({ "course_id": "PIANO-101", "left": 3 });
        let event = Event {
            id: "e1".to_owned(),
            identity: Some(Identity::key("k")),
            name: "booking.created".to_owned(),
            code: "BOOKING_CREATED".to_owned(),
            source: Some("booking".to_owned()),
            user_id: Some(user()),
            actor_id: None,
            recipients: vec![user()],
            time: Timestamp(7),
            data: data.as_object().cloned().unwrap_or_default(),
            bytes: 40,
            publisher: None,
            direct: None,
            trace: None,
            destination: None,
        };

        let message = encode_event(SENDER, &event);
        let (sender, decoded) =
            decode_event(&message, |_, code| code == "BOOKING_CREATED").expect("it is wanted");

        assert_eq!(sender, SENDER);
        assert_eq!(format!("{decoded:?}"), format!("{event:?}"));
        assert!(decode_event(&message, |_, _| false).is_none());
    }
}
