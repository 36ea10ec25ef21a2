use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::{event::Identity, notification::Timestamp};

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn incoming<'a>(
    payload: &'a [u8],
    headers: &'a [(String, String)],
    subject: Option<&'a str>,
) -> RawEvent<'a> {
    RawEvent {
        payload,
        headers,
        subject,
        broker_identity: None,
        now: NOW,
        max_event_bytes: 262_144,
    }
}

fn decoded(
    value: &Value,
    headers: &[(&str, &str)],
    subject: Option<&str>,
) -> Result<Vec<Event>, Rejected> {
    let headers: Vec<_> = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    decode(&incoming(value.to_string().as_bytes(), &headers, subject)).map(|decoded| decoded.events)
}

fn first(
    value: &Value,
    headers: &[(&str, &str)],
    subject: Option<&str>,
) -> Result<Event, Rejected> {
    decoded(value, headers, subject).map(|mut events| events.remove(0))
}

#[test]
fn flat_events_in_both_spellings() -> Result<(), Rejected> {
    let event = first(
        &json!({"type":"REFUND_REQUESTED","userId":"user123","refundId":"ref456","amount":100_000}),
        &[],
        None,
    )?;
    assert_eq!(event.code, "REFUND_REQUESTED");
    assert_eq!(event.user_id.as_ref().map(UserIdText::text), Some("user123"));
    assert_eq!(Value::Object(event.data), json!({"refundId":"ref456","amount":100_000}));
    let event =
        first(&json!({"user_id": 7, "actor_id": "a"}), &[], Some("events.refund.requested"))?;
    assert_eq!(
        (event.code.as_str(), event.name.as_str()),
        ("REFUND_REQUESTED", "refund.requested")
    );
    assert_eq!(event.user_id.as_ref().map(UserIdText::text), Some("7"));
    Ok(())
}

#[test]
fn topic_envelope_merges_payload_and_outer_fields() -> Result<(), Rejected> {
    let event = first(
        &json!({"topic":"booking.created","timestamp":"2026-01-01T00:00:01Z","event_type":"x",
                "payload":{"id":"b1","action":"created","user_id":"u1",
                    "data":{"course_id":"PIANO-101","slots_remaining":4}}}),
        &[],
        None,
    )?;
    assert_eq!(event.code, "BOOKING_CREATED");
    assert_eq!(event.time, Timestamp(NOW.0 + 1000));
    assert_eq!(event.data.get("course_id"), Some(&json!("PIANO-101")));
    assert_eq!(event.data.get("action"), Some(&json!("created")));
    assert_eq!(event.user_id.as_ref().map(UserIdText::text), Some("u1"));
    let bare = first(&json!({"topic":"schedule.updated","room_id":"r1"}), &[], None)?;
    assert_eq!(bare.data.get("room_id"), Some(&json!("r1")));
    Ok(())
}

#[test]
fn cloud_events_structured_batch_and_binary() -> Result<(), Rejected> {
    let structured = json!({"specversion":"1.0","id":"1","source":"/refunds",
        "type":"refund.requested",
        "userid":"budi","actorid":"admin","time":"2026-01-01T00:00:02Z","data":{"amount":1}});
    let event = first(&structured, &[("content-type", "application/cloudevents+json")], None)?;
    assert_eq!(event.code, "REFUND_REQUESTED");
    assert_eq!(event.identity, Some(Identity::cloud_event("/refunds", "1")));
    assert_eq!(event.actor_id.as_ref().map(UserIdText::text), Some("admin"));
    assert_eq!(decoded(&json!([structured, structured]), &[], None)?.len(), 2);
    let binary = first(
        &json!({"amount":1}),
        &[
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "/r%C3%A9funds"),
            ("ce-type", "X"),
            ("ce-userid", "budi"),
        ],
        Some("events.y"),
    )?;
    assert_eq!(binary.code, "X");
    assert_eq!(binary.identity, Some(Identity::cloud_event("/réfunds", "1")));
    let encoded =
        json!({"specversion":"1.0","id":"1","source":"s","type":"T","data_base64":"eyJhIjoxfQ=="});
    assert_eq!(first(&encoded, &[], None)?.data.get("a"), Some(&json!(1)));
    Ok(())
}

#[test]
fn the_first_identity_in_the_order_of_the_contract_wins() -> Result<(), Rejected> {
    let flat = json!({"type":"X","event_id":"e1"});
    let cloud = json!({"specversion":"1.0","id":"1","source":"s","type":"X"});
    let both = [("nats-msg-id", "m1"), ("idempotency-key", "k1")];
    assert_eq!(first(&cloud, &both, None)?.identity, Some(Identity::cloud_event("s", "1")));
    assert_eq!(first(&flat, &both, None)?.identity, Some(Identity::key("m1")));
    assert_eq!(first(&flat, &both[1..], None)?.identity, Some(Identity::key("k1")));
    let of_broker = first(&flat, &both[1..], Some("events.x"))?;
    assert_eq!(of_broker.identity, Some(Identity::key("e1")), "Idempotency-Key is one of HTTP");
    let event = first(&flat, &[], None)?;
    assert_eq!((event.identity, event.id.as_str()), (Some(Identity::key("e1")), "e1"));
    let headers = [];
    let mut from_broker = incoming(br#"{"type":"X"}"#, &headers, None);
    from_broker.broker_identity = Some(Identity::stream("EVENTS", 0, 9));
    let events = decode(&from_broker)?.events;
    assert_eq!(events[0].identity, Some(Identity::stream("EVENTS", 0, 9)));
    Ok(())
}

#[test]
fn a_batch_with_one_key_has_an_identity_for_each_event() -> Result<(), Rejected> {
    let events = decoded(&json!([{"type":"X"},{"type":"X"}]), &[("idempotency-key", "k")], None)?;
    assert_ne!(events[0].identity, events[1].identity);
    assert_eq!(events[1].identity, Some(Identity::key("k").of_batch(1)));
    Ok(())
}

#[test]
fn bad_events_name_their_field() {
    let cases = [
        (json!({"userId":"u"}), Some("type"), RejectedKind::MissingField),
        (json!({"type":7,"userId":{"a":1}}), Some("userId"), RejectedKind::InvalidField),
        (json!({"type":"X","user_id":"a\nb"}), Some("user_id"), RejectedKind::InvalidField),
        (json!({"type":["X"]}), Some("type"), RejectedKind::InvalidField),
        (
            json!({"type":"X","recipient_ids":"u"}),
            Some("recipient_ids"),
            RejectedKind::InvalidField,
        ),
        (
            json!({"specversion":"1.0","source":"s","type":"X"}),
            Some("id"),
            RejectedKind::MissingField,
        ),
        (
            json!({"specversion":"0.3","id":"1","source":"s","type":"X"}),
            Some("specversion"),
            RejectedKind::InvalidField,
        ),
        (
            json!({"specversion":"1.0","id":"1","source":"s","type":"X","time":"x"}),
            Some("time"),
            RejectedKind::InvalidField,
        ),
        (json!({"topic":7}), Some("topic"), RejectedKind::InvalidField),
        (json!({"topic":"a","payload":7}), Some("payload"), RejectedKind::InvalidField),
        (json!("text"), None, RejectedKind::InvalidField),
        (json!([]), None, RejectedKind::InvalidField),
    ];
    for (value, field, kind) in cases {
        let rejected = decoded(&value, &[], None).err();
        assert_eq!(
            rejected.as_ref().map(|rejected| (rejected.field.as_deref(), rejected.kind)),
            Some((field, kind)),
            "{value}"
        );
    }
}

#[test]
fn a_bad_event_of_a_batch_names_its_index() {
    let rejected = decoded(&json!([{"type":"X"},{"userId":"u"}]), &[], None).err();
    assert_eq!(rejected.and_then(|rejected| rejected.index), Some(1));
}

#[test]
fn a_batch_with_too_many_events_is_refused_without_decoding_them() {
    let headers = [];
    let batch = |count: usize| format!("[{}]", vec![r#"{"type":"X"}"#; count].join(","));
    let most = batch(1_000);
    assert_eq!(
        decode(&incoming(most.as_bytes(), &headers, None)).map(|d| d.events.len()),
        Ok(1_000)
    );
    let more = batch(70_000);
    let rejected = decode(&incoming(more.as_bytes(), &headers, None)).expect_err("too many");
    assert_eq!(rejected.kind, RejectedKind::TooLarge);
    assert_eq!(rejected.detail, "a batch has at most 1000 events, this one has 70000");
}

#[test]
fn white_space_does_not_make_an_event_of_a_batch_too_large() {
    let headers = [];
    let mut spaced = incoming(br#"[ { "type" :   "X", "pad": " \" , \\" } ]"#, &headers, None);
    spaced.max_event_bytes = 29;
    assert_eq!(decode(&spaced).map(|decoded| decoded.events.len()), Ok(1));
    spaced.max_event_bytes = 28;
    assert_eq!(decode(&spaced).err().map(|rejected| rejected.kind), Some(RejectedKind::TooLarge));
}

#[test]
fn oversized_or_malformed_payload_is_rejected() {
    let headers = [];
    let mut large = incoming(br#"{"type":"X","pad":"0123456789"}"#, &headers, None);
    large.max_event_bytes = 16;
    assert_eq!(decode(&large).err().map(|rejected| rejected.kind), Some(RejectedKind::TooLarge));
    large.payload = br#"[{"type":"X","pad":"0123456789"}]"#;
    assert_eq!(
        decode(&large).err().map(|rejected| (rejected.kind, rejected.index)),
        Some((RejectedKind::TooLarge, Some(0)))
    );
    let broken = incoming(b"{\"type\":", &headers, None);
    assert_eq!(
        decode(&broken).err().map(|rejected| rejected.kind),
        Some(RejectedKind::InvalidJson)
    );
}

/// Shortens the assertions.
trait UserIdText {
    fn text(&self) -> &str;
}

impl UserIdText for crate::domain::user::UserId {
    fn text(&self) -> &str {
        self.as_str()
    }
}

proptest! {
    #[test]
    fn decoder_never_panics(
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        subject in proptest::option::of("[a-z.]{0,20}"),
        binary in any::<bool>(),
    ) {
        let headers = if binary { vec![("ce-specversion".to_owned(), "1.0".to_owned())] } else {
            Vec::new() };
        let _ = decode(&incoming(&payload, &headers, subject.as_deref()));
    }

    #[test]
    fn every_field_beside_the_attributes_is_data(key in "[a-z]{1,8}x", text in ".{0,20}") {
        let event = first(&json!({"type":"X","user_id":"u", (key.clone()): text.clone()}), &[],
            None);
        prop_assert_eq!(event.ok().and_then(|event| event.data.get(&key).cloned()),
            Some(json!(text)));
    }
}
