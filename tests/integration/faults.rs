//! Faults of clients, servers and the disk, and their limits.

use std::process::Command;

use crate::support::{
    client::Client,
    hub::{Hub, On},
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

pub(crate) fn note(user: &str, title: &str) -> Value {
    json!({ "type": "NOTE_CREATED", "user_id": user, "title": title })
}

/// Returns a WebSocket by hand, that reads only when told to.
async fn raw(hub: &Hub, query: &str, receive_buffer: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(receive_buffer).expect("a small buffer");
    let address = format!("127.0.0.1:{}", hub.port).parse().expect("an address");
    let mut stream = socket.connect(address).await.expect("the hub listens");
    let request = format!(
        "GET /ws?{query} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: Upgrade\r\nUpgrade: \
         websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        hub.port
    );
    stream.write_all(request.as_bytes()).await.expect("the hub reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the hub answers"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

/// Returns the code of the last close frame in what was read.
fn close_code(bytes: &[u8]) -> Option<u16> {
    let mut rest = bytes;
    while rest.len() >= 2 {
        let (header, length) = match rest[1] {
            126 => (4, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
            short => (2, usize::from(short)),
        };
        if rest[0] == 0x88 {
            return Some(u16::from_be_bytes([rest[2], rest[3]]));
        }
        rest = rest.get(header + length..)?;
    }
    None
}

#[tokio::test]
async fn client_that_stops_reading_is_closed_without_affecting_others() {
    let config = [
        ("LONCENG_SERVER__MAX_CONNECTIONS_PER_USER", "1000"),
        ("LONCENG_SERVER__OUTBOUND_QUEUE", "64"),
    ];
    let hub = Hub::sqlite(&config).await;
    let mut others: Vec<Client> =
        join_all((0..500).map(async |n| hub.connect(&format!("u{n}"), "").await)).await;
    for client in &mut others {
        client.expect("connected").await;
    }
    let mut stalled = raw(&hub, "user_id=slow", 4_096).await;
    let before = hub.resident_bytes();
    // 2 KiB each: more than the kernel's buffers and the queue can hold.
    let long = "x".repeat(2_000);
    let batch: Vec<Value> = (0..100).map(|_| note("slow", &long)).collect();
    for _ in 0..60 {
        hub.publish(&Value::Array(batch.clone())).await;
    }
    until("it is closed as too slow", PATIENCE, async || {
        (hub.metric("lonceng_slow_clients_closed_total").await > 0.5).then_some(())
    })
    .await;
    assert!(hub.resident_bytes() < before + (64 << 20), "memory stays bounded");
    // Other users get their notifications meanwhile.
    let all: Vec<Value> = (0..500).map(|n| note(&format!("u{n}"), "on time")).collect();
    hub.publish(&Value::Array(all)).await;
    for client in &mut others {
        client.expect("notification.push").await;
    }
    // The client reads again: it finds the close frame and not the rest.
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stalled.read_to_end(&mut rest))
        .await
        .expect("the hub hangs up")
        .expect("cleanly");
    assert_eq!(close_code(&rest), Some(4008));
    // After reconnecting it gets all that it missed.
    let inbox = hub.inbox("slow").await.len();
    let mut back = hub.connect("slow", "&since=0").await;
    back.expect("connected").await;
    for n in 0..inbox {
        assert_eq!(back.expect("notification.push").await["revision"], n + 1);
    }
}

#[tokio::test]
async fn a_frame_of_a_gibibyte_is_refused_by_its_header() {
    let hub = Hub::sqlite(&[]).await;
    let mut greedy = raw(&hub, "user_id=u&sync=none", 65_536).await;
    let before = hub.resident_bytes();
    let mut header = vec![0x81, 0x80 | 127];
    header.extend((1_u64 << 30).to_be_bytes());
    header.extend([0; 4]);
    greedy.write_all(&header).await.expect("the hub reads");
    // The client keeps sending for a while.
    let chunk = vec![0; 1 << 20];
    for _ in 0..64 {
        if greedy.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    // The connection may be reset, but what was sent before can be read.
    let _ = tokio::time::timeout(PATIENCE, greedy.read_to_end(&mut answer))
        .await
        .expect("the hub hangs up");
    assert_eq!(close_code(&answer), Some(1009));
    let grown = hub.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "memory grew by {grown}");
}

#[tokio::test]
async fn store_outage_loses_no_event() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let Some(mut proxy) = Proxy::to_postgres().await else { return };
    let url = nats.url();
    let env = [
        ("LONCENG_NATS__URL", url.as_str()),
        ("LONCENG_NATS__ACK_WAIT_SECONDS", "2"),
        ("LONCENG_NATS__MAX_DELIVER", "1"),
    ];
    let mut hub = Hub::prepare(On::Postgres, &env).await.expect("PostgreSQL is there");
    hub.set_env("LONCENG_STORE__URL", &proxy.url(&hub.store_url));
    hub.run().await;
    let context = nats.jetstream().await;
    let publish = async |n: usize| {
        let event = json!({ "user_id": "u", "title": format!("n{n}") }).to_string();
        until("the stream is there", PATIENCE, async || {
            context.publish("events.note.created", event.clone().into()).await.ok()?.await.ok()
        })
        .await;
    };
    publish(0).await;
    let unread = async |count: u64| {
        until("all have arrived", PATIENCE * 2, async || {
            let (_, body) = hub.get("/api/v1/notifications/unread-count?user_id=u").await;
            (body["unread"] == count).then_some(())
        })
        .await;
    };
    unread(1).await;
    proxy.cut();
    let (_, body) = until("not ready", PATIENCE, async || {
        Some(hub.get("/health/ready").await).filter(|(status, _)| *status == 503)
    })
    .await;
    assert_eq!(body["store"], "down", "{body}");
    for n in 1..20 {
        publish(n).await;
    }
    let (status, _) = hub.post("/api/v1/events", &note("u", "http")).await;
    assert_eq!(status, 503);
    // There is one attempt only: if a store that is down used it up, these events would be lost.
    until("events fail on the absent store", PATIENCE, async || {
        (hub.metric("lonceng_events_total{source=\"nats\",outcome=\"failed\"}").await > 0.5)
            .then_some(())
    })
    .await;
    proxy.restore().await;
    until("ready again", PATIENCE, async || {
        (hub.get("/health/ready").await.0 == 200).then_some(())
    })
    .await;
    unread(20).await;
    assert_eq!(hub.inbox("u").await.len(), 20);
}

/// A way to a server that can be cut.
struct Proxy {
    port: u16,
    target: String,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Proxy {
    async fn to_postgres() -> Option<Self> {
        let Ok(server) = std::env::var("LONCENG_TEST_POSTGRES") else {
            crate::support::missing("PostgreSQL (LONCENG_TEST_POSTGRES)");
            return None;
        };
        let target = server.split('@').nth(1)?.split('/').next()?.to_owned();
        let mut proxy = Self { port: crate::support::nats::free_port(), target, task: None };
        proxy.restore().await;
        Some(proxy)
    }

    fn url(&self, url: &str) -> String {
        url.replace(&self.target, &format!("127.0.0.1:{}", self.port))
    }

    fn cut(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }

    async fn restore(&mut self) {
        let listener = until("the port is free", PATIENCE, async || {
            tokio::net::TcpListener::bind(("127.0.0.1", self.port)).await.ok()
        })
        .await;
        let target = self.target.clone();
        self.task = Some(tokio::spawn(async move {
            // Dropped with the task, with all its connections.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.clone();
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(target).await {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        }));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_one_clear_line() {
    let hub = Hub::sqlite(&[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let output = Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml")])
        .env("LONCENG_SERVER__LISTEN", format!("127.0.0.1:{}", hub.port))
        .env("LONCENG_NATS__URL", "")
        .env("RUST_LOG", "off")
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("cannot listen on") && text.lines().count() == 1, "{text}");
}
