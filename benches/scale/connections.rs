//! Connections, and messages to everybody on a live feed.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};

use super::{
    milliseconds,
    socket::{Http, WebSocket},
    table::Table,
    target::{Kind, Server},
    work::{publish, reached, subscribers},
};

/// Connections that are opened at a time.
const OPENED_AT_ONCE: usize = 50;

/// Opens connections of new users, and waits until each is greeted.
async fn open(server: &Server, users: std::ops::Range<usize>) -> Vec<WebSocket> {
    stream::iter(users)
        .map(|user| async move {
            let path = server.user_path(user);
            let mut socket = WebSocket::connect(server.port(), &path).await.expect("it connects");
            socket.next().await.expect("connected");
            socket
        })
        .buffer_unordered(OPENED_AT_ONCE)
        .collect()
        .await
}

/// Memory and processor time of connections, and the rate at which they are opened.
pub async fn connections() {
    let mut memory = Table::new("connections-memory", "connections", "bytes each (PSS)");
    let mut cpu = Table::new("connections-cpu", "connections", "µs of processor time each");
    let mut rate = Table::new("connections-rate", "connections", "opened per second");
    let server = Server::start(Kind::Lonceng).await;
    let _warm = open(&server, 0..200).await;
    let (before, mut all) = (server.memory(), Vec::new());
    for size in [1_000, 2_000, 5_000, 10_000, 19_000] {
        let (cpu_before, started, more) = (server.cpu(), Instant::now(), size - all.len());
        all.extend(open(&server, 200 + all.len()..200 + size).await);
        let took = started.elapsed();
        cpu.add(size as f64, "WebSocket", (server.cpu() - cpu_before) / more as f64);
        rate.add(size as f64, "WebSocket", more as f64 / took.as_secs_f64());
        tokio::time::sleep(Duration::from_secs(1)).await;
        let each = server.memory().saturating_sub(before) as f64 / size as f64;
        memory.add(size as f64, "WebSocket", each);
    }
    memory.report();
    cpu.report();
    rate.report();
}

/// A message to all watchers of a feed; the next one when all have it.
pub async fn fan_out() {
    const ROUNDS: usize = 20;
    let mut cpu = Table::new("fan-out-cpu", "watchers", "µs of processor time per delivery");
    let mut last = Table::new("fan-out-last", "watchers", "ms until the last has it, p50");
    for count in [1, 10, 100, 1_000, 5_000, 19_000] {
        let server = Server::start(Kind::Lonceng).await;
        let received = subscribers(&server, count).await;
        let mut http = Http::connect(server.port()).await.expect("it connects");
        publish(&server, &mut http, 0).await;
        reached(&received, count as u64).await;
        let (before, mut took) = (server.cpu(), Vec::new());
        // A short measurement is repeated: processor time is counted in hundredths of a second.
        let rounds = ROUNDS.max(20_000 / count.max(10));
        for n in 1..=rounds {
            let started = Instant::now();
            publish(&server, &mut http, n).await;
            reached(&received, ((n + 1) * count) as u64).await;
            took.push(started.elapsed());
        }
        took.sort_unstable();
        cpu.add(count as f64, "feed", (server.cpu() - before) / (rounds * count) as f64);
        last.add(count as f64, "feed", milliseconds(took[took.len() / 2]));
    }
    cpu.report();
    last.report();
}
