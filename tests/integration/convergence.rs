//! Many clients of many users, every kind of change, and connections that are cut: at the end every
//! client's inbox equals the server's. A seed is printed; `LONCENG_TEST_SEED` runs it again.

mod mirror;

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
use futures_util::{SinkExt as _, StreamExt as _};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use mirror::{Mirror, Next, is_ack};

const USERS: usize = 60;
const CLIENTS: usize = 300;
const CHANGES: usize = 20_000;
const CUTS: usize = 1_000;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Plan {
    hub_ws: String,
    cuts_left: Arc<AtomicUsize>,
    marks_left: Arc<AtomicUsize>,
    greeted: Arc<AtomicUsize>,
    finish: tokio::sync::watch::Receiver<bool>,
}

async fn connect(plan: &Plan, user: usize, mirror: &Mirror) -> Socket {
    let since = if mirror.revision < 0 {
        String::new()
    } else {
        format!("&since={}.{}", mirror.epoch, mirror.revision)
    };
    let url = format!("{}user_id=u{user}{since}", plan.hub_ws);
    let trying = async {
        loop {
            if let Ok((socket, _)) = connect_async(&url).await {
                return socket;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Not `until`: what it asks with cannot go to another thread.
    tokio::time::timeout(PATIENCE, trying).await.expect("the hub takes a connection in time")
}

fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

/// Returns a mark of something this client knows, or of everything.
fn some_mark(random: &mut StdRng, mirror: &Mirror) -> Value {
    // What ends a notification's life, or all of them at once, is rare, as it is in life.
    let kind = match random.random_range(0..60) {
        0 => "read_all",
        1 => "seen_all",
        2..5 => "delete",
        n => ["read", "unread", "seen", "archive", "unarchive"][n % 5],
    };
    let known: Vec<&String> = mirror
        .items
        .iter()
        .filter(|(_, (_, status))| status != "deleted")
        .map(|(id, _)| id)
        .collect();
    match known.get(random.random_range(0..known.len().max(1))) {
        Some(id) if !kind.ends_with("_all") => {
            json!({"type":format!("notification.{kind}"),"notification_id":id})
        }
        _ => {
            json!({"type":format!("notification.{}", if kind == "read_all" { kind } else {
                "seen_all" })})
        }
    }
}

/// Returns one client's life: it listens, marks, is cut, comes back with what it has, and at the
/// end is told to stop.
async fn live(plan: Plan, user: usize, seed: u64) -> Mirror {
    let mut random = StdRng::seed_from_u64(seed);
    let mut mirror = Mirror { revision: -1, ..Mirror::default() };
    let mut socket = connect(&plan, user, &mirror).await;
    let (mut syncing, mut asked, mut marking) = (false, false, false);
    let mut finish = plan.finish.clone();
    let mut tick = tokio::time::interval(Duration::from_millis(random.random_range(15..40)));
    loop {
        let finishing = *finish.borrow();
        if finishing && !asked {
            // It asks once more from where it stands: whatever it missed would show now.
            (asked, syncing) = (true, true);
            let since = format!("{}.{}", mirror.epoch, mirror.revision);
            let _ = socket
                .send(Message::text(json!({"type":"sync.request","since":since}).to_string()))
                .await;
        }
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("messages are JSON");
                    let kind = message["type"].as_str().expect("a type");
                    marking &= kind != "error" && !is_ack(kind);
                    if is_ack(kind) {
                        let of = |name: &str| message["data"][name].as_u64().unwrap_or(0);
                        for _ in of("previous_revision")..of("revision") {
                            take_one(&plan.marks_left);
                        }
                    }
                    if message["type"] == "connected" && mirror.revision < 0 {
                        plan.greeted.fetch_add(1, Ordering::Relaxed);
                    }
                    if matches!(message["type"].as_str(), Some("sync.response" | "connected")) {
                        syncing = false;
                    }
                    let answered = message["type"] == "sync.response";
                    let next = mirror.apply(&message);
                    if answered && finishing && next == Next::Nothing {
                        return mirror;
                    }
                    if next == Next::Sync && !syncing {
                        syncing = true;
                        let since = format!("{}.{}", mirror.epoch, mirror.revision);
                        let _ =
                            socket.send(Message::text(json!({"type":"sync.request","since":since,
                                "limit":200}).to_string())).await;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    (syncing, asked, marking) = (false, false, false);
                    socket = connect(&plan, user, &mirror).await;
                }
            },
            _ = tick.tick() => {
                if finishing {
                    continue;
                }
                if !marking && plan.marks_left.load(Ordering::Relaxed) >
                    0 && !mirror.items.is_empty() {
                    marking = true;
                    let mark = some_mark(&mut random, &mirror);
                    let _ = socket.send(Message::text(mark.to_string())).await;
                }
                if random.random_range(0..8) == 0 && take_one(&plan.cuts_left) {
                    match random.random_range(0..3) {
                        // Good-bye, as a page that is left.
                        0 => { let _ = socket.close(None).await; }
                        // A network that breaks: a reset.
                        1 => if let MaybeTlsStream::Plain(tcp) = socket.get_ref() {
                            let _ = tcp.set_zero_linger();
                        },
                        // A laptop that is shut: nothing is read for a while, then the connection
                        // is gone.
                        _ => {
                            let asleep = random.random_range(50..400);
                            tokio::time::sleep(Duration::from_millis(asleep)).await;
                        }
                    }
                    drop(socket);
                    (syncing, marking) = (false, false);
                    socket = connect(&plan, user, &mirror).await;
                }
            }
            changed = finish.changed(), if !finishing => changed.expect("the test is still there"),
        }
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
    let hub = Arc::new(hub);
    let mut random = StdRng::seed_from_u64(seed);
    let new_ones = CHANGES / 2;
    let cuts_left = Arc::new(AtomicUsize::new(CUTS));
    let marks_left = Arc::new(AtomicUsize::new(CHANGES - new_ones));
    let greeted = Arc::new(AtomicUsize::new(0));
    let (tell, finish) = tokio::sync::watch::channel(false);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let plan = Plan {
                hub_ws: hub.ws(""),
                cuts_left: Arc::clone(&cuts_left),
                marks_left: Arc::clone(&marks_left),
                greeted: Arc::clone(&greeted),
                finish: finish.clone(),
            };
            tokio::spawn(live(plan, client % USERS, random.random()))
        })
        .collect();
    let all_are_here = async || (greeted.load(Ordering::Relaxed) == CLIENTS).then_some(());
    until("everybody is connected, and begins with an empty inbox", PATIENCE, all_are_here).await;
    // New notifications, some of which run out by themselves.
    let mut published = 0;
    while published < new_ones {
        let batch = random.random_range(1..60).min(new_ones - published);
        if random.random_range(0..10) == 0 {
            let target: Vec<Value> =
                (0..batch.min(USERS)).map(|user| json!({"id":format!("u{user}")})).collect();
            published += target.len();
            let body = json!({"target":target,"message":"brief","ttl_seconds":1});
            assert_eq!(hub.post("/api/v1/notify", &body).await.0, 202);
        } else {
            let events: Vec<Value> = (0..batch)
                .map(|n| {
                    json!({"type":"NOTE_CREATED","user_id":format!("u{}",
                    random.random_range(0..USERS)),"title":n.to_string()})
                })
                .collect();
            published += batch;
            hub.publish(&Value::Array(events)).await;
        }
    }
    until("every change was made and every cut", PATIENCE * 6, async || {
        let left = (cuts_left.load(Ordering::Relaxed), marks_left.load(Ordering::Relaxed));
        (left == (0, 0)).then_some(())
    })
    .await;
    // Nothing is left that could run out, and nothing moves any more.
    let mut before = -1_i64;
    until("the inboxes are quiet", PATIENCE * 2, async || {
        // A mark of a client that was cut may still be under way at the hub, and the sweeper looks
        // once a second: quiet is a sum that is the same after longer than that. No message says
        // so.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let mut sum = 0;
        for user in 0..USERS {
            let (_, counts) =
                hub.get(&format!("/api/v1/notifications/unread-count?user_id=u{user}")).await;
            sum += counts["revision"].as_i64().expect("a revision");
        }
        let quiet = sum == before;
        before = sum;
        quiet.then_some(())
    })
    .await;
    tell.send(true).expect("the clients listen");
    // What each has is asked for once more by the protocol's own means: a sync from where it stands
    // brings nothing new.
    let mut truth: Vec<BTreeMap<String, (i64, String)>> = Vec::new();
    let mut standing = Vec::new();
    for user in 0..USERS {
        let (mut items, mut since) = (BTreeMap::new(), "0".to_owned());
        loop {
            let (_, page) = hub
                .get(&format!("/api/v1/notifications?user_id=u{user}&since={since}&limit=1000"))
                .await;
            let mut last = 0;
            for item in page["items"].as_array().expect("a list") {
                let revision = item["revision"].as_i64().expect("a revision");
                assert!(revision > last, "oldest change first, each revision once");
                last = revision;
                let id = item["notification_id"].as_str().expect("an id").to_owned();
                items.insert(id, (revision, item["status"].as_str().expect("a status").to_owned()));
            }
            since = page["revision"].to_string();
            if page["next_cursor"].is_null() {
                standing.push((
                    page["revision"].as_i64().expect("one"),
                    page["unread"].as_i64().expect("a count"),
                ));
                break;
            }
        }
        truth.push(items);
    }
    let changes: i64 = standing.iter().map(|(revision, _)| revision).sum();
    println!("{changes} changes of {USERS} inboxes, {CUTS} cuts");
    assert!(changes >= i64::try_from(CHANGES).expect("a small number"), "{changes}");
    for (number, client) in clients.into_iter().enumerate() {
        let abort = client.abort_handle();
        let finished = tokio::time::timeout(PATIENCE, client).await;
        abort.abort();
        let mirror = finished.expect("it finishes").expect("it does not fail");
        let user = number % USERS;
        assert_eq!(mirror.broken, None, "client {number} of u{user}, seed {seed}");
        assert_eq!(
            (mirror.revision, mirror.unread),
            standing[user],
            "client {number} of u{user}, seed {seed}"
        );
        for (id, known) in &mirror.items {
            assert_eq!(
                truth[user].get(id),
                Some(known),
                "{id} at client {number} of u{user}, seed {seed}"
            );
        }
        // A client that began with an empty inbox has all of it.
        assert_eq!(
            mirror.items.len(),
            truth[user].len(),
            "client {number} of u{user}, seed {seed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_converge_after_a_thousand_disconnects_on_sqlite() {
    run(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_converge_after_a_thousand_disconnects_on_postgresql() {
    run(On::Postgres).await;
}
