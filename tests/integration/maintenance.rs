//! Commands that look after a store: backup, verify, export, erase.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{
    hub::{Hub, On},
    stores::{self, TestStore},
};

/// Runs a command on a store.
fn lonceng(store_url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml")])
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env("LONCENG_STORE__URL", store_url)
        .output()
        .expect("it runs")
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Fills a hub with notifications of two users, with marks of every kind.
async fn fill(hub: &Hub) {
    for user in ["budi", "siti"] {
        for title in ["one", "two", "three", "four"] {
            let event = json!({ "type": "NOTE_CREATED", "user_id": user, "title": title,
                "actor_id": "budi" });
            hub.publish(&event).await;
        }
        let inbox = hub.inbox(user).await;
        for (item, mark) in inbox.iter().zip(["read", "archive", "delete"]) {
            let id = item["notification_id"].as_str().expect("an ID");
            let path = format!("/api/v1/notifications/{id}");
            let (method, path) = match mark {
                "delete" => ("DELETE", path),
                mark => ("POST", format!("{path}/{mark}")),
            };
            let path = format!("{path}?user_id={user}");
            assert_eq!(hub.send(method, &path, &[], String::new()).await.0, 200);
        }
    }
}

#[tokio::test]
async fn a_running_sqlite_store_is_backed_up() {
    let hub = Hub::sqlite(&[]).await;
    fill(&hub).await;
    let file = hub.folder().join("backup.db");
    let file = file.to_str().expect("a path");

    let output = lonceng(&hub.store_url, &["backup", file]);
    assert!(output.status.success(), "{}", text(&output));
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "budi", "title": "after" })).await;

    let copy = lonceng::store::Store::open(&format!("sqlite://{file}")).await.expect("it opens");
    let count = copy.count_by_hand("SELECT COUNT(*) FROM notifications").await;
    assert_eq!(count.expect("it can be read"), 8);
    assert!(lonceng(&format!("sqlite://{file}"), &["verify"]).status.success());
    let again = lonceng(&hub.store_url, &["backup", file]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again).contains("exists already"), "{}", text(&again));
}

#[test]
fn a_command_on_a_store_that_does_not_exist_fails_and_creates_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("data/lonceng.db");
    let url = format!("sqlite://{}", file.display());
    let (copy, archive) = (folder.path().join("copy.db"), folder.path().join("archive.zst"));
    for arguments in [
        &["backup", copy.to_str().expect("a path")][..],
        &["verify"],
        &["export", "--user", "budi"],
        &["erase", "--user", "budi"],
        &["archive", "--before", "1d", "--to", archive.to_str().expect("a path")],
    ] {
        let output = lonceng(&url, arguments);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        let expected = format!("there is no store at {}", file.display());
        assert!(text.contains(&expected) && text.contains("store.url"), "{arguments:?}: {text}");
    }
    assert_eq!(folder.path().read_dir().expect("it can be read").count(), 0);
}

#[test]
fn postgresql_is_backed_up_by_its_own_tool() {
    let output = lonceng("postgres://u:hunter2@127.0.0.1:1/d", &["backup", "x.dump"]);
    assert_eq!(output.status.code(), Some(2));
    let text = text(&output);
    assert!(text.contains("pg_dump --format=custom --file=x.dump"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

/// Damages a store in each way that `verify` finds.
async fn damage(store: &TestStore) {
    let orphan = if store.url.starts_with("sqlite") {
        "INSERT INTO shared_metadata (id, metadata, created_at) VALUES ('m1', '{}', 0)"
    } else {
        "INSERT INTO shared_metadata (id, metadata, created_at) VALUES ('m1', '{}', now())"
    };
    let (late, nobody) = if store.url.starts_with("sqlite") {
        ("9999999999999", "'00000000-0000-7000-8000-000000000001'")
    } else {
        ("now() + interval '1 day'", "'00000000-0000-7000-8000-000000000001'::uuid")
    };
    let created = if store.url.starts_with("sqlite") { "0" } else { "now()" };
    let delivery = |id: u8, notification: &str, user: &str, state: &str| {
        format!(
            "INSERT INTO deliveries (delivery_id, notification_id, user_id, type_code, channel, \
             state, due_at, created_at) SELECT '00000000-0000-7000-8000-0000000000a{id}', \
             {notification}, '{user}', 'NOTE_CREATED', 'email', '{state}', {late}, {created}"
        )
    };
    let of_budi = "(SELECT notification_id FROM notifications WHERE user_id = 'budi' LIMIT 1)";
    for sql in [
        // One that has ended may outlive its notification.
        delivery(1, nobody, "budi", "sent"),
        delivery(2, nobody, "budi", "scheduled"),
        delivery(3, of_budi, "siti", "scheduled"),
        delivery(4, of_budi, "budi", "scheduled"),
        delivery(5, of_budi, "", "scheduled"),
        format!(
            "INSERT INTO group_members (notification_id, revision, user_id, bytes, added_at) \
             SELECT {nobody}, 1, 'budi', 0, {created}"
        ),
    ] {
        // A test may leak some bytes for a statement of its own.
        let sql: &'static str = sql.leak();
        store.store.execute_by_hand(sql).await.expect("it is executed");
    }
    for sql in [
        "UPDATE inboxes SET unread = unread + 1 WHERE user_id = 'budi'",
        "UPDATE inboxes SET revision = revision + 5 WHERE user_id = 'siti'",
        orphan,
    ] {
        store.store.execute_by_hand(sql).await.expect("it is executed");
    }
}

async fn verify_finds_what_was_damaged(on: On) {
    let Some(hub) = Hub::start(on, &[]).await else { return };
    fill(&hub).await;
    let output = lonceng(&hub.store_url, &["verify"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("2 inboxes"), "{}", text(&output));

    let store = stores::at(&hub.store_url).await;
    damage(&store).await;

    let output = lonceng(&hub.store_url, &["verify"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for found in [
        "inbox of \"budi\": unread is 2, and 1 notifications are",
        "inbox of \"siti\": revision is 12, and its last change is 7",
        "shared metadata that no notification uses: \"m1\"",
        "is missing, of the delivery \"00000000-0000-7000-8000-0000000000a2\"",
        "is missing, of the delivery \"00000000-0000-7000-8000-0000000000a3\"",
        "the notification of grouped events is missing: \"00000000-0000-7000-8000-000000000001\"",
        "6 problems were found in 2 inboxes",
    ] {
        assert!(text.contains(found), "{found}: {text}");
    }
}

#[tokio::test]
async fn verify_finds_what_was_damaged_on_sqlite() {
    verify_finds_what_was_damaged(On::Sqlite).await;
}

#[tokio::test]
async fn verify_finds_what_was_damaged_on_postgresql() {
    verify_finds_what_was_damaged(On::Postgres).await;
}

async fn a_user_is_exported_and_erased(on: On) {
    let Some(hub) = Hub::start(on, &[]).await else { return };
    let person = json!({ "user_id": "budi", "login": "budi", "email": "budi@example.com" });
    let (status, body) = hub
        .send(
            "POST",
            "/api/v1/admin/directory/bulk",
            &[("content-type", "application/x-ndjson")],
            person.to_string(),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    fill(&hub).await;

    // Traces are written in the background; the list waits for them.
    assert_eq!(hub.get("/api/v1/admin/activity").await.0, 200);
    let output = lonceng(&hub.store_url, &["export", "--user", "budi"]);
    assert!(output.status.success(), "{}", text(&output));
    let data: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(data["directory"]["email"], "budi@example.com", "{data}");
    let statuses: Vec<&Value> =
        data["notifications"].as_array().expect("a list").iter().map(|n| &n["status"]).collect();
    assert_eq!(statuses, ["unread", "read", "archived", "deleted"], "{data}");
    assert_eq!(data["inbox"]["revision"], 7, "{data}");
    assert_eq!(data["activity"].as_array().map(Vec::len), Some(8), "{data}");

    let output = lonceng(&hub.store_url, &["erase", "--user", "budi"]);
    assert!(output.status.success(), "{}", text(&output));
    let rows =
        ["notifications: 4", "inboxes: 1", "directory: 1", "activity_users: 8", "as_actor: 4"];
    for row in rows {
        assert!(text(&output).contains(row), "{row}: {}", text(&output));
    }

    assert_eq!(hub.inbox("budi").await, [] as [Value; 0]);
    assert_eq!(hub.inbox("siti").await.len(), 3, "other users keep theirs");
    assert!(lonceng(&hub.store_url, &["verify"]).status.success());
    let again = lonceng(&hub.store_url, &["erase", "--user", "budi"]);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    assert_eq!(lonceng(&hub.store_url, &["export", "--user", ""]).status.code(), Some(2));
    // A client from before starts over.
    let (_, list) = hub.get("/api/v1/notifications?user_id=budi").await;
    let position = format!("&since={}.7", list["epoch"].as_str().expect("an epoch"));
    let mut client = hub.connect("budi", &position).await;
    client.expect("connected").await;
    client.expect("reset").await;
    // The user may come back.
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "budi", "title": "new" })).await;
    assert_eq!(hub.inbox("budi").await[0]["revision"], 9);
}

#[tokio::test]
async fn a_user_is_exported_and_erased_on_sqlite() {
    a_user_is_exported_and_erased(On::Sqlite).await;
}

#[tokio::test]
async fn a_user_is_exported_and_erased_on_postgresql() {
    a_user_is_exported_and_erased(On::Postgres).await;
}
