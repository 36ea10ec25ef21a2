//! Questions that each server is asked.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};

use super::{
    socket::{Http, WebSocket, number},
    target::{Kind, Server},
};

/// Asks one question of a server of this kind. Returns the figure.
pub type Question = fn(Kind) -> Pin<Box<dyn Future<Output = f64>>>;

/// Questions: name, unit and function.
pub const QUESTIONS: [(&str, &str, Question); 6] = [
    ("paced", "µs per delivery", |kind| Box::pin(paced(kind))),
    ("lockstep", "µs per delivery", |kind| Box::pin(lockstep(kind))),
    ("flooded", "µs per delivery", |kind| Box::pin(flooded(kind))),
    ("unicast", "µs per message", |kind| Box::pin(unicast(kind))),
    ("connect", "µs per connection", |kind| Box::pin(connect(kind))),
    ("idle", "bytes per connection", |kind| Box::pin(idle(kind))),
];

/// Connections that are opened at a time.
const OPENED_AT_ONCE: usize = 50;

/// Number of messages that subscribers have received.
pub type Received = Arc<AtomicU64>;

/// Opens subscribers of everything.
pub async fn subscribers(server: &Server, count: usize) -> Received {
    let received = Received::default();
    let (path, subscribe) = server.feed_path();
    let opened = stream::iter(0..count).map(|_| async {
        let mut socket = WebSocket::connect(server.port(), path).await.expect("it connects");
        if let Some(subscribe) = subscribe {
            socket.send(subscribe).await.expect("it is sent");
            socket.next().await.expect("subscribed");
        }
        socket
    });
    let mut opened = opened.buffer_unordered(OPENED_AT_ONCE);
    while let Some(socket) = opened.next().await {
        let received = Arc::clone(&received);
        tokio::spawn(socket.receive(move |_| {
            received.fetch_add(1, Ordering::Relaxed);
        }));
    }
    received
}

/// Waits until this many messages have been received.
pub async fn reached(received: &AtomicU64, count: u64) {
    let end = Instant::now() + Duration::from_secs(60);
    while received.load(Ordering::Relaxed) < count {
        let arrived = received.load(Ordering::Relaxed);
        assert!(Instant::now() < end, "{arrived} of {count} arrived");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Publishes one message to everybody.
pub async fn publish(server: &Server, http: &mut Http, n: usize) {
    let (path, body) = server.to_all(n);
    let (status, answer) = http.post(path, &body).await.expect("it answers");
    assert!((200..300).contains(&status), "{}", String::from_utf8_lossy(&answer));
}

/// Broadcasts to `count` subscribers, `rounds` times. Returns the processor time per delivery.
async fn broadcast(kind: Kind, count: usize, rounds: usize, pace: Pace) -> f64 {
    let server = Server::start(kind).await;
    let received = subscribers(&server, count).await;
    let mut http = Http::connect(server.port()).await.expect("it connects");
    publish(&server, &mut http, 0).await;
    reached(&received, count as u64).await;
    let before = server.cpu();
    match pace {
        Pace::Every(period) => {
            let mut interval = tokio::time::interval(period);
            for n in 1..=rounds {
                interval.tick().await;
                publish(&server, &mut http, n).await;
            }
        }
        Pace::Lockstep => {
            for n in 1..=rounds {
                publish(&server, &mut http, n).await;
                reached(&received, ((n + 1) * count) as u64).await;
            }
        }
        Pace::AtOnce => {
            let port = server.port();
            stream::iter(1..=rounds)
                .for_each_concurrent(None, |n| {
                    let server = &server;
                    async move {
                        let mut http = Http::connect(port).await.expect("it connects");
                        publish(server, &mut http, n).await;
                    }
                })
                .await;
        }
    }
    reached(&received, ((rounds + 1) * count) as u64).await;
    (server.cpu() - before) / (rounds * count) as f64
}

/// Time between broadcasts.
enum Pace {
    Every(Duration),
    /// The next one when all have it.
    Lockstep,
    AtOnce,
}

async fn paced(kind: Kind) -> f64 {
    broadcast(kind, 1_000, 60, Pace::Every(Duration::from_millis(100))).await
}

async fn lockstep(kind: Kind) -> f64 {
    broadcast(kind, 5_000, 20, Pace::Lockstep).await
}

async fn flooded(kind: Kind) -> f64 {
    broadcast(kind, 5_000, 50, Pace::AtOnce).await
}

/// Publishers of the unicast question, each with a connection of its own.
const PUBLISHERS: usize = 16;

/// Publishes 2,000 messages a second over HTTP, to 2,000 users in turn.
async fn unicast(kind: Kind) -> f64 {
    const USERS: usize = 2_000;
    const RATE: usize = 2_000;
    const SECONDS: usize = 8;
    let server = Arc::new(Server::start(kind).await);
    let total = RATE * SECONDS;
    let received = Received::default();
    let arrivals = Arc::new(Mutex::new(vec![None; total]));
    for user in 0..USERS {
        let socket = WebSocket::connect(server.port(), &server.user_path(user)).await;
        let (received, arrivals) = (Arc::clone(&received), Arc::clone(&arrivals));
        tokio::spawn(socket.expect("it connects").receive(move |message| {
            if let Some(n) = number(message) {
                arrivals.lock().expect("no client panics")[n] = Some(Instant::now());
                received.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let before = server.cpu();
    let start = Instant::now() + Duration::from_millis(100);
    let due = move |n: usize| start + Duration::from_secs(1) * n as u32 / RATE as u32;
    let publishers = (0..PUBLISHERS).map(|publisher| {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let mut http = Http::connect(server.port()).await.expect("it connects");
            for n in (publisher..total).step_by(PUBLISHERS) {
                tokio::time::sleep_until(due(n).into()).await;
                let (path, body) = server.to_user(n % USERS, n);
                let (status, _) = http.post(&path, &body).await.expect("it answers");
                assert!((200..300).contains(&status), "{status}");
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.expect("no publisher panics");
    }
    reached(&received, total as u64).await;
    let cpu = (server.cpu() - before) / total as f64;
    let arrivals = arrivals.lock().expect("no client panics");
    let mut took: Vec<Duration> = (0..total)
        .map(|n| arrivals[n].expect("all arrived").saturating_duration_since(due(n)))
        .collect();
    took.sort_unstable();
    let at = |share: f64| took[((total - 1) as f64 * share) as usize];
    eprintln!(
        "           {} from the planned time of publishing to the socket: p50 {:.2?}, p99 {:.2?}, \
         p99.9 {:.2?}",
        kind.name(),
        at(0.5),
        at(0.99),
        at(0.999)
    );
    cpu
}

/// Opens connections of users. Returns them.
async fn open(server: &Server, users: std::ops::Range<usize>) -> Vec<WebSocket> {
    stream::iter(users)
        .map(|user| WebSocket::connect_owned(server.port(), server.user_path(user)))
        .buffer_unordered(OPENED_AT_ONCE)
        .map(|socket| socket.expect("it connects"))
        .collect()
        .await
}

/// Processor time of a new connection of a new user.
async fn connect(kind: Kind) -> f64 {
    const COUNT: usize = 5_000;
    let server = Server::start(kind).await;
    let _warm = open(&server, 0..200).await;
    let before = server.cpu();
    let started = Instant::now();
    let mut sockets = open(&server, 200..200 + COUNT).await;
    if kind == Kind::Lonceng {
        for socket in &mut sockets {
            socket.next().await.expect("connected");
        }
    }
    let took = started.elapsed();
    eprintln!("           {}: {:.0} connections/s", kind.name(), COUNT as f64 / took.as_secs_f64());
    (server.cpu() - before) / COUNT as f64
}

/// Memory of an idle connection.
async fn idle(kind: Kind) -> f64 {
    const COUNT: usize = 10_000;
    let server = Server::start(kind).await;
    let _warm = open(&server, 0..200).await;
    let before = server.memory();
    let mut sockets = open(&server, 200..200 + COUNT).await;
    if kind == Kind::Lonceng {
        for socket in &mut sockets {
            socket.next().await.expect("connected");
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.memory().saturating_sub(before) as f64 / COUNT as f64
}
