//! Many users: their upload to the directory, and an event for all of them beside other events.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::jetstream::Context;
use serde_json::json;
use tokio::task::JoinHandle;

use super::{
    Watchers, hub_of, payload, percentiles, reached,
    support::{hub::Hub, nats::NatsServer},
    watch,
};

/// Rate of the other events, per second.
const OTHER_EVENTS_PER_SECOND: u64 = 200;

/// Samples the memory of a process until it is stopped.
struct PeakMemory {
    stop: Arc<AtomicBool>,
    sampling: JoinHandle<u64>,
}

impl PeakMemory {
    fn start(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stop);
        let sampling = tokio::task::spawn_blocking(move || {
            let mut peak = 0;
            while !is_stopped.load(Ordering::Relaxed) {
                peak = peak.max(resident_bytes(pid));
                std::thread::sleep(Duration::from_millis(20));
            }
            peak
        });
        Self { stop, sampling }
    }

    /// Returns the largest resident size, in bytes.
    async fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.sampling.await.expect("sampling does not panic")
    }
}

fn resident_bytes(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// Uploads users to the directory.
async fn upload(hub: &Hub, users: usize) {
    let before = hub.resident_bytes();
    let lines: String = (0..users)
        .map(|n| {
            json!({
                "user_id": format!("p{n:06}"), "name": format!("Person {n}"),
                "login": format!("p{n}"),
            })
            .to_string()
                + "\n"
        })
        .collect();
    let size = lines.len();
    let started = Instant::now();
    let headers = [("content-type", "application/x-ndjson")];
    let (status, answer) = hub.send("POST", "/api/v1/admin/directory/bulk", &headers, lines).await;
    assert_eq!(status, 200, "{answer}");
    println!(
        "everyone    {users} users in one upload of {:.1} MiB: {:.1?}; resident before {:.0} MiB, \
         now {:.0} MiB",
        mib(size as u64),
        started.elapsed(),
        mib(before),
        mib(hub.resident_bytes())
    );
}

/// Publisher of the other events.
struct OtherEvents {
    context: Context,
    /// Time at which each was published, by its number.
    sent: Vec<Instant>,
}

impl OtherEvents {
    /// Publishes at the rate until the condition holds.
    async fn publish_until(&mut self, mut is_over: impl FnMut() -> bool) {
        let period = Duration::from_nanos(1_000_000_000 / OTHER_EVENTS_PER_SECOND);
        let mut interval = tokio::time::interval(period);
        while !is_over() {
            interval.tick().await;
            let payload = payload(self.sent.len() as u64);
            self.sent.push(Instant::now());
            drop(self.context.publish("events.note.created", payload).await.expect("it is sent"));
        }
    }

    /// Describes the latencies of these events.
    fn latencies(&self, watchers: &Watchers, range: std::ops::Range<usize>) -> String {
        let arrivals = watchers.arrivals.lock().expect("no watcher panics");
        percentiles(range.map(|n| arrivals[&(n as u64)].duration_since(self.sent[n])).collect())
    }
}

/// Publishes one event to everybody, beside other events. Returns the time until it is acknowledged
/// and until it is in the last inbox.
pub async fn everyone(postgres: Option<&str>, users: usize) -> (Duration, Duration) {
    let nats = NatsServer::start(true).await.expect("nats-server is needed");
    let hub = hub_of(&nats, postgres).await;
    let peak = PeakMemory::start(hub.pid());
    upload(&hub, users).await;
    let kind = json!({
        "code": "NEWS", "display_name": "News", "template": "News, {recipient.user_id}",
        "target_type": "ALL",
    });
    assert_eq!(hub.send("PUT", "/api/v1/admin/types/NEWS", &[], kind.to_string()).await.0, 201);
    let watchers = watch(&hub).await;
    let mut others = OtherEvents { context: nats.jetstream().await, sent: Vec::new() };
    let end = Instant::now() + Duration::from_secs(5);
    others.publish_until(|| Instant::now() >= end).await;
    let before = others.sent.len();

    let is_over = AtomicBool::new(false);
    let committing = async {
        let started = Instant::now();
        let event = json!({ "type": "NEWS", "event_id": "news-1" });
        let (status, answer) = hub.post("/api/v1/events", &event).await;
        assert_eq!(status, 202, "{answer}");
        let acknowledged = started.elapsed();
        // The recipients get it in the order of their IDs.
        let last = format!("p{:06}", users - 1);
        while hub.inbox(&last).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        is_over.store(true, Ordering::Relaxed);
        (acknowledged, started.elapsed())
    };
    let publishing = others.publish_until(|| is_over.load(Ordering::Relaxed));
    let ((acknowledged, took), ()) = tokio::join!(committing, publishing);
    reached(&watchers, others.sent.len() as u64).await;

    println!(
        "            one event for all users: acknowledged after {acknowledged:.1?}, in the last \
         inbox after {took:.1?}"
    );
    println!(
        "            other events, {OTHER_EVENTS_PER_SECOND}/s, before: {}",
        others.latencies(&watchers, 0..before)
    );
    println!(
        "            and meanwhile: {}",
        others.latencies(&watchers, before..others.sent.len())
    );
    println!("            largest resident size: {:.0} MiB", mib(peak.finish().await));
    (acknowledged, took)
}
