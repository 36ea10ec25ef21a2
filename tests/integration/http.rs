//! The HTTP interface, against the built hub.

use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};

fn note(user: &str, title: &str) -> Value {
    json!({ "type": "NOTE_CREATED", "user_id": user, "title": title })
}

#[tokio::test]
async fn every_shape_is_accepted_and_answers_its_ids() {
    let hub = Hub::sqlite(&[]).await;
    let flat = note("u", "a");
    let (status, body) = hub.post("/api/v1/events", &flat).await;
    assert_eq!((status, &body["accepted"]), (202, &json!(1)));
    assert!(body["ids"][0].as_str().is_some_and(|id| !id.is_empty()));
    let envelope =
        json!({"topic":"note.created","payload":{"id":"x","data":{"user_id":"u","title":"b"}}});
    assert_eq!(hub.post("/api/v1/events", &envelope).await.0, 202);
    let cloud = json!({"specversion":"1.0","id":"c1","source":"s","type":"NOTE_CREATED",
        "userid":"u","data":{"title":"c"}});
    let structured = [("content-type", "application/cloudevents+json")];
    let (status, body) = hub.send("POST", "/api/v1/events", &structured, cloud.to_string()).await;
    assert_eq!((status, &body["ids"]), (202, &json!(["c1"])));
    let mut second = cloud.clone();
    second["id"] = json!("c2");
    let batch = [("content-type", "application/cloudevents-batch+json")];
    let (status, body) =
        hub.send("POST", "/api/v1/events", &batch, json!([cloud, second]).to_string()).await;
    assert_eq!((status, &body["accepted"], &body["ids"]), (202, &json!(2), &json!(["c1", "c2"])));
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "c3"),
        ("ce-source", "s"),
        ("ce-type", "NOTE_CREATED"),
        ("ce-userid", "u"),
        ("content-type", "application/json"),
    ];
    assert_eq!(hub.send("POST", "/api/v1/events", &binary, r#"{"title":"d"}"#.into()).await.0, 202);
    let titles: Vec<Value> =
        hub.inbox("u").await.iter().map(|item| item["metadata"]["title"].clone()).collect();
    assert_eq!(
        titles,
        ["d", "c", "c", "b", "a"].map(Value::from),
        "c1 came twice and is there once, beside c2"
    );
}

#[tokio::test]
async fn invalid_event_is_rejected_at_once_and_nothing_is_stored() {
    let hub = Hub::sqlite(&[("LONCENG_SERVER__MAX_EVENT_BYTES", "1000")]).await;
    let large = json!({"type":"NOTE_CREATED","user_id":"u","title":"x".repeat(2_000)}).to_string();
    for (body, status, field) in [
        ("{", 400, Value::Null),
        ("", 400, Value::Null),
        (r#"{"user_id":"u"}"#, 400, json!("type")),
        (r#"{"type":"NOTE_CREATED","title":"x"}"#, 400, json!("user_id")),
        (r#"{"type":"NOTE_CREATED","user_id":"u"}"#, 400, json!("title")),
        (large.as_str(), 413, Value::Null),
    ] {
        let (got, problem) = hub.send("POST", "/api/v1/events", &[], body.to_owned()).await;
        assert_eq!(got, status, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(problem["errors"][0].get("index").is_none(), "one event has no index: {problem}");
    }
    let batch = json!([note("u", "good"), {"type":"NOTE_CREATED","user_id":"u"}]);
    let (status, problem) = hub.post("/api/v1/events", &batch).await;
    assert_eq!(
        (status, &problem["errors"][0]["index"], &problem["errors"][0]["field"]),
        (400, &json!(1), &json!("title"))
    );
    assert!(hub.inbox("u").await.is_empty(), "a batch is taken whole or not at all");
    let store = lonceng::store::Store::open(&hub.store_url).await.expect("it opens");
    assert!(store.dead_letters(1).await.expect("it lists").is_empty());
}

#[tokio::test]
async fn the_same_key_is_the_same_event() {
    let hub = Hub::sqlite(&[]).await;
    let key = [("idempotency-key", "k1")];
    for _ in 0..2 {
        let (status, body) =
            hub.send("POST", "/api/v1/events", &key, note("u", "a").to_string()).await;
        assert_eq!((status, &body["accepted"], &body["ids"]), (202, &json!(1), &json!(["k1"])));
    }
    assert_eq!(hub.inbox("u").await.len(), 1);
}

#[tokio::test]
async fn notify_keeps_the_older_format() {
    let hub = Hub::sqlite(&[]).await;
    let body = json!({"target":[{"id":1,"login":"alice"},{"id":"bob-2"}],"message":"Hi \
    <b>there</b>",
        "created_at":"2026-01-01T00:00:00Z","source":"order-service"});
    let (status, answer) = hub.post("/api/v1/notify", &body).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["results"][0]["target"], json!({"id":1,"login":"alice"}));
    assert_eq!(answer["results"][1]["target"], json!({"id":"bob-2","login":null}));
    let item = hub.inbox("1").await.remove(0);
    assert_eq!(item["notification_id"], answer["results"][0]["notification_id"]);
    assert_eq!(
        (&item["message"], &item["source"]),
        (&json!("Hi <b>there</b>"), &json!("order-service"))
    );
    assert_eq!(
        (&item["created_at"], &item["type_code"]),
        (&json!("2026-01-01T00:00:00Z"), &json!("MESSAGE"))
    );
    assert_eq!(item["stream_id"], "1767225600000-1");
    let full = json!({"target":[{"id":1}],"message":"m","title":"T","priority":"HIGH",
        "ttl_seconds":60,
        "metadata":{"a":1},"action_url":"/x"});
    assert_eq!(hub.post("/api/v1/notify", &full).await.0, 202);
    let item = hub.inbox("1").await.remove(0);
    assert_eq!(
        (&item["title"], &item["priority"], &item["metadata"], &item["action_url"]),
        (&json!("T"), &json!("HIGH"), &json!({"a":1}), &json!("/x"))
    );
    assert!(item["expires_at"].is_string());
    let (status, problem) = hub.post("/api/v1/notify", &json!({"target":[{"id":1}]})).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("message")));
    let (status, problem) =
        hub.post("/api/v1/notify", &json!({"target":[{"id":1}],"message":"m","type":"NOPE"})).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("type")));
    // A target that nobody knew is in the directory now.
    let store = lonceng::store::Store::open(&hub.store_url).await.expect("it opens");
    let known = store.users_with_role(None, "", 100).await.expect("it reads");
    assert!(
        known.iter().any(
            |person| person.user_id.as_str() == "1" && person.login.as_deref() == Some("alice")
        )
    );
}

#[tokio::test]
async fn lists_page_filter_and_catch_up() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        for n in 0..5 {
            hub.publish(&note("u", &n.to_string())).await;
        }
        let (_, page) = hub.get("/api/v1/notifications?user_id=u&limit=2").await;
        assert_eq!(page["items"][0]["metadata"]["title"], "4");
        assert_eq!((&page["unread"], &page["revision"]), (&json!(5), &json!(5)));
        let cursor = page["next_cursor"].as_str().expect("there is more").to_owned();
        let (_, next) =
            hub.get(&format!("/api/v1/notifications?user_id=u&limit=10&cursor={cursor}")).await;
        assert_eq!(
            (next["items"].as_array().map(Vec::len), &next["next_cursor"]),
            (Some(3), &Value::Null)
        );
        let id = page["items"][0]["notification_id"].as_str().expect("an id").to_owned();
        let path = format!("/api/v1/notifications/{id}");
        let (status, changed) = hub.post(&format!("{path}/read?user_id=u"), &Value::Null).await;
        assert_eq!(
            (status, &changed["status"], &changed["unread"]),
            (200, &json!("read"), &json!(4))
        );
        assert_eq!(
            hub.post(&format!("{path}/read?user_id=u"), &Value::Null).await.1["unread"],
            4,
            "again is harmless"
        );
        assert_eq!(
            hub.post(&format!("{path}/read?user_id=other"), &Value::Null).await.0,
            404,
            "not yours"
        );
        assert_eq!(hub.get(&format!("{path}?user_id=other")).await.0, 404);
        assert_eq!(hub.get(&format!("{path}?user_id=u")).await.1["read"], true);
        let (_, unread) = hub.get("/api/v1/notifications?user_id=u&status=unread").await;
        assert_eq!(unread["items"].as_array().map(Vec::len), Some(4));
        let (_, since) = hub.get("/api/v1/notifications?user_id=u&since=4").await;
        let later: Vec<i64> = since["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item["revision"].as_i64())
            .collect();
        assert_eq!(
            (later, &since["revision"]),
            (vec![6], &json!(6)),
            "the fifth changed again since"
        );
        let (_, all) =
            hub.get("/api/v1/notifications?user_id=u&since=2020-01-01T00:00:00Z&limit=3").await;
        assert_eq!(
            (all["items"].as_array().map(Vec::len), &all["next_cursor"]),
            (Some(3), &json!("3"))
        );
        let (_, more) = hub.get("/api/v1/notifications?user_id=u&since=0&limit=10&cursor=3").await;
        assert_eq!(
            (more["items"].as_array().map(Vec::len), &more["next_cursor"]),
            (Some(2), &Value::Null)
        );
        let (_, read) = hub.get("/api/v1/notifications?user_id=u&since=0&status=read").await;
        assert_eq!(read["items"].as_array().map(Vec::len), Some(1));
        let (_, reset) = hub.get("/api/v1/notifications?user_id=u&since=other.1").await;
        assert_eq!(reset["reset"], true);
        let (status, all) = hub
            .post("/api/v1/notifications/read-all?user_id=u", &json!({"up_to_revision":2}))
            .await;
        assert_eq!((status, &all["unread"], &all["marked"]), (200, &json!(2), &json!(2)));
        assert_eq!(
            hub.send("POST", "/api/v1/notifications/read-all?user_id=u", &[], String::new())
                .await
                .1["unread"],
            0
        );
        assert_eq!(
            hub.send("DELETE", &format!("{path}?user_id=u"), &[], String::new()).await.1["status"],
            "deleted"
        );
        assert_eq!(hub.get(&format!("{path}?user_id=u")).await.0, 404);
        assert_eq!(hub.get("/api/v1/notifications/unread-count?user_id=u").await.1["unread"], 0);
        for bad in ["limit=0", "limit=x", "status=gone", "cursor=x", "since=x"] {
            let (status, problem) =
                hub.get(&format!("/api/v1/notifications?user_id=u&{bad}")).await;
            assert_eq!(status, 400, "{bad}");
            let field = bad.split('=').next();
            assert_eq!(problem["errors"][0]["field"].as_str(), field);
        }
    }
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    let hub = Hub::sqlite(&[]).await;
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("PUT", "/api/v1/events", 405),
        ("GET", "/api/v1/notify", 405),
        ("GET", "/ws", 426),
        ("GET", "/api/v1/notifications", 401),
        ("GET", "/api/v1/notifications/not-a-uuid?user_id=u", 404),
        ("POST", "/api/v1/notifications/read-all?user_id=", 400),
    ] {
        let (got, problem) = hub.send(method, path, &[], String::new()).await;
        assert_eq!((got, &problem["status"]), (status, &json!(status)), "{method} {path}");
        for member in ["type", "title", "detail"] {
            assert!(problem[member].is_string(), "{method} {path}: {member}");
        }
    }
}

#[tokio::test]
async fn publishing_requires_the_scope_or_role() {
    let hub = Hub::sqlite(&[]).await;
    let event = note("u", "a").to_string();
    let send = async |path: &str, headers: &[(&str, &str)]| {
        hub.send("POST", path, headers, event.clone()).await.0
    };
    assert_eq!(send("/api/v1/events", &[]).await, 202, "a curl in a terminal");
    assert_eq!(send("/api/v1/events", &[("origin", "https://evil.example")]).await, 403);
    assert_eq!(
        send("/api/v1/events", &[("host", "evil.example")]).await,
        401,
        "a name made to point here"
    );
    let own = hub.base();
    assert_eq!(send("/api/v1/events", &[("origin", &own)]).await, 202, "the hub's own page");
    assert_eq!(
        send("/api/v1/events?user_id=u", &[]).await,
        403,
        "one who names a user has their rights only"
    );
    assert_eq!(send("/api/v1/events?user_id=a&role=admin", &[]).await, 202);
    // printf secret | sha256sum
    let keys = r#"[{name="shop",sha256="2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",scopes=["publish"]}]"#;
    let secret = "0123456789abcdef0123456789abcdef";
    let env = [
        ("LONCENG_AUTH__METHODS", "jwt"),
        ("LONCENG_AUTH__JWT_SECRET", secret),
        ("LONCENG_AUTH__API_KEYS", keys),
    ];
    let hub = Hub::sqlite(&env).await;
    let send = async |headers: &[(&str, &str)]| {
        hub.send("POST", "/api/v1/events", headers, event.clone()).await.0
    };
    assert_eq!(send(&[]).await, 401);
    assert_eq!(send(&[("x-api-key", "secret")]).await, 202);
    assert_eq!(send(&[("authorization", "Bearer secret")]).await, 202);
    assert_eq!(send(&[("x-api-key", "wrong")]).await, 401);
    let (status, _) =
        hub.send("GET", "/api/v1/notifications", &[("x-api-key", "secret")], String::new()).await;
    assert_eq!(status, 403, "a key has no inbox");
}

#[tokio::test]
async fn only_allowed_origins_may_use_the_api() {
    let page = "https://app.example.com";
    let secret = "0123456789abcdef0123456789abcdef";
    let env = [
        ("LONCENG_AUTH__METHODS", "jwt"),
        ("LONCENG_AUTH__JWT_SECRET", secret),
        ("LONCENG_SERVER__ALLOWED_ORIGINS", page),
    ];
    let hub = Hub::sqlite(&env).await;
    let send = async |method: reqwest::Method, origin: &str| {
        let request =
            reqwest::Client::new().request(method, format!("{}/api/v1/notifications", hub.base()));
        let request =
            request.header("origin", origin).header("access-control-request-method", "GET");
        let response = request.send().await.expect("it answers");
        let allowed = response
            .headers()
            .get("access-control-allow-origin")
            .map(|value| value.to_str().expect("text").to_owned());
        (response.status().as_u16(), allowed)
    };
    let allowed = Some(page.to_owned());
    assert_eq!(send(reqwest::Method::OPTIONS, page).await, (204, allowed.clone()));
    assert_eq!(send(reqwest::Method::GET, page).await, (401, allowed), "an error can be read too");
    assert_eq!(send(reqwest::Method::OPTIONS, "https://evil.example").await, (405, None));
    assert_eq!(send(reqwest::Method::GET, "https://evil.example").await, (401, None));
}

#[tokio::test]
async fn health_and_metrics_report_the_state() {
    let hub = Hub::sqlite(&[]).await;
    assert_eq!(hub.get("/health/live").await.0, 200);
    let (status, ready) = hub.get("/health/ready").await;
    assert_eq!(status, 200);
    for (part, word) in
        [("store", "ok"), ("nats", "off"), ("redis", "off"), ("actors", "ok"), ("config", "ok")]
    {
        assert_eq!(ready[part], word, "{ready}");
    }
    let (_, health) = hub.get("/health").await;
    assert_eq!((&health["status"], &health["service"]), (&json!("ok"), &json!("lonceng")));
    let mut client = hub.connect("u", "").await;
    client.expect("connected").await;
    hub.publish(&note("u", "a")).await;
    client.expect("notification.push").await;
    assert!((hub.metric("notifications_sent_total").await - 1.0).abs() < 0.1);
    assert!((hub.metric("websocket_connections").await - 1.0).abs() < 0.1);
    assert!(hub.metric("delivery_latency_ms_count").await > 0.5);
    assert!(hub.metric("lonceng_events_total{source=\"http\",outcome=\"accepted\"}").await > 0.5);
    assert!(hub.metric("lonceng_store_batch_rows_count").await > 0.5);
}

#[tokio::test]
async fn targets_and_the_directory() {
    let hub = Hub::sqlite(&[]).await;
    let upsert = json!({"type":"users.upserted","users":[
        {"user_id":"a1","login":"ani","roles":["admin"],"locale":"id"},{"user_id":"a2",
            "roles":["admin"]},{"user_id":"b"}]});
    hub.publish(&upsert).await;
    hub.publish(&json!({"type":"REFUND_REQUESTED","user_id":"b","amount":5000,"refund_id":"r1"}))
        .await;
    assert_eq!(hub.inbox("a1").await[0]["message"], "b meminta pengembalian dana sebesar Rp5.000");
    assert_eq!(hub.inbox("a2").await[0]["message"], "User b requested refund for Rp5.000");
    assert!(hub.inbox("b").await.is_empty());
    hub.publish(
        &json!({"type":"NOTE_SHARED","actor_id":"a1","recipient_ids":["b","b","c"],"title":"T"}),
    )
    .await;
    assert_eq!(hub.inbox("b").await[0]["message"], "ani shared note \"T\" with you");
    assert_eq!((hub.inbox("b").await.len(), hub.inbox("c").await.len()), (1, 1));
}

#[tokio::test]
async fn type_written_by_sql_takes_effect_within_seconds() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        let store = lonceng::store::Store::open(&hub.store_url).await.expect("it opens");
        let insert = "INSERT INTO notification_types (code, display_name, template, target_type) \
                      VALUES ('NOTE_PINNED', 'Pinned', 'Pinned: {title}', 'SELF')";
        store.execute_by_hand(insert).await.expect("plain SQL");
        let pinned = json!({"type":"NOTE_PINNED","user_id":"u","title":"T"});
        until("the new type counts", PATIENCE, async || {
            hub.publish(&pinned).await;
            (!hub.inbox("u").await.is_empty()).then_some(())
        })
        .await;
        store
            .execute_by_hand(
                "UPDATE notification_types SET is_active = false WHERE code = 'NOTE_CREATED'",
            )
            .await
            .expect("plain SQL");
        until("the switched-off one does not", PATIENCE, async || {
            let before = hub.inbox("v").await.len();
            hub.publish(&note("v", "x")).await;
            (hub.inbox("v").await.len() == before).then_some(())
        })
        .await;
        store.close().await;
    }
}

#[tokio::test]
async fn the_component_and_the_demo_come_from_the_hub_alone() {
    let hub = Hub::sqlite(&[]).await;
    for (path, kind) in
        [("/", "text/html"), ("/lonceng.js", "text/javascript"), ("/demo/demo.css", "text/css")]
    {
        let response = reqwest::get(format!("{}{path}", hub.base())).await.expect("it answers");
        assert_eq!(response.status(), 200, "{path}");
        let content_type = response.headers()["content-type"].to_str().expect("text").to_owned();
        assert!(content_type.starts_with(kind), "{path}: {content_type}");
        let text = response.text().await.expect("text");
        assert!(!text.contains("https://"), "{path} names another site");
    }
    let env = [
        ("LONCENG_AUTH__METHODS", "jwt"),
        ("LONCENG_AUTH__JWT_SECRET", "0123456789abcdef0123456789abcdef"),
    ];
    let hub = Hub::sqlite(&env).await;
    assert_eq!(hub.get("/").await.0, 404, "the demo is for dev sign-in only");
}
