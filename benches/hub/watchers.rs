//! Clients that receive notifications and record when, shared by the benches of the hub.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use super::support::{self, hub::Hub, nats::NatsServer};

/// Number of users with a connection.
pub const USERS: usize = 200;

/// Starts a hub that reads from this server, and waits until it does.
pub async fn hub_of(nats: &NatsServer, postgres: Option<&str>) -> Hub {
    let url = nats.url();
    let mut hub = Hub::prepare(support::hub::On::Sqlite, &[("LONCENG_NATS__URL", &url)])
        .await
        .expect("it is prepared");
    if let Some(postgres) = postgres {
        hub.set_env("LONCENG_STORE__URL", postgres);
    }
    hub.run().await;
    while hub.get("/health/ready").await.1["nats"] != "ok" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    hub
}

/// Clients that count pushes, and record the time at which each numbered event arrived.
pub struct Watchers {
    pub seen: Arc<AtomicU64>,
    pub arrivals: Arc<Mutex<HashMap<u64, Instant>>>,
}

/// Connects the users.
pub async fn watch(hub: &Hub) -> Watchers {
    let seen = Arc::new(AtomicU64::new(0));
    let arrivals = Arc::new(Mutex::new(HashMap::new()));
    for user in 0..USERS {
        let mut client = hub.connect(&format!("bench{user}"), "&sync=none").await;
        client.expect("connected").await;
        let (seen, arrivals) = (Arc::clone(&seen), Arc::clone(&arrivals));
        tokio::spawn(async move {
            while let Ok(message) = client.next().await {
                let now = Instant::now();
                if message["type"] == "notification.push" {
                    // An event for all users has no number.
                    let Some(number) = message["data"]["metadata"]["n"].as_u64() else { continue };
                    arrivals.lock().expect("no watcher panics").insert(number, now);
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    Watchers { seen, arrivals }
}

/// Returns the payload of the event with this number, for the users in turn.
pub fn payload(n: u64) -> bytes::Bytes {
    let user = format!("bench{}", n as usize % USERS);
    json!({ "user_id": user, "title": "A note of an ordinary length", "n": n }).to_string().into()
}

/// Describes latencies.
pub fn percentiles(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    format!("p50 {:.2?}, p99 {:.2?}, max {:.2?}", at(0.5), at(0.99), at(1.0))
}

/// Waits until the watchers have this many events.
pub async fn reached(watchers: &Watchers, count: u64) {
    let deadline = Instant::now() + Duration::from_secs(300);
    while watchers.seen.load(Ordering::Relaxed) < count {
        assert!(
            Instant::now() < deadline,
            "{} of {count} arrived",
            watchers.seen.load(Ordering::Relaxed)
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Proportional set size of the hub (Linux), in bytes.
pub fn pss(hub: &Hub) -> u64 {
    let rollup =
        std::fs::read_to_string(format!("/proc/{}/smaps_rollup", hub.pid())).unwrap_or_default();
    let line = rollup.lines().find(|line| line.starts_with("Pss:")).unwrap_or_default().to_owned();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1_024
}
