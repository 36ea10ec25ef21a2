//! Hostile and unlucky input: it is refused with a reason, costs a bounded amount, and nobody else
//! notices.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};

const GIB: u64 = 1 << 30;

/// Templates that took the stack, gigabytes or seconds.
fn bad_templates() -> Vec<String> {
    let mut templates: Vec<String> = [
        r#"{[1]|batch(1000000000,"x")|list|length}"#,
        "{[1]|slice(1000000000)|list|length}",
        "{x|tojson(1000000)}",
        r#"{"%1000000000d"|format(1)}"#,
        r#"{"a"*2000000000}"#,
        "{% set n = namespace(a='x') %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% \
         endfor %}{n.a}",
        "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
        "{% macro m(x) %}{m(x)}{% endmacro %}{m(1)}",
        "{range(1000000000)|list|length}",
        "{% for a in [1,2,3] %}{loop(a)}{% endfor %}",
    ]
    .map(str::to_owned)
    .to_vec();
    templates.push(format!("{{{}1}}", "-".repeat(6_000)));
    templates.push(format!("{{{}1}}", "not ".repeat(2_000)));
    templates.push(format!("{{a{}}}", ".b".repeat(4_000)));
    templates.push(format!("{{a{}}}", "|upper".repeat(1_300)));
    templates.push(format!("{{1{}}}", "+1".repeat(4_000)));
    templates.push(format!("{{{}1}}", "1 if 1 else ".repeat(700)));
    templates.push(format!("{{{}1{}}}", "(".repeat(4_000), ")".repeat(4_000)));
    templates.push(format!("{{{}1{}}}", "[".repeat(4_000), "]".repeat(4_000)));
    templates.push("{% if 1 %}".repeat(800));
    templates.push("x".repeat(9_000));
    templates
}

fn type_with(code: &str, template: &str) -> Value {
    json!({ "code": code, "display_name": "T", "template": template, "target_type": "SELF",
        "priority": "LOW", "channels": ["web"], "is_active": true })
}

#[tokio::test]
async fn hostile_templates_are_refused_within_three_gibibytes() {
    let mut hub = Hub::prepare(On::Sqlite, &[]).await.expect("SQLite is always there");
    hub.limit_address_space(3 * GIB);
    hub.run().await;
    for template in bad_templates() {
        let shown = &template[..template.len().min(60)];
        let preview = json!({ "type": type_with("BAD", &template), "data": { "x": 1, "a": 1 } });
        let (status, body) = hub.post("/api/v1/admin/types/BAD/preview", &preview).await;
        assert_eq!(status, 400, "{shown}: {body}");
        let (status, body) = hub.post("/api/v1/admin/types", &type_with("BAD", &template)).await;
        // A template that fails only with some data may be saved; the event is refused then.
        if status == 201 {
            let (status, body) = hub
                .post("/api/v1/events", &json!({ "type": "BAD", "user_id": "u", "x": 1, "a": 1 }))
                .await;
            assert_eq!(status, 400, "{shown}: {body}");
            assert_eq!(
                hub.send("DELETE", "/api/v1/admin/types/BAD", &[], String::new()).await.0,
                204
            );
        } else {
            assert_eq!(status, 400, "{shown}: {body}");
        }
        assert!(body.to_string().len() < 4_000, "the answer does not repeat it");
    }
    assert_eq!(hub.get("/health/ready").await.0, 200);
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "after" })).await;
    assert_eq!(hub.inbox("u").await.len(), 1);
}

#[tokio::test]
async fn a_bad_row_in_the_table_switches_off_its_type_alone() {
    let mut hub = Hub::prepare(On::Sqlite, &[]).await.expect("SQLite is always there");
    hub.limit_address_space(3 * GIB);
    hub.run().await;
    hub.terminate().await;
    let pool = sqlx::SqlitePool::connect(&hub.store_url).await.expect("it opens");
    for (at, template) in bad_templates().iter().enumerate() {
        let sql = "INSERT INTO notification_types (code, display_name, template, target_type) \
        VALUES ($1, 'T', $2, 'SELF')";
        sqlx::query(sql)
            .bind(format!("BAD_{at}"))
            .bind(template)
            .execute(&pool)
            .await
            .expect("it is written");
    }
    pool.close().await;
    hub.run().await;
    let ready = hub.get("/health/ready").await;
    assert_eq!((ready.0, &ready.1["config"]), (200, &json!("degraded")));
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "x" })).await;
    assert_eq!(hub.inbox("u").await.len(), 1);
}

fn shared_with(recipients: usize) -> Value {
    let recipients: Vec<String> = (0..recipients).map(|n| format!("recipient-{n}")).collect();
    json!({ "type": "NOTE_SHARED", "actor_id": "a", "actor_name": "Ani", "title": "x",
        "recipient_ids": recipients })
}

#[tokio::test]
async fn too_many_recipients_are_refused_while_other_requests_are_answered() {
    let hub = Hub::sqlite(&[("LONCENG_SERVER__MAX_EVENT_BYTES", "1048576")]).await;
    let event = shared_with(25_000);
    let publishing = async {
        let three = async || hub.post("/api/v1/events", &event).await;
        tokio::join!(three(), three(), three())
    };
    let asking = async {
        for _ in 0..20 {
            assert_eq!(hub.get("/health/live").await.0, 200);
        }
    };
    let ((first, second, third), ()) = tokio::join!(publishing, asking);
    for (status, body) in [first, second, third] {
        assert_eq!(status, 400, "{body}");
        assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("10000")), "{body}");
    }
    let (status, body) = hub.post("/api/v1/events", &shared_with(10_000)).await;
    assert_eq!(
        (status, body["results"][0]["notifications"].as_u64()),
        (202, Some(10_000)),
        "{body}"
    );
}

#[tokio::test]
async fn recipients_are_neither_stored_nor_shown_to_others() {
    let hub = Hub::sqlite(&[]).await;
    for field in ["recipient_ids", "recipientIds"] {
        let mut event =
            json!({ "type": "NOTE_SHARED", "actor_name": "Ani", "title": "x", "kept": 1 });
        event[field] = json!(["first", "second"]);
        hub.publish(&event).await;
    }
    for item in hub.inbox("first").await {
        assert_eq!(item["metadata"]["kept"], 1);
        assert!(!item.to_string().contains("second"), "{item}");
    }
    assert_eq!(hub.inbox("first").await.len(), 2);
}

/// Returns a WebSocket of a user that never reads.
async fn deaf(hub: &Hub, user: &str) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", hub.port)).await.expect("it connects");
    let request = format!(
        "GET /ws?user_id={user}&sync=none HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: \
         Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        hub.port
    );
    socket.write_all(request.as_bytes()).await.expect("it is sent");
    socket
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_of_connections_that_do_not_read_is_bounded() {
    // With the default queue they would be closed after a second, and would hold no memory.
    let hub = Hub::sqlite(&[("LONCENG_SERVER__OUTBOUND_QUEUE", "100000")]).await;
    let mut sockets = Vec::new();
    for _ in 0..6 {
        sockets.push(deaf(&hub, "u").await);
    }
    until("all are connected", PATIENCE, async || {
        (hub.metric("websocket_connections").await > 5.5).then_some(())
    })
    .await;
    let before = hub.resident_bytes();
    let pad = "x".repeat(230_000);
    for n in 0..120 {
        hub.publish(
            &json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "x", "n": n, "pad": pad }),
        )
        .await;
    }
    let grown = hub.resident_bytes().saturating_sub(before);
    assert!(grown < 120 << 20, "{} MiB more", grown >> 20);
    drop(sockets);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn long_names_are_refused_and_the_trace_keeps_none_of_them() {
    let hub = Hub::sqlite(&[]).await;
    let long = "X".repeat(200_000);
    let before = hub.resident_bytes();
    for field in ["type", "event_id", "source", "user_id"] {
        for _ in 0..50 {
            let mut event = json!({ "type": "NO_SUCH_TYPE", "user_id": "u" });
            event[field] = json!(long);
            let (status, body) = hub.post("/api/v1/events", &event).await;
            assert_eq!(status, 400, "{field}: {body:.200}");
            assert!(body.to_string().len() < 3_000, "{field}");
        }
    }
    assert!(hub.resident_bytes().saturating_sub(before) < 60 << 20);
}

#[tokio::test]
async fn unsafe_links_are_never_stored() {
    let hub = Hub::sqlite(&[]).await;
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/\\evil.example",
        "{link}script:x",
    ] {
        let mut kind = type_with("LINKED", "x");
        kind["action_url"] = json!(url);
        let (status, body) = hub.post("/api/v1/admin/types", &kind).await;
        assert!(
            status == 400
                && body["detail"].as_str().is_some_and(|text| text.contains("action_url")),
            "{url}: {body}"
        );
    }
    // The URL comes from the data of the event.
    let mut kind = type_with("LINKED", "x");
    kind["action_url"] = json!("/{path}");
    assert_eq!(hub.post("/api/v1/admin/types", &kind).await.0, 201);
    for path in ["/evil.example", "\\evil.example", "ok"] {
        hub.publish(&json!({ "type": "LINKED", "user_id": "u", "path": path })).await;
    }
    let links: Vec<Value> =
        hub.inbox("u").await.iter().map(|item| item["action_url"].clone()).collect();
    for link in links.iter().filter_map(Value::as_str) {
        assert!(!link.starts_with("//") && !link.contains('\\'), "{links:?}");
    }
    assert_eq!(links[0], "/ok");
}

#[tokio::test]
async fn acknowledged_fan_out_that_is_interrupted_continues() {
    let hub = Hub::sqlite(&[]).await;
    let people: Vec<String> =
        (0..900).map(|n| json!({ "user_id": format!("p{n:03}") }).to_string()).collect();
    let headers = [("content-type", "application/x-ndjson")];
    assert_eq!(
        hub.send("POST", "/api/v1/admin/directory/bulk", &headers, people.join("\n")).await.0,
        200
    );
    let kind =
        json!({ "code": "NEWS", "display_name": "News", "template": "x", "target_type": "ALL" });
    assert_eq!(hub.post("/api/v1/admin/types", &kind).await.0, 201);
    // The store refuses the recipients after the first chunks.
    let pool = sqlx::SqlitePool::connect(&hub.store_url).await.expect("it opens");
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON notifications WHEN NEW.user_id >= \
    'p600' BEGIN SELECT RAISE(ABORT, 'no'); END";
    sqlx::query(refuse).execute(&pool).await.expect("it is made");
    let (status, body) = hub.post("/api/v1/events", &json!({ "type": "NEWS" })).await;
    assert_eq!((status, body["results"][0]["notifications"].as_u64()), (202, Some(900)), "{body}");
    let all = "SELECT COUNT(*) FROM notifications";
    let count =
        async || -> i64 { sqlx::query_scalar(all).fetch_one(&pool).await.expect("it counts") };
    until("the first chunks are stored", PATIENCE, async || (count().await == 500).then_some(()))
        .await;
    sqlx::query("DROP TRIGGER refuse").execute(&pool).await.expect("it is dropped");
    until("the others are stored", PATIENCE, async || (count().await == 900).then_some(())).await;
    let twice = "SELECT COUNT(*) FROM (SELECT user_id FROM notifications GROUP BY user_id HAVING \
    COUNT(*) <> 1)";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(twice).fetch_one(&pool).await.expect("it counts"),
        0,
        "nobody has it twice"
    );
    pool.close().await;
}

#[tokio::test]
async fn requests_before_connected_are_answered_after_it() {
    use tokio::io::AsyncReadExt as _;
    let hub = Hub::sqlite(&[]).await;
    for _ in 0..60 {
        let mut socket = TcpStream::connect(("127.0.0.1", hub.port)).await.expect("it connects");
        let request = format!(
            "GET /ws?user_id=early HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: \
             Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            hub.port
        );
        // A `ping` message, masked with zeros (RFC 6455, section 5.3), in the same packet.
        let text = br#"{"type":"ping"}"#;
        let mut bytes = request.into_bytes();
        bytes.extend([0x81, 0x80 | u8::try_from(text.len()).expect("it is short"), 0, 0, 0, 0]);
        bytes.extend(text);
        socket.write_all(&bytes).await.expect("it is sent");
        let mut read = Vec::new();
        let pong = async {
            let mut buffer = [0; 4_096];
            while !String::from_utf8_lossy(&read).contains("pong") {
                let count = socket.read(&mut buffer).await.expect("it reads");
                assert!(count > 0, "the hub hung up");
                read.extend_from_slice(&buffer[..count]);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), pong).await.expect("it is answered");
        let text = String::from_utf8_lossy(&read);
        let (connected, pong) = (text.find("\"connected\""), text.find("\"pong\""));
        assert!(connected.is_some() && connected < pong, "{text}");
    }
}
