//! The WebSocket: who may connect, and how connections end.

use crate::support::{client::Client, hub::Hub};
use lonceng::protocol::SUBPROTOCOL;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Bytes, Message, client::IntoClientRequest};

#[tokio::test]
async fn invalid_message_is_answered_and_the_connection_stays_open() {
    let hub = Hub::sqlite(&[]).await;
    let mut client = hub.connect("u", "").await;
    client.expect("connected").await;
    for (text, code) in [
        ("{", "bad_message"),
        ("[]", "bad_message"),
        (r#"{"type":"dance"}"#, "unknown_type"),
        (r#"{"type":"notification.read"}"#, "bad_message"),
        (r#"{"type":"notification.read","notification_id":"nonsense"}"#, "not_found"),
        (
            r#"{"type":"notification.read",
                "notification_id":"01978a3e-0000-7000-8000-000000000001"}"#,
            "not_found",
        ),
        (r#"{"type":"sync.request","limit":5000}"#, "bad_message"),
    ] {
        client.send_text(text).await;
        assert_eq!(client.expect("error").await["code"], code, "{text}");
    }
    client.send_raw(Message::binary(Bytes::from_static(b"x"))).await;
    assert_eq!(client.expect("error").await["code"], "bad_message");
    client.nothing().await;
}

#[tokio::test]
async fn anonymous_clients_and_foreign_origins_are_refused_before_the_upgrade() {
    let hub = Hub::sqlite(&[("LONCENG_SERVER__ALLOWED_ORIGINS", "https://app.example.com")]).await;
    assert_eq!(Client::refused(hub.ws("")).await, 401);
    assert_eq!(
        Client::refused(format!("ws://127.0.0.1:{}/nowhere?user_id=u", hub.port)).await,
        404
    );
    let with_origin = |origin: &str| {
        let mut request = hub.ws("user_id=u").into_client_request().expect("a request");
        request.headers_mut().insert("origin", origin.parse().expect("a header"));
        request
    };
    assert_eq!(Client::refused(with_origin("https://evil.example")).await, 403);
    assert_eq!(Client::refused(with_origin("null")).await, 403);
    for origin in ["https://app.example.com".to_owned(), format!("http://127.0.0.1:{}", hub.port)] {
        Client::connect(with_origin(&origin)).await.expect("connected").await;
    }
    // A host name that an attacker makes resolve to this machine.
    let mut rebound = hub.ws("user_id=u").into_client_request().expect("a request");
    rebound
        .headers_mut()
        .insert("host", format!("evil.example:{}", hub.port).parse().expect("a header"));
    rebound
        .headers_mut()
        .insert("origin", format!("http://evil.example:{}", hub.port).parse().expect("a header"));
    assert_eq!(Client::refused(rebound).await, 401);
}

#[tokio::test]
async fn a_token_signs_in_by_header_query_or_subprotocol() {
    let secret = "0123456789abcdef0123456789abcdef";
    let hub =
        Hub::sqlite(&[("LONCENG_AUTH__METHODS", "jwt"), ("LONCENG_AUTH__JWT_SECRET", secret)])
            .await;
    let auth = lonceng::config::Auth {
        jwt_secret: lonceng::config::Secret::from(secret),
        ..Default::default()
    };
    let token = |ttl: i64| {
        let claims = json!({"sub":"7","login":"alice","roles":["admin"],
            "exp": lonceng::clock::now().0 / 1000 + ttl});
        lonceng::auth::mint(&auth, &serde_json::from_value(claims).expect("claims"))
            .expect("it signs")
    };
    let good = token(600);
    let mut by_header = hub.ws("").into_client_request().expect("a request");
    by_header
        .headers_mut()
        .insert("authorization", format!("Bearer {good}").parse().expect("a header"));
    let mut by_protocol = hub.ws("").into_client_request().expect("a request");
    let offered = format!("{SUBPROTOCOL}, token.{good}");
    by_protocol.headers_mut().insert("sec-websocket-protocol", offered.parse().expect("a header"));
    let by_query = hub.ws(&format!("token={good}")).into_client_request().expect("a request");
    for request in [by_header, by_protocol, by_query] {
        let hello = Client::connect(request).await.expect("connected").await;
        assert_eq!(
            (&hello["user_id"], &hello["login"], &hello["role"]),
            (&json!("7"), &json!("alice"), &json!("admin"))
        );
    }
    assert_eq!(Client::refused(hub.ws("user_id=7")).await, 401, "dev parameters are not believed");
    assert_eq!(Client::refused(hub.ws(&format!("token={}", token(-60)))).await, 401);
    assert_eq!(Client::refused(hub.ws("token=x.y.z")).await, 401);
    // A token that expires closes the connection. The leeway of 5 seconds applies only to
    // connecting.
    let mut brief = Client::connect(hub.ws(&format!("token={}", token(1)))).await;
    assert_eq!(brief.closed().await, 4001);
    // Claims are written to the directory: an event for ADMIN reaches alice.
    let mut alice = Client::connect(hub.ws(&format!("token={good}"))).await;
    alice.expect("connected").await;
    let event =
        json!({"type":"REFUND_REQUESTED","user_id":"budi","amount":1,"refund_id":"r"}).to_string();
    let bearer = format!("Bearer {good}");
    let (status, body) =
        hub.send("POST", "/api/v1/events", &[("authorization", &bearer)], event).await;
    assert_eq!(status, 202, "{body}");
    alice.expect("notification.push").await;
}

#[tokio::test]
async fn too_many_connections_of_one_user_close_the_newest() {
    let hub = Hub::sqlite(&[
        ("LONCENG_SERVER__MAX_CONNECTIONS_PER_USER", "2"),
        ("LONCENG_SERVER__MAX_CONNECTIONS", "4"),
    ])
    .await;
    let (mut one, mut two) = (hub.connect("u", "").await, hub.connect("u", "").await);
    one.expect("connected").await;
    two.expect("connected").await;
    assert_eq!(hub.connect("u", "").await.closed().await, 4009);
    one.nothing().await;
    let (_three, _four) = (hub.connect("v", "").await, hub.connect("w", "").await);
    assert_eq!(Client::refused(hub.ws("user_id=x")).await, 503);
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let env = [
        ("LONCENG_SERVER__HEARTBEAT_SECONDS", "1"),
        ("LONCENG_SERVER__HEARTBEAT_TIMEOUT_SECONDS", "1"),
    ];
    let hub = Hub::sqlite(&env).await;
    // tungstenite answers pings only while it is read, which this client is not.
    let silent = hub.connect("u", "").await;
    let mut lively = hub.connect("v", "").await;
    lively.expect("connected").await;
    let gone = crate::support::wait::until(
        "the silent one is gone",
        crate::support::wait::PATIENCE,
        async || {
            lively.nothing().await;
            (hub.metric("websocket_connections").await < 1.5).then_some(())
        },
    );
    gone.await;
    drop(silent);
    lively.nothing().await;
}

#[tokio::test]
async fn planned_stop_notifies_clients_quickly() {
    let mut hub = Hub::sqlite(&[]).await;
    let mut client = hub.connect("u", "").await;
    client.expect("connected").await;
    let stalled = hub.connect("v", "").await;
    let (took, after) = tokio::join!(hub.terminate(), async {
        let after = client.expect("going_away").await["reconnect_after_ms"].as_i64();
        (after, client.closed().await)
    });
    assert!(after.0.is_some_and(|ms| (500..2_000).contains(&ms)));
    assert_eq!(after.1, 1001);
    assert!(took.as_secs() < 12, "{took:?}");
    drop(stalled);
}
