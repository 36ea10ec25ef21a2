//! Bodies of requests: lists where an object is expected, merge patches, and uploads with an
//! invalid entry.

use serde_json::json;

use crate::support::hub::{Hub, On};

#[tokio::test]
async fn list_in_place_of_an_object_is_refused_and_changes_nothing() {
    let hub = Hub::sqlite(&[]).await;
    let muted = json!({ "muted_types": ["NOTE_CREATED"] });
    let path = "/api/v1/preferences?user_id=budi";
    assert_eq!(hub.send("PUT", path, &[], muted.to_string()).await.0, 200);
    for (method, path, body) in [
        ("PUT", path, "[]"),
        ("POST", "/api/v1/notify", r#"[[{"id":"budi"}],"message"]"#),
        ("POST", "/api/v1/admin/types", r#" ["ARR","x","y","SELF"]"#),
        ("POST", "/api/v1/admin/types/NOTE_CREATED/preview", "[{}]"),
    ] {
        let (status, answer) = hub.send(method, path, &[], body.to_owned()).await;
        assert_eq!(status, 400, "{path}: {answer}");
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("must be a JSON object"), "{path}: {answer}");
    }
    assert_eq!(hub.get(path).await.1["muted_types"], json!(["NOTE_CREATED"]));
}

#[tokio::test]
async fn list_in_place_of_an_object_within_a_body_is_refused() {
    let hub = Hub::sqlite(&[]).await;
    let kind = |member: &str| {
        format!(
            r#"{{"code":"ARR","display_name":"x","template":"y","target_type":"SELF",{member}}}"#
        )
    };
    for (method, path, body, field) in [
        (
            "POST",
            "/api/v1/notify",
            r#"{"target":[["budi","b"]],"message":"m"}"#.to_owned(),
            "target",
        ),
        ("POST", "/api/v1/admin/types", kind(r#""entity":["refund","refund_id"]"#), "entity"),
        ("POST", "/api/v1/admin/types", kind(r#""variants":[["a",1,"text"]]"#), "variants[0]"),
        ("POST", "/api/v1/admin/types", kind(r#""actions":[["Open","/x",true]]"#), "actions[0]"),
        (
            "POST",
            "/api/v1/admin/types",
            kind(r#""escalate":[["1h","seen",["email"]]]"#),
            "escalate[0]",
        ),
        (
            "PUT",
            "/api/v1/preferences?user_id=u",
            r#"{"quiet_hours":["22:00","07:00"]}"#.to_owned(),
            "quiet_hours",
        ),
    ] {
        let (status, answer) = hub.send(method, path, &[], body.clone()).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert_eq!(answer["errors"][0]["field"], field, "{body}: {answer}");
    }
    assert_eq!(hub.get("/api/v1/admin/types/ARR").await.0, 404);
}

#[tokio::test]
async fn patch_of_a_type_is_merged_into_its_objects() {
    let hub = Hub::sqlite(&[]).await;
    let kind = json!({
        "code": "PT", "display_name": "P", "template": "x", "target_type": "SELF",
        "entity": { "type": "refund", "id": "refund_id" },
    });
    assert_eq!(hub.post("/api/v1/admin/types", &kind).await.0, 201);
    let patch = json!({ "entity": { "type": "order" } }).to_string();
    let (status, answer) = hub.send("PATCH", "/api/v1/admin/types/PT", &[], patch).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["entity"], json!({ "type": "order", "id": "refund_id" }));
    let patch = json!({ "entity": null }).to_string();
    let (_, answer) = hub.send("PATCH", "/api/v1/admin/types/PT", &[], patch).await;
    assert!(answer["entity"].is_null(), "{answer}");
}

async fn entries_before_an_invalid_line_are_kept(on: On) {
    let Some(hub) = Hub::start(on, &[]).await else { return };
    let headers = [("content-type", "application/x-ndjson")];
    let lines =
        "{\"user_id\":\"b6\"}\n{\"user_id\":\"b7\"}\n{bad\n{\"user_id\":\"b8\"}\n".to_owned();
    let path = "/api/v1/admin/directory/bulk";
    let (status, answer) = hub.send("POST", path, &headers, lines).await;
    assert_eq!((status, &answer["upserted"]), (400, &json!(2)), "{answer}");
    assert_eq!(hub.get("/api/v1/admin/directory/b7").await.0, 200);
    assert_eq!(hub.get("/api/v1/admin/directory/b8").await.0, 404);
}

#[tokio::test]
async fn entries_before_an_invalid_line_are_kept_on_sqlite() {
    entries_before_an_invalid_line_are_kept(On::Sqlite).await;
}

#[tokio::test]
async fn entries_before_an_invalid_line_are_kept_on_postgresql() {
    entries_before_an_invalid_line_are_kept(On::Postgres).await;
}

#[tokio::test]
async fn key_of_a_request_has_visible_characters_only() {
    let hub = Hub::sqlite(&[]).await;
    let event = json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "x" }).to_string();
    let headers = [("idempotency-key", "a b")];
    let (status, answer) = hub.send("POST", "/api/v1/events", &headers, event).await;
    assert_eq!(status, 400, "{answer}");
    assert_eq!(hub.inbox("u").await.len(), 0);
}
