//! Live feeds, against the built hub.

use crate::support::{
    client::Client,
    hub::Hub,
    nats::NatsServer,
    stream::Stream,
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const SECRET: &str = "do-not-show-me";

/// Returns a booking as a booking service publishes it, with fields that only administrators may
/// see.
pub(crate) fn booked(course: &str, left: i64) -> Value {
    json!({
        "topic": "booking.created", "timestamp": "2026-01-01T00:00:00Z",
            "event_type": "booking.created",
        "payload": { "id": "b-1", "action": "created", "data": {
            "course_id": course, "schedule_id": "s-1", "slots_remaining": left,
                "student_id": SECRET,
        } },
    })
}

pub(crate) fn updated(course: &str, left: i64) -> Value {
    json!({
        "type": "availability.updated", "feed": "availability", "timestamp": "2026-01-01T00:00:00Z",
        "data": { "course_id": course, "schedule_id": "s-1", "slots_remaining": left },
    })
}

/// TCP connection, and all bytes that it received.
struct Raw(TcpStream, Vec<u8>);

impl Raw {
    async fn open(hub: &Hub, request: &str) -> Self {
        let mut socket =
            TcpStream::connect(("127.0.0.1", hub.port)).await.expect("the hub listens");
        socket.write_all(request.as_bytes()).await.expect("the hub reads");
        let mut raw = Self(socket, Vec::new());
        raw.until("\r\n\r\n").await;
        raw
    }

    async fn until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.1).contains(text) {
            let read = timeout(PATIENCE, self.0.read_buf(&mut self.1))
                .await
                .expect("something comes in time");
            assert_ne!(read.expect("it is open"), 0, "it ended before {text}");
        }
    }
}

pub(crate) async fn events(hub: &Hub, path: &str, headers: &[(&str, &str)]) -> Stream {
    hub.events(&format!("/api/v1/feeds/{path}"), headers).await
}

/// Request of a WebSocket for the feed `availability`, as bytes.
const HANDSHAKE: &str = "GET /ws/availability HTTP/1.1\r\nhost: localhost\r\n\
    connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Request of an event stream for the feed `availability`, as bytes.
const STREAM: &str = "GET /api/v1/feeds/availability HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Opens a WebSocket for the feed and an event stream, and returns their bytes.
async fn public_connections(hub: &Hub) -> [Raw; 2] {
    let mut socket = Raw::open(hub, HANDSHAKE).await;
    let subscribe = br#"{"type":"subscribe"}"#;
    let mut frame = vec![0x81, 0x80 | u8::try_from(subscribe.len()).expect("short"), 0, 0, 0, 0];
    frame.extend(subscribe);
    socket.0.write_all(&frame).await.expect("the hub reads");
    socket.until("subscribed").await;
    [socket, Raw::open(hub, STREAM).await]
}

/// Connects an administrator who is subscribed to all events.
async fn administrator(hub: &Hub) -> Client {
    let mut client = hub.connect("1", "&role=admin&sync=none").await;
    client.expect("connected").await;
    client.send(&json!({ "type": "subscribe", "scope": "all" })).await;
    assert_eq!(client.expect("subscribed").await["scope"], "all");
    client
}

/// Publishes a booking to the stream, under this subject.
async fn publish_booking(nats: &NatsServer, subject: &'static str, left: i64) {
    let payload = booked("PIANO-101", left).to_string();
    let jetstream = nats.jetstream().await;
    let sent = jetstream.publish(subject, payload.into()).await;
    sent.expect("it is sent").await.expect("it is stored");
}

#[tokio::test]
async fn watchers_get_messages_of_their_course_from_every_source() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let hub = Hub::sqlite(&[("LONCENG_NATS__URL", &nats.url())]).await;
    let mut watcher = hub.watch("availability", &json!({ "course_id": ["PIANO-101"] })).await;
    let mut user = hub.connect("budi", "&sync=none").await;
    user.expect("connected").await;
    let filters = json!({ "course_id": "PIANO-101" });
    let data = json!({ "feed": "availability", "filters": filters });
    user.send(&json!({ "type": "subscribe", "data": data })).await;
    let subscribed = json!({ "scope": "feed", "feed": "availability", "filters": filters });
    assert_eq!(user.expect("subscribed").await, subscribed);
    let mut other = hub.watch("availability", &json!({ "course_id": "GUITAR-7" })).await;
    let query = "availability?course_id=GUITAR-7&course_id=PIANO-101";
    let mut stream = events(&hub, query, &[]).await;
    assert_eq!(stream.response.headers()["content-type"], "text/event-stream");
    until("the hub is connected to NATS", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;

    for left in [4, 3, 2] {
        match left {
            4 => publish_booking(&nats, "booking.created", left).await,
            3 => publish_booking(&nats, "events.booking.created", left).await,
            _ => hub.publish(&booked("PIANO-101", left)).await,
        }
        let expected = updated("PIANO-101", left);
        assert_eq!(watcher.next().await, Ok(expected.clone()));
        assert_eq!(user.next().await, Ok(expected.clone()));
        assert_eq!(stream.next().await.and_then(|event| event.data), Some(expected));
    }
    other.nothing().await;

    let (_, clients) = hub.get("/api/v1/admin/clients").await;
    let clients = clients["connected_clients"].as_array().expect("a list of clients");
    let subscriptions: Vec<&Value> =
        clients.iter().map(|client| &client["subscriptions"]).collect();
    assert_eq!(subscriptions, [&json!(["availability"])]);
}

#[tokio::test]
async fn administrator_sees_all_fields_and_the_public_only_those_of_the_feed() {
    let hub = Hub::sqlite(&[]).await;
    let mut admin = administrator(&hub).await;
    let mut public = public_connections(&hub).await;

    hub.publish(&booked("PIANO-101", 4)).await;
    let event = admin.next().await.expect("an event");
    assert_eq!(event["type"], "booking.created");
    assert_eq!(event["timestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(event["data"]["student_id"], SECRET);
    assert_eq!(event["data"]["action"], "created");
    let schedule = json!({
        "type": "schedule.deleted", "roomId": "r-1", "schedule_id": 9, "action": "deleted",
        "teacher": SECRET,
    });
    hub.publish(&schedule).await;
    let event = admin.next().await.expect("an event");
    assert_eq!(event["type"], "schedule.deleted");
    assert_eq!(event["data"]["teacher"], SECRET);

    for connection in &mut public {
        connection.until("\"slots_remaining\":4").await;
        connection.until(r#""data":{"action":"deleted","room_id":"r-1","schedule_id":9}"#).await;
        let text = String::from_utf8_lossy(&connection.1).into_owned();
        assert_eq!(text.matches("availability.updated").count(), 1, "{text}");
        for hidden in [SECRET, "student_id", "teacher", "b-1"] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
    }
}

#[tokio::test]
async fn duplicate_event_makes_no_feed_message() {
    let hub = Hub::sqlite(&[]).await;
    let mut watcher = hub.watch("availability", &json!({ "course_id": "PIANO-101" })).await;
    let event = |left: i64| {
        json!({
            "specversion": "1.0", "id": "e1", "source": "s", "type": "booking.cancelled",
            "data": { "course_id": "PIANO-101", "slots_remaining": left },
        })
    };
    hub.publish(&event(8)).await;
    assert_eq!(watcher.expect("availability.updated").await["slots_remaining"], 8);
    hub.publish(&event(9)).await;
    watcher.nothing().await;
}

#[tokio::test]
async fn a_later_subscribe_replaces_and_unsubscribe_ends() {
    let hub = Hub::sqlite(&[]).await;
    let mut client = Client::connect(&hub.feed("availability")).await;
    // Nothing is sent before the client subscribes.
    hub.publish(&booked("A", 1)).await;
    client.nothing().await;
    let subscribe = async |client: &mut Client, filters: Value| {
        client.send(&json!({ "type": "subscribe", "filters": filters })).await;
        assert_eq!(client.expect("subscribed").await["feed"], "availability");
    };
    subscribe(&mut client, json!({ "course_id": ["A", "B"] })).await;
    hub.publish(&booked("B", 2)).await;
    assert_eq!(client.next().await, Ok(updated("B", 2)));
    subscribe(&mut client, json!({ "course_id": "C" })).await;
    hub.publish(&booked("B", 1)).await;
    hub.publish(&booked("C", 3)).await;
    assert_eq!(client.next().await, Ok(updated("C", 3)));
    // All filters must match.
    subscribe(&mut client, json!({ "course_id": ["C", "D"], "room_id": 7 })).await;
    hub.publish(&booked("C", 1)).await;
    hub.publish(&json!({ "type": "booking.created", "course_id": "D", "room_id": "7" })).await;
    assert_eq!(client.expect("availability.updated").await, json!({ "course_id": "D" }));
    client.send(&json!({ "type": "unsubscribe", "topic": "availability" })).await;
    assert_eq!(client.expect("unsubscribed").await["feed"], "availability");
    hub.publish(&json!({ "type": "booking.created", "course_id": "D", "room_id": "7" })).await;
    client.nothing().await;
    // Unsubscribing again changes nothing.
    client.send(&json!({ "type": "unsubscribe" })).await;
    client.expect("unsubscribed").await;
    // A batch that is refused makes no message.
    subscribe(&mut client, json!({})).await;
    let batch = json!([booked("A", 1), { "type": "NOTE_CREATED", "user_id": "u" }]);
    assert_eq!(hub.post("/api/v1/events", &batch).await.0, 400);
    client.nothing().await;
    // A batch that is accepted does.
    let batch = json!([booked("A", 1), { "type": "NOTE_CREATED", "user_id": "u", "title": "t" }]);
    let (status, taken) = hub.post("/api/v1/events", &batch).await;
    assert_eq!((status, &taken["accepted"]), (202, &json!(2)));
    assert_eq!(client.next().await, Ok(updated("A", 1)));
    assert!(hub.metric("lonceng_events_total{source=\"http\",outcome=\"skipped\"}").await < 1.0);
}

#[tokio::test]
async fn invalid_subscription_is_answered_with_an_error() {
    let hub = Hub::sqlite(&[]).await;
    let mut watcher = Client::connect(&hub.feed("availability")).await;
    let mut user = hub.connect("u", "&sync=none").await;
    user.expect("connected").await;
    let filtered =
        |filters: Value| json!({ "type": "subscribe", "feed": "availability", "filters": filters });
    let many: Vec<usize> = (0..101).collect();
    for (message, code) in [
        (json!({ "type": "subscribe", "scope": "all" }), "forbidden"),
        (filtered(json!({ "teacher": "x" })), "bad_filter"),
        (filtered(json!({ "course_id": {} })), "bad_filter"),
        (filtered(json!({ "course_id": [] })), "bad_filter"),
        (filtered(json!(7)), "bad_filter"),
        (filtered(json!({ "course_id": many })), "too_many"),
        (json!({ "type": "subscribe", "feed": "other" }), "not_found"),
        (json!({ "type": "subscribe", "feed": 7 }), "bad_message"),
        (json!({ "type": "unsubscribe", "feed": "other" }), "not_found"),
    ] {
        let filters = message["filters"].as_object();
        let key = filters.and_then(|filters| filters.keys().next());
        for client in [&mut watcher, &mut user] {
            client.send(&message).await;
            let error = client.expect("error").await;
            assert_eq!(error["code"], code, "{message}: {error}");
            let text = error["message"].as_str().unwrap_or_default();
            assert!(key.is_none_or(|key| text.contains(key)), "{message}: {error}");
        }
    }
    user.send(&json!({ "type": "subscribe" })).await;
    assert_eq!(user.expect("error").await["code"], "bad_message", "no feed is named");
    for (message, code) in [
        (json!({ "type": "notification.read_all" }), "forbidden"),
        (json!({ "type": "sync.request" }), "forbidden"),
        (json!({ "type": "dance" }), "unknown_type"),
        (json!([]), "bad_message"),
    ] {
        watcher.send(&message).await;
        assert_eq!(watcher.expect("error").await["code"], code, "{message}");
    }
    watcher.nothing().await;
    user.nothing().await;
}

#[tokio::test]
async fn invalid_request_of_a_feed_is_refused() {
    let hub = Hub::sqlite(&[]).await;
    let origin = "https://elsewhere.example";
    let mut foreign = hub.feed("availability").into_client_request().expect("a request");
    foreign.headers_mut().insert("origin", origin.parse().expect("a header"));
    assert_eq!(Client::refused(foreign).await, 403);
    assert_eq!(Client::refused(&hub.feed("other")).await, 404);
    for (path, headers, status) in [
        ("avail%61bility", &[][..], 200),
        ("availability?teacher=x", &[][..], 400),
        ("availability?course_id=x&user_id=budi", &[], 200),
        ("other", &[], 404),
        ("availability", &[("origin", origin)], 403),
        ("availability", &[("authorization", "Bearer nonsense")], 200),
    ] {
        let stream = events(&hub, path, headers).await;
        assert_eq!(stream.response.status().as_u16(), status, "{path}");
        if status != 200 {
            assert_eq!(stream.response.headers()["content-type"], "application/problem+json");
        }
    }
    let (_, problem) = hub.get("/api/v1/feeds/availability?teacher=x").await;
    assert_eq!(problem["errors"][0]["field"], "teacher", "{problem}");
    assert_eq!(hub.get("/ws/availability").await.0, 426);
    assert_eq!(hub.send("POST", "/api/v1/feeds/availability", &[], String::new()).await.0, 405);
}

#[tokio::test]
async fn request_that_resembles_a_stream_is_answered_as_a_request() {
    let hub = Hub::sqlite(&[]).await;
    let upgrade = [("connection", "upgrade"), ("upgrade", "websocket")];
    for (method, path, status) in [
        ("POST", "/api/v1/events?user_id=u1", 400),
        ("DELETE", "/api/v1/stream?user_id=u1", 400),
        ("GET", "/api/v1/feeds/?user_id=u1", 400),
        ("GET", "/ws/?user_id=u1", 400),
    ] {
        let answered = hub.send(method, path, &upgrade, String::new()).await.0;
        assert_eq!(answered, status, "{method} {path}");
    }
    assert_eq!(hub.get("/api/v1/feeds/?user_id=u1").await.0, 404);
}

#[tokio::test]
async fn connections_per_address_are_limited() {
    let hub = Hub::sqlite(&[("LONCENG_LIMITS__FEED_CONNECTIONS_PER_ADDRESS", "400")]).await;
    let from = |address: &str| {
        let mut request = hub.feed("availability").into_client_request().expect("a request");
        request.headers_mut().insert("x-forwarded-for", address.parse().expect("text"));
        request
    };
    let (mut open, mut refused) = (Vec::new(), 0);
    for _ in 0..500 {
        match tokio_tungstenite::connect_async(from("198.51.100.1")).await {
            Ok((socket, _)) => open.push(socket),
            Err(_) => refused += 1,
        }
    }
    assert_eq!((open.len(), refused), (400, 100));
    let forwarded = [("x-forwarded-for", "198.51.100.1")];
    let refused = events(&hub, "availability", &forwarded).await;
    assert_eq!(refused.response.status(), 429);
    assert_eq!(refused.response.headers()["retry-after"], "10");
    Client::connect(from("198.51.100.2")).await.nothing().await;
    // One that hangs up makes room.
    drop(open.pop());
    until("there is room", PATIENCE, async || {
        (events(&hub, "availability", &forwarded).await.response.status() == 200).then_some(())
    })
    .await;
    // Whoever is on this machine, without a proxy between, is not counted.
    let mut here = Vec::new();
    for _ in 0..450 {
        here.push(Client::connect(&hub.feed("availability")).await);
    }
}
