//! A hub on PostgreSQL with hash partitions of the notifications; the conformance suites of the
//! store run on them, too.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{
    hub::{Hub, On},
    stores,
    wait::{PATIENCE, until},
};

const PARTITIONED: (&str, &str) = ("LONCENG_STORE__PARTITIONS", "16");

const MISMATCH: &str = "counts only when a store is created";

async fn count(url: &str, sql: &'static str) -> i64 {
    let store = stores::at(url).await;
    let count = store.store.count_by_hand(sql).await.expect("it counts");
    store.store.close().await;
    count
}

async fn partitions(url: &str) -> i64 {
    let sql = "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'notifications'::regclass";
    count(url, sql).await
}

#[tokio::test]
async fn hub_works_on_partitions() {
    let Some(mut hub) = Hub::start(On::Postgres, &[PARTITIONED]).await else { return };
    assert_eq!(partitions(&hub.store_url).await, 16);
    assert!(!hub.log().contains(MISMATCH), "{}", hub.log());

    // A fan-out to everyone, in chunks.
    let people: Vec<String> = (0..600)
        .map(|n| json!({ "user_id": format!("u{n}"), "roles": ["admin"] }).to_string())
        .collect();
    let ndjson = [("content-type", "application/x-ndjson")];
    let path = "/api/v1/admin/directory/bulk";
    assert_eq!(hub.send("POST", path, &ndjson, people.join("\n")).await.0, 200);
    let event = json!({ "type": "REFUND_REQUESTED", "user_id": "budi", "refund_id": "r1",
        "amount": 1, "username": "budi" });
    hub.publish(&event).await;
    for user in ["u0", "u299", "u599"] {
        until(&format!("the fan-out reaches {user}"), PATIENCE, async || {
            (hub.inbox(user).await.len() == 1).then_some(())
        })
        .await;
    }
    let used = "SELECT COUNT(DISTINCT tableoid) FROM notifications";
    assert_eq!(count(&hub.store_url, used).await, 16, "every partition has some");

    // Marks, and a client that follows them.
    let mut client = hub.connect("u1", "").await;
    client.expect("connected").await;
    let push = client.expect("notification.push").await;
    let id = push["notification_id"].as_str().expect("an ID");
    let path = format!("/api/v1/notifications/{id}/archive?user_id=u1");
    assert_eq!(hub.send("POST", &path, &[], String::new()).await.0, 200);
    assert_eq!(client.expect("notification.update").await["status"], "archived");

    let file = hub.folder().join("a.zst");
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_lonceng"))
            .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml")])
            .args(arguments)
            .env_remove("DATABASE_URL")
            .env("LONCENG_STORE__URL", &hub.store_url)
            .output();
        crate::cli::told(&output.expect("it runs"))
    };
    let (code, out, err) =
        run(&["archive", "--before", "0s", "--to", file.to_str().expect("text")]);
    assert!(code == 0 && out.starts_with("1 notifications"), "{out}{err}");
    let (code, out, err) = run(&["verify"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(hub.inbox("u1").await, [] as [Value; 0]);

    // The number of partitions stays.
    hub.kill();
    hub.set_env("LONCENG_STORE__PARTITIONS", "4");
    hub.run().await;
    assert_eq!(hub.log().matches(MISMATCH).count(), 1, "{}", hub.log());
    assert_eq!(partitions(&hub.store_url).await, 16);
    assert_eq!(hub.inbox("u599").await.len(), 1);
}

#[tokio::test]
async fn existing_store_and_sqlite_keep_their_table_and_say_so() {
    let Some(mut hub) = Hub::start(On::Postgres, &[]).await else { return };
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "budi", "title": "t" })).await;
    hub.kill();
    hub.set_env(PARTITIONED.0, PARTITIONED.1);
    hub.run().await;
    assert_eq!(partitions(&hub.store_url).await, 0);
    assert_eq!(hub.log().matches(MISMATCH).count(), 1, "{}", hub.log());
    assert_eq!(hub.inbox("budi").await.len(), 1);

    let hub = Hub::sqlite(&[PARTITIONED]).await;
    assert_eq!(hub.log().matches("SQLite has no partitions").count(), 1, "{}", hub.log());
}

#[tokio::test]
async fn hubs_that_start_together_partition_a_store_once() {
    let Some(url) = stores::postgres_url().await else { return };
    let open = async || {
        let store = lonceng::store::Store::open(&url).await.expect("it opens");
        store.migrate_partitioned(5).await.expect("it migrates");
        store.close().await;
    };
    tokio::join!(open(), open(), open());
    assert_eq!(partitions(&url).await, 5);
    // The indexes are those of a plain table, and the primary key has the user.
    let indexes = "SELECT COUNT(*) FROM pg_index WHERE indrelid = 'notifications'::regclass AND \
                   indisvalid";
    let Some(plain) = stores::postgres().await else { return };
    let expected = plain.store.count_by_hand(indexes).await.expect("it counts");
    assert_eq!(count(&url, indexes).await, expected);
}
