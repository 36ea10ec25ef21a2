//! Rules of every request: local clients, browsers of other origins, and
//! the headers of answers.

use serde_json::{Value, json};

use crate::support::{
    hub::{Hub, On},
    nats::NatsServer,
    wait::{PATIENCE, until},
};

#[tokio::test]
async fn idempotency_fingerprint_is_independent_of_header_order() {
    let hub = Hub::sqlite(&[]).await;
    for n in 0..20 {
        let key = format!("key-{n}");
        let headers = [
            ("idempotency-key", key.as_str()),
            ("content-type", "application/json"),
            ("ce-source", "x"),
            ("ce-subject", "y"),
        ];
        let body = json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "x" }).to_string();
        let first =
            hub.answer("POST", "/api/v1/events", &headers, &body, "idempotency-replayed").await;
        assert_eq!((first.0, first.1), (202, None), "{}", first.2);
        for _ in 0..3 {
            let again =
                hub.answer("POST", "/api/v1/events", &headers, &body, "idempotency-replayed").await;
            assert_eq!((again.0, again.1.as_deref()), (202, Some("true")), "{}", again.2);
            assert_eq!(again.2, first.2);
        }
        let other =
            hub.answer("POST", "/api/v1/events", &headers, &body.replace('x', "z"), "x").await;
        assert_eq!(other.0, 422);
    }
    assert_eq!(hub.inbox("u").await.len(), 20);
}

#[tokio::test]
async fn nul_in_a_parameter_is_400_on_every_store() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        for path in [
            "/api/v1/notifications?user_id=u&type=%00",
            "/api/v1/notifications?user_id=u&role=a%00b",
            "/api/v1/notifications?user_id=u%00",
            "/api/v1/admin/dead-letters?q=%00",
            "/api/v1/admin/directory?q=%00",
            "/api/v1/admin/directory?with_role=%00",
            "/api/v1/admin/audit?subject=%00",
            "/api/v1/admin/types/%00",
            "/api/v1/admin/directory/%00",
            "/api/v1/admin/explain?event=%00",
        ] {
            let (status, body) = hub.get(path).await;
            assert!(matches!(status, 400 | 404), "{on:?} {path}: {status} {body}");
        }
        let (status, body) = hub
            .post(
                "/api/v1/events",
                &json!({ "type": "NOTE_CREATED", "user_id": "a\u{0}b", "title": "x" }),
            )
            .await;
        assert_eq!(status, 400, "{body}");
    }
}

#[tokio::test]
async fn cors_allows_if_match_and_exposes_headers() {
    let origin = "https://app.example";
    let hub =
        Hub::sqlite(&[("LONCENG_SERVER__ALLOWED_ORIGINS", r#"["https://app.example"]"#)]).await;
    let preflight = [
        ("origin", origin),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "if-match"),
    ];
    let (status, allowed, _) = hub
        .answer(
            "OPTIONS",
            "/api/v1/admin/types/NOTE_CREATED",
            &preflight,
            "",
            "access-control-allow-headers",
        )
        .await;
    assert!(
        status == 204 && allowed.as_deref().is_some_and(|headers| headers.contains("if-match")),
        "{allowed:?}"
    );
    let path = "/api/v1/notifications?user_id=u";
    let (_, exposed, _) =
        hub.answer("GET", path, &[("origin", origin)], "", "access-control-expose-headers").await;
    for name in ["etag", "retry-after", "idempotency-replayed"] {
        assert!(
            exposed.as_deref().is_some_and(|headers| headers.contains(name)),
            "{name}: {exposed:?}"
        );
    }
    let (_, credentials, _) = hub
        .answer("GET", path, &[("origin", origin)], "", "access-control-allow-credentials")
        .await;
    assert_eq!(credentials.as_deref(), Some("true"));
    let (_, foreign, _) = hub
        .answer(
            "GET",
            path,
            &[("origin", "https://evil.example")],
            "",
            "access-control-allow-credentials",
        )
        .await;
    assert_eq!(foreign, None);
}

#[tokio::test]
async fn forwarded_request_is_not_local() {
    let hub = Hub::sqlite(&[]).await;
    let path = "/api/v1/admin/types?user_id=9&role=admin";
    assert_eq!(hub.get(path).await.0, 200);
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("via", "1.1 proxy"),
    ] {
        let (status, body) = hub.send("GET", path, &[(name, value)], String::new()).await;
        assert_eq!(status, 401, "{name}: {body}");
        let event = json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "x" }).to_string();
        assert_eq!(
            hub.send("POST", "/api/v1/events", &[(name, value)], event).await.0,
            401,
            "{name}"
        );
    }
    assert_eq!(
        hub.send("GET", path, &[("host", "hub.example")], String::new()).await.0,
        401,
        "another name of this machine"
    );
}

#[tokio::test]
async fn cross_site_image_request_has_no_effect() {
    let hub = Hub::sqlite(&[]).await;
    for site in ["cross-site", "same-site"] {
        let path = "/api/v1/notifications?user_id=forged&login=forged&role=admin";
        let (status, body) =
            hub.send("GET", path, &[("sec-fetch-site", site)], String::new()).await;
        assert!(matches!(status, 401 | 403), "{site}: {status} {body}");
    }
    assert_eq!(hub.get("/api/v1/admin/directory/forged").await.0, 404, "nobody was entered");
    for site in ["same-origin", "none"] {
        let path = "/api/v1/notifications?user_id=own";
        assert_eq!(
            hub.send("GET", path, &[("sec-fetch-site", site)], String::new()).await.0,
            200,
            "{site}"
        );
    }
}

#[tokio::test]
async fn head_works_where_get_does_and_responses_have_security_headers() {
    let hub = Hub::sqlite(&[]).await;
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "x" })).await;
    for path in [
        "/",
        "/admin",
        "/lonceng.js",
        "/lonceng-inbox.js",
        "/openapi.json",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/api/v1/notifications?user_id=u",
        "/api/v1/preferences?user_id=u",
        "/api/v1/admin/types",
        "/api/v1/stream?user_id=u",
        "/api/v1/feeds/availability",
    ] {
        let (status, length, _) = hub.answer("HEAD", path, &[], "", "content-length").await;
        assert_eq!(status, 200, "HEAD {path}");
        let (_, guessing, _) = hub.answer("HEAD", path, &[], "", "x-content-type-options").await;
        assert_eq!(guessing.as_deref(), Some("nosniff"), "{path} {length:?}");
        if path.starts_with("/api/") {
            let (_, kept, _) = hub.answer("HEAD", path, &[], "", "cache-control").await;
            assert!(
                kept.as_deref().is_some_and(|kept| kept.contains("no-store")),
                "{path}: {kept:?}"
            );
        }
    }
    assert_eq!(hub.answer("HEAD", "/api/v1/nothing", &[], "", "x").await.0, 404);
    let (status, allow, _) = hub.answer("DELETE", "/health/live", &[], "", "allow").await;
    assert_eq!((status, allow.as_deref()), (405, Some("GET, HEAD")));
    let (_, guessing, _) =
        hub.answer("POST", "/api/v1/events", &[], "{", "x-content-type-options").await;
    assert_eq!(guessing.as_deref(), Some("nosniff"), "problems too");
}

#[tokio::test]
async fn malformed_requests_are_not_logged_as_errors() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut hub = Hub::sqlite(&[]).await;
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"HELO mail\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
    ] {
        let mut socket =
            tokio::net::TcpStream::connect(("127.0.0.1", hub.port)).await.expect("it connects");
        socket.write_all(noise).await.expect("it is sent");
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer))
            .await
            .expect("the hub hangs up");
    }
    hub.terminate().await;
    let log = hub.log();
    assert!(!log.contains("ERROR"), "{log}");
    // A normal stop logs no error.
    assert!(!log.contains("WARN") || !log.contains(": down"), "{log}");
}

#[tokio::test]
async fn no_secret_is_in_the_log_at_any_level() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let address = nats.url().replace("nats://", "");
    let secret = "hunter2-0123456789abcdef0123456789abcdef";
    let hub = Hub::sqlite(&[
        ("RUST_LOG", "trace"),
        ("LONCENG_NATS__URL", &format!("nats://user:{secret}@{address},nats://{secret}@{address}")),
        ("LONCENG_REDIS__URL", &format!("redis://:{secret}@127.0.0.1:1")),
        ("LONCENG_AUTH__METHODS", r#"["jwt","dev"]"#),
        ("LONCENG_AUTH__JWT_SECRET", secret),
    ])
    .await;
    until("it has joined NATS", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;
    let token = format!("aaa.{secret}.bbb");
    assert_eq!(hub.get(&format!("/api/v1/notifications?token={token}")).await.0, 401);
    let bearer = format!("Bearer {token}");
    for header in [
        ("authorization", bearer.as_str()),
        ("x-api-key", secret),
        ("cookie", &format!("session_id={secret}")),
    ] {
        let _ = hub.send("GET", "/api/v1/notifications", &[header], String::new()).await;
    }
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(
            hub.ws("").as_str(),
        )
        .expect("an address");
    request.headers_mut().insert(
        "sec-websocket-protocol",
        format!("lonceng.v1, token.{token}").parse().expect("a header"),
    );
    crate::support::client::Client::refused(request).await;
    let body: Value =
        json!({ "type": "NOTE_CREATED", "user_id": "u", "title": format!("body {secret}") });
    hub.publish(&body).await;
    let log = hub.log();
    assert!(log.contains("TRACE"), "it is verbose");
    let leak = log.lines().find(|line| line.contains("hunter2"));
    assert_eq!(leak, None);
}

#[tokio::test]
async fn metrics_count_transactions_and_list_every_actor() {
    let hub = Hub::sqlite(&[]).await;
    for actor in ["scheduler", "sweeper", "pipeline", "persistence"] {
        let text = hub.text("/metrics").await;
        assert!(
            text.contains(&format!("lonceng_actor_restarts_total{{actor=\"{actor}\"}} 0")),
            "{actor}: {text}"
        );
    }
    let batch: Vec<Value> = (0..25)
        .map(|n| json!({ "type": "NOTE_CREATED", "user_id": format!("u{n}"), "title": "x" }))
        .collect();
    hub.publish(&json!(batch)).await;
    let transactions = hub.metric("lonceng_store_batch_rows_count").await;
    assert!((hub.metric("lonceng_store_batch_rows_sum").await - 25.0).abs() < f64::EPSILON);
    assert!(
        (transactions - 1.0).abs() < f64::EPSILON,
        "one transaction, and not one for each event: {transactions}"
    );
    assert!(
        (hub.metric("lonceng_store_batch_seconds_count").await - transactions).abs() < f64::EPSILON
    );
}

#[tokio::test]
async fn start_log_names_pages_and_unused_settings() {
    let mut hub = Hub::with_config(
        "[cache]\nunread_ttl_seconds = 5\n[nats]\nurl = \"nats://127.0.0.1:1\"\n",
        &[("LONCENG_NATS__URL", "nats://127.0.0.1:1")],
    )
    .await;
    let log = hub.log();
    for part in ["demo page: http", "/admin", "/docs"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(log.lines().any(|line| line.contains("WARN") && line.contains("cache")), "{log}");
    assert!(
        !log.lines().any(|line| line.contains("WARN") && line.contains("nats")),
        "nobody needs NATS here: {log}"
    );
    hub.terminate().await;
    let log = hub.log();
    assert!(
        !log.contains("store: down") && !log.contains("store is down"),
        "an ordinary stop: {log}"
    );
}

#[tokio::test]
async fn deletion_is_announced_without_content() {
    let hub = Hub::sqlite(&[]).await;
    hub.publish(
        &json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "s3cret", "note": "s3cret" }),
    )
    .await;
    let id = hub.inbox("u").await[0]["notification_id"].as_str().expect("an id").to_owned();
    assert_eq!(
        hub.send("DELETE", &format!("/api/v1/notifications/{id}?user_id=u"), &[], String::new())
            .await
            .0,
        200
    );
    let (status, changes) = hub.get("/api/v1/notifications?user_id=u&since=0").await;
    assert_eq!(
        (status, changes["items"][0]["status"].as_str()),
        (200, Some("deleted")),
        "{changes}"
    );
    assert!(!changes.to_string().contains("s3cret"), "{changes}");
}
