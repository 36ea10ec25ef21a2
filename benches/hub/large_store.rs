//! A store with a million notifications: lists and counts, the start of the hub, and clients that
//! come back all at once.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::json;
use sqlx::{Connection as _, Executor as _};

use super::{
    percentiles, pss,
    support::{
        hub::{Hub, On},
        nats::NatsServer,
    },
};

/// Number of inboxes; each has the same number of notifications, and its rows are as far apart as
/// they are when everybody gets one after the other.
const USERS: u64 = 10_000;

/// Number of requests that are measured.
const REQUESTS: u64 = 2_000;

/// Executes statements in the store. `NUMBERS` stands for a table of numbers from 0, `ID` for the
/// ID of the notification with the number n, and `TIME` for its time of creation.
async fn execute(hub: &Hub, statement: &str, rows: u64) {
    if hub.store_url.starts_with("sqlite") {
        let sql = statement
            .replace(
                "NUMBERS",
                &format!(
                    "(WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < \
                     {rows}) SELECT n FROM c) AS numbers"
                ),
            )
            .replace("ID", "printf('01980000-0000-7000-8000-%012x', n)")
            .replace("TIME", "1766620800000 + n");
        let mut store = sqlx::SqliteConnection::connect(&hub.store_url).await.expect("a store");
        store.execute(sqlx::AssertSqlSafe(sql)).await.expect("it is valid SQL");
    } else {
        let sql = statement
            .replace("NUMBERS", &format!("generate_series(0, {rows} - 1) AS numbers (n)"))
            .replace("ID", "('01980000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid")
            .replace("TIME", "to_timestamp(1766620800 + n / 1000.0)");
        let mut store = sqlx::PgConnection::connect(&hub.store_url).await.expect("a store");
        store.execute(sqlx::AssertSqlSafe(sql)).await.expect("it is valid SQL");
        store.execute("ANALYZE").await.expect("it is valid SQL");
    }
}

/// Starts a hub whose users have `each` unread notifications.
async fn filled(postgres: Option<&str>, env: &[(&str, &str)], users: u64, each: u64) -> Hub {
    let mut hub = Hub::prepare(On::Sqlite, env).await.expect("it is prepared");
    if let Some(postgres) = postgres {
        hub.set_env("LONCENG_STORE__URL", postgres);
        hub.store_url = postgres.to_owned();
    }
    hub.run().await;
    hub.terminate().await;
    let notifications = format!(
        "INSERT INTO notifications (notification_id, user_id, seq, revision, type_code, title, \
         message, priority, source, metadata, created_at, status) SELECT ID, 'u' || (n % {users}), \
         n / {users} + 1, n / {users} + 1, 'NOTE_CREATED', 'New note', 'Ani wrote a note about the \
         refund number ' || n, 'MEDIUM', 'notes', '{{\"note_id\": \"n1\", \"title\": \"About the \
         refund\"}}', TIME, 'unread' FROM NUMBERS"
    );
    execute(&hub, &notifications, users * each).await;
    let inboxes = format!(
        "INSERT INTO inboxes (user_id, revision, unread, unseen) SELECT 'u' || n, {each}, {each}, \
         {each} FROM NUMBERS"
    );
    execute(&hub, &inboxes, users).await;
    // They were here before: their sign-in writes nothing.
    let people = "INSERT INTO users (user_id) SELECT 'u' || n FROM NUMBERS";
    execute(&hub, people, users).await;
    hub.run().await;
    hub
}

/// Asks for something of one user after the other. Returns the median.
async fn ask(hub: &Hub, name: &str, path: impl Fn(u64) -> String) -> Duration {
    let http = reqwest::Client::new();
    let mut took = Vec::new();
    for n in 0..REQUESTS {
        // Far apart, so that no request finds the pages of the one before it.
        let url = format!("{}{}", hub.base(), path(n * 7_919 % USERS));
        let started = Instant::now();
        let answer = http.get(url).send().await.expect("it answers");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("it answers");
        took.push(started.elapsed());
    }
    took.sort_unstable();
    let median = took[took.len() / 2];
    println!("            {name}: {}", percentiles(took));
    median
}

/// Lists and counts, with one client that asks one thing after the other. Returns the medians.
pub async fn lists(postgres: Option<&str>, rows: u64) -> (Duration, Duration) {
    let mut hub = filled(postgres, &[], USERS, rows / USERS).await;
    println!("lists       {rows} notifications of {USERS} users");
    hub.terminate().await;
    let started = Instant::now();
    hub.run().await;
    println!("            ready {:.0?} after the start of the process", started.elapsed());
    let list = |n| format!("/api/v1/notifications?user_id=u{n}&limit=50");
    let list = ask(&hub, "list of 50", list).await;
    let count = |n| format!("/api/v1/notifications/unread-count?user_id=u{n}");
    let count = ask(&hub, "unread count", count).await;
    println!("            memory {:.1} MB (PSS)", pss(&hub) as f64 / 1e6);
    (list, count)
}

/// Clients that come back at the same time, each with changes that it does not have, while others
/// get notifications. Returns the time until all are whole.
pub async fn storm(postgres: Option<&str>, clients: u64, behind: u64) -> Duration {
    let nats = NatsServer::start(true).await.expect("nats-server is needed");
    let url = nats.url();
    let hub = filled(postgres, &[("LONCENG_NATS__URL", &url)], clients, behind).await;
    while hub.get("/health/ready").await.1["nats"] != "ok" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut live = hub.connect("live", "&sync=none").await;
    let epoch = live.expect("connected").await["epoch"].as_str().expect("an epoch").to_owned();
    let cpu = hub.cpu_seconds();
    let started = Instant::now();
    let arriving = async {
        let come_back = async |n: u64| {
            let since = format!("&since={epoch}.0");
            let mut client = hub.connect(&format!("u{n}"), &since).await;
            client.expect("connected").await;
            for _ in 0..behind {
                client.expect("notification.push").await;
            }
            client
        };
        let mut arriving = FuturesUnordered::new();
        let mut whole = Vec::new();
        for n in 0..clients {
            arriving.push(come_back(n));
            // As many handshakes at once as a listener holds.
            if arriving.len() >= 500 {
                whole.extend(arriving.next().await);
            }
        }
        whole.extend(arriving.collect::<Vec<_>>().await);
        (started.elapsed(), whole)
    };
    let mut took = Vec::new();
    let context = nats.jetstream().await;
    let pushing = async {
        loop {
            let event = json!({ "user_id": "live", "title": "while others come back" });
            let sent = Instant::now();
            drop(context.publish("events.note.created", event.to_string().into()).await);
            // Beyond the limit of toasts per minute it is a summary.
            live.next().await.expect("it stays connected");
            took.push(sent.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (elapsed, whole) = tokio::select! {
        arrived = arriving => arrived,
        () = pushing => unreachable!("it goes on until all have come back"),
    };
    println!(
        "storm       {} clients, each {behind} changes behind, are whole after {elapsed:.1?}; \
         {:.0} µs of processor time each; {} live pushes meanwhile: {}",
        whole.len(),
        (hub.cpu_seconds() - cpu) / clients as f64 * 1e6,
        took.len(),
        if took.is_empty() { "none".to_owned() } else { percentiles(took) }
    );
    elapsed
}
