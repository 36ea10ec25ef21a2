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

/// Returns a booking, as a booking service says it; with what nobody but the administrator may see.
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

/// Everything that a public connection is sent, byte by byte.
struct Raw(TcpStream, Vec<u8>);

impl Raw {
    async fn open(hub: &Hub, request: &str) -> Self {
        let mut socket =
            TcpStream::connect(("127.0.0.1", hub.port)).await.expect("the hub listens");
        socket.write_all(request.as_bytes()).await.expect("it reads");
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

#[tokio::test]
async fn watcher_sees_its_course_and_administrator_sees_all_events() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let hub = Hub::sqlite(&[("LONCENG_NATS__URL", &nats.url())]).await;
    let mut a = hub.watch("availability", &json!({ "course_id": ["PIANO-101"] })).await;
    let mut b = hub.connect("budi", "&sync=none").await;
    b.expect("connected").await;
    b.send(&json!({ "type": "subscribe", "data": { "feed": "availability", "filters": {
            "course_id": "PIANO-101" } } }))
        .await;
    let subscribed =
        json!({ "scope": "feed", "feed": "availability", "filters": { "course_id": "PIANO-101" } });
    assert_eq!(b.expect("subscribed").await, subscribed);
    let mut c = hub.watch("availability", &json!({ "course_id": "GUITAR-7" })).await;
    let mut sse = events(&hub, "availability?course_id=GUITAR-7&course_id=PIANO-101", &[]).await;
    assert_eq!(sse.response.headers()["content-type"], "text/event-stream");
    let mut admin = hub.connect("1", "&role=admin&sync=none").await;
    admin.expect("connected").await;
    admin.send(&json!({ "type": "subscribe", "scope": "all" })).await;
    assert_eq!(admin.expect("subscribed").await["scope"], "all");
    let handshake = "GET /ws/availability HTTP/1.1\r\nhost: localhost\r\nconnection: \
    upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut raw = Raw::open(&hub, handshake).await;
    let subscribe = br#"{"type":"subscribe"}"#;
    let mut frame = vec![0x81, 0x80 | u8::try_from(subscribe.len()).expect("short"), 0, 0, 0, 0];
    frame.extend(subscribe);
    raw.0.write_all(&frame).await.expect("it reads");
    raw.until("subscribed").await;
    let mut raw_events =
        Raw::open(&hub, "GET /api/v1/feeds/availability HTTP/1.1\r\nhost: localhost\r\n\r\n").await;

    // Over NATS, under its own subject and with the prefix, and over HTTP.
    until("the hub has joined NATS", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;
    let context = nats.jetstream().await;
    for (subject, left) in
        [(Some("booking.created"), 4), (Some("events.booking.created"), 3), (None, 2)]
    {
        if let Some(subject) = subject {
            let payload = booked("PIANO-101", left).to_string();
            context
                .publish(subject, payload.into())
                .await
                .expect("it takes it")
                .await
                .expect("it keeps it");
        } else {
            hub.publish(&booked("PIANO-101", left)).await;
        }
        assert_eq!(a.next().await, Ok(updated("PIANO-101", left)));
        assert_eq!(b.next().await, Ok(updated("PIANO-101", left)));
        assert_eq!(sse.next().await.expect("it goes on").data, Some(updated("PIANO-101", left)));
        let whole = admin.next().await.expect("it is open");
        assert_eq!(
            (&whole["type"], &whole["timestamp"]),
            (&json!("booking.created"), &json!("2026-01-01T00:00:00Z"))
        );
        assert_eq!(
            (&whole["data"]["student_id"], &whole["data"]["action"]),
            (&json!(SECRET), &json!("created"))
        );
        for raw in [&mut raw, &mut raw_events] {
            raw.until(&format!("\"slots_remaining\":{left}")).await;
        }
    }
    c.nothing().await;
    // A schedule has fields of its own.
    hub.publish(&json!({ "type": "schedule.deleted", "roomId": "r-1", "schedule_id": 9,
        "action": "deleted", "teacher": SECRET }))
        .await;
    let whole = admin.next().await.expect("it is open");
    assert_eq!(
        (&whole["type"], &whole["data"]["teacher"]),
        (&json!("schedule.deleted"), &json!(SECRET))
    );
    for raw in [&mut raw, &mut raw_events] {
        raw.until(r#""data":{"action":"deleted","room_id":"r-1","schedule_id":9}"#).await;
        let text = String::from_utf8_lossy(&raw.1).into_owned();
        assert_eq!(text.matches("availability.updated").count(), 3, "{text}");
        assert!(
            !text.contains(SECRET) && !text.contains("student_id") && !text.contains("teacher"),
            "{text}"
        );
        assert!(!text.contains("b-1"), "{text}");
    }
    // The same booking again is not news, however it comes.
    let event = |left: i64| {
        json!({ "specversion": "1.0", "id": "e1", "source": "s", "type": "booking.cancelled",
                "data": { "course_id": "PIANO-101", "slots_remaining": left } })
    };
    hub.publish(&event(8)).await;
    assert_eq!(a.expect("availability.updated").await["slots_remaining"], 8);
    hub.publish(&event(9)).await;
    a.nothing().await;
    let (_, clients) = hub.get("/api/v1/admin/clients").await;
    let subscriptions: Vec<&Value> = clients["connected_clients"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|client| &client["subscriptions"])
        .collect();
    assert_eq!(subscriptions, [&json!(["availability"]), &json!(["all"])]);
}

#[tokio::test]
async fn a_later_subscribe_replaces_and_unsubscribe_ends() {
    let hub = Hub::sqlite(&[]).await;
    let mut client = Client::connect(&hub.feed("availability")).await;
    // Before it subscribes it gets nothing.
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
    // Several keys must all match.
    subscribe(&mut client, json!({ "course_id": ["C", "D"], "room_id": 7 })).await;
    hub.publish(&booked("C", 1)).await;
    hub.publish(&json!({ "type": "booking.created", "course_id": "D", "room_id": "7" })).await;
    assert_eq!(client.expect("availability.updated").await, json!({ "course_id": "D" }));
    client.send(&json!({ "type": "unsubscribe", "topic": "availability" })).await;
    assert_eq!(client.expect("unsubscribed").await["feed"], "availability");
    hub.publish(&json!({ "type": "booking.created", "course_id": "D", "room_id": "7" })).await;
    client.nothing().await;
    // Repeating it is harmless.
    client.send(&json!({ "type": "unsubscribe" })).await;
    client.expect("unsubscribed").await;
    // A batch that is refused shows nothing of it.
    subscribe(&mut client, json!({})).await;
    let batch = json!([booked("A", 1), { "type": "NOTE_CREATED", "user_id": "u" }]);
    assert_eq!(hub.post("/api/v1/events", &batch).await.0, 400);
    client.nothing().await;
    // One that is taken, shows.
    let batch = json!([booked("A", 1), { "type": "NOTE_CREATED", "user_id": "u", "title": "t" }]);
    let (status, taken) = hub.post("/api/v1/events", &batch).await;
    assert_eq!((status, &taken["accepted"]), (202, &json!(2)));
    assert_eq!(client.next().await, Ok(updated("A", 1)));
    assert!(hub.metric("lonceng_events_total{source=\"http\",outcome=\"skipped\"}").await < 1.0);
}

#[tokio::test]
async fn invalid_subscription_is_answered_with_an_error() {
    let hub = Hub::sqlite(&[]).await;
    let mut public = Client::connect(&hub.feed("availability")).await;
    let mut user = hub.connect("u", "&sync=none").await;
    user.expect("connected").await;
    let many: Vec<usize> = (0..101).collect();
    for (asked, code) in [
        (json!({ "type": "subscribe", "scope": "all" }), "forbidden"),
        (
            json!({ "type": "subscribe", "feed": "availability", "filters": { "teacher": "x" } }),
            "bad_filter",
        ),
        (
            json!({ "type": "subscribe", "feed": "availability", "filters": { "course_id": {} } }),
            "bad_filter",
        ),
        (
            json!({ "type": "subscribe", "feed": "availability", "filters": { "course_id": [] } }),
            "bad_filter",
        ),
        (json!({ "type": "subscribe", "feed": "availability", "filters": 7 }), "bad_filter"),
        (
            json!({ "type": "subscribe", "feed": "availability", "filters": {
                "course_id": many } }),
            "too_many",
        ),
        (json!({ "type": "subscribe", "feed": "other" }), "not_found"),
        (json!({ "type": "subscribe", "feed": 7 }), "bad_message"),
        (json!({ "type": "unsubscribe", "feed": "other" }), "not_found"),
    ] {
        for client in [&mut public, &mut user] {
            client.send(&asked).await;
            let error = client.expect("error").await;
            assert_eq!(error["code"], code, "{asked}: {error}");
            if let Some(key) =
                asked["filters"].as_object().and_then(|filters| filters.keys().next())
            {
                assert!(
                    error["message"].as_str().is_some_and(|message| message.contains(key.as_str())),
                    "{error}"
                );
            }
        }
    }
    user.send(&json!({ "type": "subscribe" })).await;
    assert_eq!(user.expect("error").await["code"], "bad_message");
    for (asked, code) in [
        (json!({ "type": "notification.read_all" }), "forbidden"),
        (json!({ "type": "sync.request" }), "forbidden"),
        (json!({ "type": "dance" }), "unknown_type"),
        (json!([]), "bad_message"),
    ] {
        public.send(&asked).await;
        assert_eq!(public.expect("error").await["code"], code, "{asked}");
    }
    public.nothing().await;
    user.nothing().await;

    let mut foreign = hub.feed("availability").into_client_request().expect("a request");
    foreign.headers_mut().insert("origin", "https://elsewhere.example".parse().expect("text"));
    assert_eq!(Client::refused(foreign).await, 403);
    assert_eq!(Client::refused(&hub.feed("other")).await, 404);
    // What only looks like a stream is none.
    let looks = [("connection", "upgrade"), ("upgrade", "websocket")];
    for (method, path, status) in [
        ("POST", "/api/v1/events?user_id=u1", 400),
        ("DELETE", "/api/v1/stream?user_id=u1", 400),
        ("GET", "/api/v1/feeds/?user_id=u1", 400),
        ("GET", "/ws/?user_id=u1", 400),
    ] {
        assert_eq!(
            hub.send(method, path, &looks, String::new()).await.0,
            status,
            "{method} {path}"
        );
    }
    assert_eq!(hub.get("/api/v1/feeds/?user_id=u1").await.0, 404);
    for (path, headers, status) in [
        ("avail%61bility", &[][..], 200),
        ("availability?teacher=x", &[][..], 400),
        ("availability?course_id=x&user_id=budi", &[], 200),
        ("other", &[], 404),
        ("availability", &[("origin", "https://elsewhere.example")], 403),
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
