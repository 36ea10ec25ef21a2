//! Publishers are told what became of each event, never "accepted" for one that nobody will see.

use std::process::{Command, Output};

use serde_json::{Value, json};

use lonceng::store::Store;

use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};

const TYPES: &str = r#"
[[type]]
code = "NOTE_CREATED"
title = "Note"
target = "SELF"
template = "Note {title}"

[[type]]
code = "NOTE_SHARED"
title = "Shared"
target = "SELF"
template = "Shared"
is_active = false

[[type]]
code = "NEWS"
title = "News"
target = "ALL"
template = "News"

[[type]]
code = "AUDIT"
title = "Audit"
target = "ROLE"
target_role = "auditor"
template = "Audit"
"#;

fn result(body: &Value, at: usize) -> (&str, u64, &str) {
    let one = &body["results"][at];
    assert_eq!(one["id"], body["ids"][at], "{body}");
    (
        one["outcome"].as_str().unwrap_or_default(),
        one["notifications"].as_u64().expect("a number"),
        one["reason"].as_str().unwrap_or_default(),
    )
}

async fn mute(hub: &Hub, user: &str, code: &str) {
    let body = json!({ "muted_types": [code] }).to_string();
    let path = format!("/api/v1/preferences?user_id={user}");
    let (status, body) =
        hub.send("PUT", &path, &[("content-type", "application/json")], body).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn response_has_outcome_and_reason_of_every_event() {
    let hub = Hub::with_config(TYPES, &[]).await;
    mute(&hub, "deaf", "NOTE_CREATED").await;
    let batch = json!([
        { "type": "note.created", "user_id": "u", "title": "a" },
        { "type": "NOTE_CREATD", "user_id": "u" },
        { "type": "SOMETHING_ELSE", "user_id": "u" },
        { "type": "NOTE_SHARED", "user_id": "u" },
        { "type": "AUDIT" },
        { "type": "NOTE_CREATED", "user_id": "deaf", "title": "a" },
    ]);
    let (status, body) = hub.post("/api/v1/events", &batch).await;
    assert_eq!((status, body["accepted"].as_u64()), (202, Some(1)), "{body}");
    assert_eq!(result(&body, 0), ("accepted", 1, ""));
    assert_eq!(body["results"][0]["reason"], Value::Null);
    assert_eq!(result(&body, 1), ("skipped", 0, "no type NOTE_CREATD; did you mean NOTE_CREATED?"));
    assert_eq!(result(&body, 2), ("skipped", 0, "no type SOMETHING_ELSE"));
    assert_eq!(result(&body, 3), ("skipped", 0, "the type is inactive"));
    assert_eq!(result(&body, 4), ("skipped", 0, "no user matches the type's target"));
    assert_eq!(result(&body, 5), ("skipped", 0, "all recipients muted the type"));

    let once = json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "b", "event_id": "once" });
    hub.publish(&once).await;
    let (_, body) = hub.post("/api/v1/events", &once).await;
    assert_eq!(body["accepted"], 1, "a duplicate was taken");
    assert_eq!((result(&body, 0).0, result(&body, 0).1), ("duplicate", 0));
}

#[tokio::test]
async fn event_of_a_type_with_an_invalid_row_says_so() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::with_config_on(on, TYPES, &[]).await else { continue };
        let store = Store::open(&hub.store_url).await.expect("it opens");
        let insert = "INSERT INTO notification_types (code, display_name, template, target_type) \
                      VALUES ('NOTE_PINNED', 'Pinned', 'Pinned: {title', 'SELF')";
        store.execute_by_hand(insert).await.expect("plain SQL");
        let event = json!({ "type": "NOTE_PINNED", "user_id": "u", "title": "a" });
        let says = "the type's row is invalid, so the type is off";
        until("the row is read", PATIENCE, async || {
            let (_, body) = hub.post("/api/v1/events", &event).await;
            (result(&body, 0) == ("skipped", 0, says)).then_some(())
        })
        .await;
        let (status, body) = hub.post("/api/v1/events?strict=true", &event).await;
        assert_eq!((status, &body["errors"][0]["field"]), (422, &json!("type")), "{body}");
        let direct = json!({ "target": [{ "id": "u" }], "message": "x", "type": "NOTE_PINNED" });
        let (status, body) = hub.post("/api/v1/notify", &direct).await;
        assert!(status == 400 && body.to_string().contains(says), "{body}");
        let (_, explained) = hub.get("/api/v1/admin/explain?type=NOTE_PINNED").await;
        let codes = explained["events"].as_array().expect("a list").iter();
        assert!(
            codes.into_iter().any(|one| one["reason"]["code"] == "invalid_type"),
            "{explained}"
        );
        store.close().await;
    }
}

#[tokio::test]
async fn response_counts_notifications_of_all_recipients() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        let people: Vec<Value> =
            (0..600).map(|n| json!({ "user_id": format!("u{n}"), "roles": ["user"] })).collect();
        let lines: Vec<String> = people.iter().map(Value::to_string).collect();
        let headers = [("content-type", "application/x-ndjson")];
        let (status, body) =
            hub.send("POST", "/api/v1/admin/directory/bulk", &headers, lines.join("\n")).await;
        assert!(status < 300, "{status} {body}");
        let kind = json!({ "code": "EVERYBODY", "display_name": "News", "template": "x",
            "target_type": "ALL" });
        let (status, body) = hub.post("/api/v1/admin/types", &kind).await;
        assert_eq!(status, 201, "{body}");
        let (_, body) = hub.post("/api/v1/events", &json!({ "type": "EVERYBODY" })).await;
        assert_eq!(result(&body, 0), ("accepted", 600, ""), "{on:?}");
    }
}

/// Returns the entry of the directory, if there is one.
async fn entry(hub: &Hub, user: &str) -> Option<Value> {
    let (status, body) = hub.get(&format!("/api/v1/admin/directory/{user}")).await;
    (status == 200).then_some(body)
}

#[tokio::test]
async fn refused_request_writes_nothing_to_the_directory() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::with_config_on(on, TYPES, &[]).await else { continue };
        let user = json!({ "type": "users.upserted", "user_id": "new", "login": "newbie",
            "roles": ["auditor"] });
        let note =
            |title: Value| json!({ "type": "NOTE_CREATED", "user_id": "new", "title": title });
        for (path, bad, expected) in [
            ("/api/v1/events", json!({ "type": "NOTE_CREATED", "title": "a" }), 400),
            ("/api/v1/events", json!({ "type": "NOTE_CREATED", "user_id": "new" }), 400),
            ("/api/v1/events", json!({ "type": "users.upserted", "login": "x" }), 400),
            ("/api/v1/events?strict=true", json!({ "type": "NOTE_CREATD" }), 422),
        ] {
            for at in [0, 1] {
                let mut batch = vec![user.clone(), note(json!("a"))];
                batch.insert(at, bad.clone());
                let (status, body) = hub.post(path, &json!(batch)).await;
                assert_eq!((status, &body["errors"][0]["index"]), (expected, &json!(at)), "{body}");
                assert_eq!(entry(&hub, "new").await, None, "{bad}");
            }
        }
        let (status, body) = hub
            .post(
                "/api/v1/events?strict=true",
                &json!([
                    { "type": "users.upserted", "user_id": "new", "roles": ["user"] },
                    { "type": "AUDIT" },
                ]),
            )
            .await;
        assert_eq!(status, 422, "nobody is an auditor: {body}");
        let (status, body) = hub
            .post(
                "/api/v1/notify",
                &json!({ "target": [{ "id": "new", "login": "n" }],
                "message": "x", "type": "NOTE_CREATED" }),
            )
            .await;
        assert_eq!(status, 400, "the type needs a title: {body}");
        assert_eq!(entry(&hub, "new").await, None);

        // The other events of an accepted batch see the directory as the batch makes it.
        let batch = json!([{ "type": "AUDIT" }, user, note(json!("a")), { "type": "NEWS" }]);
        let (status, body) = hub.post("/api/v1/events?strict=true", &batch).await;
        assert_eq!(status, 202, "{body}");
        for at in 0..4 {
            let notifications = u64::from(at != 1);
            assert_eq!(result(&body, at), ("accepted", notifications, ""), "{on:?} {at}");
        }
        let entry = entry(&hub, "new").await.expect("the user is in the directory");
        assert_eq!((&entry["login"], &entry["roles"]), (&json!("newbie"), &json!(["auditor"])));
        let removed = json!([{ "type": "users.upserted", "user_id": "new", "roles": [] },
            { "type": "AUDIT" }]);
        assert_eq!(result(&hub.post("/api/v1/events", &removed).await.1, 1).0, "skipped");
    }
}

#[tokio::test]
async fn strict_publishing_rejects_skipped_events_and_stores_nothing() {
    let hub = Hub::with_config(TYPES, &[]).await;
    mute(&hub, "deaf", "NOTE_CREATED").await;
    let good = json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "a" });
    for (bad, says) in [
        (json!({ "type": "NOTE_CREATD", "user_id": "u" }), "did you mean NOTE_CREATED?"),
        (json!({ "type": "NOTE_SHARED", "user_id": "u" }), "the type is inactive"),
        (json!({ "type": "AUDIT" }), "no user matches"),
    ] {
        let (status, body) = hub.post("/api/v1/events?strict=true", &json!([good, bad])).await;
        assert_eq!(status, 422, "{body}");
        assert!(body["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{body}");
        assert_eq!(body["errors"][0]["index"], 1, "{body}");
    }
    assert_eq!(hub.inbox("u").await.len(), 0, "nothing of the requests was stored");
    let muted = json!({ "type": "NOTE_CREATED", "user_id": "deaf", "title": "a" });
    let (status, body) = hub.post("/api/v1/events?strict=true", &json!([good, muted])).await;
    assert_eq!(
        (status, body["accepted"].as_u64()),
        (202, Some(1)),
        "muting is no mistake of the publisher: {body}"
    );
    assert_eq!(hub.inbox("u").await.len(), 1);
    let (status, body) = hub.post("/api/v1/events?strict=perhaps", &good).await;
    assert!(status == 400 && body["errors"][0]["field"] == "strict", "{body}");
}

#[tokio::test]
async fn unknown_code_is_logged_once_counted_and_listed() {
    let hub = Hub::with_config(TYPES, &[]).await;
    for _ in 0..3 {
        hub.publish(&json!({ "type": "NOTE_CREATD", "user_id": "u" })).await;
    }
    assert_eq!(hub.log().matches("NOTE_CREATD").count(), 1, "{}", hub.log());
    assert!(hub.log().contains("NOTE_CREATED"), "the log says which type was meant: {}", hub.log());
    assert!((hub.metric("lonceng_events_unknown_type_total").await - 3.0).abs() < f64::EPSILON);
    let (_, stats) = hub.get("/api/v1/admin/stats").await;
    let unknown = &stats["unknown_types"][0];
    assert_eq!(
        (unknown["code"].as_str(), unknown["count"].as_u64(), unknown["did_you_mean"].as_str()),
        (Some("NOTE_CREATD"), Some(3), Some("NOTE_CREATED")),
        "{stats}"
    );
    let (_, explained) = hub.get("/api/v1/admin/explain?type=NOTE_CREATD").await;
    let reason = &explained["events"][0]["reason"];
    assert!(
        reason["detail"].as_str().is_some_and(|detail| detail.contains("did you mean")),
        "{explained}"
    );
}

fn lonceng(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .args(arguments)
        .env_remove("LONCENG_CONFIG")
        .env_remove("LONCENG_TOKEN")
        .env_remove("LONCENG_API_KEY")
        .envs(environment.iter().copied())
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn publish_prints_each_outcome_and_fails_when_an_event_was_skipped() {
    let hub = Hub::with_config(TYPES, &[]).await;
    let (base, data) = (hub.base(), r#"{"title":"x"}"#);
    let publish = |code: &str, more: &[&str]| {
        let arguments = ["publish", code, "--user", "u", "--data", data, "--http", base.as_str()];
        lonceng(&[&arguments[..], more].concat(), &[])
    };
    let (code, out, err) = publish("NOTE_CREATED", &["--id", "n1"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        out,
        "n1 accepted: 1 notification\npublished 1 × NOTE_CREATED: 1 accepted; 1 notification\n"
    );
    let (code, out, err) = publish("NOTE_CREATD", &["--id", "n2", "--count", "2"]);
    assert_eq!(code, 1, "{out}");
    assert_eq!(
        out.matches("skipped: no type NOTE_CREATD; did you mean NOTE_CREATED?").count(),
        2,
        "{out}"
    );
    assert!(err.contains("--allow-skipped") && err.trim().lines().count() == 1, "{err}");
    assert_eq!(publish("NOTE_CREATD", &["--allow-skipped"]).0, 0);
}

#[tokio::test]
async fn a_new_key_publishes_once_its_line_is_in_the_configuration() {
    let (code, out, err) = lonceng(&["key", "new", "shop", "--scope", "publish"], &[]);
    assert_eq!(code, 0, "{err}");
    let (key, line) = out.trim().split_once('\n').expect("the key and its line");
    assert!(!line.contains(key) && key.len() > 40, "the line has only a hash: {out}");
    let secret = "0123456789abcdef0123456789abcdef";
    let config = format!("[auth]\nmethods = [\"jwt\"]\njwt_secret = \"{secret}\"\n{line}\n{TYPES}");
    let hub = Hub::with_config(&config, &[]).await;
    let config = hub.folder().join("config.toml");
    let (base, config) = (hub.base(), config.to_str().expect("text"));
    let publish = [
        "publish",
        "NOTE_CREATED",
        "--user",
        "u",
        "--data",
        r#"{"title":"x"}"#,
        "--http",
        base.as_str(),
    ];
    let (code, _, err) = lonceng(&publish, &[]);
    assert!(code == 1 && err.contains("401"), "{err}");
    assert_eq!(lonceng(&[&publish[..], &["--key", key]].concat(), &[]).0, 0);
    assert_eq!(lonceng(&publish, &[("LONCENG_API_KEY", key)]).0, 0);
    let (code, token, err) =
        lonceng(&["--config", config, "token", "--user", "boss", "--role", "admin"], &[]);
    assert_eq!(code, 0, "{err}");
    let notify = ["notify", "--to", "1", "--message", "hi", "--http", base.as_str()];
    assert_eq!(
        lonceng(&[&notify[..], &["--token", token.trim()]].concat(), &[]).0,
        1,
        "there is no type MESSAGE"
    );
    assert_eq!(lonceng(&[&publish[..], &["--token", token.trim()]].concat(), &[]).0, 0);
    assert_eq!(lonceng(&publish, &[("LONCENG_TOKEN", token.trim())]).0, 0);
    let (code, _, err) =
        lonceng(&[&publish[..], &["--key", "wrong"]].concat(), &[("LONCENG_API_KEY", key)]);
    assert!(code == 1 && err.contains("401"), "what the command line says counts: {err}");
    assert_eq!(lonceng(&["key", "new", "shop", "--scope", "everything"], &[]).0, 2);
    assert_eq!(lonceng(&["key", "new", ""], &[]).0, 2);
}
