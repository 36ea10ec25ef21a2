//! Notifications from NATS to the socket, at rising rates and for more and more users.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    OnStore, hub_of, milliseconds,
    socket::{WebSocket, number},
    support::{hub::Hub, nats::NatsServer},
    table::{Table, shown},
    watchers::USERS,
};

/// Time for which events are published at a rate.
const LENGTH: Duration = Duration::from_secs(5);

/// Rate of the events when the number of users rises, per second.
const RATE_FOR_USERS: usize = 1_000;

/// Arrivals of numbered events.
#[derive(Default)]
struct Arrivals {
    count: AtomicU64,
    all: Mutex<Vec<(usize, Instant)>>,
}

/// Connects users, and records what they receive.
async fn connect(hub: &Hub, users: usize) -> Arc<Arrivals> {
    let arrivals = Arc::new(Arrivals::default());
    for user in 0..users {
        let path = format!("/ws?user_id=bench{user}&sync=none");
        let mut socket = WebSocket::connect(hub.port, &path).await.expect("it connects");
        socket.next().await.expect("connected");
        let arrivals = Arc::clone(&arrivals);
        tokio::spawn(socket.receive(move |message| {
            if let Some(n) = number(message) {
                arrivals.all.lock().expect("no client panics").push((n, Instant::now()));
                arrivals.count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    arrivals
}

/// Measurements at one rate.
struct Measured {
    /// Events per second from the first publication to the last arrival.
    taken: f64,
    p50: Duration,
    p99: Duration,
    p999: Duration,
    /// Processor time of the hub per event, in microseconds.
    cpu: f64,
    lost: usize,
    repeated: usize,
}

/// Publishes at a rate to users in turn; those up to `connected` have a connection.
async fn measure(store: &OnStore, rate: usize, users: usize) -> Measured {
    let nats = NatsServer::start(true).await.expect("nats-server is needed");
    let hub = hub_of(&nats, store.url().await.as_deref()).await;
    let connected = users.min(USERS);
    let arrivals = connect(&hub, connected).await;
    let context = nats.jetstream().await;
    let total = rate * LENGTH.as_secs() as usize;
    let (cpu, started) = (hub.cpu_seconds(), Instant::now());
    let (mut sent, mut watched): (Vec<Instant>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    while sent.len() < total {
        tick.tick().await;
        let due = (started.elapsed().as_secs_f64() * rate as f64) as usize;
        while sent.len() < due.min(total) {
            let n = sent.len();
            // Every second event is for a user with a connection, the others for all in turn.
            let user = if n % 2 == 0 { n / 2 % connected } else { n % users };
            if user < connected {
                watched.push(n);
            }
            let event = json!({ "user_id": format!("bench{user}"), "n": n,
                "title": "A note of an ordinary length" });
            sent.push(Instant::now());
            let event = event.to_string().into();
            drop(context.publish("events.note.created", event).await.expect("it is sent"));
        }
    }
    let end = Instant::now() + Duration::from_secs(120);
    while arrivals.count.load(Ordering::Relaxed) < watched.len() as u64 && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = started.elapsed();
    let cpu = (hub.cpu_seconds() - cpu) / total as f64 * 1e6;
    let arrived = std::mem::take(&mut *arrivals.all.lock().expect("no client panics"));
    let mut times = vec![0_u32; total];
    let mut latencies: Vec<Duration> = Vec::with_capacity(arrived.len());
    for (n, at) in arrived {
        times[n] += 1;
        latencies.push(at.duration_since(sent[n]));
    }
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Measured {
        taken: total as f64 / took.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        cpu,
        lost: watched.iter().filter(|n| times[**n] == 0).count(),
        repeated: times.iter().filter(|times| **times > 1).count(),
    }
}

/// Prints a row.
fn print(store: &OnStore, size: &str, measured: &Measured) {
    println!(
        "| {} | {size} | {:.0} | {} | {} | {} | {:.0} | {} | {} |",
        store.name,
        measured.taken,
        shown(milliseconds(measured.p50)),
        shown(milliseconds(measured.p99)),
        shown(milliseconds(measured.p999)),
        measured.cpu,
        measured.lost,
        measured.repeated
    );
}

fn print_head(size: &str) {
    println!(
        "\n| store | {size} | taken/s | p50 ms | p99 ms | p99.9 ms | µs each | lost | repeated |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
}

/// Notifications stored and pushed, at rising rates.
pub async fn rates(stores: &[OnStore]) {
    let mut taken =
        Table::new("rates-taken", "published per second", "stored and pushed per second");
    let mut p50 =
        Table::new("rates-p50", "published per second", "ms from NATS to the socket, p50");
    let mut p99 =
        Table::new("rates-p99", "published per second", "ms from NATS to the socket, p99");
    print_head("published/s");
    for rate in [100, 1_000, 5_000, 10_000, 20_000, 30_000] {
        for store in stores {
            let measured = measure(store, rate, USERS).await;
            print(store, &rate.to_string(), &measured);
            taken.add(rate as f64, store.name, measured.taken);
            p50.add(rate as f64, store.name, milliseconds(measured.p50));
            p99.add(rate as f64, store.name, milliseconds(measured.p99));
        }
    }
    taken.report();
    p50.report();
    p99.report();
}

/// Notifications stored and pushed, for more and more users.
pub async fn users(stores: &[OnStore]) {
    let mut p50 = Table::new("users-p50", "users", "ms from NATS to the socket, p50");
    let mut cpu = Table::new("users-cpu", "users", "µs of processor time per notification");
    print_head("users");
    for users in [1, 100, 10_000, 100_000] {
        for store in stores {
            let measured = measure(store, RATE_FOR_USERS, users).await;
            print(store, &users.to_string(), &measured);
            p50.add(users as f64, store.name, milliseconds(measured.p50));
            cpu.add(users as f64, store.name, measured.cpu);
        }
    }
    p50.report();
    cpu.report();
}
