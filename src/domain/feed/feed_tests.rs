use std::collections::HashSet;

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::{
    filters::{COMBINATIONS_MAX, VALUES_MAX},
    *,
};
use crate::domain::{
    event::{RawEvent, decode},
    monotonic::Monotonic,
};

fn feed(snapshot: bool) -> Feed {
    let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    Feed {
        name: "availability".to_owned(),
        public: true,
        filters: texts(&["course_id", "room_id", "session_id"]),
        snapshot,
        rules: vec![
            Rule {
                on: texts(&["booking.created", "booking.cancelled"]),
                kind: "availability.updated".to_owned(),
                fields: texts(&["course_id", "schedule_id", "slots_remaining"]),
                key: texts(&["course_id", "schedule_id"]),
            },
            Rule {
                on: texts(&["schedule.updated"]),
                kind: "availability.changed".to_owned(),
                fields: texts(&["room_id", "action"]),
                key: texts(&["room_id"]),
            },
        ],
    }
}

fn event(payload: &Value) -> Event {
    let payload = payload.to_string();
    let incoming = RawEvent {
        payload: payload.as_bytes(),
        headers: &[],
        subject: None,
        broker_identity: None,
        now: Timestamp(7),
        max_event_bytes: 10_000,
    };
    decode(&incoming).expect("a good event").events.remove(0)
}

#[test]
fn watchers_see_only_the_fields_of_the_rule() {
    let feeds = Feeds::new(vec![feed(false)]);
    let event = event(&json!({
        "topic": "events.booking.created",
        "timestamp": "2026-01-01T00:00:00Z",
        "user_id": "budi",
        "payload": { "id": "b1", "action": "created", "data":
            { "courseId": "PIANO-101", "slots_remaining": 4, "student_id": "secret",
                "room_id": 7 } },
    }));
    let shown: Vec<_> = feeds.showing(&event.code).collect();
    assert_eq!(shown.len(), 1);
    let (id, rule) = shown[0];
    let feed = feeds.get(id);
    assert_eq!(feed.values(&event), vec![Some("PIANO-101".to_owned()), Some("7".to_owned()), None]);
    let shown = feed.show(rule, &event);
    assert_eq!(shown.kind, "availability.updated");
    assert_eq!(
        Value::Object(shown.data),
        json!({ "course_id": "PIANO-101", "slots_remaining": 4 })
    );
    let all = whole(&event);
    assert_eq!(
        (&all["student_id"], &all["action"], &all["user_id"]),
        (&json!("secret"), &json!("created"), &json!("budi"))
    );
    assert!(feeds.showing("NOTE_CREATED").next().is_none());
    assert_eq!(feeds.find("availability"), Some(FeedId(0)));
    assert_eq!(feeds.find("other"), None);
}

#[test]
fn messages_about_the_same_subject_have_the_same_key() {
    let feed = feed(false);
    let of = |rule: usize, course: &str, schedule: Value| {
        let event = event(&json!({ "type": "x", "course_id": course, "schedule_id": schedule }));
        feed.rules[rule].key_of(FeedId(0), &event)
    };
    assert_eq!(of(0, "a", json!(1)), of(0, "a", json!(1)));
    assert_ne!(of(0, "a", json!(1)), of(0, "a", json!(2)));
    assert_ne!(of(0, "a", json!(1)), of(0, "a", Value::Null));
    assert_ne!(of(0, "a", json!(1)), of(1, "a", json!(1)));
    assert_ne!(of(0, "a\",\"b", json!(1)), of(0, "a", json!("b\",1")));
}

#[test]
fn filter_errors_name_the_key() {
    let feed = feed(false);
    let read = |filters: Value| Filters::of_json(&feed, filters.as_object().expect("an object"));
    let good = read(json!({ "course_id": ["a", "b", 3], "room_id": "yyy" })).expect("good");
    assert!(good.matches(&vec![Some("3".to_owned()), Some("yyy".to_owned()), None]));
    assert!(!good.matches(&vec![Some("a".to_owned()), None, None]));
    let pairs = [("course_id", "a"), ("course_id", "b"), ("course_id", "3"), ("room_id", "yyy")];
    assert_eq!(Filters::of_pairs(&feed, pairs.into_iter()), Ok(good));
    let many: Vec<usize> = (0..=VALUES_MAX).collect();
    let some: Vec<usize> = (0..40).collect();
    for (filters, key, kind) in [
        (json!({ "teacher": "x" }), "teacher", FiltersErrorKind::Bad),
        (json!({ "room_id": [] }), "room_id", FiltersErrorKind::Bad),
        (json!({ "room_id": null }), "room_id", FiltersErrorKind::Bad),
        (json!({ "room_id": ["x", {}] }), "room_id", FiltersErrorKind::Bad),
        (json!({ "room_id": "x".repeat(300) }), "room_id", FiltersErrorKind::Bad),
        (json!({ "room_id": many }), "room_id", FiltersErrorKind::TooMany),
        (json!({ "course_id": some, "room_id": some }), "room_id", FiltersErrorKind::TooMany),
    ] {
        let error = read(filters.clone()).expect_err("bad filters");
        assert_eq!(error.kind, kind, "{filters}");
        assert!(error.detail.contains(key), "{error}");
        if filters.as_object().map(Map::len) == Some(1) {
            assert_eq!(error.key, key);
        }
    }
    const { assert!(VALUES_MAX <= COMBINATIONS_MAX) };
    // Keys and values that multiply beyond what a machine counts.
    let names: Vec<String> = (0..16).map(|n| format!("f{n}")).collect();
    let wide = Feed { filters: names.clone(), ..feed };
    let pairs = names.iter().flat_map(|name| {
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"]
            .map(|value| (name.as_str(), value))
    });
    assert_eq!(
        Filters::of_pairs(&wide, pairs).map_err(|error| error.kind),
        Err(FiltersErrorKind::TooMany)
    );
}

/// Filters and values over a small alphabet, so that they overlap.
fn filters() -> impl Strategy<Value = Filters> {
    proptest::array::uniform3(vec("[a-c]", 0..3)).prop_map(|wanted| {
        let names = ["course_id", "room_id", "session_id"];
        let pairs = names
            .iter()
            .zip(&wanted)
            .flat_map(|(name, values)| values.iter().map(|value| (*name, value.as_str())));
        Filters::of_pairs(&feed(false), pairs).expect("few")
    })
}

fn values() -> impl Strategy<Value = Values> {
    vec(proptest::option::of("[a-c]"), 3)
}

proptest! {
    #[test]
    fn index_finds_the_same_watchers_as_a_scan(
        changes in vec((0_u64..12, proptest::option::weighted(0.8, filters())), 0..60),
        events in vec(values(), 1..20),
    ) {
        let mut index = Index::default();
        for (watcher, filters) in changes {
            match filters {
                Some(filters) => index.insert(watcher, filters),
                None => { index.remove(watcher); }
            }
        }
        for values in &events {
            let found: Vec<u64> = index.watching(values).collect();
            let unique: HashSet<u64> = found.iter().copied().collect();
            prop_assert_eq!(found.len(), unique.len());
            prop_assert_eq!(unique, index.watching_by_scan(values));
        }
        for watcher in 0..12 {
            index.remove(watcher);
        }
        prop_assert!(index.is_empty());
        prop_assert_eq!(index.entries(), 0, "nothing is left behind");
    }

    #[test]
    fn queue_keeps_the_newest_message_per_key_within_limits(
        steps in vec((0_u64..8, 0_u32..1_000, proptest::bool::weighted(0.3)), 0..100),
        most in 1_usize..6,
        max_bytes in 1_usize..20,
    ) {
        let mut latest = ConflatedMap::default();
        // The plain model of the queue.
        let mut naive: Vec<(Key, Bytes)> = Vec::new();
        for (key, message, take) in steps {
            let (key, message) = (Key::unique(key), Bytes::from(message.to_string()));
            if let Some(waiting) = naive.iter_mut().find(|(known, _)| *known == key) {
                waiting.1 = message.clone();
            } else {
                naive.push((key.clone(), message.clone()));
            }
            let size = |naive: &[(Key, Bytes)]| naive.iter().map(|(_, message)|
                message.len()).sum::<usize>();
            while naive.len() > 1 && (naive.len() > most || size(&naive) > max_bytes) {
                naive.remove(0);
            }
            latest.put(key, message, most, max_bytes);
            prop_assert_eq!(latest.len(), naive.len());
            if take {
                let first = (!naive.is_empty()).then(|| naive.remove(0).1);
                prop_assert_eq!(latest.pop(), first);
            }
        }
        latest.forget(None);
        prop_assert!(latest.is_empty() && latest.pop().is_none());
    }

    #[test]
    fn snapshot_is_the_last_message_per_matching_key(
        changes in vec((0_usize..6, values()), 0..60),
        filters in filters(),
        most in 1_usize..6,
        max_bytes in 1_usize..6,
    ) {
        let feed = feed(true);
        let mut snapshot = Snapshot::default();
        let mut naive: Vec<(Key, Values, i64)> = Vec::new();
        for (at, (thing, values)) in (0_i64..).zip(changes) {
            let event = event(&json!({ "type": "booking.created", "schedule_id": thing }));
            let key = feed.rules[0].key_of(FeedId(0), &event);
            let shown = Shown { timestamp: Timestamp(at), ..feed.show(&feed.rules[0], &event) };
            naive.retain(|(known, ..)| *known != key);
            naive.push((key.clone(), values.clone(), at));
            if naive.len() > most.min(max_bytes) {
                naive.remove(0);
            }
            snapshot.put(key, values, shown, 1, (most, max_bytes));
        }
        prop_assert_eq!(snapshot.len(), naive.len());
        let expected: Vec<i64> = naive.iter().filter(|(_, values, _)|
            filters.matches(values)).map(|(.., at)| *at).collect();
        let found: Vec<i64> = snapshot.of(&filters, 100).into_iter().map(|(_, shown)|
            shown.timestamp.0).collect();
        prop_assert_eq!(found, expected);
    }

    /// Returns a reader takes `pause` milliseconds for each batch, while new messages keep
    /// arriving.
    #[test]
    fn slow_reader_gets_recent_messages(pause in 1_i64..4_000) {
        let (mut window, mut now, mut on_the_way) = (FlowControl::default(), 0_i64,
            std::collections::VecDeque::new());
        let mut read_at = pause;
        let mut ages = Vec::new();
        while now < 100_000 {
            now += 1;
            while window.is_open(Monotonic(now)) {
                let ping = window.send(Monotonic(now));
                on_the_way.push_back((now, ping));
                prop_assert!(on_the_way.len() <= 64, "no more than the window");
            }
            if now >= read_at {
                read_at = now + pause;
                if let Some((sent, ping)) = on_the_way.pop_front() {
                    ages.push(now - sent);
                    if let Some(number) = ping {
                        window.answered(number, Monotonic(now));
                    }
                }
            }
        }
        // A reader known to be slow gets messages at most two batches old.
        if pause > 250 && ages.len() > 12 {
            for age in &ages[10..] {
                prop_assert!(*age <= 3 * pause, "{age} ms old, reading every {pause} ms");
            }
        }
        // A fast reader is not delayed.
        if pause <= 2 {
            prop_assert!(ages.len() > 20_000, "{} read", ages.len());
        }
    }
}

#[test]
fn unresponsive_reader_gets_occasional_batches() {
    let mut window = FlowControl::default();
    let sent = (0..60_000).filter(|now| {
        let open = window.is_open(Monotonic(*now));
        if open {
            let _ = window.send(Monotonic(*now));
        }
        open
    });
    assert!((10..=20).contains(&sent.count()));
}

#[test]
fn pong_of_an_earlier_ping_is_ignored() {
    let mut window = FlowControl::default();
    let pings = (0..4).filter_map(|_| window.send(Monotonic(0))).count();
    assert_eq!(pings, 1);
    assert!(!window.is_open(Monotonic(1)));
    let before = window;
    window.answered(99, Monotonic(1));
    assert_eq!(window, before);
}

#[test]
fn successor_feeds_keep_ids_of_compatible_feeds() {
    let named = |name: &str, public: bool| Feed { name: name.into(), public, ..feed(false) };
    let first = Feeds::new(vec![named("a", true), named("b", true), named("c", true)]);
    let (a, b, c) = (first.find("a").unwrap(), first.find("b").unwrap(), first.find("c").unwrap());
    let mut shows_more = named("a", true);
    shows_more.rules[0].fields.push("more".into());
    // b is gone; c is no longer public, so its watchers must subscribe again.
    let second = first.succeeded_by(vec![named("c", false), shows_more.clone()]);
    assert_eq!(second.find("a"), Some(a));
    assert_eq!(*second.get(a), shows_more);
    assert!(second.find("b").is_none() && second.is_retired(b));
    assert!(second.is_retired(c) && second.find("c").is_some_and(|new| new != c));
    let code = code_of(&second.get(a).rules[0].on[0]);
    assert!(second.showing(&code).all(|(id, _)| !second.is_retired(id)));
    // A feed that returns has its old position; an unchanged one keeps it.
    let third = second.succeeded_by(vec![named("b", true), named("c", true)]);
    assert_eq!((third.find("b"), third.find("c")), (Some(b), Some(c)));
    assert!(third.is_retired(a));
}
