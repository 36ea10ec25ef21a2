use super::*;
use crate::domain::event::{RawEvent, decode};

fn limits(events: usize, minutes: u32) -> TraceLimits {
    TraceLimits { events, minutes, days: 0 }
}

fn event(n: i64) -> EventTrace {
    let payload = format!(r#"{{"type":"T","event_id":"e{n}","user_id":"u{}"}}"#, n % 2);
    let incoming = RawEvent {
        payload: payload.as_bytes(),
        headers: &[],
        subject: None,
        broker_identity: None,
        now: Timestamp(n),
        max_event_bytes: 1_000,
    };
    let event = decode(&incoming).expect("it is one").events.remove(0);
    EventTrace::new(&event, "http", Timestamp(n * 60_000))
}

#[test]
fn trace_is_limited_by_number_and_age() {
    let trace = DeliveryTrace::new(limits(3, 10), Timestamp(0));
    trace.record_events((0..5).map(event).collect());
    assert_eq!(trace.extent(), (3, Some(Timestamp(120_000))));
    assert_eq!(trace.of_event("e4", 9).len(), 1);
    assert!(trace.of_event("e1", 9).is_empty(), "two were too many");
    let user = UserId::parse("u0").expect("an id");
    let traces = trace.of_user(&user, 9);
    let events: Vec<_> = traces.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(events, ["e4", "e2"]);
    trace.record_events(vec![event(14)]);
    assert_eq!(
        trace.extent(),
        (2, Some(Timestamp(240_000))),
        "those of more than ten minutes ago are gone"
    );
    trace.set(limits(0, 10), Timestamp(0));
    trace.record_events(vec![event(14)]);
    assert_eq!(trace.extent(), (0, None));
}

#[test]
fn trace_is_limited_by_size() {
    let trace = DeliveryTrace::new(limits(1_000_000, 10), Timestamp(0));
    let large = |n: i64| {
        let mut event = event(n);
        event.received_at = Timestamp(0);
        event.names =
            (0..PEOPLE_MAX).map(|_| UserId::parse(&"u".repeat(128)).expect("an id")).collect();
        event
    };
    let bytes = large(0).bytes();
    assert!(bytes > PEOPLE_MAX * 128);
    for n in 0..6 {
        trace.record_events((0..1_000).map(|m| large(n * 1_000 + m)).collect());
    }
    let (kept, _) = trace.extent();
    // Later events have longer IDs.
    assert!(kept * bytes <= KEPT_MAX_BYTES, "{kept} of {bytes}");
    assert!((kept + 1) * (bytes + 8) > KEPT_MAX_BYTES, "{kept} of {bytes}");
    assert_eq!(trace.of_event("e5999", 9).len(), 1, "the last are kept");
}

#[test]
fn pushes_are_known_or_reported_as_unknown() {
    let trace = DeliveryTrace::new(limits(2, 10), Timestamp(0));
    let pushes = |n: i64| PushRecord {
        notification_id: Uuid::from_u128(n.unsigned_abs().into()),
        at: Timestamp(n),
        live: PushMode::Pushed,
        connections: vec!["c".to_owned()],
    };
    trace.record_pushes((1..=4).map(pushes).collect());
    let of = |n: i64| trace.pushes_of(Uuid::from_u128(n.unsigned_abs().into()), Timestamp(n));
    assert_eq!(of(4).map(|all| (all.len(), all[0].connections.len())), Some((1, 1)));
    assert!(of(1).is_none(), "it was, but that is forgotten");
    assert_eq!(of(5).map(|all| all.len()), Some(0), "nobody was connected");
}
