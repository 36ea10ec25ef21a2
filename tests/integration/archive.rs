//! Removal of what left the list: `lonceng archive` and `retention.delete_after_days`.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use lonceng::{domain::inbox::Mark, store::Store};
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::{
    store::{draft, fill, mark, planned, user},
    support::{
        hub::{Hub, On},
        stores::{self, TestStore},
        wait::{PATIENCE, until},
    },
};

fn archive(store_url: &str, before: &str, file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lonceng"));
    command
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml"), "archive"])
        .args(["--before", before, "--to"])
        .arg(file)
        .env_remove("DATABASE_URL")
        .env("LONCENG_STORE__URL", store_url);
    command
}

fn run(store_url: &str, before: &str, file: &Path) -> Output {
    archive(store_url, before, file).output().expect("it runs")
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Returns the lines of an archive.
fn lines(file: &Path) -> Vec<Value> {
    let bytes = std::fs::read(file).expect("it is there");
    let text = zstd::stream::decode_all(&bytes[..]).expect("it is whole");
    let text = String::from_utf8(text).expect("it is text");
    text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
}

fn ids(lines: &[Value]) -> BTreeSet<&str> {
    lines.iter().filter_map(|line| line["notification_id"].as_str()).collect()
}

async fn count(store: &Store) -> i64 {
    store.count_by_hand("SELECT COUNT(*) FROM notifications").await.expect("it counts")
}

/// Archives everything that is unread.
async fn archive_all(store: &Store) {
    for sql in [
        "UPDATE notifications SET status = 'archived' WHERE status = 'unread'",
        "UPDATE inboxes SET unread = 0, unseen = 0",
    ] {
        store.execute_by_hand(sql).await.expect("it is executed");
    }
}

async fn store_on(on: On) -> Option<TestStore> {
    match on {
        On::Sqlite => stores::sqlite().await,
        On::Postgres => stores::postgres().await,
    }
}

async fn what_left_the_list_moves_to_the_file(on: On) {
    let Some(test) = store_on(on).await else { return };
    let store = &test.store;
    for user_id in ["a", "b", "c"] {
        fill(store, user_id, 401).await;
    }
    archive_all(store).await;
    let kept = fill(store, "a", 4).await;
    mark(store, "a", kept[1], Mark::Read).await;
    mark(store, "a", kept[2], Mark::Delete).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("a.ndjson.zst");

    // Their last change was at the beginning of 2026, or now.
    let output = run(&test.url, "2020-01-01T00:00:00Z", &file);
    assert!(output.status.success() && lines(&file).is_empty(), "{}", text(&output));
    let output = run(&test.url, "0s", &file);
    assert!(output.status.success(), "{}", text(&output));
    let summary = text(&output);
    assert!(summary.starts_with("1204 notifications last changed before "), "{summary}");
    assert!(summary.ends_with("; 1204 were removed from the store\n"), "{summary}");

    let lines = lines(&file);
    assert_eq!((lines.len(), ids(&lines).len()), (1_204, 1_204));
    let line = lines.iter().find(|line| line["user_id"] == "b").expect("those of b");
    assert_eq!(
        [&line["status"], &line["title"], &line["type_code"], &line["changed_at"]],
        ["archived", "Title", "T", "2026-01-01T00:00:00Z"]
    );
    assert_eq!(line["metadata"], json!({ "amount": 1 }));
    for name in ["seq", "revision", "created_at", "expires_at", "event_id", "actors", "source"] {
        assert!(line.get(name).is_some(), "{name}: {line}");
    }
    assert_eq!(lines.iter().filter(|line| line["status"] == "deleted").count(), 1);

    assert_eq!(count(store).await, 3, "read and unread ones stay");
    let inbox = store.inbox(&user("a")).await.expect("it reads");
    assert_eq!((inbox.revision, inbox.unread), (408, 2), "a revision for the removal");
    let position = store.position(&user("a")).await.expect("it reads");
    assert_eq!(position.purged, 408, "clients start over");
    assert_eq!(store.verify().await.expect("it reads").findings, [] as [String; 0]);
    let again = run(&test.url, "0s", &file);
    assert!(text(&again).starts_with("0 notifications"), "{}", text(&again));
}

#[tokio::test]
async fn what_left_the_list_moves_to_the_file_on_sqlite() {
    what_left_the_list_moves_to_the_file(On::Sqlite).await;
}

#[tokio::test]
async fn what_left_the_list_moves_to_the_file_on_postgresql() {
    what_left_the_list_moves_to_the_file(On::Postgres).await;
}

/// Keeps others from changing the inboxes of a store.
enum Blocked {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Blocked {
    async fn new(on: On, url: &str) -> Self {
        match on {
            On::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(url).await.expect("it opens");
                let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await;
                begun.expect("nobody writes");
                Self::Sqlite(connection)
            }
            On::Postgres => {
                let mut connection = sqlx::PgConnection::connect(url).await.expect("it opens");
                for sql in ["BEGIN", "SELECT * FROM inboxes FOR UPDATE"] {
                    sqlx::query(sql).execute(&mut connection).await.expect("nobody writes");
                }
                Self::Postgres(connection)
            }
        }
    }

    async fn release(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        }
        .expect("it closes");
    }
}

fn kill(mut child: Child) {
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

async fn a_killed_archive_is_resumed_without_loss_or_repeat(on: On) {
    let Some(test) = store_on(on).await else { return };
    let store = &test.store;
    fill(store, "a", 1_300).await;
    archive_all(store).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("a.ndjson.zst");

    // The first page is written, and waits to be removed.
    let blocked = Blocked::new(on, &test.url).await;
    let mut command = archive(&test.url, "0s", &file);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    let page = until("a page is written", PATIENCE, async || {
        let bytes = std::fs::read(&file).ok().filter(|bytes| !bytes.is_empty())?;
        zstd::stream::decode_all(&bytes[..]).ok()
    })
    .await;
    assert_eq!(String::from_utf8(page).expect("it is text").lines().count(), 500);
    kill(child);
    blocked.release().await;
    assert_eq!(count(store).await, 1_300, "nothing is removed before");
    // It is killed in the middle of the next page.
    let whole = std::fs::read(&file).expect("it reads");
    let half = [&whole[..], &whole[..whole.len() / 2]].concat();
    std::fs::write(&file, half).expect("it writes");

    let output = run(&test.url, "0s", &file);
    assert!(output.status.success(), "{}", text(&output));
    let summary = text(&output);
    assert!(summary.starts_with("800 notifications"), "{summary}");
    assert!(summary.contains("1300 were removed"), "{summary}");
    let lines = lines(&file);
    assert_eq!((lines.len(), ids(&lines).len()), (1_300, 1_300));
    assert_eq!(count(store).await, 0);
    assert_eq!(store.verify().await.expect("it reads").findings, [] as [String; 0]);
}

#[tokio::test]
async fn a_killed_archive_is_resumed_without_loss_or_repeat_on_sqlite() {
    a_killed_archive_is_resumed_without_loss_or_repeat(On::Sqlite).await;
}

#[tokio::test]
async fn a_killed_archive_is_resumed_without_loss_or_repeat_on_postgresql() {
    a_killed_archive_is_resumed_without_loss_or_repeat(On::Postgres).await;
}

/// Publishes a notification for budi, and marks it.
async fn marked(hub: &Hub, title: &str, method: &str, mark: &str) {
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "budi", "title": title })).await;
    let inbox = hub.inbox("budi").await;
    let id = inbox[0]["notification_id"].as_str().expect("an ID");
    let path = format!("/api/v1/notifications/{id}{mark}?user_id=budi");
    assert_eq!(hub.send(method, &path, &[], String::new()).await.0, 200);
}

async fn client_of_a_running_hub_converges(on: On) {
    let Some(hub) = Hub::start(on, &[]).await else { return };
    for (title, method, mark) in [
        ("unread", "POST", "/seen"),
        ("read", "POST", "/read"),
        ("archived", "POST", "/archive"),
        ("deleted", "DELETE", ""),
    ] {
        marked(&hub, title, method, mark).await;
    }
    let mut client = hub.connect("budi", "").await;
    client.expect("connected").await;
    client.expect("notification.push").await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("a.ndjson.zst");
    let output = run(&hub.store_url, "0s", &file);
    assert!(output.status.success(), "{}", text(&output));
    let statuses: Vec<Value> = lines(&file).iter().map(|line| line["status"].clone()).collect();
    assert_eq!(statuses, ["archived", "deleted"]);

    // The client would still show the archived one: it starts over with the next change.
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "budi", "title": "after" })).await;
    let reset = client.expect("reset").await;
    assert_eq!((&reset["unread"], &reset["revision"]), (&json!(2), &json!(10)));
    for title in ["unread", "after"] {
        let push = client.expect("notification.push").await;
        let message = push["message"].as_str().expect("a text");
        assert!(message.contains(title), "{message}");
    }
    client.nothing().await;
    marked(&hub, "another", "POST", "/archive").await;
    assert_eq!(client.expect("notification.push").await["revision"], 11);
    let inbox = hub.inbox("budi").await;
    let statuses: Vec<&Value> = inbox.iter().map(|item| &item["status"]).collect();
    assert_eq!(statuses, ["archived", "unread", "read", "unread"]);
}

#[tokio::test]
async fn client_of_a_running_hub_converges_on_sqlite() {
    client_of_a_running_hub_converges(On::Sqlite).await;
}

#[tokio::test]
async fn client_of_a_running_hub_converges_on_postgresql() {
    client_of_a_running_hub_converges(On::Postgres).await;
}

async fn the_sweeper_deletes_what_left_the_list_long_ago(on: On) {
    let Some(mut hub) = Hub::start(on, &[]).await else { return };
    for (title, mark) in [("unread", "/seen"), ("young", "/archive"), ("old", "/archive")] {
        marked(&hub, title, "POST", mark).await;
    }
    hub.kill();
    let store = stores::at(&hub.store_url).await;
    let sql = match on {
        On::Sqlite => {
            "UPDATE notifications SET changed_at = changed_at - 31 * 86400000 WHERE message LIKE \
             '%old%' OR status = 'unread'"
        }
        On::Postgres => {
            "UPDATE notifications SET changed_at = changed_at - interval '31 days' WHERE message \
             LIKE '%old%' OR status = 'unread'"
        }
    };
    store.store.execute_by_hand(sql).await.expect("it is executed");
    hub.set_env("LONCENG_RETENTION__DELETE_AFTER_DAYS", "30");
    hub.run().await;
    until("the old one is deleted", PATIENCE, async || {
        (hub.inbox("budi").await.len() == 2).then_some(())
    })
    .await;
    // Whoever was away learns of it.
    let (_, list) = hub.get("/api/v1/notifications?user_id=budi").await;
    let position = format!("&since={}.6", list["epoch"].as_str().expect("an epoch"));
    let mut client = hub.connect("budi", &position).await;
    client.expect("connected").await;
    assert_eq!(client.expect("notification.update").await["status"], "deleted");
    assert_eq!(store.store.verify().await.expect("it reads").findings, [] as [String; 0]);
}

#[tokio::test]
async fn the_sweeper_deletes_what_left_the_list_long_ago_on_sqlite() {
    the_sweeper_deletes_what_left_the_list_long_ago(On::Sqlite).await;
}

#[tokio::test]
async fn the_sweeper_deletes_what_left_the_list_long_ago_on_postgresql() {
    the_sweeper_deletes_what_left_the_list_long_ago(On::Postgres).await;
}

#[tokio::test]
async fn wrong_arguments_and_files_are_named() {
    let test = stores::sqlite().await.expect("SQLite is always there");
    store_with_one(&test.store).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("a.ndjson.zst");
    for before in ["soon", "90", "-1d", ""] {
        let output = run(&test.url, before, &file);
        assert_eq!(output.status.code(), Some(2), "{before}: {}", text(&output));
        assert!(text(&output).contains("--before"), "{}", text(&output));
    }
    assert!(!file.exists());
    let output = run(&test.url, "0s", &folder.path().join("no/such/folder/a.zst"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("no/such/folder/a.zst cannot be used"), "{}", text(&output));
    std::fs::write(&file, "something else").expect("it writes");
    let output = run(&test.url, "0s", &file);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("is not an archive"), "{}", text(&output));
    assert_eq!(count(&test.store).await, 1, "nothing is removed");

    let (new, _folder) = stores::sqlite_url();
    // Without a schema.
    Store::open(&new).await.expect("it opens").close().await;
    let output = run(&new, "0s", &folder.path().join("b.zst"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("run `lonceng migrate`"), "{}", text(&output));
}

async fn store_with_one(store: &Store) {
    let one = draft("u", "one");
    store.commit(&[planned(None, vec![one])], crate::store::NOW).await.expect("it commits");
    archive_all(store).await;
}
