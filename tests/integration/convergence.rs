//! Many clients of many users, every kind of change, and cut connections: at the end every client's
//! inbox equals the server's. The seed is printed; `LONCENG_TEST_SEED` repeats it.

pub(crate) mod client;
pub(crate) mod mirror;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use client::{Plan, TestClient};
use mirror::Mirror;

const USERS: usize = 60;
const CLIENTS: usize = 300;
const CHANGES: usize = 20_000;
const CUTS: usize = 1_000;

/// Notifications among the changes; the others are marks.
const NOTIFICATIONS: usize = CHANGES / 2;

/// Inbox of a user as the server has it.
pub(crate) struct Inbox {
    pub(crate) revision: i64,
    pub(crate) unread: i64,
    /// Revision and status of each notification, by its ID.
    pub(crate) items: BTreeMap<String, (i64, String)>,
}

/// Publishes events in batches of random size, and notifications that expire soon.
async fn publish_all(hub: &Hub, random: &mut StdRng) {
    let mut published = 0;
    while published < NOTIFICATIONS {
        let batch = random.random_range(1..60).min(NOTIFICATIONS - published);
        if random.random_range(0..10) == 0 {
            let target: Vec<Value> =
                (0..batch.min(USERS)).map(|user| json!({ "id": format!("u{user}") })).collect();
            published += target.len();
            let body = json!({ "target": target, "message": "brief", "ttl_seconds": 1 });
            assert_eq!(hub.post("/api/v1/notify", &body).await.0, 202);
        } else {
            let event = |n: usize| {
                let user = format!("u{}", random.random_range(0..USERS));
                json!({ "type": "NOTE_CREATED", "user_id": user, "title": n.to_string() })
            };
            let events: Vec<Value> = (0..batch).map(event).collect();
            published += batch;
            hub.publish(&Value::Array(events)).await;
        }
    }
}

/// Waits until no inbox changes any more. A mark of a client that was cut may still be in progress,
/// and expired notifications are removed once per second, so that the sum of the revisions must be
/// the same after a longer time; no message reports this.
pub(crate) async fn wait_until_unchanged(hub: &Hub) {
    let mut before = -1_i64;
    until("no inbox changes", PATIENCE * 2, async || {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let mut sum = 0;
        for user in 0..USERS {
            let path = format!("/api/v1/notifications/unread-count?user_id=u{user}");
            sum += hub.get(&path).await.1["revision"].as_i64().expect("a revision");
        }
        let is_unchanged = sum == before;
        before = sum;
        is_unchanged.then_some(())
    })
    .await;
}

/// Reads an inbox with all its changes.
pub(crate) async fn read_inbox(hub: &Hub, user: usize) -> Inbox {
    let (mut items, mut since) = (BTreeMap::new(), "0".to_owned());
    loop {
        let path = format!("/api/v1/notifications?user_id=u{user}&since={since}&limit=1000");
        let (_, page) = hub.get(&path).await;
        let mut last = 0;
        for item in page["items"].as_array().expect("a list") {
            let revision = item["revision"].as_i64().expect("a revision");
            assert!(revision > last, "the oldest change comes first, each revision once");
            last = revision;
            let id = item["notification_id"].as_str().expect("an ID").to_owned();
            items.insert(id, (revision, item["status"].as_str().expect("a status").to_owned()));
        }
        let revision = page["revision"].as_i64().expect("a revision");
        if page["next_cursor"].is_null() {
            return Inbox { revision, unread: page["unread"].as_i64().expect("a count"), items };
        }
        since = revision.to_string();
    }
}

/// Waits for each client, and compares its inbox with the server's.
pub(crate) async fn compare(clients: Vec<JoinHandle<Mirror>>, inboxes: &[Inbox], seed: u64) {
    for (number, client) in clients.into_iter().enumerate() {
        let abort = client.abort_handle();
        let finished = tokio::time::timeout(PATIENCE, client).await;
        abort.abort();
        let mirror = finished.expect("it finishes").expect("it does not fail");
        let inbox = &inboxes[number % USERS];
        let what = format!("client {number} of u{}, seed {seed}", number % USERS);
        assert_eq!(mirror.broken, None, "{what}");
        assert_eq!((mirror.revision, mirror.unread), (inbox.revision, inbox.unread), "{what}");
        // Clients began with empty inboxes, and so have all changes.
        assert_eq!(mirror.items, inbox.items, "{what}");
    }
}

async fn run(on: On) {
    let seed: u64 = std::env::var("LONCENG_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    println!("LONCENG_TEST_SEED={seed}");
    let Some(hub) = Hub::start(on, &[("LONCENG_SERVER__OUTBOUND_QUEUE", "64")]).await else {
        return;
    };
    let mut random = StdRng::seed_from_u64(seed);
    let (finish, finished) = tokio::sync::watch::channel(false);
    let plan = Plan {
        urls: Arc::new(vec![hub.ws("")]),
        cuts_left: Arc::new(AtomicUsize::new(CUTS)),
        marks_left: Arc::new(AtomicUsize::new(CHANGES - NOTIFICATIONS)),
        connected: Arc::default(),
        finish: finished,
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (plan, seed) = (plan.clone(), random.random());
            tokio::spawn(async move {
                TestClient::connect(plan, number % USERS, seed).await.run().await
            })
        })
        .collect();
    until("all clients are connected, with empty inboxes", PATIENCE, async || {
        (plan.connected.load(Ordering::Relaxed) == CLIENTS).then_some(())
    })
    .await;

    publish_all(&hub, &mut random).await;
    until("all marks and cuts were made", PATIENCE * 6, async || {
        let left = [&plan.cuts_left, &plan.marks_left].map(|left| left.load(Ordering::Relaxed));
        (left == [0, 0]).then_some(())
    })
    .await;
    wait_until_unchanged(&hub).await;
    finish.send(true).expect("the clients run");

    let mut inboxes = Vec::new();
    for user in 0..USERS {
        inboxes.push(read_inbox(&hub, user).await);
    }
    let changes: i64 = inboxes.iter().map(|inbox| inbox.revision).sum();
    println!("{changes} changes of {USERS} inboxes, {CUTS} cuts");
    assert!(changes >= i64::try_from(CHANGES).expect("a small number"), "{changes}");
    compare(clients, &inboxes, seed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_converge_after_a_thousand_disconnects_on_sqlite() {
    run(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_converge_after_a_thousand_disconnects_on_postgresql() {
    run(On::Postgres).await;
}
