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
    // A thousand a second.
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
        // Before it is known to be slow, a few are on their way.
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
            assert!(left > last, "never back to what was");
            (last, count) = (left, count + 1);
        }
        (worst, count)
    };
    let ((), behind, (worst, count)) = tokio::join!(publishing, reading, looking);
    // What it reads was sent when it had read what came before: two seconds at a thousand a second,
    // and some for the machine.
    for behind in &behind[6..] {
        assert!(*behind <= 3_500, "{behind} of {} behind", counter.load(relaxed));
    }
    assert!(count >= 100, "the quick one saw {count}");
    assert!(worst < Duration::from_secs(1), "the quick one waited {worst:?}");
    let grown = hub.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "the hub has grown by {grown} bytes");
    // And the newest of all arrives.
    let last = counter.load(relaxed);
    until("the newest", PATIENCE, async || {
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

#[tokio::test]
async fn snapshots_private_feeds_and_notifications_beside_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, OWN).expect("it is writable");
    let checked = std::process::Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .args(["--config", path.to_str().expect("text"), "check"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("feed[1].message[0].on") && said.contains("wildcards"), "{said}");

    let hub = Hub::with_config(&OWN.replace(r#", "ticket.*""#, ""), &[]).await;
    let booked = |course: &str, left: i64| {
        json!({ "type": "booking.created", "user_id": "budi",
        "course_id": course, "left": left, "user_name": "Budi" })
    };
    assert_eq!(Client::refused(&hub.feed("staff")).await, 401);
    // Whoever is signed out sees no more of it; and nobody has more connections than they may.
    let private = format!("{}?user_id=ani", hub.feed("staff"));
    let mut first = Client::connect(&private).await;
    first.nothing().await;
    assert_eq!(
        hub.send("DELETE", "/api/v1/admin/users/ani/clients", &[], String::new()).await.1,
        json!({ "closed": 1 })
    );
    assert_eq!(first.closed().await, 4001);
    drop(first);
    let mut most = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(&private).await;
        client.nothing().await;
        most.push(client);
    }
    assert_eq!(Client::connect(&private).await.closed().await, 4009);
    drop(most);
    assert_eq!(events(&hub, "staff", &[]).await.response.status(), 401);
    let mut staff = events(&hub, "staff?user_id=ani", &[]).await;
    for (course, left) in [("A", 3), ("A", 2), ("B", 9)] {
        hub.publish(&booked(course, left)).await;
    }
    assert_eq!(
        staff.next().await.and_then(|event| event.data).expect("it shows")["data"],
        json!({ "user_name": "Budi" })
    );
    // An event may feed a feed and make notifications.
    let messages: Vec<Value> =
        hub.inbox("budi").await.into_iter().map(|item| item["message"].clone()).collect();
    assert_eq!(messages, ["You booked B", "You booked A", "You booked A"]);
    // Who comes now sees the present state at once, and then what happens.
    let mut a = hub.watch("seats", &json!({ "course_id": "A" })).await;
    let state = a.next().await.expect("the state");
    assert_eq!((&state["data"]["left"], &state["snapshot"]), (&json!(2), &json!(true)));
    let mut all = events(&hub, "seats", &[]).await;
    let state: Vec<Value> = vec![all.next().await, all.next().await]
        .into_iter()
        .map(|event| event.expect("two").data.expect("data")["data"]["left"].clone())
        .collect();
    assert_eq!(state, [2, 9]);
    hub.publish(&booked("A", 1)).await;
    let live = a.next().await.expect("live");
    assert_eq!((&live["data"]["left"], live.get("snapshot")), (&json!(1), None));
    // Of a batch each schedule is told, and of each the newest; a new watcher gets all there is,
    // however much.
    let many: Vec<Value> = (0..600)
        .map(|n| {
            json!({ "type": "booking.created", "user_id": "x", "course_id": "M",
            "schedule_id": n, "left": n })
        })
        .collect();
    hub.publish(&json!(many)).await;
    let mut m = hub.watch("seats", &json!({ "course_id": "M" })).await;
    for n in 0..600 {
        assert_eq!(m.expect("seats").await["left"], n);
    }
    a.send(&json!({ "type": "subscribe", "filters": { "course_id": "Z" } })).await;
    a.expect("subscribed").await;
    a.nothing().await;
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
