//! The HTTP interface, against the built hub.

use crate::support::hub::{Hub, On};
use serde_json::{Value, json};

pub(crate) fn note(user: &str, title: &str) -> Value {
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
    // A target that was unknown is in the directory now.
    let store = lonceng::store::Store::open(&hub.store_url).await.expect("it opens");
    let known = store.users_with_role(None, "", 100).await.expect("it reads");
    assert!(
        known.iter().any(
            |person| person.user_id.as_str() == "1" && person.login.as_deref() == Some("alice")
        )
    );
}

/// Hubs on both stores; the user `u` has five notifications, with the titles 0 to 4.
async fn hubs_with_five_notifications() -> Vec<Hub> {
    let mut hubs = Vec::new();
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        for n in 0..5 {
            hub.publish(&note("u", &n.to_string())).await;
        }
        hubs.push(hub);
    }
    hubs
}

/// Reads the list of the user `u`, and returns it with its number of notifications.
async fn list(hub: &Hub, query: &str) -> (usize, Value) {
    let (status, list) = hub.get(&format!("/api/v1/notifications?user_id=u&{query}")).await;
    assert_eq!(status, 200, "{query}: {list}");
    (list["items"].as_array().map_or(0, Vec::len), list)
}

#[tokio::test]
async fn list_is_read_in_pages_and_filtered() {
    for hub in hubs_with_five_notifications().await {
        let (count, page) = list(&hub, "limit=2").await;
        assert_eq!((count, &page["items"][0]["metadata"]["title"]), (2, &json!("4")));
        assert_eq!((&page["unread"], &page["revision"]), (&json!(5), &json!(5)));
        let cursor = page["next_cursor"].as_str().expect("there is more");
        let (count, page) = list(&hub, &format!("limit=10&cursor={cursor}")).await;
        assert_eq!((count, &page["next_cursor"]), (3, &Value::Null));

        let id = page["items"][0]["notification_id"].as_str().expect("an ID");
        hub.post(&format!("/api/v1/notifications/{id}/read?user_id=u"), &Value::Null).await;
        assert_eq!(list(&hub, "status=unread").await.0, 4);
        for query in ["limit=0", "limit=x", "status=gone", "cursor=x", "since=x"] {
            let path = format!("/api/v1/notifications?user_id=u&{query}");
            let (status, problem) = hub.get(&path).await;
            assert_eq!(status, 400, "{query}");
            assert_eq!(problem["errors"][0]["field"].as_str(), query.split('=').next());
        }
    }
}

#[tokio::test]
async fn changes_since_a_revision_or_a_time_are_listed_in_their_order() {
    for hub in hubs_with_five_notifications().await {
        let (_, page) = list(&hub, "limit=1").await;
        let id = page["items"][0]["notification_id"].as_str().expect("an ID");
        hub.post(&format!("/api/v1/notifications/{id}/read?user_id=u"), &Value::Null).await;

        let (count, since) = list(&hub, "since=4").await;
        assert_eq!((count, &since["items"][0]["revision"]), (1, &json!(6)), "it changed again");
        assert_eq!(since["revision"], 6);
        let (count, since) = list(&hub, "since=2020-01-01T00:00:00Z&limit=3").await;
        assert_eq!((count, &since["next_cursor"]), (3, &json!("3")));
        let (count, rest) = list(&hub, "since=0&limit=10&cursor=3").await;
        assert_eq!((count, &rest["next_cursor"]), (2, &Value::Null));
        assert_eq!(list(&hub, "since=0&status=read").await.0, 1);
        assert_eq!(list(&hub, "since=other.1").await.1["reset"], true, "another epoch");
        // A later page of another history is none of this one.
        for query in ["since=other.0&cursor=3", "since=0&cursor=7"] {
            let (count, page) = list(&hub, query).await;
            assert_eq!((count, &page["reset"]), (5, &json!(true)), "{query}: {page}");
        }
    }
}

#[tokio::test]
async fn late_notification_with_an_earlier_time_is_among_the_changes_since_a_time() {
    for hub in hubs_with_five_notifications().await {
        let (_, page) = list(&hub, "limit=1").await;
        let since = format!("since={}", page["items"][0]["created_at"].as_str().expect("a time"));
        assert_eq!(list(&hub, &since).await.0, 0, "nothing has changed since the newest");
        let late = json!({ "target": [{ "id": "u" }], "message": "late",
            "created_at": "2020-01-01T00:00:00Z" });
        assert_eq!(hub.post("/api/v1/notify", &late).await.0, 202);
        let (count, changes) = list(&hub, &since).await;
        assert_eq!((count, &changes["items"][0]["message"]), (1, &json!("late")));
        assert_eq!(changes["items"][0]["created_at"], "2020-01-01T00:00:00Z");
        assert_eq!(list(&hub, "since=2021-01-01T00:00:00Z").await.0, 6, "all have changed since");
    }
}

#[tokio::test]
async fn notification_is_marked_and_deleted_by_its_user_only() {
    for hub in hubs_with_five_notifications().await {
        let (_, page) = list(&hub, "limit=1").await;
        let id = page["items"][0]["notification_id"].as_str().expect("an ID");
        let path = format!("/api/v1/notifications/{id}");
        let read =
            async |user: &str| hub.post(&format!("{path}/read?user_id={user}"), &Value::Null).await;
        let (status, changed) = read("u").await;
        assert_eq!((status, &changed["status"]), (200, &json!("read")));
        assert_eq!(changed["unread"], 4);
        assert_eq!(read("u").await.1["unread"], 4, "a second time changes nothing");
        assert_eq!(read("other").await.0, 404);
        assert_eq!(hub.get(&format!("{path}?user_id=other")).await.0, 404);
        assert_eq!(hub.get(&format!("{path}?user_id=u")).await.1["read"], true);

        let read_all = "/api/v1/notifications/read-all?user_id=u";
        let (status, all) = hub.post(read_all, &json!({ "up_to_revision": 2 })).await;
        assert_eq!((status, &all["unread"], &all["marked"]), (200, &json!(2), &json!(2)));
        let (_, all) = hub.send("POST", read_all, &[], String::new()).await;
        assert_eq!(all["unread"], 0);

        let own = format!("{path}?user_id=u");
        assert_eq!(hub.send("DELETE", &own, &[], String::new()).await.1["status"], "deleted");
        assert_eq!(hub.get(&own).await.0, 404);
        let (_, count) = hub.get("/api/v1/notifications/unread-count?user_id=u").await;
        assert_eq!(count["unread"], 0);
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
