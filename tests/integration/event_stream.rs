//! The inbox as an event stream, and idempotent requests.

use crate::inbox::{id_of, note, on_both};
use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

#[tokio::test]
async fn event_stream_matches_the_websocket_and_resumes() {
    on_both(&[("LONCENG_SERVER__HEARTBEAT_SECONDS", "1")], async |hub| {
        hub.publish(&note("u", "before")).await;
        let mut events = hub.stream("user_id=u", &[]).await;
        assert_eq!(events.response.status(), 200);
        assert_eq!(events.response.headers()["content-type"], "text/event-stream");
        let hello = events.next().await.expect("it greets").data.expect("it greets");
        assert_eq!(hello["type"], "connected");
        let epoch = hello["data"]["epoch"].as_str().expect("an epoch").to_owned();
        let push = events.skip_to("notification.push").await;
        assert_eq!(push.id, Some(format!("{epoch}.1")));
        hub.publish(&note("u", "live")).await;
        let live = events.skip_to("notification.push").await;
        assert_eq!(
            (live.id.clone(), &live.data.expect("it says so")["data"]["previous_revision"]),
            (Some(format!("{epoch}.2")), &json!(1))
        );
        assert!(events.comment().await, "a comment is the heartbeat");
        drop(events);
        hub.publish(&note("u", "missed")).await;
        let id = id_of(&hub.inbox("u").await[2]);
        hub.post(&format!("/api/v1/notifications/{id}/read?user_id=u"), &Value::Null).await;
        let last = live.id.expect("it has an id");
        let mut events = hub.stream("user_id=u", &[("last-event-id", &last)]).await;
        let missed = events.skip_to("notification.push").await.data.expect("it says so");
        assert_eq!(
            (&missed["data"]["revision"], &missed["data"]["metadata"]["title"]),
            (&json!(3), &json!("missed"))
        );
        let read = events.skip_to("notification.update").await;
        assert_eq!(read.id, Some(format!("{epoch}.4")));
        // A position of another epoch is answered with a reset.
        let mut events = hub.stream("user_id=u&since=other.1", &[]).await;
        events.skip_to("reset").await;
        assert_eq!(hub.stream("user_id=u&since=x", &[]).await.response.status(), 400);
    })
    .await;
}

/// Reads until a text has come.
async fn read_to(socket: &mut tokio::net::TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        let some =
            timeout(PATIENCE, socket.read_buf(&mut read)).await.expect("something comes in time");
        assert_ne!(
            some.expect("it is open"),
            0,
            "it ended before {text}: {}",
            String::from_utf8_lossy(&read)
        );
    }
    String::from_utf8(read).expect("it is text")
}

#[tokio::test]
async fn event_stream_on_a_new_connection_takes_over_the_socket_and_on_a_reused_one_is_chunked() {
    let hub =
        Hub::sqlite(&[("LONCENG_SERVER__ALLOWED_ORIGINS", "[\"https://app.example\"]")]).await;
    let page = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let post = "POST /api/v1/notifications/read-all?user_id=u HTTP/1.1\r\nhost: \
    localhost\r\ncontent-length: 2\r\n\r\n{}";
    let (first, second) = (
        "GET /api/v1/stream?user_id=u HTTP/1.1\r\nhost: local",
        "host\r\norigin: https://app.example\r\n\r\n",
    );
    let whole = format!("{first}{second}");
    for (before, pieces, own) in [
        (None, vec![whole.as_str()], true),
        (None, vec![first, second], true),
        (Some((page, "\"status\":\"ok\"")), vec![whole.as_str()], false),
        (Some((post, "\"unread\":0")), vec![whole.as_str()], false),
    ] {
        let mut socket =
            tokio::net::TcpStream::connect(("127.0.0.1", hub.port)).await.expect("it listens");
        socket.set_nodelay(true).expect("a socket");
        if let Some((request, answer)) = before {
            socket.write_all(request.as_bytes()).await.expect("it reads");
            read_to(&mut socket, answer).await;
        }
        for (n, piece) in pieces.iter().enumerate() {
            if n > 0 {
                // After this response the hub has read the piece before by itself.
                hub.get("/health/live").await;
            }
            socket.write_all(piece.as_bytes()).await.expect("it reads");
        }
        let text = read_to(&mut socket, "\"type\":\"connected\"").await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("content-type: text/event-stream\r\n"), "{text}");
        assert!(text.contains("access-control-allow-origin: https://app.example\r\n"), "{text}");
        assert!(text.contains("\r\ndate: "), "{text}");
        assert!(text.contains("retry: 2000\n\n"), "{text}");
        assert_eq!(text.contains("connection: close\r\n"), own, "{text}");
        assert_eq!(text.contains("transfer-encoding: chunked\r\n"), !own, "{text}");
        hub.publish(&note("u", "live")).await;
        read_to(&mut socket, "notification.push").await;
        drop(socket);
        let (status, _) = hub.post("/api/v1/notifications/read-all?user_id=u", &json!({})).await;
        assert_eq!(status, 200);
    }
    // Streams that were closed by their clients are removed.
    until("the streams are gone", PATIENCE, async || {
        (hub.get("/api/v1/admin/clients").await.1["total_count"] == 0).then_some(())
    })
    .await;
    // The page that sent the request can read the error.
    let mut socket =
        tokio::net::TcpStream::connect(("127.0.0.1", hub.port)).await.expect("it listens");
    let bad = whole.replace("user_id=u", "user_id=u&since=x");
    socket.write_all(bad.as_bytes()).await.expect("it reads");
    let text = read_to(&mut socket, "\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{text}");
    assert!(text.contains("access-control-allow-origin: https://app.example\r\n"), "{text}");
}

#[tokio::test]
async fn an_event_stream_ends_with_a_reason() {
    let mut hub = Hub::sqlite(&[]).await;
    let mut events = hub.stream("user_id=u", &[]).await;
    events.skip_to("connected").await;
    let (status, body) =
        hub.send("DELETE", "/api/v1/admin/users/u/clients", &[], String::new()).await;
    assert_eq!((status, &body), (200, &json!({"closed":1})));
    let last = events.skip_to("closed").await.data.expect("it says why");
    assert_eq!(last["data"]["code"], 4001);
    assert_eq!(events.next().await, None);
    let mut events = hub.stream("user_id=u", &[]).await;
    events.skip_to("connected").await;
    assert!(hub.terminate().await < Duration::from_secs(5));
    events.skip_to("going_away").await;
}

#[tokio::test]
async fn idempotent_request_has_one_effect_across_a_restart() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(mut hub) = Hub::start(on, &[]).await else { continue };
        let body = json!({"target":[{"id":1,"login":"alice"}],"message":"once"}).to_string();
        let key = [("idempotency-key", "k-1")];
        let (status, replayed, first) =
            hub.answer("POST", "/api/v1/notify", &key, &body, "idempotency-replayed").await;
        assert_eq!((status, replayed), (202, None));
        hub.kill();
        hub.run().await;
        let (status, replayed, again) =
            hub.answer("POST", "/api/v1/notify", &key, &body, "idempotency-replayed").await;
        assert_eq!((status, replayed.as_deref(), &again), (202, Some("true"), &first));
        let other = json!({"target":[{"id":1}],"message":"another"}).to_string();
        let (status, problem) = hub.send("POST", "/api/v1/notify", &key, other).await;
        assert_eq!((status, &problem["status"]), (422, &json!(422)));
        assert_eq!(
            hub.send("POST", "/api/v1/events", &key, note("1", "x").to_string()).await.0,
            422
        );
        assert_eq!(hub.inbox("1").await.len(), 1);
        // A refused request does not use up its key.
        let key = [("idempotency-key", "k-2")];
        assert_eq!(
            hub.send(
                "POST",
                "/api/v1/events",
                &key,
                json!({"type":"NOTE_CREATED","user_id":"u"}).to_string()
            )
            .await
            .0,
            400
        );
        assert_eq!(
            hub.send("POST", "/api/v1/events", &key, note("u", "mended").to_string()).await.0,
            202
        );
        let (status, _) = hub
            .send("POST", "/api/v1/events", &[("idempotency-key", " ")], note("u", "x").to_string())
            .await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn unanswered_idempotent_request_is_completed_by_the_next_hub() {
    let mut hub = Hub::sqlite(&[]).await;
    let body = json!({"target":[{"id":1,"login":"alice"}],"message":"once"}).to_string();
    let key = [("idempotency-key", "k-1")];
    let (_, first) = hub.send("POST", "/api/v1/notify", &key, body.clone()).await;
    hub.kill();
    let store = lonceng::store::Store::open(&hub.store_url).await.expect("it opens");
    store
        .execute_by_hand("UPDATE idempotency_keys SET answer = NULL")
        .await
        .expect("as if it had died before");
    store.close().await;
    hub.run().await;
    let (status, again) = hub.send("POST", "/api/v1/notify", &key, body).await;
    assert_eq!((status, &again), (202, &first), "the ids are made from the key");
    assert_eq!(hub.inbox("1").await.len(), 1);
}

#[tokio::test]
async fn simultaneous_requests_with_one_key_have_one_effect() {
    on_both(&[], async |hub| {
        let body = note("u", "x").to_string();
        let send = || hub.send("POST", "/api/v1/events", &[("idempotency-key", "k")], body.clone());
        let answers = futures_util::future::join_all((0..20).map(|_| send())).await;
        let mut statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        assert!(statuses == [202] || statuses == [202, 409], "{statuses:?}");
        assert_eq!(hub.inbox("u").await.len(), 1);
    })
    .await;
}
