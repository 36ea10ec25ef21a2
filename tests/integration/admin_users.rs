//! What administrators do with users: preferences, entries of the directory, messages.

use serde_json::{Value, json};

use crate::support::{
    hub::{Hub, On},
    tokens::{SECRET, signed},
    wait::{PATIENCE, until},
};

const DIRECTORY: &str = "/api/v1/admin/directory";

fn bearer(user: &str, role: &str) -> String {
    let expires_at = chrono::Utc::now().timestamp() + 600;
    let claims = json!({ "sub": user, "login": user, "roles": [role], "exp": expires_at });
    format!("Bearer {}", signed("secret", None, &claims))
}

async fn signed_in(hub: &Hub, who: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if method == "GET" { String::new() } else { body.to_string() };
    hub.send(method, path, &[("authorization", who)], body).await
}

#[tokio::test]
async fn administrator_changes_the_preferences_of_a_user_and_nobody_names_another_user() {
    for on in [On::Sqlite, On::Postgres] {
        let jwt = [("LONCENG_AUTH__METHODS", r#"["jwt"]"#), ("LONCENG_AUTH__JWT_SECRET", SECRET)];
        let Some(hub) = Hub::start(on, &jwt).await else { continue };
        let (ani, zaki) = (bearer("ani", "admin"), bearer("zaki", "user"));
        let own = "/api/v1/preferences";
        let mute = json!({ "muted_types": ["NOTE_CREATED"] });
        for (method, path) in [
            ("GET", own),
            ("PUT", own),
            ("GET", "/api/v1/notifications"),
            ("GET", "/api/v1/stream"),
        ] {
            let path = format!("{path}?user_id=zaki");
            let (status, problem) = signed_in(&hub, &ani, method, &path, mute.clone()).await;
            assert_eq!(status, 403, "{method} {path}: {problem}");
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert!(detail.contains("user_id"), "{problem}");
        }
        let named = format!("{own}?user_id=zaki");
        assert_eq!(signed_in(&hub, &zaki, "GET", &named, json!({})).await.0, 200, "their own");
        let (_, mine) = signed_in(&hub, &ani, "GET", own, json!({})).await;
        assert_eq!(mine["muted_types"], json!([]), "nothing was changed");

        let path = "/api/v1/admin/users/zaki/preferences";
        let (status, put) = signed_in(&hub, &ani, "PUT", path, mute.clone()).await;
        assert_eq!((status, &put["muted_types"]), (200, &mute["muted_types"]), "{put}");
        let (_, of_admin) = signed_in(&hub, &ani, "GET", path, json!({})).await;
        let (_, of_user) = signed_in(&hub, &zaki, "GET", own, json!({})).await;
        assert_eq!((&of_admin["muted_types"], &of_admin), (&mute["muted_types"], &of_user));
        let signed = ("authorization", ani.as_str());
        let (status, tag, _) = hub.answer("GET", path, &[signed], "", "etag").await;
        let tag = tag.expect("the response has an ETag");
        assert_eq!((status, tag.len()), (200, 26), "{tag}");
        let put = async |tag: &str| {
            let headers = [signed, ("if-match", tag)];
            hub.send("PUT", path, &headers, mute.to_string()).await.0
        };
        assert_eq!((put("\"older\"").await, put(&tag).await), (412, 200));
        let note = json!({ "type": "NOTE_CREATED", "user_id": "zaki", "title": "t" });
        let (_, sent) = signed_in(&hub, &ani, "POST", "/api/v1/events", note).await;
        assert_eq!(sent["results"][0]["notifications"], 0, "{sent}");

        assert_eq!(signed_in(&hub, &zaki, "PUT", path, mute.clone()).await.0, 403);
        let wrong = json!({ "quiet_hours": { "from": "x", "to": "y" } });
        assert_eq!(signed_in(&hub, &ani, "PUT", path, wrong).await.0, 400);
        let mistyped = path.replace("zaki", "zakki");
        assert_eq!(signed_in(&hub, &ani, "PUT", &mistyped, mute).await.0, 404);

        let audit = "/api/v1/admin/audit?subject=user:zaki";
        let (_, audit) = signed_in(&hub, &ani, "GET", audit, json!({})).await;
        let entries = audit["entries"].as_array().expect("a list");
        assert_eq!(entries.len(), 2, "{audit}");
        let first = &entries[1];
        assert_eq!((&first["who"], &first["action"]), (&json!("ani"), &json!("preferences.put")));
        assert_eq!(first["before"]["muted_types"], json!([]));
        assert_eq!(first["after"]["muted_types"], json!(["NOTE_CREATED"]));
    }
}

#[tokio::test]
async fn message_that_a_person_sends_is_in_the_audit_and_the_activity_names_the_sender() {
    let key = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"; // of "secret"
    let keys = format!(r#"[{{ name = "shop", sha256 = "{key}", scopes = ["publish"] }}]"#);
    let hub = Hub::sqlite(&[("LONCENG_AUTH__API_KEYS", &keys)]).await;
    let message = json!({ "target": [{ "id": "a" }, { "id": "b" }], "title": "Closed",
        "message": "The office is closed on Friday", "source": "console" });
    let as_ani = "/api/v1/notify?user_id=ani&role=admin";
    let once = [("idempotency-key", "k1")];
    for _ in 0..2 {
        let (status, sent) = hub.send("POST", as_ani, &once, message.to_string()).await;
        assert_eq!(status, 202, "{sent}");
    }
    let by_key = [("x-api-key", "secret")];
    let (status, _) = hub.send("POST", "/api/v1/notify", &by_key, message.to_string()).await;
    assert_eq!(status, 202);
    let refused = json!({ "target": [{ "id": "a" }], "message": "x", "type": "NONE" });
    assert_eq!(hub.send("POST", as_ani, &[], refused.to_string()).await.0, 400);

    let (_, audit) = hub.get("/api/v1/admin/audit?subject=type:MESSAGE").await;
    let entries = audit["entries"].as_array().expect("a list");
    assert_eq!(entries.len(), 1, "one message, though it was sent again: {audit}");
    let (entry, after) = (&entries[0], &entries[0]["after"]);
    assert_eq!((&entry["who"], &entry["action"]), (&json!("ani"), &json!("message.sent")));
    assert_eq!(
        (&after["recipients"], &after["title"], &after["to"]),
        (&json!(2), &json!("Closed"), &json!(["a", "b"]))
    );
    assert!(!audit.to_string().contains("on Friday"), "not the text: {audit}");
    let publishers = until("the activity has both", PATIENCE, async || {
        let (_, found) = hub.get("/api/v1/admin/activity?type=MESSAGE").await;
        let publishers: Vec<String> = found["events"]
            .as_array()?
            .iter()
            .filter_map(|item| item["publisher"].as_str().map(str::to_owned))
            .collect();
        (publishers.len() >= 2).then_some(publishers)
    })
    .await;
    assert!(publishers.contains(&"console (ani)".to_owned()), "{publishers:?}");
    assert!(publishers.contains(&"console".to_owned()), "{publishers:?}");
}

#[tokio::test]
async fn invalid_entry_of_the_directory_is_refused_by_field_everywhere() {
    let hub = Hub::sqlite(&[]).await;
    for (field, value) in [
        ("email", json!("not-an-address")),
        ("locale", json!("zzzzz")),
        ("timezone", json!("Mars/Base")),
        ("roles", json!(["night\nshift"])),
    ] {
        let entry = json!({ field: value });
        let put = format!("{DIRECTORY}/u");
        let (status, problem) = hub.send("PUT", &put, &[], entry.to_string()).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
        assert!(problem["errors"][0]["code"].is_string(), "it can be translated: {problem}");

        let lines = format!(
            "{}\n{}\n",
            json!({ "user_id": "ok" }),
            json!({ "user_id": "u", field: value })
        );
        let ndjson = [("content-type", "application/x-ndjson")];
        let (status, problem) =
            hub.send("POST", &format!("{DIRECTORY}/bulk"), &ndjson, lines.clone()).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{problem}");
        assert!(detail.contains("line 2") && detail.contains(field), "{problem}");
        let (_, import) =
            hub.send("POST", &format!("{DIRECTORY}/import"), &ndjson, lines.clone()).await;
        let error = &import["errors"][0];
        assert_eq!((&error["line"], &error["field"]), (&json!(2), &json!(field)), "{import}");

        let event = json!({ "type": "users.upserted", "user_id": "u", field: value });
        let (status, problem) = hub.post("/api/v1/events", &event).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
    assert_eq!(hub.get(&format!("{DIRECTORY}/u")).await.0, 404);
}

#[tokio::test]
async fn dry_run_of_an_import_names_the_users_who_are_created_and_changed() {
    let hub = Hub::sqlite(&[]).await;
    hub.send("PUT", &format!("{DIRECTORY}/budi"), &[], json!({ "name": "Budi" }).to_string()).await;
    hub.send("PUT", &format!("{DIRECTORY}/same"), &[], json!({ "name": "S" }).to_string()).await;
    let csv = "user_id,name,roles\nnew,New,member;editor\nbudi,Budi S.,\"a,b\"\nsame,S,\n";
    let path = format!("{DIRECTORY}/import?dry_run=true");
    let (_, dry) = hub.send("POST", &path, &[("content-type", "text/csv")], csv.to_owned()).await;
    let created = &dry["created_users"];
    assert_eq!((&created[0]["user_id"], &created[1]), (&json!("new"), &Value::Null), "{dry}");
    assert_eq!(created[0]["roles"], json!(["member", "editor"]), "{dry}");
    let expected = json!([{ "user_id": "budi", "before": { "name": "Budi", "roles": [] },
        "after": { "name": "Budi S.", "roles": ["a", "b"] } }]);
    assert_eq!(dry["changed_users"], expected, "{dry}");
    let many = (0..150).map(|n| format!("u{n:03}\n")).collect::<Vec<_>>().concat();
    let (_, dry) =
        hub.send("POST", &path, &[("content-type", "text/csv")], format!("user_id\n{many}")).await;
    let shown = dry["created_users"].as_array().map(Vec::len);
    assert_eq!((&dry["created"], shown), (&json!(150), Some(100)));
}

#[tokio::test]
async fn message_without_the_type_message_says_what_to_add() {
    let hub = Hub::with_config("[auth]\nmethods = [\"dev\"]\n", &[]).await;
    let message = json!({ "target": [{ "id": "a" }], "message": "hi" });
    let (status, problem) = hub.post("/api/v1/notify", &message).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("type")), "{problem}");
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("[[type]]") && detail.contains("template = \"{message}\""), "{detail}");
}
