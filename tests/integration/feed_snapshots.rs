//! Live feeds: slow watchers, snapshots and the end of the hub.

use crate::feeds::{booked, events};
use crate::support::{
    client::Client,
    hub::Hub,
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn slow_watcher_sees_newest_state_without_affecting_others() {
    let hub = Hub::sqlite(&[]).await;
    let filters = json!({ "course_id": "PIANO-101" });
    let (mut slow, mut quick) =
        (hub.watch("availability", &filters).await, hub.watch("availability", &filters).await);
    let counter = std::sync::atomic::AtomicI64::new(0);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    let before = hub.resident_bytes();
    // 1,000 events per second.
    let publishing = async {
        let mut rate_limit = tokio::time::interval(Duration::from_millis(100));
        while !stop.load(relaxed) {
            rate_limit.tick().await;
            let batch: Vec<Value> =
                (0..100).map(|_| booked("PIANO-101", counter.fetch_add(1, relaxed) + 1)).collect();
            hub.publish(&json!(batch)).await;
        }
    };
    let reading = async {
        // The first messages are sent before the watcher is known to be slow.
        let mut rate_limit = tokio::time::interval(Duration::from_secs(1));
        let mut behind = Vec::new();
        for _ in 0..12 {
            rate_limit.tick().await;
            let left = slow.expect("availability.updated").await["slots_remaining"]
                .as_i64()
                .expect("a number");
            behind.push(counter.load(relaxed) - left);
        }
        stop.store(true, relaxed);
        behind
    };
    let looking = async {
        let (mut last, mut worst, mut count) = (0, Duration::ZERO, 0);
        while !stop.load(relaxed) {
            let asked = Instant::now();
            let Some(message) = quick.within(Duration::from_secs(2)).await else { continue };
            worst = worst.max(asked.elapsed());
            let left = message["data"]["slots_remaining"].as_i64().expect("a number");
            assert!(left > last, "never an older state");
            (last, count) = (left, count + 1);
        }
        (worst, count)
    };
    let ((), behind, (worst, count)) = tokio::join!(publishing, reading, looking);
    // A message is chosen when the one before has been read: two seconds at 1,000 per second, and
    // some more for a busy machine.
    for behind in &behind[6..] {
        assert!(*behind <= 3_500, "{behind} of {} behind", counter.load(relaxed));
    }
    assert!(count >= 100, "the quick watcher read {count}");
    assert!(worst < Duration::from_secs(1), "the quick watcher waited {worst:?}");
    let grown = hub.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "the hub has grown by {grown} bytes");
    // The newest message arrives in the end.
    let last = counter.load(relaxed);
    until("the newest message arrives", PATIENCE, async || {
        let left = slow.expect("availability.updated").await["slots_remaining"]
            .as_i64()
            .expect("a number");
        (left == last).then_some(())
    })
    .await;
}

const OWN: &str = r#"
[auth]
methods = ["dev"]

[[type]]
code = "BOOKING_CREATED"
title = "Booked"
template = "You booked {course_id}"
target = "SELF"

[[feed]]
name = "seats"
public = true
filters = ["course_id"]
snapshot = true
[[feed.message]]
on = ["booking.created"]
type = "seats"
fields = ["course_id", "schedule_id", "left"]

[[feed]]
name = "staff"
filters = []
[[feed.message]]
on = ["booking.created", "ticket.*"]
type = "staff"
fields = ["user_name"]
"#;

/// Booking with a user, a course and the number of seats that are left.
fn booking(course: &str, left: i64) -> Value {
    json!({
        "type": "booking.created", "user_id": "budi", "course_id": course, "left": left,
        "user_name": "Budi",
    })
}

/// Hub with the feeds of [`OWN`], without the pattern that is not allowed.
async fn hub_with_own_feeds() -> Hub {
    Hub::with_config(&OWN.replace(r#", "ticket.*""#, ""), &[]).await
}

#[test]
fn pattern_in_the_events_of_a_feed_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, OWN).expect("it is written");
    let checked = std::process::Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .args(["--config", path.to_str().expect("UTF-8"), "check"])
        .output()
        .expect("it runs");
    let error = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(checked.status.code(), Some(2), "{error}");
    assert!(error.contains("feed[1].message[0].on") && error.contains("wildcards"), "{error}");
}

#[tokio::test]
async fn private_feed_needs_an_identity_and_ends_with_it() {
    let hub = hub_with_own_feeds().await;
    assert_eq!(Client::refused(&hub.feed("staff")).await, 401);
    assert_eq!(events(&hub, "staff", &[]).await.response.status(), 401);
    let private = format!("{}?user_id=ani", hub.feed("staff"));
    let mut watcher = Client::connect(&private).await;
    watcher.nothing().await;

    let path = "/api/v1/admin/users/ani/clients";
    let signed_out = hub.send("DELETE", path, &[], String::new()).await;

    assert_eq!(signed_out.1, json!({ "closed": 1 }));
    assert_eq!(watcher.closed().await, 4001);
}

#[tokio::test]
async fn watchers_of_a_user_count_as_connections() {
    let hub = hub_with_own_feeds().await;
    let private = format!("{}?user_id=ani", hub.feed("staff"));
    let mut watchers = Vec::new();
    for _ in 0..20 {
        let mut watcher = Client::connect(&private).await;
        watcher.nothing().await;
        watchers.push(watcher);
    }
    assert_eq!(Client::connect(&private).await.closed().await, 4009);
}

#[tokio::test]
async fn event_makes_feed_messages_and_notifications() {
    let hub = hub_with_own_feeds().await;
    let mut staff = events(&hub, "staff?user_id=ani", &[]).await;
    for (course, left) in [("A", 3), ("A", 2), ("B", 9)] {
        hub.publish(&booking(course, left)).await;
    }
    let message = staff.next().await.and_then(|event| event.data).expect("a message");
    assert_eq!(message["data"], json!({ "user_name": "Budi" }));
    let messages: Vec<Value> =
        hub.inbox("budi").await.into_iter().map(|item| item["message"].clone()).collect();
    assert_eq!(messages, ["You booked B", "You booked A", "You booked A"]);
}

#[tokio::test]
async fn new_watcher_gets_the_current_state_first() {
    let hub = hub_with_own_feeds().await;
    for (course, left) in [("A", 3), ("A", 2), ("B", 9)] {
        hub.publish(&booking(course, left)).await;
    }

    let mut watcher = hub.watch("seats", &json!({ "course_id": "A" })).await;
    let state = watcher.next().await.expect("the state");
    assert_eq!((&state["data"]["left"], &state["snapshot"]), (&json!(2), &json!(true)));
    let mut stream = events(&hub, "seats", &[]).await;
    for left in [2, 9] {
        let state = stream.next().await.and_then(|event| event.data).expect("the state");
        assert_eq!(state["data"]["left"], left);
    }

    hub.publish(&booking("A", 1)).await;
    let live = watcher.next().await.expect("a message");
    assert_eq!((&live["data"]["left"], live.get("snapshot")), (&json!(1), None));
    watcher.send(&json!({ "type": "subscribe", "filters": { "course_id": "Z" } })).await;
    watcher.expect("subscribed").await;
    watcher.nothing().await;
}

/// The state may be larger than the queue of a watcher.
#[tokio::test]
async fn snapshot_has_the_newest_message_of_each_subject() {
    let hub = hub_with_own_feeds().await;
    let batch: Vec<Value> = (0..600)
        .map(|n| {
            json!({
                "type": "booking.created", "user_id": "x", "course_id": "M", "schedule_id": n,
                "left": n,
            })
        })
        .collect();
    hub.publish(&json!(batch)).await;
    let mut watcher = hub.watch("seats", &json!({ "course_id": "M" })).await;
    for n in 0..600 {
        assert_eq!(watcher.expect("seats").await["left"], n);
    }
}

#[tokio::test]
async fn watchers_are_told_when_the_hub_stops() {
    let mut hub = Hub::sqlite(&[]).await;
    let watching = hub.watch("availability", &json!({ "course_id": "A" })).await;
    let mut idle = Client::connect(&hub.feed("availability")).await;
    idle.nothing().await;
    let mut sse = events(&hub, "availability", &[]).await;
    let stopping = hub.terminate();
    let told = async {
        for mut client in [watching, idle] {
            client.expect("going_away").await;
            assert_eq!(client.closed().await, 1001);
        }
        sse.skip_to("going_away").await;
    };
    let (took, ()) = tokio::join!(stopping, told);
    assert!(took < Duration::from_secs(5), "{took:?}");
}
