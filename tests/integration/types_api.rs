//! Changes of types at the same time, and types that are refused.

use serde_json::{Value, json};

use crate::{inbox::on_both, support::hub::Hub};

const TYPES: &str = "/api/v1/admin/types";

const ORDER_SHIPPED: &str = "/api/v1/admin/types/ORDER_SHIPPED";

async fn ask(hub: &Hub, method: &str, path: &str, body: Value) -> (u16, Value) {
    hub.send(method, path, &[], body.to_string()).await
}

/// Request body of a type that a test creates.
fn order_shipped() -> Value {
    json!({
        "code": "ORDER_SHIPPED", "display_name": "On its way",
        "template": "Order {order_id} is on its way", "target_type": "SELF",
    })
}

#[tokio::test]
async fn simultaneous_patches_of_different_fields_are_all_kept() {
    on_both(&[], async |hub| {
        assert_eq!(ask(&hub, "POST", TYPES, order_shipped()).await.0, 201);
        let patches = [
            json!({ "display_name": "New" }),
            json!({ "template": "Other" }),
            json!({ "priority": "HIGH" }),
            json!({ "ttl_seconds": 77 }),
            json!({ "category": "Orders" }),
            json!({ "icon": "/order.svg" }),
            json!({ "keep_days": 5 }),
            json!({ "action_url": "/other" }),
        ];
        let patch = async |patch: &Value| ask(&hub, "PATCH", ORDER_SHIPPED, patch.clone()).await;
        let answers = futures_util::future::join_all(patches.iter().map(patch)).await;
        for (status, answer) in &answers {
            assert_eq!(*status, 200, "{answer}");
        }
        let (_, now) = hub.get(ORDER_SHIPPED).await;
        for (name, value) in patches.iter().filter_map(Value::as_object).flatten() {
            assert_eq!(&now[name], value, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn type_that_could_not_work_is_refused_with_its_field() {
    let hub = Hub::sqlite(&[]).await;
    for (name, value) in [
        ("channels", json!(["web", "email", "web"])),
        ("channels", json!(["web", "webhook:nope"])),
        ("ttl_seconds", json!(i64::MAX)),
        ("keep_days", json!(i64::MAX)),
        ("group_by", json!(".")),
        ("action_url", json!("https://")),
    ] {
        let mut body = order_shipped();
        body[name] = value;
        let (status, problem) = ask(&hub, "POST", TYPES, body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(name)), "{problem}");
    }
    let steps = json!([{ "after": "1m", "unless": "seen", "channels": ["webhook:nope"] }]);
    let mut body = order_shipped();
    body["escalate"] = steps;
    let (status, problem) = ask(&hub, "POST", TYPES, body).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("escalate")), "{problem}");
    // What is missing within a list is named with its place.
    let mut body = order_shipped();
    body["actions"] = json!([{ "label": "a" }]);
    let (_, problem) = ask(&hub, "POST", TYPES, body).await;
    assert_eq!(problem["errors"][0]["field"], "actions[0].url", "{problem}");
}
