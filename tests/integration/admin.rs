//! Operations of administrators, against the built hub.

use crate::support::{
    hub::{Hub, On},
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};

pub(crate) async fn on_both(env: &[(&str, &str)], test: impl AsyncFn(Hub)) {
    for on in [On::Sqlite, On::Postgres] {
        if let Some(hub) = Hub::start(on, env).await {
            test(hub).await;
        }
    }
}

const TYPES: &str = "/api/v1/admin/types";

pub(crate) async fn ask(hub: &Hub, method: &str, path: &str, body: Value) -> (u16, Value) {
    hub.send(method, path, &[], body.to_string()).await
}

/// Request body of a type that a test creates.
fn order_shipped() -> Value {
    json!({
        "code": "ORDER_SHIPPED", "display_name": "On its way",
        "template": "Order {order_id} is on its way", "target_type": "self",
        "action_url": "/orders/{order_id}",
    })
}

const ORDER_SHIPPED: &str = "/api/v1/admin/types/ORDER_SHIPPED";

#[tokio::test]
async fn created_type_is_used_at_once() {
    on_both(&[], async |hub| {
        let (status, created) = ask(&hub, "POST", TYPES, order_shipped()).await;
        assert_eq!(status, 201, "{created}");
        for (name, value) in [
            ("code", json!("ORDER_SHIPPED")),
            ("target_type", json!("SELF")),
            ("priority", json!("MEDIUM")),
            ("channels", json!(["web"])),
            ("is_active", json!(true)),
            ("origin", json!("admin")),
            ("ttl_seconds", Value::Null),
            ("file", Value::Null),
            ("changed_by", json!("developer")),
            ("problem", Value::Null),
        ] {
            assert_eq!(created[name], value, "{name}");
        }
        assert_eq!(ask(&hub, "POST", TYPES, order_shipped()).await.0, 409);
        hub.publish(&json!({ "type": "order.shipped", "user_id": "u", "order_id": 7 })).await;
        let inbox = hub.inbox("u").await;
        assert_eq!(inbox[0]["message"], "Order 7 is on its way");
        assert_eq!(inbox[0]["action_url"], "/orders/7");
    })
    .await;
}

#[tokio::test]
async fn lists_have_pages_and_are_whole_without_a_limit() {
    let hub = Hub::sqlite(&[]).await;
    let mut clients = Vec::new();
    for user in ["u1", "u2", "u3"] {
        let mut client = hub.connect(user, "").await;
        client.expect("connected").await;
        clients.push(client);
    }
    for (path, member) in [
        ("/api/v1/admin/types", "types"),
        ("/api/v1/admin/clients", "connected_clients"),
        ("/api/v1/admin/users", "available_users"),
    ] {
        let (_, whole) = hub.get(path).await;
        let all = whole[member].as_array().expect("a list").clone();
        assert!(all.len() >= 3 && whole["next_cursor"].is_null(), "{whole}");
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let (status, page) = hub.get(&format!("{path}?limit=2{cursor}")).await;
            let items = page[member].as_array().expect("a list").clone();
            assert!(status == 200 && items.len() <= 2, "{page}");
            assert_eq!(page["total_count"], json!(all.len()), "{page}");
            found.extend(items);
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, all, "{path}");
        for limit in ["0", "1001", "x"] {
            assert_eq!(hub.get(&format!("{path}?limit={limit}")).await.0, 400, "{path} {limit}");
        }
    }
    let (_, of_user) = hub.get("/api/v1/admin/clients?user=u2&limit=2").await;
    let found = &of_user["connected_clients"];
    assert_eq!((&of_user["total_count"], &found[0]["user_id"]), (&json!(1), &json!("u2")));
    assert_eq!(hub.get("/api/v1/admin/clients?user=%01").await.0, 400);
    let (status, jobs) = hub.get("/api/v1/admin/jobs?limit=1").await;
    assert_eq!((status, &jobs["jobs"], &jobs["next_cursor"]), (200, &json!([]), &Value::Null));
    assert_eq!(hub.get("/api/v1/admin/jobs?limit=0").await.0, 400);
}

#[tokio::test]
async fn preview_renders_drafts_and_stores_nothing() {
    on_both(&[], async |hub| {
        ask(&hub, "POST", TYPES, order_shipped()).await;
        let preview =
            async |body: Value| ask(&hub, "POST", &format!("{ORDER_SHIPPED}/preview"), body).await;

        let rendered = json!({
            "title": "On its way", "message": "Order x is on its way", "action_url": "/orders/x",
            "category": null, "icon": null, "actions": [],
        });
        assert_eq!(preview(json!({ "data": { "orderId": "x" } })).await, (200, rendered));
        let draft = json!({
            "data": { "order_id": 1 }, "type": { "template": "{order_id|currency(\"IDR\")}" },
        });
        assert_eq!(preview(draft).await.1["message"], "Rp1");
        let (status, problem) = preview(json!({ "data": {} })).await;
        assert_eq!(status, 400);
        assert_eq!(problem["errors"][0]["field"], "order_id", "{problem}");

        assert_eq!(hub.inbox("u").await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn invalid_change_of_a_type_names_its_field_and_changes_nothing() {
    on_both(&[], async |hub| {
        let (_, before) = ask(&hub, "POST", TYPES, order_shipped()).await;
        for (change, field) in [
            (json!({ "template": "{" }), "template"),
            (json!({ "target_type": "NOBODY" }), "target_type"),
            (json!({ "target_type": "ROLE" }), "target_type"),
            (json!({ "priority": "URGENT" }), "priority"),
            (json!({ "ttl_seconds": 0 }), "ttl_seconds"),
            (json!({ "mandatory": true }), "mandatory"),
            (json!({ "colour": "red" }), "colour"),
            (json!({ "code": "OTHER" }), "code"),
        ] {
            let (status, problem) = ask(&hub, "PATCH", ORDER_SHIPPED, change.clone()).await;
            assert_eq!(status, 400, "{change}: {problem}");
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert!(detail.contains(field), "{change}: {problem}");
        }
        assert_eq!(hub.get(ORDER_SHIPPED).await.1, before);
    })
    .await;
}

#[tokio::test]
async fn changes_of_a_type_are_conditional_and_audited() {
    on_both(&[], async |hub| {
        ask(&hub, "POST", TYPES, order_shipped()).await;
        let (_, tag, read) = hub.answer("GET", ORDER_SHIPPED, &[], "", "etag").await;
        let tag = tag.expect("the response has an ETag");
        let unchanged = [("if-match", tag.as_str())];

        // Two administrators save: the second is refused.
        let off = json!({ "is_active": false }).to_string();
        let (status, changed) = hub.send("PATCH", ORDER_SHIPPED, &unchanged, off).await;
        assert_eq!((status, &changed["is_active"]), (200, &json!(false)), "{changed}");
        let (status, problem) = hub.send("PUT", ORDER_SHIPPED, &unchanged, read.to_string()).await;
        assert_eq!(status, 412, "{problem}");
        hub.publish(&json!({ "type": "order.shipped", "user_id": "u", "order_id": 8 })).await;
        assert_eq!(hub.inbox("u").await.len(), 0, "the type is off");

        // What was read can be written back.
        let (status, whole) = ask(&hub, "PUT", ORDER_SHIPPED, read).await;
        assert_eq!((status, &whole["is_active"]), (200, &json!(true)), "{whole}");
        assert_eq!(hub.send("DELETE", ORDER_SHIPPED, &[], String::new()).await.0, 204);
        assert_eq!(hub.get(ORDER_SHIPPED).await.0, 404);

        let (_, audit) = hub.get("/api/v1/admin/audit?subject=type:ORDER_SHIPPED").await;
        let entries = audit["entries"].as_array().expect("a list of entries");
        let actions: Vec<&str> =
            entries.iter().filter_map(|entry| entry["action"].as_str()).collect();
        assert_eq!(actions, ["type.deleted", "type.changed", "type.changed", "type.created"]);
        assert_eq!(entries[2]["before"]["is_active"], true);
        assert_eq!(entries[2]["after"]["is_active"], false);

        // Parts of the subject, the action and the name, and times.
        for (filter, found) in [
            ("q=der_shipp", 4),
            ("q=TYPE.CHANGED", 2),
            ("who=Devel", 4),
            ("who=nobody", 0),
            ("from=2026-01-01T00:00:00Z&q=order", 4),
            ("to=2020-01-01T00:00:00Z", 0),
        ] {
            let (_, audit) = hub.get(&format!("/api/v1/admin/audit?{filter}")).await;
            assert_eq!(audit["entries"].as_array().map(Vec::len), Some(found), "{filter}");
        }
        assert_eq!(hub.get("/api/v1/admin/audit?from=soon").await.0, 400);
    })
    .await;
}

#[tokio::test]
async fn preview_of_an_event_for_administrators_has_the_user_of_the_event() {
    let hub = Hub::sqlite(&[]).await;
    let chief = json!({ "roles": ["admin"] });
    assert_eq!(ask(&hub, "PUT", "/api/v1/admin/directory/chief", chief).await.0, 200);
    hub.publish(&json!({ "type": "REFUND_REQUESTED", "event_id": "r-1", "user_id": "budi",
        "refund_id": "r", "amount": 5 }))
        .await;
    let path = format!("{TYPES}/REFUND_REQUESTED/preview");
    let (status, rendered) = ask(&hub, "POST", &path, json!({ "event": "r-1" })).await;
    assert_eq!((status, &rendered["data"]["user_id"]), (200, &json!("budi")), "{rendered}");
    let sent = hub.inbox("chief").await[0]["message"].clone();
    assert_eq!(rendered["message"], sent, "the text that was sent");
}

#[tokio::test]
async fn override_stays_until_it_is_reverted() {
    let mut hub = Hub::sqlite(&[]).await;
    let path = format!("{TYPES}/NOTE_CREATED");
    assert_eq!(hub.get(&path).await.1["file"], "same");
    let (status, changed) =
        ask(&hub, "PATCH", &path, json!({ "template": "Another note: {title}" })).await;
    assert_eq!(
        (status, &changed["origin"], &changed["file"]),
        (200, &json!("admin"), &json!("differs"))
    );
    let (status, problem) = hub.send("DELETE", &path, &[], String::new()).await;
    assert_eq!(status, 409, "{problem}");
    hub.kill();
    hub.run().await;
    assert_eq!(hub.get(&path).await.1["template"], "Another note: {title}");
    let (status, back) = hub.send("DELETE", &format!("{path}/override"), &[], String::new()).await;
    assert_eq!(
        (status, &back["origin"], &back["file"]),
        (200, &json!("config"), &json!("same")),
        "{back}"
    );
    assert_eq!(back["template"], "You created a note: \"{title}\"");
    let (_, list) = hub.get(TYPES).await;
    assert_eq!(list["total_count"], 9);
    let (status, config) = hub.get("/api/v1/admin/config").await;
    assert_eq!(
        (status, &config["last_error"], &config["restart_needed"]),
        (200, &Value::Null, &json!([]))
    );
    assert!(config["file"].as_str().is_some_and(|file| file.ends_with("config.toml")), "{config}");
}

#[tokio::test]
async fn override_that_equals_the_file_is_none() {
    on_both(&[], async |hub| {
        let path = format!("{TYPES}/NOTE_DELETED");
        let switch = async |is_active: bool| {
            ask(&hub, "PATCH", &path, json!({ "is_active": is_active })).await.1
        };
        assert_eq!(switch(false).await["origin"], "admin");
        let on = switch(true).await;
        assert_eq!((&on["origin"], &on["file"]), (&json!("config"), &json!("same")), "{on}");
        let (_, whole) = hub.get(&path).await;
        assert_eq!(ask(&hub, "PUT", &path, whole).await.1["origin"], "config");
    })
    .await;
}

#[tokio::test]
async fn code_with_white_space_is_refused_with_the_code_to_write() {
    on_both(&[], async |hub| {
        let mut kind = order_shipped();
        kind["code"] = json!("invoice paid");
        let put = format!("{TYPES}/invoice%20paid");
        for (method, path) in [("POST", TYPES), ("PUT", &put)] {
            let (status, problem) = ask(&hub, method, path, kind.clone()).await;
            let error = &problem["errors"][0];
            assert_eq!((status, &error["field"]), (400, &json!("code")), "{problem}");
            assert_eq!(error["params"]["code"], "\"INVOICE_PAID\"", "{problem}");
        }
    })
    .await;
}

#[tokio::test]
async fn dead_letter_is_found_fixed_by_a_type_change_and_replayed_once() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let url = nats.url();
    on_both(&[("LONCENG_NATS__URL", &url)], async |hub| {
        until("the hub has joined NATS", PATIENCE, async || {
            (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
        })
        .await;
        let context = nats.jetstream().await;
        for payload in [&b"{\"user_id\":\"u\",\"heading\":\"no title\"}"[..], b"not json"] {
            context
                .publish("events.note.created", payload.into())
                .await
                .expect("sent")
                .await
                .expect("kept");
        }
        let path = "/api/v1/admin/dead-letters";
        let letters = until("both are dead letters", PATIENCE, async || {
            let (_, list) = hub.get(path).await;
            (list["total_count"] == 2).then_some(list)
        })
        .await;
        assert_eq!(letters["dead_letters"].as_array().map(Vec::len), Some(2));
        let (_, template) = hub.get(&format!("{path}?kind=template")).await;
        let letter = &template["dead_letters"][0];
        assert_eq!(
            (&letter["field"], &letter["subject"]),
            (&json!("title"), &json!("events.note.created"))
        );
        assert_eq!(letter["type_code"], "NOTE_CREATED");
        let reason = letter["reason"].to_string();
        assert!(reason.contains("(message, default language, config.toml)"), "{reason}");
        assert_eq!(
            hub.get(&format!("{path}?q=NOT+JSON")).await.1["dead_letters"].as_array().map(Vec::len),
            Some(1)
        );
        let one = format!("{path}/{}", letter["id"].as_str().expect("an id"));
        assert_eq!(hub.get(&one).await.1["payload"], letter["payload"]);
        // The type is unchanged: the replay fails, and the dead letter stays.
        let (status, problem) =
            hub.send("POST", &format!("{one}/replay"), &[], String::new()).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("title")));
        ask(&hub, "PATCH", &format!("{TYPES}/NOTE_CREATED"), json!({ "template": "{heading}" }))
            .await;
        let (status, done) = hub.send("POST", &format!("{one}/replay"), &[], String::new()).await;
        assert_eq!((status, &done["outcome"]), (200, &json!("accepted")), "{done}");
        assert_eq!(hub.inbox("u").await[0]["message"], "no title");
        assert_eq!(hub.send("POST", &format!("{one}/replay"), &[], String::new()).await.0, 404);
        let (_, rest) = hub.get(path).await;
        let other = format!("{path}/{}", rest["dead_letters"][0]["id"].as_str().expect("an id"));
        assert_eq!(hub.send("DELETE", &other, &[], String::new()).await.0, 204);
        assert_eq!(hub.get(path).await.1["total_count"], 0);
        let (_, numbers) = hub.get("/api/v1/admin/stats").await;
        assert_eq!((&numbers["dead_letters"], &numbers["types"]), (&json!(0), &json!(9)));
        assert!(
            numbers["totals"]["notifications"].as_f64().is_some_and(|count| count >= 1.0),
            "{numbers}"
        );
    })
    .await;
}
