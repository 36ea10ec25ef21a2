//! Live feeds: watchers of many courses, watchers of one course, and no watchers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::json;

use super::support::hub::Hub;

fn booking(course: &str, n: usize) -> serde_json::Value {
    json!({ "topic": "booking.created", "payload": { "data": {
        "course_id": course, "schedule_id": "s", "slots_remaining": n, "student_id": "somebody",
    } } })
}

/// Connects a watcher per course, and returns the number of messages that they received.
async fn watchers(hub: &Hub, courses: impl Iterator<Item = String>) -> Arc<AtomicU64> {
    let seen = Arc::new(AtomicU64::new(0));
    let courses: Vec<String> = courses.collect();
    for some in courses.chunks(100) {
        let opened: FuturesUnordered<_> = some
            .iter()
            .map(|course| async move {
                hub.watch("availability", &json!({ "course_id": course })).await
            })
            .collect();
        for mut client in opened.collect::<Vec<_>>().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                while client.tick().await.is_some() {
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
    seen
}

/// Processor time of the hub in user and kernel mode (Linux), in seconds.
fn cpu(hub: &Hub) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", hub.pid())).unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Processor time per event when each watcher watches another course.
pub async fn feeds_apart(count: usize, events: usize) {
    let hub = Hub::sqlite(&[]).await;
    let seen = watchers(&hub, (0..count).map(|n| format!("C{n}"))).await;
    let publish = async |from: usize, events: usize| {
        for at in (from..from + events).step_by(10) {
            let batch: Vec<_> =
                (at..at + 10).map(|n| booking(&format!("C{}", n % 10), n)).collect();
            hub.publish(&json!(batch)).await;
        }
    };
    publish(0, 1_000).await;
    let (before, delivered) = (cpu(&hub), seen.load(Ordering::Relaxed));
    publish(1_000, events).await;
    let each = (cpu(&hub) - before) / events as f64 * 1e6;
    let delivered = seen.load(Ordering::Relaxed) - delivered;
    println!(
        "feeds       {count} watchers on {count} courses: {each:.0} µs of the hub per event \
         (HTTP, batches of 10), {delivered} received"
    );
}

/// Latency and processor time when all watch one course; an event is published when all have
/// received the one before.
pub async fn feeds_together(count: usize, events: usize) {
    let hub = Hub::sqlite(&[]).await;
    let seen = watchers(&hub, (0..count).map(|_| "C".to_owned())).await;
    let mut took = Vec::new();
    let mut before = 0.0;
    for n in 0..events + 10 {
        if n == 10 {
            before = cpu(&hub);
            took.clear();
        }
        let (started, target) = (Instant::now(), seen.load(Ordering::Relaxed) + count as u64);
        hub.publish(&booking("C", n)).await;
        while seen.load(Ordering::Relaxed) < target {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        took.push(started.elapsed());
    }
    let each = (cpu(&hub) - before) / (events * count) as f64 * 1e6;
    println!(
        "feeds       {count} watchers on one course, from publish to the last: {}; \
         {each:.1} µs of the hub per delivery",
        super::percentiles(took)
    );
}

/// Processor time per event without watchers.
pub async fn feeds_unwatched(events: usize) {
    let hub = Hub::sqlite(&[]).await;
    let publish = async |kind: &str| {
        let before = cpu(&hub);
        for at in (0..events).step_by(10) {
            let batch: Vec<_> = (at..at + 10)
                .map(|n| {
                    json!({ "topic": kind, "payload": { "data": { "course_id": "C",
                    "slots_remaining": n } } })
                })
                .collect();
            hub.publish(&json!(batch)).await;
        }
        (cpu(&hub) - before) / events as f64 * 1e6
    };
    publish("booking.created").await;
    let (fed, skipped) = (publish("booking.created").await, publish("nobody.knows").await);
    println!(
        "feeds       without watchers: {fed:.0} µs per event; without feed and type: \
         {skipped:.0} µs"
    );
}
