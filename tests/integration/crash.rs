//! Panics of actors under load.
//!
//! The hub runs in the test's process, so that a test can make any of its actors panic.

use std::time::Duration;

use crate::support::{
    client::Client,
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use async_nats::{HeaderMap, jetstream::Context};
use lonceng::{
    app::{Handles, Hub},
    delivery::{CountSessions, CrashSessions},
    runtime::supervisor::Crash,
    telemetry::metric,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Events published by HTTP, and as many by NATS, around each panic.
const EVENTS_PER_PANIC: usize = 75;

/// Name of an actor in the metrics, and a function that makes it panic; false if it is not running.
type Panic = (&'static str, fn(&Handles) -> bool);

const PANICS: [Panic; 8] = [
    ("persistence", |handles| handles.persistence.offer(Crash)),
    ("pipeline", |handles| handles.pipeline.offer(Crash)),
    ("registry", |handles| handles.registry.offer(Crash)),
    ("subscriber", |handles| handles.subscribers["nats"].offer(Crash)),
    ("broadcaster", |handles| handles.broadcaster.offer(Crash)),
    ("catalog", |handles| handles.catalog.offer(Crash)),
    ("sweeper", |handles| handles.sweeper.offer(Crash)),
    ("scheduler", |handles| handles.scheduler.offer(Crash)),
];

/// Hub in this process, with an HTTP client.
struct Fixture {
    hub: Hub,
    address: String,
    http: reqwest::Client,
    folder: TempDir,
}

impl Fixture {
    async fn start(nats_url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("config.toml");
        let store = folder.path().join("lonceng.db");
        let text = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            [store]
            url = "sqlite://{store}"
            [nats]
            url = "{nats_url}"
            ack_wait_seconds = 2
            [limits]
            per_user_per_minute = 0
            [[type]]
            code = "NOTE_CREATED"
            title = "Note"
            template = "{{title}}"
            target = "SELF"
            [[feed]]
            name = "availability"
            public = true
            filters = ["course_id"]
            [[feed.message]]
            on = ["booking.created"]
            type = "availability.updated"
            fields = ["course_id"]
            "#,
            store = store.display(),
        );
        std::fs::write(&path, text).expect("it is written");
        // Another test of this process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let loaded = lonceng::config::load(&path).expect("the configuration is valid");
        let recorder = metric::install().expect("no recorder is installed");
        let hub = Hub::start(loaded, recorder).await.expect("the hub starts");
        let address = format!("127.0.0.1:{}", hub.serving.address.port());
        Self { hub, address, http: reqwest::Client::new(), folder }
    }

    /// Connects a user who has seen the inbox up to a revision.
    async fn connect(&self, user: &str, since: i64) -> Client {
        let url = format!("ws://{}/ws?user_id={user}&since={since}", self.address);
        let mut client = Client::connect(url).await;
        client.expect("connected").await;
        client
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let url = format!("http://{}{path}", self.address);
        self.http.get(url).send().await.expect("the hub answers")
    }

    async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.expect("the response is JSON")
    }

    async fn metrics(&self) -> String {
        self.get("/metrics").await.text().await.expect("metrics are text")
    }

    /// Publishes an event until the hub accepts it, as a publisher does.
    async fn publish(&self, event: &Value) {
        until("the hub accepts the event", PATIENCE, async || {
            let url = format!("http://{}/api/v1/events", self.address);
            let response = self.http.post(url).body(event.to_string()).send().await.ok()?;
            (response.status() == 202).then_some(())
        })
        .await;
    }

    /// Makes each actor panic once while events stream in for the user `u`. Returns the number of
    /// events.
    async fn publish_while_actors_panic(&self, context: &Context) -> usize {
        for (actor, panic) in PANICS {
            for n in 0..EVENTS_PER_PANIC {
                if n == 30 {
                    assert!(panic(&self.hub.handles), "{actor} runs");
                }
                let id = format!("{actor}-{n}");
                self.publish(&json!({
                    "type": "NOTE_CREATED", "user_id": "u", "title": "by HTTP", "event_id": id,
                }))
                .await;
                publish_to_stream(context, &id).await;
            }
        }
        PANICS.len() * EVENTS_PER_PANIC * 2
    }

    async fn restarts(&self, actor: &str) -> Option<String> {
        let prefix = format!("lonceng_actor_restarts_total{{actor=\"{actor}\"}} ");
        let metrics = self.metrics().await;
        metrics.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
    }
}

/// Publishes an event for the user `u` to the stream, until the stream acknowledges it.
async fn publish_to_stream(context: &Context, id: &str) {
    let payload = json!({ "user_id": "u", "title": "by NATS" }).to_string();
    until("the stream accepts the event", PATIENCE, async || {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("nats-{id}"));
        let subject = "events.note.created";
        let sent = context.publish_with_headers(subject, headers, payload.clone().into()).await;
        sent.ok()?.await.ok()
    })
    .await;
}

/// Reads pushes until the count is reached; each must continue the one before.
async fn read_pushes(mut client: Client, count: usize) {
    let mut revision = 0;
    for _ in 0..count {
        let push = client.expect("notification.push").await;
        assert_eq!(push["previous_revision"], revision, "no notification is left out");
        revision = push["revision"].as_i64().expect("a revision");
    }
}

/// Each actor in turn panics while events stream in over HTTP and NATS. Whatever was acknowledged
/// is in the inbox once, a connected client has seen all of it in order, and a watcher of a feed
/// gets messages again.
#[test]
fn an_actor_that_panics_under_load_loses_nothing_acknowledged() {
    actix_rt::System::new().block_on(async {
        let Some(nats) = NatsServer::start(true).await else { return };
        let fixture = Fixture::start(&nats.url()).await;
        let client = fixture.connect("u", 0).await;
        let expected = PANICS.len() * EVENTS_PER_PANIC * 2;
        let reading = tokio::task::spawn_local(read_pushes(client, expected));
        let mut watcher =
            Client::connect(format!("ws://{}/ws/availability", fixture.address)).await;
        watcher.send(&json!({ "type": "subscribe", "filters": { "course_id": "c" } })).await;
        watcher.expect("subscribed").await;

        let published = fixture.publish_while_actors_panic(&nats.jetstream().await).await;

        let read = tokio::time::timeout(PATIENCE, reading).await;
        read.expect("the client gets every notification").expect("in order");
        until("the watcher gets messages again", PATIENCE, async || {
            fixture.publish(&json!({ "type": "booking.created", "course_id": "c" })).await;
            watcher.within(Duration::from_millis(500)).await
        })
        .await;
        let count = fixture.json("/api/v1/notifications/unread-count?user_id=u").await;
        assert_eq!(count["unread"], published, "each event is stored once");
        for (actor, _) in PANICS {
            assert_eq!(fixture.restarts(actor).await.as_deref(), Some("1"), "{actor}");
        }
        assert!(!fixture.hub.health.is_down("actors"));

        the_restarted_catalog_knows_later_changes(&fixture).await;
        a_session_that_panics_closes_only_its_connection(&fixture).await;
        fixture.hub.stop().await;
    });
}

/// The catalog that replaces one that panicked has the translations read since the start.
async fn the_restarted_catalog_knows_later_changes(fixture: &Fixture) {
    let translations = fixture.folder.path().join("templates/id");
    std::fs::create_dir_all(&translations).expect("the folder is made");
    let translation = translations.join("NOTE_CREATED.txt");
    std::fs::write(translation, "baru {title}").expect("it is written");
    let admin = format!("http://{}/api/v1/admin", fixture.address);
    let user = json!({ "locale": "id" }).to_string();
    let put = fixture.http.put(format!("{admin}/directory/t")).body(user).send().await;
    assert!(put.expect("the hub answers").status().is_success());
    let message = async || {
        fixture.publish(&json!({ "type": "NOTE_CREATED", "user_id": "t", "title": "x" })).await;
        let list = fixture.json("/api/v1/notifications?user_id=t&limit=1").await;
        list["items"][0]["message"].as_str().map(str::to_owned)
    };
    until("the translation is used", PATIENCE, async || {
        (message().await? == "baru x").then_some(())
    })
    .await;

    assert!(fixture.hub.handles.catalog.offer(Crash), "the catalog runs");
    until("the catalog is restarted", PATIENCE, async || {
        (fixture.restarts("catalog").await? == "2").then_some(())
    })
    .await;
    let change = json!({ "display_name": "Other" }).to_string();
    let request = fixture.http.patch(format!("{admin}/types/NOTE_CREATED")).body(change);
    assert_eq!(request.send().await.expect("the hub answers").status(), 200);

    assert_eq!(message().await.as_deref(), Some("baru x"));
}

/// A session that panics closes only its own connection, and its client misses nothing.
async fn a_session_that_panics_closes_only_its_connection(fixture: &Fixture) {
    let registry = &fixture.hub.handles.registry;
    let mut client = fixture.connect("v", 0).await;

    registry.send(CrashSessions).await.expect("the registry runs");

    assert_eq!(client.closed().await, 1006);
    until("the registry has removed the session", PATIENCE, async || {
        (registry.send(CountSessions).await == Ok(0)).then_some(())
    })
    .await;
    fixture.publish(&json!({ "type": "NOTE_CREATED", "user_id": "v", "title": "missed" })).await;
    let push = fixture.connect("v", 0).await.expect("notification.push").await;
    assert_eq!(push["message"], "missed");
}
