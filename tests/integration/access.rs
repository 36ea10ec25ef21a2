//! Authentication and access, against the built hub.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{
    client::Client,
    hub::Hub,
    tokens::{SECRET, path, published, signed},
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const JWT: (&str, &str) = ("LONCENG_AUTH__METHODS", r#"["jwt"]"#);

fn claims(user: &str) -> Value {
    json!({ "sub": user, "login": "alice", "roles": ["user"],
        "exp": chrono::Utc::now().timestamp() + 600 })
}

async fn whoami(hub: &Hub, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    hub.send("GET", "/api/v1/notifications", &[("authorization", &bearer)], String::new()).await.0
}

#[tokio::test]
async fn every_supported_key_type_is_accepted_and_no_other() {
    for with in ["rsa", "ec", "ed"] {
        let file = path(&format!("{with}.pub.pem"));
        let hub = Hub::sqlite(&[JWT, ("LONCENG_AUTH__JWT_PUBLIC_KEY_FILE", &file)]).await;
        assert_eq!(whoami(&hub, &signed(with, None, &claims("u"))).await, 200, "{with}");
        for other in ["rsa", "ec", "ed", "secret", "rsa-as-secret"]
            .into_iter()
            .filter(|other| *other != with)
        {
            assert_eq!(
                whoami(&hub, &signed(other, None, &claims("u"))).await,
                401,
                "{other} for {with}"
            );
        }
        // {"alg":"none"} . {"sub":"u"} .
        assert_eq!(whoami(&hub, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1In0.").await, 401);
    }
}

#[tokio::test]
async fn token_is_accepted_in_header_query_and_subprotocol() {
    let hub = Hub::sqlite(&[JWT, ("LONCENG_AUTH__JWT_SECRET", SECRET)]).await;
    let token = signed("secret", None, &claims("u"));
    let address = |query: &str| {
        format!("ws://127.0.0.1:{}/ws{query}", hub.port).into_client_request().expect("a request")
    };
    let mut bearer = address("");
    bearer
        .headers_mut()
        .insert("authorization", format!("Bearer {token}").parse().expect("a header"));
    let mut subprotocol = address("");
    let offered = format!("lonceng.v1, token.{token}");
    subprotocol.headers_mut().insert("sec-websocket-protocol", offered.parse().expect("a header"));
    for request in [bearer, subprotocol, address(&format!("?token={token}"))] {
        let mut client = Client::connect(request).await;
        let hello = client.expect("connected").await;
        assert_eq!(
            (&hello["user_id"], &hello["login"], &hello["roles"]),
            (&json!("u"), &json!("alice"), &json!(["user"]))
        );
    }
    assert_eq!(Client::refused(address("")).await, 401);
    assert_eq!(
        Client::refused(address("?user_id=u")).await,
        401,
        "dev parameters are nobody's identity here"
    );
    assert_eq!(Client::refused(address("?token=x")).await, 401);
    let (status, problem) = hub.get("/api/v1/notifications?user_id=u").await;
    assert_eq!((status, &problem["title"]), (401, &json!("Not signed in")));
    assert_eq!(hub.stream(&format!("token={token}"), &[]).await.response.status(), 200);
}

/// Returns a server that publishes keys, and counts how often it was asked.
async fn issuer(keys: Arc<Mutex<Value>>) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it has an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 2_048];
            let _ = socket.read(&mut head).await;
            counter.fetch_add(1, Ordering::Relaxed);
            let body = keys.lock().expect("nobody panics with it").to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (format!("http://{address}/keys.json"), asked)
}

#[tokio::test]
async fn published_keys_are_cached_and_refreshed_for_an_unknown_key_at_intervals() {
    let keys = Arc::new(Mutex::new(json!({"keys":[published("rsa", "a")]})));
    let (url, asked) = issuer(Arc::clone(&keys)).await;
    let hub = Hub::sqlite(&[JWT, ("LONCENG_AUTH__JWKS_URL", &url)]).await;
    for _ in 0..5 {
        assert_eq!(whoami(&hub, &signed("rsa", Some("a"), &claims("u"))).await, 200);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1, "kept");
    // Unknown key IDs do not make the hub fetch the keys again and again.
    for n in 0..20 {
        assert_eq!(whoami(&hub, &signed("ec", Some(&format!("no-{n}")), &claims("u"))).await, 401);
    }
    assert!(asked.load(Ordering::Relaxed) <= 2);
    // The issuer changes its key: it is found when the hub may fetch the keys again.
    *keys.lock().expect("nobody panics with it") = json!({"keys":[published("ec", "b")]});
    let token = signed("ec", Some("b"), &claims("u"));
    until("the new key is known", PATIENCE, async || {
        (whoami(&hub, &token).await == 200).then_some(())
    })
    .await;
    assert_eq!(
        whoami(&hub, &signed("rsa", Some("a"), &claims("u"))).await,
        401,
        "the old one is withdrawn"
    );
    assert_eq!(whoami(&hub, &signed("rsa-as-secret", Some("b"), &claims("u"))).await, 401);
}

#[tokio::test]
async fn unavailable_key_set_is_503() {
    let hub = Hub::sqlite(&[JWT, ("LONCENG_AUTH__JWKS_URL", "http://127.0.0.1:1/keys")]).await;
    assert_eq!(whoami(&hub, &signed("rsa", Some("a"), &claims("u"))).await, 503);
    assert_eq!(whoami(&hub, "nonsense").await, 401);
}

#[tokio::test]
async fn a_connection_ends_with_its_token() {
    let hub = Hub::sqlite(&[JWT, ("LONCENG_AUTH__JWT_SECRET", SECRET)]).await;
    let mut brief = claims("u");
    brief["exp"] = json!(chrono::Utc::now().timestamp() + 2);
    let mut client =
        Client::connect(&hub.ws(&format!("token={}", signed("secret", None, &brief)))).await;
    client.expect("connected").await;
    assert_eq!(client.closed().await, 4001);
}

fn redis_url() -> Option<String> {
    let url = std::env::var("LONCENG_TEST_REDIS").ok();
    if url.is_none() {
        crate::support::missing("Redis (LONCENG_TEST_REDIS)");
    }
    url
}

#[tokio::test]
async fn a_cookie_names_a_session_in_redis() {
    let Some(url) = redis_url() else { return };
    let hub =
        Hub::sqlite(&[("LONCENG_AUTH__METHODS", r#"["cookie"]"#), ("LONCENG_REDIS__URL", &url)])
            .await;
    let value = uuid::Uuid::new_v4().to_string();
    let mut redis = redis::Client::open(url)
        .expect("an address")
        .get_multiplexed_async_connection()
        .await
        .expect("Redis");
    let session = json!({"user_id":7,"login":"budi","role":"admin"}).to_string();
    let key = format!("session:{value}");
    redis::cmd("SET")
        .arg(&key)
        .arg(session)
        .query_async::<()>(&mut redis)
        .await
        .expect("it is set");
    let cookie = format!("other=1; session_id={value}");
    let get = async |headers: &[(&str, &str)]| {
        hub.send("GET", "/api/v1/admin/users", headers, String::new()).await.0
    };
    assert_eq!(get(&[("cookie", &cookie)]).await, 200);
    assert_eq!(get(&[("cookie", "session_id=nobody")]).await, 401);
    assert_eq!(get(&[]).await, 401);
    // A browser sends the cookie with requests of any page: those of other origins are refused.
    assert_eq!(get(&[("cookie", &cookie), ("origin", "https://evil.example")]).await, 403);
    let mut request = hub.ws("").into_client_request().expect("a request");
    request.headers_mut().insert("cookie", cookie.parse().expect("a header"));
    let mut client = Client::connect(request).await;
    let hello = client.expect("connected").await;
    assert_eq!(
        (&hello["user_id"], &hello["login"], &hello["role"]),
        (&json!("7"), &json!("budi"), &json!("admin"))
    );
    redis::cmd("DEL").arg(&key).query_async::<()>(&mut redis).await.expect("it is gone");
    assert_eq!(get(&[("cookie", &cookie)]).await, 401, "signed out");
    let (_, ready) = hub.get("/health/ready").await;
    assert_eq!(ready["redis"], "ok");
}

#[tokio::test]
async fn open_connection_ends_with_its_session_and_loses_rights_with_its_role() {
    let Some(url) = redis_url() else { return };
    let heartbeat = ("LONCENG_SERVER__HEARTBEAT_SECONDS", "1");
    let hub = Hub::sqlite(&[
        ("LONCENG_AUTH__METHODS", r#"["cookie"]"#),
        ("LONCENG_REDIS__URL", &url),
        heartbeat,
    ])
    .await;
    let value = uuid::Uuid::new_v4().to_string();
    let mut redis = redis::Client::open(url)
        .expect("an address")
        .get_multiplexed_async_connection()
        .await
        .expect("Redis");
    let key = format!("session:{value}");
    let mut session = async |role: &str| {
        let session = json!({"user_id":7,"login":"budi","role":role}).to_string();
        redis::cmd("SET")
            .arg(&key)
            .arg(session)
            .query_async::<()>(&mut redis)
            .await
            .expect("it is set");
    };
    session("admin").await;
    let mut request = hub.ws("sync=none").into_client_request().expect("a request");
    request
        .headers_mut()
        .insert("cookie", format!("session_id={value}").parse().expect("a header"));
    let mut client = Client::connect(request).await;
    client.expect("connected").await;
    client.send(&json!({ "type": "subscribe", "scope": "all" })).await;
    client.expect("subscribed").await;
    session("user").await;
    assert_eq!(client.expect("unsubscribed").await["scope"], "all");
    redis::cmd("DEL").arg(&key).query_async::<()>(&mut redis).await.expect("it is gone");
    assert_eq!(client.closed().await, 4001);
}

#[tokio::test]
async fn role_removed_in_the_directory_ends_scope_all() {
    let hub = Hub::sqlite(&[
        ("LONCENG_AUTH__METHODS", r#"["jwt"]"#),
        ("LONCENG_AUTH__JWT_SECRET", SECRET),
        ("LONCENG_SERVER__HEARTBEAT_SECONDS", "1"),
    ])
    .await;
    let of = |user: &str| {
        signed(
            "secret",
            None,
            &json!({"sub":user,"roles":["admin"],"exp":chrono::Utc::now().timestamp() + 600}),
        )
    };
    let mut client = Client::connect(hub.ws(&format!("sync=none&token={}", of("watching")))).await;
    client.expect("connected").await;
    client.send(&json!({ "type": "subscribe", "scope": "all" })).await;
    client.expect("subscribed").await;
    let bearer = format!("Bearer {}", of("boss"));
    let demoted = json!({ "roles": ["user"] }).to_string();
    let (status, body) = hub
        .send("PUT", "/api/v1/admin/directory/watching", &[("authorization", &bearer)], demoted)
        .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(client.expect("unsubscribed").await["scope"], "all");
}

#[tokio::test]
async fn cookie_sign_in_without_redis_is_503_and_reported() {
    let hub = Hub::sqlite(&[
        ("LONCENG_AUTH__METHODS", r#"["cookie"]"#),
        ("LONCENG_REDIS__URL", "redis://127.0.0.1:1"),
    ])
    .await;
    let cookie = [("cookie", "session_id=x")];
    assert_eq!(hub.send("GET", "/api/v1/notifications", &cookie, String::new()).await.0, 503);
    until("readiness shows it", PATIENCE, async || {
        let (status, ready) = hub.get("/health/ready").await;
        (status == 200 && ready["redis"] == "degraded").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_administrator_signs_a_user_out_within_a_second() {
    let hub = Hub::sqlite(&[]).await;
    let mut sessions = vec![hub.connect("u", "").await, hub.connect("u", "").await];
    let mut other = hub.connect("v", "").await;
    for client in sessions.iter_mut().chain([&mut other]) {
        client.expect("connected").await;
    }
    let since = Instant::now();
    let (status, answer) =
        hub.send("DELETE", "/api/v1/admin/users/u/clients", &[], String::new()).await;
    assert_eq!((status, &answer), (200, &json!({"closed":2})));
    for client in &mut sessions {
        assert_eq!(client.closed().await, 4001);
    }
    assert!(since.elapsed() < Duration::from_secs(1));
    other.nothing().await;
    let (_, clients) = hub.get("/api/v1/admin/clients").await;
    let clients = clients["connected_clients"].as_array().expect("a list");
    let other_client =
        clients.iter().find(|client| client["user_id"] == "v").expect("it is connected");
    let id = other_client["client_id"].as_str().expect("an id").to_owned();
    assert_eq!(
        hub.send("DELETE", &format!("/api/v1/admin/clients/{id}"), &[], String::new()).await.0,
        200
    );
    assert_eq!(other.closed().await, 4001);
    until("it is gone", PATIENCE, async || {
        let status =
            hub.send("DELETE", &format!("/api/v1/admin/clients/{id}"), &[], String::new()).await.0;
        (status == 404).then_some(())
    })
    .await;
    assert_eq!(
        hub.send("DELETE", "/api/v1/admin/users/u/clients?user_id=v", &[], String::new()).await.0,
        403
    );
}

#[tokio::test]
async fn older_administration_api_keeps_its_format() {
    let hub = Hub::sqlite(&[("LONCENG_SERVER__INSTANCE_ID", "hub-7")]).await;
    let sent = json!({"target":[{"id":1,"login":"alice"},{"id":"x-2","login":"bob"}],
        "message":"hello",
        "created_at":"2026-01-01T00:00:00Z","source":"order-service"});
    let (_, results) = hub.post("/api/v1/notify", &sent).await;
    let id = &results["results"][0]["notification_id"];
    // Pages written for earlier hubs connect like this.
    let mut alice = hub.connect("1", "&login=alice&role=user").await;
    let hello = alice.next().await.expect("it greets");
    assert_eq!(hello["clientId"], hello["data"]["client_id"]);
    alice.expect("notification.push").await;
    let mut bob = hub.connect("x-2", "&login=bob").await;
    bob.expect("connected").await;

    let (status, clients) = hub.get("/api/v1/admin/clients").await;
    assert_eq!((status, &clients["total_count"]), (200, &json!(2)));
    let mut first = clients["connected_clients"][0].clone();
    assert!(first["connected_at"].take().is_string() && first["client_id"].take().is_string());
    assert!(clients["timestamp"].is_string());
    assert_eq!(
        first,
        json!({"client_id":null,"user_id":1,"login":"alice","roles":["user"],"connected_at":null,
        "instance":"hub-7","transport":"websocket","subscriptions":[]})
    );

    let (_, users) = hub.get("/api/v1/admin/users").await;
    assert_eq!(
        users["available_users"],
        json!([{"id":1,"login":"alice"},{"id":"x-2","login":"bob"}])
    );
    assert_eq!(users["total_count"], 2);

    let payload = json!({"notification_id":id,"message":"hello","created_at":"2026-01-01T00:00:00Z",
        "source":"order-service","target":{"id":1,"login":"alice"}});
    let (_, pending) = hub.get("/api/v1/admin/pending").await;
    assert_eq!(
        pending["pending_notifications"]["1-alice"],
        json!([{"id":"1767225600000-1","payload":payload,"read":false}])
    );
    assert!(pending["pending_notifications"]["x-2-bob"].is_array());
    assert_eq!((&pending["total_pending"], &pending["users_with_pending"]), (&json!(2), &json!(2)));

    // Earlier clients mark by the ID of the stream; the notification's ID decides.
    alice
        .send(
            &json!({"type":"notification.read","notification_id":id,"stream_id":"1767225600000-1"}),
        )
        .await;
    let ack = alice.expect("notification.read.ack").await;
    assert_eq!((&ack["notification_id"], &ack["stream_id"]), (id, &json!("1767225600000-1")));
    let (_, history) = hub.get("/api/v1/admin/history?user_id=1&login=alice").await;
    assert_eq!(history["user"], json!({"id":1,"login":"alice"}));
    assert_eq!(
        history["history"],
        json!([{"id":"1767225600000-1","payload":payload,"read":true,"status":"read"}])
    );
    assert_eq!((&history["count"], history["timestamp"].is_string()), (&json!(1), true));
    assert_eq!(hub.get("/api/v1/admin/history").await.0, 400);
    assert_eq!(hub.get("/api/v1/admin/history?user_id=1&role=user").await.0, 403);
    alice.send(&json!({"type":"sync.request","limit":5})).await;
    let synced = alice.expect("sync.response").await;
    assert_eq!(synced[0]["notification_id"], *id, "{synced}");
}
