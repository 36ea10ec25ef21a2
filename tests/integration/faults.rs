//! What breaks, and what it must not take with it.

use std::process::Command;

use crate::support::{
    client::Client,
    hub::{Hub, On},
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use futures_util::future::join_all;
use lonceng::{
    app::{Handles, Hub as InProcess},
    delivery::{CountSessions, CrashSessions},
    runtime::supervisor::Crash,
    telemetry::metric,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

fn note(user: &str, title: &str) -> Value {
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
    // 2 KiB each: more than the kernel's buffers and the queue hold together.
    let long = "x".repeat(2_000);
    let batch: Vec<Value> = (0..100).map(|_| note("slow", &long)).collect();
    until("it is closed as too slow", PATIENCE, async || {
        hub.publish(&Value::Array(batch.clone())).await;
        (hub.metric("lonceng_slow_clients_closed_total").await > 0.5).then_some(())
    })
    .await;
    assert!(hub.resident_bytes() < before + (64 << 20), "memory stays bounded");
    // Meanwhile everybody else gets theirs.
    let all: Vec<Value> = (0..500).map(|n| note(&format!("u{n}"), "on time")).collect();
    hub.publish(&Value::Array(all)).await;
    for client in &mut others {
        client.expect("notification.push").await;
    }
    // It reads again: the close frame is there, and the rest is not.
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stalled.read_to_end(&mut rest))
        .await
        .expect("the hub hangs up")
        .expect("cleanly");
    assert_eq!(close_code(&rest), Some(4008));
    // On reconnecting it gets all it missed.
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
    // It goes on sending for a while, as such a client would.
    let chunk = vec![0; 1 << 20];
    for _ in 0..64 {
        if greedy.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    // A reset would be as final; but what was sent before it is still there.
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
    // There is one try only, and the hub has failed at it: were an absent store to use tries up,
    // these would be lost.
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
            // Dropped with the task, and every connection with it.
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

/// Each actor in turn panics while events stream in over HTTP and NATS; whatever was acknowledged
/// is in the inbox, each once, and a connected client has seen all of it in order.
#[test]
fn an_actor_that_panics_under_load_loses_nothing_acknowledged() {
    actix_rt::System::new().block_on(async {
        let Some(nats) = NatsServer::start(true).await else { return };
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let config = folder.path().join("config.toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"sqlite://{}\"\n[nats]\nurl = \"{}\"\nack_wait_seconds = 2\n\
             [[type]]\ncode = \"NOTE_CREATED\"\ntitle = \"Note\"\ntemplate = \"{{title}}\"\ntarget = \"SELF\"\n\
             [[feed]]\nname = \"availability\"\npublic = true\nfilters = \
             [\"course_id\"]\n[[feed.message]]\n\
             on = [\"booking.created\"]\ntype = \"availability.updated\"\nfields = \
             [\"course_id\"]\n",
            folder.path().join("lonceng.db").display(),
            nats.url()
        );
        std::fs::write(&config, text).expect("it is written");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut loaded = lonceng::config::load(&config).expect("it is a configuration");
        loaded.config.limits.per_user_per_minute = 0;
        let hub = InProcess::start(loaded, metric::install().expect("one \
        recorder")).await.expect("it starts");
        let base = format!("127.0.0.1:{}", hub.serving.address.port());
        let mut client = Client::connect(format!("ws://{base}/ws?user_id=u")).await;
        client.expect("connected").await;
        let watching = tokio::task::spawn_local(async move {
            let (mut at, mut seen) = (0, 0);
            while seen < 1_200 {
                let push = client.expect("notification.push").await;
                assert_eq!(push["previous_revision"], at, "the history is whole");
                at = push["revision"].as_i64().expect("a revision");
                seen += 1;
            }
        });
        let mut watcher = Client::connect(format!("ws://{base}/ws/availability")).await;
        watcher.send(&json!({"type":"subscribe","filters":{"course_id":"c"}})).await;
        watcher.expect("subscribed").await;
        let http = reqwest::Client::new();
        let context = nats.jetstream().await;
        let mut published = 0;
        let kills: [fn(&Handles) -> bool; 8] = [
            |handles| handles.persistence.offer(Crash),
            |handles| handles.pipeline.offer(Crash),
            |handles| handles.registry.offer(Crash),
            |handles| handles.subscribers["nats"].offer(Crash),
            |handles| handles.broadcaster.offer(Crash),
            |handles| handles.catalog.offer(Crash),
            |handles| handles.sweeper.offer(Crash),
            |handles| handles.scheduler.offer(Crash),
        ];
        for kill in kills {
            for n in 0..75 {
                if n == 30 {
                    assert!(kill(&hub.handles), "the actor is there");
                }
                let event = json!({"type":"NOTE_CREATED","user_id":"u","title":"x",
                    "event_id":format!("h{published}-{n}")});
                // A publisher tries again until it is told that the event is taken.
                until("it is taken", PATIENCE, async || {
                    let sent = http.post(format!("http://{base}/api/v1/events"))
                        .body(event.to_string()).send().await;
                    sent.is_ok_and(|response| response.status() == 202).then_some(())
                })
                .await;
                let mut headers = async_nats::HeaderMap::new();
                headers.insert("Nats-Msg-Id", format!("n{published}-{n}"));
                let payload = json!({"user_id":"u","title":"y"}).to_string();
                until("the stream takes it", PATIENCE, async || {
                    let sent = context.publish_with_headers("events.note.created",
                        headers.clone(), payload.clone().into()).await;
                    sent.ok()?.await.ok()
                })
                .await;
            }
            published += 150;
        }
        tokio::time::timeout(PATIENCE, watching).await.expect("the client sees all").expect("in \
        order");
        // Whoever watched before watches again: the broadcaster that died took nothing with it but
        // what was on its way.
        until("the watcher is back", PATIENCE, async || {
            let event = json!({"type":"booking.created","course_id":"c"}).to_string();
            http.post(format!("http://{base}/api/v1/events")).body(event).send().await.ok()?;
            watcher.within(std::time::Duration::from_millis(500)).await
        })
        .await;
        let count: Value = http
            .get(format!("http://{base}/api/v1/notifications/unread-count?user_id=u"))
            .send()
            .await
            .expect("it answers")
            .json()
            .await
            .expect("it is JSON");
        assert_eq!(count["unread"], published, "each once");
        let metrics = http.get(format!("http://{base}/metrics")).send().await.expect("it \
        answers").text().await;
        let metrics = metrics.expect("it is text");
        for actor in ["persistence", "pipeline", "registry", "subscriber", "broadcaster",
            "catalog", "sweeper", "scheduler"] {
            let line = format!("lonceng_actor_restarts_total{{actor=\"{actor}\"}} 1");
            assert!(metrics.contains(&line), "{actor}:\n{metrics}");
        }
        assert!(!hub.health.is_down("actors"));
        // What was taken since the start is not forgotten by who keeps it: a translation, a death,
        // then a change by somebody else.
        std::fs::create_dir_all(folder.path().join("templates/id")).expect("it can be made");
        std::fs::write(folder.path().join("templates/id/NOTE_CREATED.txt"), "baru \
        {title}").expect("it is written");
        let admin = format!("http://{base}/api/v1/admin");
        let person = json!({"locale":"id"}).to_string();
        http.put(format!("{admin}/directory/t")).body(person).send().await.expect("it is taken");
        let says = async || {
            let event = json!({"type":"NOTE_CREATED","user_id":"t","title":"x"}).to_string();
            http.post(format!("http://{base}/api/v1/events")).body(event).send()
                .await.expect("it is taken");
            let list = format!("http://{base}/api/v1/notifications?user_id=t&limit=1");
            let list: Value = http.get(list).send().await.expect("it \
            answers").json().await.expect("it is JSON");
            list["items"][0]["message"].as_str().map(str::to_owned)
        };
        until("it is translated", PATIENCE, async || (says().await? == "baru \
        x").then_some(())).await;
        assert!(hub.handles.catalog.offer(Crash), "the actor is there");
        until("there is another", PATIENCE, async || {
            let metrics = http.get(format!("http://{base}/metrics")).send().await.ok()?.text()
                .await.ok()?;
            metrics.contains("lonceng_actor_restarts_total{actor=\"catalog\"} 2").then_some(())
        })
        .await;
        let other = json!({"display_name":"Other"}).to_string();
        let changed = http.patch(format!("{admin}/types/NOTE_CREATED")).body(other).send()
            .await.expect("it answers");
        assert_eq!(changed.status(), 200);
        assert_eq!(says().await.as_deref(), Some("baru x"));
        // A session that panics takes only its own connection with it; its client comes back to
        // where it was.
        let connect = async |user: &str, since: i64| {
            let mut client = Client::connect(format!("ws://{base}/ws?user_id={user}&since={since}")).await;
            client.expect("connected").await;
            client
        };
        let mut client = connect("v", 0).await;
        hub.handles.registry.send(CrashSessions).await.expect("the registry lives");
        assert_eq!(client.closed().await, 1006);
        until("the registry forgets it", PATIENCE, async || {
            (hub.handles.registry.send(CountSessions).await == Ok(0)).then_some(())
        })
        .await;
        let event = json!({"type":"NOTE_CREATED","user_id":"v","title":"missed"}).to_string();
        http.post(format!("http://{base}/api/v1/events")).body(event).send().await.expect("it is \
        taken");
        assert_eq!(connect("v", 0).await.expect("notification.push").await["message"], "missed");
        hub.stop().await;
    });
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
