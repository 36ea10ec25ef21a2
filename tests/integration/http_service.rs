//! HTTP: access of pages, health, directory and files.

use crate::http::note;
use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};
use serde_json::json;

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
    let keys = concat!(
        r#"[{name="shop",scopes=["publish"],"#,
        r#"sha256="2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]"#
    );
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
    for (path, kind) in [
        ("/", "text/html"),
        ("/lonceng.js", "text/javascript"),
        ("/lonceng-inbox.js", "text/javascript"),
        ("/demo/demo.css", "text/css"),
    ] {
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
