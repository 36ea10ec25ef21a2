//! Several hubs on one PostgreSQL and one Redis: latency and CPU of a push from hub to hub, and a
//! rolling restart.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::{
    percentiles,
    support::{
        hub::{Hub, On},
        postgres::PostgresServer,
        redis::RedisServer,
        wait::{PATIENCE, until},
    },
};

/// Hubs with their servers.
struct Hubs {
    hubs: Vec<Hub>,
    redis: RedisServer,
    _postgres: PostgresServer,
}

impl Hubs {
    async fn start(count: usize) -> Self {
        let postgres = PostgresServer::start().await.expect("PostgreSQL is needed");
        let redis = RedisServer::start().await.expect("Redis is needed");
        let mut hubs = Vec::new();
        for n in 0..count {
            let mut hub = Hub::prepare(On::Sqlite, &[]).await.expect("it is prepared");
            hub.set_env("LONCENG_STORE__URL", &PostgresServer::url_at(postgres.port));
            hub.set_env("LONCENG_REDIS__URL", &redis.url());
            hub.set_env("LONCENG_SERVER__INSTANCE_ID", &format!("hub-{n}"));
            hub.run().await;
            hubs.push(hub);
        }
        let hubs = Self { hubs, redis, _postgres: postgres };
        hubs.until_known().await;
        hubs
    }

    async fn until_known(&self) {
        for hub in &self.hubs {
            until("the hubs know each other", PATIENCE, async || {
                let known = hub.get("/api/v1/admin/hubs").await.1["hubs"].as_array()?.len();
                let ready = hub.get("/health/ready").await.1["redis"].clone();
                (known == self.hubs.len() && ready == "ok").then_some(())
            })
            .await;
        }
    }
}

/// Latency and CPU of pushes from the first hub to connections at the last one.
pub async fn pushes(count: usize, rate: u64, length: Duration) {
    let all = Hubs::start(count).await;
    let (first, last) = (&all.hubs[0], &all.hubs[count - 1]);
    let users = 60;
    let total = usize::try_from(rate * length.as_secs()).expect("a small number");
    let sent: Arc<Vec<Mutex<Option<Instant>>>> =
        Arc::new((0..total).map(|_| Mutex::new(None)).collect());
    let took = Arc::new(Mutex::new(Vec::with_capacity(total)));
    for user in 0..users {
        let mut client = last.connect(&format!("push{user}"), "&sync=none").await;
        client.expect("connected").await;
        let (sent, took) = (Arc::clone(&sent), Arc::clone(&took));
        tokio::spawn(async move {
            while let Ok(message) = client.next().await {
                let now = Instant::now();
                let Some(n) = message["data"]["metadata"]["n"].as_u64() else { continue };
                let at = sent[n as usize].lock().expect("no panic").expect("it was sent");
                took.lock().expect("no panic").push(now - at);
            }
        });
    }
    let cpu = |hubs: &Hubs| {
        (hubs.hubs.iter().map(Hub::cpu_seconds).sum::<f64>(), hubs.redis.cpu_seconds())
    };
    let before = cpu(&all);
    let http = reqwest::Client::new();
    let mut ticks = tokio::time::interval(Duration::from_nanos(1_000_000_000 / rate));
    let mut pending = FuturesUnordered::new();
    for n in 0..total {
        ticks.tick().await;
        *sent[n].lock().expect("no panic") = Some(Instant::now());
        let event = json!({ "type": "NOTE_CREATED", "user_id": format!("push{}", n % users),
            "title": "A note of an ordinary length", "n": n });
        let request = http.post(format!("{}/api/v1/events", first.base())).json(&event).send();
        pending.push(tokio::spawn(request));
        while pending.len() > 200 {
            pending.next().await;
        }
    }
    while pending.next().await.is_some() {}
    until("all pushes arrive", PATIENCE, async || {
        (took.lock().expect("no panic").len() >= total).then_some(())
    })
    .await;
    let after = cpu(&all);
    let each = |seconds: f64| seconds * 1_000_000.0 / total as f64;
    println!(
        "hubs        {count} hubs, {rate}/s, HTTP → commit → WebSocket at {}: {}; per push \
         {:.0} µs of all hubs, {:.0} µs of Redis",
        if count == 1 { "the same hub" } else { "another hub" },
        percentiles(took.lock().expect("no panic").clone()),
        each(after.0 - before.0),
        each(after.1 - before.1),
    );
}

/// Rolling restart of three hubs with this many clients: time without a connection.
pub async fn rolling(clients: usize) {
    let mut all = Hubs::start(3).await;
    let urls: Arc<Vec<String>> = Arc::new(all.hubs.iter().map(|hub| hub.ws("")).collect());
    let (gaps, connected) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    for n in 0..clients {
        let (urls, gaps, connected, stop) =
            (Arc::clone(&urls), Arc::clone(&gaps), Arc::clone(&connected), Arc::clone(&stop));
        tokio::spawn(stay_connected(n, urls, gaps, connected, stop));
        if n % 100 == 99 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let all_connected = async || (connected.load(Ordering::Relaxed) == clients).then_some(());
    until("all clients are connected", PATIENCE * 4, all_connected).await;
    let started = Instant::now();
    for n in 0..all.hubs.len() {
        all.hubs[n].terminate().await;
        all.hubs[n].run().await;
        all.until_known().await;
        until("all clients are connected again", PATIENCE * 4, all_connected).await;
    }
    stop.store(true, Ordering::Relaxed);
    let gaps = gaps.lock().expect("no panic").clone();
    println!(
        "rolling     3 hubs restarted in {:.1?} with {clients} clients, {} reconnects; time \
         without a connection: {}",
        started.elapsed(),
        gaps.len(),
        percentiles(gaps)
    );
}

/// Keeps a client connected, to another hub after each close, when the hub has asked it to.
async fn stay_connected(
    number: usize,
    urls: Arc<Vec<String>>,
    gaps: Arc<Mutex<Vec<Duration>>>,
    connected: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) {
    let (mut hub, mut lost): (usize, Option<Instant>) = (number, None);
    while !stop.load(Ordering::Relaxed) {
        let url = format!("{}user_id=roll{number}&sync=none", urls[hub % urls.len()]);
        let mut after = Duration::from_millis(100);
        if let Ok((mut socket, _)) = connect_async(&url).await {
            let mut is_connected = false;
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let message: Value = serde_json::from_str(&text).expect("JSON");
                match message["type"].as_str() {
                    Some("connected") => {
                        is_connected = true;
                        connected.fetch_add(1, Ordering::Relaxed);
                        if let Some(lost) = lost.take() {
                            gaps.lock().expect("no panic").push(lost.elapsed());
                        }
                    }
                    Some("going_away") => {
                        let ms = message["data"]["reconnect_after_ms"].as_u64().unwrap_or(0);
                        after = Duration::from_millis(ms);
                    }
                    _ => {}
                }
            }
            let _ = socket.close(None).await;
            if is_connected {
                connected.fetch_sub(1, Ordering::Relaxed);
                lost.get_or_insert_with(Instant::now);
            }
        }
        tokio::time::sleep(after).await;
        hub += 1;
    }
}
