//! Limits of connections, messages and requests.

use crate::support::{
    client::Client,
    hub::Hub,
    wait::{PATIENCE, until},
};
use serde_json::json;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

#[tokio::test]
async fn a_client_that_sends_too_much_is_warned_and_then_closed() {
    let hub = Hub::sqlite(&[("LONCENG_LIMITS__CLIENT_MESSAGES_PER_MINUTE", "30")]).await;
    let mut client = hub.connect("u", "").await;
    client.expect("connected").await;
    for _ in 0..30 {
        client.nothing().await;
    }
    client.send_text(r#"{"type":"ping"}"#).await;
    assert_eq!(client.expect("error").await["code"], "rate_limited");
    for _ in 0..5 {
        client.send_text(r#"{"type":"ping"}"#).await;
    }
    assert_eq!(client.closed().await, 4029);
}

#[tokio::test]
async fn publishing_has_a_limit_for_each_key_and_address() {
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"; // of "secret"
    let keys = format!(r#"[{{ name = "shop", sha256 = "{hash}", scopes = ["publish"] }}]"#);
    let hub = Hub::sqlite(&[
        ("LONCENG_LIMITS__PUBLISH_PER_MINUTE", "5"),
        ("LONCENG_AUTH__API_KEYS", &keys),
    ])
    .await;
    let body = json!({"type":"NOTE_CREATED","user_id":"u","title":"x"}).to_string();
    let key = [("x-api-key", "secret")];
    for headers in [&[][..], &key[..]] {
        for n in 0..5 {
            let path = if n % 2 == 0 { "/api/v1/events" } else { "/api/v1/notify" };
            let body = if n % 2 == 0 {
                body.clone()
            } else {
                json!({"target":[{"id":1}],"message":"m"}).to_string()
            };
            assert_eq!(hub.send("POST", path, headers, body).await.0, 202);
        }
        let (status, wait, problem) =
            hub.answer("POST", "/api/v1/events", headers, &body, "retry-after").await;
        assert_eq!((status, &problem["status"]), (429, &json!(429)));
        assert!(
            wait.and_then(|wait| wait.parse::<u64>().ok())
                .is_some_and(|wait| (1..=12).contains(&wait))
        );
    }
    // An API key for publishing has no inbox and no administrator's rights.
    assert_eq!(hub.send("GET", "/api/v1/notifications", &key, String::new()).await.0, 403);
    assert_eq!(hub.send("GET", "/api/v1/admin/clients", &key, String::new()).await.0, 403);
    assert_eq!(
        hub.send("GET", "/api/v1/notifications", &[("x-api-key", "wrong")], String::new()).await.0,
        401
    );
}

#[tokio::test]
async fn connections_are_limited_in_all_and_for_each_user() {
    let hub = Hub::sqlite(&[
        ("LONCENG_SERVER__MAX_CONNECTIONS", "3"),
        ("LONCENG_SERVER__MAX_CONNECTIONS_PER_USER", "2"),
    ])
    .await;
    let mut first = hub.connect("u", "").await;
    first.expect("connected").await;
    // An event stream is a connection like any other.
    let mut events = hub.stream("user_id=u", &[]).await;
    events.skip_to("connected").await;
    assert_eq!(hub.connect("u", "").await.closed().await, 4009, "the newest is refused");
    let mut refused = hub.stream("user_id=u", &[]).await;
    assert_eq!(refused.skip_to("closed").await.data.expect("it says why")["data"]["code"], 4009);
    drop(refused);
    let mut third = until("there is room again", PATIENCE, async || {
        let (_, clients) = hub.get("/api/v1/admin/clients").await;
        if clients["total_count"] == 2 { Some(hub.connect("v", "").await) } else { None }
    })
    .await;
    third.expect("connected").await;
    assert_eq!(Client::refused(&hub.ws("user_id=w")).await, 503);
    assert_eq!(hub.stream("user_id=w", &[]).await.response.status(), 503);
}

/// Sends bytes, and returns the response and the time until the connection was closed.
fn raw(hub: &Hub, pieces: &[&[u8]]) -> (String, Duration) {
    let mut socket = TcpStream::connect(("127.0.0.1", hub.port)).expect("it listens");
    socket.set_read_timeout(Some(PATIENCE * 2)).expect("a timeout");
    let since = Instant::now();
    for piece in pieces {
        // The hub may have closed the connection already.
        let _ = socket.write_all(piece);
    }
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), since.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_request_head_times_out() {
    let hub = Hub::sqlite(&[]).await;
    let (answer, waited) = raw(&hub, &[b"GET /ws?user_id=u HTTP/1.1\r\nhost: x\r\n"]);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(waited > Duration::from_secs(5) && waited < Duration::from_secs(20), "{waited:?}");
    let endless =
        b"x-filler: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n"
            .repeat(20_000);
    let (answer, _) = raw(&hub, &[b"GET /health HTTP/1.1\r\nhost: x\r\n", &endless]);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let large =
        format!("GET /health HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "a".repeat(300_000));
    let (answer, _) = raw(&hub, &[large.as_bytes()]);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(hub.get("/health").await.0, 200, "nobody else notices");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_or_incomplete_body_is_refused() {
    let hub = Hub::sqlite(&[("LONCENG_SERVER__MAX_EVENT_BYTES", "1000")]).await;
    let large = json!({"target":[{"id":1}],"message":"x".repeat(2_000)});
    assert_eq!(hub.post("/api/v1/notify", &large).await.0, 413);
    let head = format!(
        "POST /api/v1/notify HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-length: 500\r\n\r\n{{",
        hub.port
    );
    let port_hub = &hub;
    let (answer, waited) = tokio::task::block_in_place(|| raw(port_hub, &[head.as_bytes()]));
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(waited > Duration::from_secs(25), "{waited:?}");
}
