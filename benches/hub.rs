//! Measures speed and memory of the built hub: `cargo bench --bench hub`, or a part of it with
//! `-- throughput`, `-- latency`, `-- devices`, `-- idle`, `-- streams`, `-- feeds`, `-- hubs`,
//! `-- everyone`, `-- lists`, `-- storm`, `-- sustained` or `-- sources`. `-- --postgres URL`
//! measures on PostgreSQL (an empty database).
//!
//! Needs `nats-server` on the PATH, for `hubs` a PostgreSQL and `redis-server`, and for `sources`
//! the brokers of the tests. The load runs
//! on the same machine and shares its processors with the hub: compare only figures of one machine.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::expect_used,
    missing_docs,
    reason = "a program that measures, not a library"
)]

#[path = "hub/everyone.rs"]
mod everyone;
#[path = "hub/feeds.rs"]
mod feeds;
#[path = "hub/hubs.rs"]
mod hubs;
#[path = "hub/large_store.rs"]
mod large_store;
#[path = "hub/sources.rs"]
mod sources;
#[path = "../tests/integration/support/mod.rs"]
mod support;
#[path = "hub/watchers.rs"]
mod watchers;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::json;
use support::{client::Client, hub::Hub, nats::NatsServer};
use watchers::{USERS, Watchers, hub_of, payload, percentiles, pss, reached, watch};

/// Everything that can be measured.
const PARTS: [&str; 12] = [
    "throughput",
    "latency",
    "devices",
    "idle",
    "streams",
    "feeds",
    "hubs",
    "everyone",
    "lists",
    "storm",
    "sustained",
    "sources",
];

fn main() {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let postgres = arguments
        .iter()
        .position(|a| a == "--postgres")
        .and_then(|at| arguments.get(at + 1))
        .cloned();
    let wanted = |name: &str| {
        let named = PARTS.iter().any(|one| arguments.iter().any(|a| a == one));
        !named || arguments.iter().any(|argument| argument == name)
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            if wanted("throughput") {
                throughput(postgres.as_deref(), 50_000).await;
            }
            if wanted("latency") {
                for rate in [1_000, 5_000] {
                    latency(postgres.as_deref(), rate, Duration::from_secs(10)).await;
                }
            }
            if wanted("devices") {
                devices(postgres.as_deref(), 2_000).await;
            }
            if wanted("idle") {
                idle(10_000).await;
            }
            if wanted("streams") {
                streams(2_000).await;
            }
            if wanted("feeds") {
                for watchers in [10, 10_000] {
                    feeds::feeds_apart(watchers, 20_000).await;
                }
                feeds::feeds_together(5_000, 100).await;
                feeds::feeds_unwatched(20_000).await;
            }
            if wanted("hubs") {
                for count in 1..=3 {
                    hubs::pushes(count, 500, Duration::from_secs(10)).await;
                }
                hubs::rolling(3_000).await;
            }
            if wanted("everyone") {
                everyone::everyone(postgres.as_deref(), 100_000).await;
            }
            if wanted("lists") {
                large_store::lists(postgres.as_deref(), 1_000_000).await;
            }
            if wanted("storm") {
                large_store::storm(postgres.as_deref(), 10_000, 20).await;
            }
            if wanted("sustained") {
                sustained(postgres.as_deref(), Duration::from_secs(300)).await;
            }
            if wanted("sources") {
                sources::kafka(20_000).await;
                sources::rabbitmq(20_000).await;
                sources::outbox(20_000).await;
            }
        });
}

/// Events per second from the stream to the WebSockets.
async fn throughput(postgres: Option<&str>, events: u64) {
    let nats = NatsServer::start(true).await.expect("nats-server is needed");
    let hub = hub_of(&nats, postgres).await;
    let watchers = watch(&hub).await;
    let context = nats.jetstream().await;
    let started = Instant::now();
    let mut waiting = FuturesUnordered::new();
    for n in 0..events {
        let ack = context.publish("events.note.created", payload(n)).await.expect("it is sent");
        waiting.push(std::future::IntoFuture::into_future(ack));
        if waiting.len() >= 1_000 {
            waiting.next().await.expect("one is pending").expect("the stream stores it");
        }
    }
    while let Some(stored) = waiting.next().await {
        stored.expect("the stream stores it");
    }
    let published = started.elapsed();
    reached(&watchers, events).await;
    let all = started.elapsed();
    println!(
        "throughput  {} events, JetStream → commit → {USERS} WebSockets: {:.0} events/s \
         (publishing alone took {published:.1?} of {all:.1?})",
        events,
        events as f64 / all.as_secs_f64()
    );
    let rows = hub.metric("lonceng_store_batch_rows_sum").await
        / hub.metric("lonceng_store_batch_rows_count").await.max(1.0);
    println!("            {rows:.0} rows per transaction on average");
}

/// Events per second over minutes, and the memory at its beginning and end.
async fn sustained(postgres: Option<&str>, length: Duration) {
    let nats = NatsServer::start(true).await.expect("nats-server is needed");
    let hub = hub_of(&nats, postgres).await;
    let watchers = watch(&hub).await;
    let context = nats.jetstream().await;
    let started = Instant::now();
    let (mut published, mut early) = (0, 0);
    while started.elapsed() < length {
        // At most so many on the way: the stream of a company has a limit as well.
        while published - watchers.seen.load(Ordering::Relaxed) < 20_000 {
            let mut waiting = FuturesUnordered::new();
            for _ in 0..500 {
                let ack = context.publish("events.note.created", payload(published)).await;
                waiting.push(std::future::IntoFuture::into_future(ack.expect("it is sent")));
                published += 1;
            }
            while let Some(stored) = waiting.next().await {
                stored.expect("the stream stores it");
            }
        }
        watchers.arrivals.lock().expect("no watcher panics").clear();
        if early == 0 && started.elapsed() > length / 10 {
            early = pss(&hub);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    reached(&watchers, published).await;
    println!(
        "sustained   {published} events in {:.0?}: {:.0} events/s; memory {:.0} MB after a tenth \
         of the time, {:.0} MB at the end (PSS)",
        started.elapsed(),
        published as f64 / started.elapsed().as_secs_f64(),
        early as f64 / 1e6,
        pss(&hub) as f64 / 1e6
    );
}

/// Latency from publishing to the WebSocket, at a constant rate.
async fn latency(postgres: Option<&str>, rate: u64, length: Duration) {
    let nats = NatsServer::start(true).await.expect("nats-server is needed");
    let hub = hub_of(&nats, postgres).await;
    let watchers = watch(&hub).await;
    let context = nats.jetstream().await;
    let count = rate * length.as_secs();
    let mut sent = Vec::new();
    let mut rate_limit = tokio::time::interval(Duration::from_nanos(1_000_000_000 / rate));
    for n in 0..count {
        rate_limit.tick().await;
        sent.push(Instant::now());
        drop(context.publish("events.note.created", payload(n)).await.expect("it is sent"));
    }
    reached(&watchers, count).await;
    let arrivals = watchers.arrivals.lock().expect("no watcher panics");
    let took: Vec<Duration> =
        sent.iter().enumerate().map(|(n, at)| arrivals[&(n as u64)].duration_since(*at)).collect();
    println!("latency     {rate}/s, NATS publish → commit → WebSocket: {}", percentiles(took));
}

/// Latency from a mark on one device to the update on another, one mark at a time on an idle hub.
async fn devices(postgres: Option<&str>, marks: usize) {
    let mut hub = Hub::prepare(support::hub::On::Sqlite, &[]).await.expect("it is prepared");
    if let Some(postgres) = postgres {
        hub.set_env("LONCENG_STORE__URL", postgres);
    }
    hub.run().await;
    let user = format!("devices{}", std::process::id());
    hub.publish(&json!({"type":"NOTE_CREATED","user_id":user,"title":"x"})).await;
    let id = hub.inbox(&user).await[0]["notification_id"].clone();
    let (mut one, mut two) =
        (hub.connect(&user, "&sync=none").await, hub.connect(&user, "&sync=none").await);
    one.expect("connected").await;
    two.expect("connected").await;
    let mut took = Vec::with_capacity(marks);
    for n in 0..marks {
        let kind = if n % 2 == 0 { "read" } else { "unread" };
        let started = Instant::now();
        one.send(&json!({"type":format!("notification.{kind}"),"notification_id":id})).await;
        two.expect("notification.update").await;
        took.push(started.elapsed());
        one.expect(&format!("notification.{kind}.ack")).await;
    }
    println!("devices     mark → commit → the other device: {}", percentiles(took));
}

/// Memory of idle event streams.
async fn streams(connections: usize) {
    let hub = Hub::sqlite(&[]).await;
    let http = reqwest::Client::new();
    let open = async |n: usize| {
        let answer =
            http.get(format!("{}/api/v1/stream?user_id=sse{n}&sync=none", hub.base())).send().await;
        let mut answer = answer.expect("it answers");
        answer.chunk().await.expect("the first message arrives");
        answer
    };
    let mut streams = Vec::with_capacity(connections + 100);
    for n in 0..100 {
        streams.push(open(n).await);
    }
    let before = pss(&hub);
    for n in 0..connections {
        streams.push(open(100 + n).await);
    }
    let after = pss(&hub);
    let each = after.saturating_sub(before) / connections as u64;
    println!("streams     {connections} event streams: {each} bytes each (PSS)");
}

/// Memory of idle WebSocket connections, and the rate at which they are opened.
async fn idle(connections: usize) {
    let hub = Hub::sqlite(&[]).await;
    let mut warm = Vec::new();
    for n in 0..100 {
        warm.push(hub.connect(&format!("warm{n}"), "&sync=none").await);
    }
    let before = pss(&hub);
    let started = Instant::now();
    let mut open: Vec<Client> = Vec::with_capacity(connections);
    while open.len() < connections {
        let from = open.len();
        let batch: FuturesUnordered<_> = (from..(from + 100).min(connections))
            .map(|n| {
                let hub = &hub;
                async move { hub.connect(&format!("idle{n}"), "&sync=none").await }
            })
            .collect();
        open.extend(batch.collect::<Vec<_>>().await);
    }
    let took = started.elapsed();
    while hub.metric("websocket_connections").await < (connections + 100) as f64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let after = pss(&hub);
    println!(
        "idle        {connections} connections: {} bytes each (PSS), opened at {:.0}/s",
        after.saturating_sub(before) / connections as u64,
        connections as f64 / took.as_secs_f64()
    );
}
