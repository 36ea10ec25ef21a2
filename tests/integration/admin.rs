//! What administrators do over HTTP, against the built hub.

use std::fmt::Write as _;

use crate::support::{
    hub::{Hub, On},
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};

async fn on_both(env: &[(&str, &str)], test: impl AsyncFn(Hub)) {
    for on in [On::Sqlite, On::Postgres] {
        if let Some(hub) = Hub::start(on, env).await {
            test(hub).await;
        }
    }
}

const TYPES: &str = "/api/v1/admin/types";

async fn ask(hub: &Hub, method: &str, path: &str, body: Value) -> (u16, Value) {
    hub.send(method, path, &[], body.to_string()).await
}

#[tokio::test]
async fn type_is_created_changed_previewed_used_and_deleted_at_run_time() {
    on_both(&[], async |hub| {
        let kind = json!({ "code": "ORDER_SHIPPED", "display_name": "On its \
        way", "template": "Order {order_id} is on its way",
            "target_type": "self", "action_url": "/orders/{order_id}" });
        let (status, made) = ask(&hub, "POST", TYPES, kind.clone()).await;
        assert_eq!(status, 201, "{made}");
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
            assert_eq!(made[name], value, "{name}");
        }
        assert_eq!(ask(&hub, "POST", TYPES, kind).await.0, 409);
        // It works at once.
        hub.publish(&json!({ "type": "order.shipped", "user_id": "u", "order_id": 7 })).await;
        let inbox = hub.inbox("u").await;
        assert_eq!(
            (&inbox[0]["message"], &inbox[0]["action_url"]),
            (
                &json!(
                    "Order 7 is on its \
        way"
                ),
                &json!("/orders/7")
            )
        );
        // A preview stores nothing.
        let path = format!("{TYPES}/ORDER_SHIPPED");
        let (status, seen) = ask(
            &hub,
            "POST",
            &format!("{path}/preview"),
            json!({ "data": {
            "orderId": "x" } }),
        )
        .await;
        assert_eq!(
            (status, seen),
            (
                200,
                json!({ "title": "On its way", "message": "Order x is \
        on its way", "action_url": "/orders/x" })
            )
        );
        let draft = json!({ "data": { "order_id": 1 }, "type": {
            "template": "{order_id|currency(\"IDR\")}" } });
        assert_eq!(ask(&hub, "POST", &format!("{path}/preview"), draft).await.1["message"], "Rp1");
        let (status, problem) = ask(
            &hub,
            "POST",
            &format!("{path}/preview"),
            json!({
            "data": {} }),
        )
        .await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (400, &json!("order_id")),
            "{problem}"
        );
        assert_eq!(hub.inbox("u").await.len(), 1);
        // What is wrong is named, and nothing is changed.
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
            let (status, problem) = ask(&hub, "PATCH", &path, change.clone()).await;
            assert_eq!(status, 400, "{change}: {problem}");
            assert!(
                problem["detail"].as_str().is_some_and(|detail| detail.contains(field)),
                "{change}: {problem}"
            );
        }
        // Two save at once: the second is told.
        let (_, tag, whole) = hub.answer("GET", &path, &[], "", "etag").await;
        let tag = tag.expect("it has one");
        let (status, changed) = hub
            .send(
                "PATCH",
                &path,
                &[("if-match", &tag)],
                json!({
                "is_active": false })
                .to_string(),
            )
            .await;
        assert_eq!((status, &changed["is_active"]), (200, &json!(false)), "{changed}");
        let (status, problem) =
            hub.send("PUT", &path, &[("if-match", &tag)], whole.to_string()).await;
        assert_eq!(status, 412, "{problem}");
        hub.publish(&json!({ "type": "order.shipped", "user_id": "u", "order_id": 8 })).await;
        assert_eq!(hub.inbox("u").await.len(), 1, "it is switched off");
        // What was read can be written back.
        let (status, whole) = ask(&hub, "PUT", &path, whole).await;
        assert_eq!((status, &whole["is_active"]), (200, &json!(true)), "{whole}");
        assert_eq!(hub.send("DELETE", &path, &[], String::new()).await.0, 204);
        assert_eq!(hub.get(&path).await.0, 404);
        let (_, audit) = hub.get("/api/v1/admin/audit?subject=type:ORDER_SHIPPED").await;
        let actions: Vec<&str> = audit["entries"]
            .as_array()
            .expect(
                "a \
            list",
            )
            .iter()
            .filter_map(|entry| entry["action"].as_str())
            .collect();
        assert_eq!(actions, ["type.deleted", "type.changed", "type.changed", "type.created"]);
        assert_eq!(audit["entries"][2]["before"]["is_active"], true);
        assert_eq!(audit["entries"][2]["after"]["is_active"], false);
    })
    .await;
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
async fn the_directory_is_read_written_and_filled() {
    on_both(&[], async |hub| {
        let path = "/api/v1/admin/directory";
        let budi = json!({ "login": "budi", "name": "Budi", "roles": ["moderator"],
            "locale": "id", "timezone": "Asia/Jakarta" });
        let (status, put) = ask(&hub, "PUT", &format!("{path}/7"), budi).await;
        assert_eq!(
            (status, &put["user_id"], &put["email"]),
            (200, &json!("7"), &Value::Null),
            "{put}"
        );
        // PUT is all of it.
        let (_, put) = ask(
            &hub,
            "PUT",
            &format!("{path}/7"),
            json!({ "user_id": "7",
            "login": "b" }),
        )
        .await;
        assert_eq!(
            (&put["login"], &put["name"], &put["roles"]),
            (&json!("b"), &Value::Null, &json!([]))
        );
        assert_eq!(hub.get(&format!("{path}/7")).await.1, put);
        for (body, field) in [
            (json!({ "user_id": "8" }), "user_id"),
            (json!({ "timezone": "Mars/Base" }), "timezone"),
            (json!({ "roles": [7] }), "roles"),
            (json!({ "shoe_size": 44 }), "shoe_size"),
        ] {
            let (status, problem) = ask(&hub, "PUT", &format!("{path}/7"), body).await;
            assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
        }
        let (status, done) = ask(
            &hub,
            "POST",
            &format!("{path}/bulk"),
            json!({ "users": [{ "user_id": 1, "login": "ani", "role": "admin" }, {
                "user_id": "7", "name": "B" }] }),
        )
        .await;
        assert_eq!((status, done), (200, json!({ "upserted": 2 })));
        // Bulk adds to what is known.
        let (_, seven) = hub.get(&format!("{path}/7")).await;
        assert_eq!((&seven["login"], &seven["name"]), (&json!("b"), &json!("B")));
        let mut lines = String::new();
        for n in 0..1_200 {
            let _ = writeln!(
                lines,
                "{}",
                json!({ "user_id": format!("n{n:04}"),
                "login": format!("Login{n}") })
            );
        }
        let ndjson = [("content-type", "application/x-ndjson")];
        let (status, done) =
            hub.send("POST", &format!("{path}/bulk"), &ndjson, lines.clone()).await;
        assert_eq!((status, done), (200, json!({ "upserted": 1_200 })));
        let (_, page) = hub.get(&format!("{path}?q=login119&limit=5")).await;
        assert_eq!(
            (page["users"].as_array().map(Vec::len), &page["total_count"]),
            (Some(5), &json!(1_202))
        );
        let next = page["next_cursor"].as_str().expect("there is more");
        let (_, rest) = hub.get(&format!("{path}?q=login119&limit=50&cursor={next}")).await;
        assert_eq!(
            (rest["users"].as_array().map(Vec::len), &rest["next_cursor"]),
            (Some(6), &Value::Null)
        );
        // A wrong line is named, and says how far it came.
        lines.push_str("{\"user_id\":\"z\",\"email\":7}\n");
        let (status, problem) = hub.send("POST", &format!("{path}/bulk"), &ndjson, lines).await;
        assert_eq!((status, &problem["upserted"]), (400, &json!(1_000)), "{problem}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.starts_with("line 1201: ")),
            "{problem}"
        );
        // Lines without a word about it, and an object over several, are told apart.
        let some = "{\"user_id\":\"l1\"}\n{\"user_id\":\"l2\"}".to_owned();
        assert_eq!(
            hub.send("POST", &format!("{path}/bulk"), &[], some).await.1,
            json!({
            "upserted": 2 })
        );
        let pretty = "{\n\"users\":\n[{\"user_id\":\"l3\"}]\n}\n".to_owned();
        assert_eq!(
            hub.send("POST", &format!("{path}/bulk"), &[], pretty).await.1,
            json!({
            "upserted": 1 })
        );
        let (_, removed) = hub.get("/api/v1/admin/audit?subject=user:7").await;
        assert_eq!(removed["entries"].as_array().map(Vec::len), Some(2), "{removed}");
        let (status, problem) = ask(
            &hub,
            "PUT",
            &format!("{path}/8"),
            json!({
            "time_zone": "Asia/Jakarta" }),
        )
        .await;
        assert_eq!(status, 400, "what would be lost is refused: {problem}");
        let (status, _) =
            hub.send("POST", &format!("{path}/bulk"), &[], "nonsense".to_owned()).await;
        assert_eq!(status, 400);
        assert_eq!(hub.send("DELETE", &format!("{path}/7"), &[], String::new()).await.0, 204);
        assert_eq!(hub.get(&format!("{path}/7")).await.0, 404);
        // Who became an administrator there receives what targets ADMIN.
        hub.publish(&json!({ "type": "REFUND_REQUESTED", "user_id": "7", "amount": 5,
            "refund_id": 1 }))
            .await;
        assert_eq!(hub.inbox("1").await.len(), 1);
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
        assert_eq!(
            hub.get(&format!("{path}?q=NOT+JSON")).await.1["dead_letters"].as_array().map(Vec::len),
            Some(1)
        );
        let one = format!("{path}/{}", letter["id"].as_str().expect("an id"));
        assert_eq!(hub.get(&one).await.1["payload"], letter["payload"]);
        // Still bad: it says why, and stays.
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
