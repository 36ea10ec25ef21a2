//! Bounds of both stores: content that is shared or forgotten, pages by size, failed attempts,
//! writes that fail.

use std::sync::Arc;

use lonceng::{
    domain::{
        event::Identity,
        inbox::{InboxPosition, Mark, Resume, Since, SweepKind, resume},
        notification::{Status, Timestamp},
        plan::Draft,
    },
    store::{Fence, Filter, MarkOutcome, Planned, Store},
};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::store::{NOW, draft, fill, mark, planned, user};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Returns an event for several users with the same metadata.
fn event_with(users: &[&str], metadata: &str) -> (Planned, Vec<Uuid>) {
    let metadata =
        Arc::<RawValue>::from(RawValue::from_string(metadata.to_owned()).expect("it is JSON"));
    let drafts: Vec<(Uuid, Draft)> = users
        .iter()
        .map(|name| {
            let (id, draft) = draft(name, "text");
            (id, Draft { metadata: Arc::clone(&metadata), expires_at: None, ..draft })
        })
        .collect();
    let ids = drafts.iter().map(|(id, _)| *id).collect();
    (planned(None, drafts), ids)
}

fn long_metadata(bytes: usize) -> String {
    format!(r#"{{"pad":"{}"}}"#, "x".repeat(bytes))
}

async fn only(store: &Store, name: &str) -> lonceng::domain::notification::Notification {
    let mut page = store.changed_since(&user(name), 0, 10).await.expect("it reads");
    assert_eq!(page.items.len(), 1);
    page.items.remove(0)
}

/// JSON of a notification's metadata: PostgreSQL keeps its meaning, not its spaces.
fn json(metadata: &RawValue) -> serde_json::Value {
    serde_json::from_str(metadata.get()).expect("metadata is JSON")
}

async fn long_metadata_is_stored_once_for_all_recipients(store: Store) {
    let long = long_metadata(3_000);
    let meant: serde_json::Value = serde_json::from_str(&long).expect("it is JSON");
    let (event, ids) = event_with(&["a", "b", "c"], &long);
    store.commit(&[event], NOW).await.expect("it commits");
    assert_eq!(
        store.count_by_hand("SELECT COUNT(*) FROM shared_metadata").await.expect("it counts"),
        1
    );
    assert_eq!(
        store
            .count_by_hand("SELECT COUNT(*) FROM notifications WHERE metadata = '{}'")
            .await
            .expect("it counts"),
        3
    );
    for name in ["a", "b", "c"] {
        assert_eq!(json(&only(&store, name).await.metadata), meant, "{name} reads all of it");
        let listing = store.list(&user(name), &Filter::default(), 10).await.expect("it lists");
        assert_eq!(json(&listing.items[0].metadata), meant);
    }
    // Short metadata, and metadata of a single recipient, is stored with the notification.
    let (short, _) = event_with(&["d", "e"], r#"{"n":1}"#);
    let (single, _) = event_with(&["f"], &long);
    store.commit(&[short, single], NOW).await.expect("it commits");
    assert_eq!(
        store.count_by_hand("SELECT COUNT(*) FROM shared_metadata").await.expect("it counts"),
        1
    );
    assert_eq!(json(&only(&store, "f").await.metadata), meant);
    // Shared metadata is deleted with the last notification that has it.
    for (name, id) in ["a", "b", "c"].iter().zip(ids) {
        assert_eq!(
            store.count_by_hand("SELECT COUNT(*) FROM shared_metadata").await.expect("it counts"),
            1
        );
        mark(&store, name, id, Mark::Delete).await;
    }
    assert_eq!(
        store.count_by_hand("SELECT COUNT(*) FROM shared_metadata").await.expect("it counts"),
        0
    );
}

async fn a_deletion_keeps_no_content(store: Store) {
    let (event, ids) = event_with(&["a"], r#"{"secret":"s3cret"}"#);
    store.commit(&[event], NOW).await.expect("it commits");
    let outcome = store.mark(&user("a"), ids[0], Mark::Delete, None, NOW).await.expect("it marks");
    let MarkOutcome::Done(change) = outcome else { panic!("it is there") };
    let told = change.notification.expect("the update names it");
    let kept = only(&store, "a").await;
    for item in [&*told, &kept] {
        assert_eq!(item.status, Status::Deleted);
        assert_eq!(
            (item.title.as_str(), item.message.as_str(), item.metadata.get()),
            ("", "", "{}")
        );
        assert_eq!((item.action_url.as_deref(), item.notification_id), (None, ids[0]));
    }
}

async fn json_that_a_database_refuses_is_stored_and_read_as_it_was(store: Store) {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(3_000), "]".repeat(3_000));
    let (long, digits) = (long_metadata(3_000), format!(r#"{{"n":{}}}"#, "7".repeat(20_000)));
    let hostile = [
        r#"{"nul":"\u0000","half":"\ud800"}"#.to_owned(),
        r#"{"huge":1e400000,"small":-1E-400000}"#.to_owned(),
        r#"{"json":"\"\\u0000\""}"#.to_owned(),
        long.replace("pad", r"\u0000"),
        digits,
        deep,
    ];
    for metadata in hostile {
        let (event, _) = event_with(&["a", "b"], &metadata);
        store.commit(&[event], NOW).await.expect("it commits");
        for name in ["a", "b"] {
            let page = store.newest(&user(name), 1).await.expect("it reads");
            let read = page.items[0].metadata.get();
            assert!(read == metadata || read.replace(": ", ":") == metadata, "{name}: {read:.200}");
        }
    }
}

async fn retention_of_a_type_removes_content(store: Store) {
    let (id, first) = draft("a", "text");
    let first = Draft { keep_until: Some(NOW), ..first };
    let metadata =
        Arc::<RawValue>::from(RawValue::from_string(long_metadata(3_000)).expect("it is JSON"));
    let second = draft("b", "text");
    let drafts = [(id, first), second]
        .map(|(id, draft)| (id, Draft { metadata: Arc::clone(&metadata), ..draft }));
    store.commit(&[planned(None, drafts.to_vec())], NOW).await.expect("it commits");
    let changes = store
        .sweep(SweepKind::Discard, NOW, 10, NOW, &Fence::alone("sweeper"))
        .await
        .expect("it sweeps");
    assert_eq!(changes.len(), 1);
    let kept = only(&store, "a").await;
    assert_eq!(
        (kept.status, kept.message.as_str(), kept.metadata.get()),
        (Status::Deleted, "", "{}")
    );
    assert_eq!(
        json(&only(&store, "b").await.metadata),
        json(&metadata),
        "the other recipient still has it"
    );
}

async fn a_purged_deletion_makes_clients_before_it_start_over(store: Store) {
    let ids = fill(&store, "a", 3).await;
    mark(&store, "a", ids[1], Mark::Delete).await;
    let late = Timestamp(NOW.0 + 31 * DAY_MS);
    assert_eq!(
        store.purge_tombstones(Timestamp(NOW.0 - 1), 10).await.expect("it purges"),
        0,
        "it is not old yet"
    );
    assert_eq!(store.purge_tombstones(late, 10).await.expect("it purges"), 1);
    assert_eq!(store.purge_tombstones(late, 10).await.expect("it purges"), 0);
    let position = store.position(&user("a")).await.expect("it reads");
    let counters = store.inbox(&user("a")).await.expect("it reads");
    assert_eq!(position, InboxPosition { counters, purged: 4 }, "the counts are as they were");
    let since = |revision| resume(&Since { epoch: None, revision }, "e", position);
    assert_eq!((since(3), since(4)), (Resume::Reset, Resume::After(4)));
    assert_eq!(store.changed_since(&user("a"), 0, 10).await.expect("it reads").items.len(), 2);
}

async fn a_page_is_bounded_in_bytes(store: Store) {
    let long = long_metadata(300_000);
    for _ in 0..5 {
        let (event, _) = event_with(&["a"], &long);
        store.commit(&[event], NOW).await.expect("it commits");
    }
    let (mut reached, mut pages, mut seen) = (0, 0, Vec::new());
    loop {
        let page = store.changed_since(&user("a"), reached, 100).await.expect("it reads");
        assert!(page.items.len() <= 3, "{} in a page", page.items.len());
        seen.extend(page.items.iter().map(|item| item.revision));
        reached = page.reached();
        pages += 1;
        if page.complete {
            break;
        }
    }
    assert_eq!((pages, seen), (2, vec![1, 2, 3, 4, 5]), "nothing is left out");
    // A notification larger than a page is returned alone.
    let (event, _) = event_with(&["b"], &long_metadata(3_000_000));
    store.commit(&[event], NOW).await.expect("it commits");
    assert!(store.changed_since(&user("b"), 0, 100).await.expect("it reads").complete);
}

async fn failed_attempts_are_counted_for_all_hubs(store: Store) {
    let (one, other) = (Identity::key("one"), Identity::key("other"));
    let count = async |identity: &Identity, at| {
        store.count_failed_attempt(identity, Timestamp(at)).await.expect("it counts")
    };
    assert_eq!((count(&one, 1).await, count(&one, 5).await, count(&other, 5).await), (1, 2, 1));
    store.forget_failed_attempts(&one).await.expect("it forgets");
    assert_eq!((count(&one, 6).await, count(&other, 7).await), (1, 2));
    assert_eq!(store.purge_failed_attempts(7, 10).await.expect("it purges"), 1);
    assert_eq!(count(&other, 8).await, 3);
}

on_both!(
    json_that_a_database_refuses_is_stored_and_read_as_it_was,
    long_metadata_is_stored_once_for_all_recipients,
    a_deletion_keeps_no_content,
    retention_of_a_type_removes_content,
    a_purged_deletion_makes_clients_before_it_start_over,
    a_page_is_bounded_in_bytes,
    failed_attempts_are_counted_for_all_hubs,
);

/// SQLite says that the disk is full when the file has reached a size that its connection is told.
#[tokio::test]
async fn sqlite_works_again_when_a_full_disk_has_room() {
    let test = crate::support::stores::sqlite().await.expect("SQLite is always there");
    let store = &test.store;
    let (small, _) = event_with(&["a"], "{}");
    store.commit(std::slice::from_ref(&small), NOW).await.expect("it commits");
    store.execute_by_hand("PRAGMA max_page_count = 1").await.expect("it is told");
    let (large, _) = event_with(&["a"], &long_metadata(2_000_000));
    let failed =
        store.commit(std::slice::from_ref(&large), NOW).await.expect_err("the disk is full");
    assert!(failed.is_transient(), "{failed}");
    store
        .commit(&[large], NOW)
        .await
        .expect("a new connection has no limit: the disk has room again");
    store.ping().await.expect("it can be written to");
    assert_eq!(store.inbox(&user("a")).await.expect("it reads").revision, 2);
}

/// Returns a store that takes no writes is not ready, although it can be read.
#[tokio::test]
async fn read_only_postgres_is_unavailable_until_writable() {
    let Some(test) = crate::support::stores::postgres().await else { return };
    let store = &test.store;
    let database = test.url.rsplit('/').next().expect("it has a name");
    let admin = sqlx::PgPool::connect(&test.url).await.expect("it answers");
    let read_only = async |value: &str| {
        let sql = format!("ALTER DATABASE {database} SET default_transaction_read_only = {value}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&admin).await.expect("it is told");
    };
    read_only("on").await;
    // Open connections keep the setting with which they were opened.
    sqlx::query(sqlx::AssertSqlSafe(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lonceng' \
         AND datname = current_database()"
            .to_owned(),
    ))
    .execute(&admin)
    .await
    .expect("they are ended");
    let (event, _) = event_with(&["a"], "{}");
    let failed =
        store.commit(std::slice::from_ref(&event), NOW).await.expect_err("it takes no writes");
    assert!(failed.is_transient(), "{failed}");
    assert!(store.ping().await.is_err(), "it is not ready");
    sqlx::query("SET default_transaction_read_only = off")
        .execute(&admin)
        .await
        .expect("our own may write");
    let sql = format!("ALTER DATABASE {database} RESET default_transaction_read_only");
    let mut own = admin.acquire().await.expect("it answers");
    sqlx::query("SET default_transaction_read_only = off")
        .execute(&mut *own)
        .await
        .expect("our own may write");
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *own).await.expect("it is told");
    store.ping().await.expect("a new connection may write");
    store.commit(&[event], NOW).await.expect("it commits");
    store.close().await;
}

#[tokio::test]
async fn sqlite_wal_shrinks_after_a_long_reader() {
    let (url, folder) = crate::support::stores::sqlite_url();
    let store = Store::open(&url).await.expect("it opens");
    store.migrate().await.expect("it migrates");
    let log = folder.path().join("lonceng.db-wal");
    let size = || std::fs::metadata(&log).map_or(0, |metadata| metadata.len());
    let reading = sqlx::SqlitePool::connect(&url).await.expect("it opens");
    let mut reader = reading.begin().await.expect("it begins");
    sqlx::query("SELECT COUNT(*) FROM notifications")
        .fetch_one(&mut *reader)
        .await
        .expect("it reads");
    for _ in 0..90 {
        let drafts = (0..8).map(|_| draft("u", &"x".repeat(120_000))).collect();
        store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    }
    store.shrink_log().await.ok();
    assert!(size() > 80 << 20, "the reader keeps it: {}", size());
    reader.rollback().await.expect("it ends");
    reading.close().await;
    store.shrink_log().await.expect("it shrinks");
    assert!(size() <= 64 << 20, "{}", size());
    store.close().await;
}
