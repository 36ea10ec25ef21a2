//! Several hubs on one PostgreSQL and one Redis.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    client::Client,
    hub::{Hub, On},
    proxy::{Network, Proxy},
    redis::RedisServer,
    stores,
    wait::{PATIENCE, until},
};

/// Hubs that share a store and a bus.
pub(crate) struct TestCluster {
    pub(crate) hubs: Vec<Hub>,
    pub(crate) redis: RedisServer,
    /// Network between the hubs and Redis.
    pub(crate) network: Proxy,
}

impl TestCluster {
    /// Starts hubs `hub-0`, `hub-1` and so on, which know each other; `None` where a server is
    /// missing.
    pub(crate) async fn start(count: usize, env: &[(&str, &str)]) -> Option<Self> {
        let redis = RedisServer::start().await?;
        let network = Proxy::start(redis.port).await;
        let url = format!("redis://127.0.0.1:{}", network.port);
        let mut hubs: Vec<Hub> = Vec::new();
        for n in 0..count {
            let name = format!("hub-{n}");
            let mut env = env.to_vec();
            env.extend([
                ("LONCENG_REDIS__URL", url.as_str()),
                ("LONCENG_SERVER__INSTANCE_ID", name.as_str()),
            ]);
            let hub = match hubs.first() {
                Some(first) => first.beside(&env).await,
                None => Hub::start(On::Postgres, &env).await?,
            };
            hubs.push(hub);
        }
        let hubs = Self { hubs, redis, network };
        hubs.until_known().await;
        Some(hubs)
    }

    /// Waits until every hub knows all others, and the bus works.
    pub(crate) async fn until_known(&self) {
        let count = self.hubs.len();
        for hub in &self.hubs {
            until("the hubs know each other", PATIENCE, async || {
                let known = hub.get("/api/v1/admin/hubs").await.1["hubs"].as_array()?.len();
                let redis = hub.get("/health/ready").await.1["redis"].clone();
                (known == count && redis == "ok").then_some(())
            })
            .await;
        }
    }
}

/// Connects a user and skips the greeting.
async fn connect(hub: &Hub, user: &str) -> Client {
    let mut client = hub.connect(user, "&sync=none").await;
    client.expect("connected").await;
    client
}

fn note(user: &str, title: &str) -> Value {
    json!({ "type": "NOTE_CREATED", "user_id": user, "title": title })
}

#[tokio::test]
async fn changes_reach_the_connections_of_a_user_at_every_hub() {
    let Some(TestCluster { hubs, .. }) = &TestCluster::start(3, &[]).await else { return };
    let mut second = connect(&hubs[1], "budi").await;
    let mut third = connect(&hubs[2], "budi").await;

    hubs[0].publish(&note("budi", "One")).await;

    let pushed = second.expect("notification.push").await;
    assert_eq!(third.expect("notification.push").await, pushed);
    let read = json!({ "type": "notification.read", "notification_id": pushed["notification_id"] });
    second.send(&read).await;
    assert_eq!(second.expect("notification.read.ack").await["unread"], 0);
    let update = third.expect("notification.update").await;
    assert_eq!((&update["status"], &update["unread"]), (&json!("read"), &json!(0)));
    assert!(hubs[2].metric("lonceng_bus_gaps_total").await < 0.5, "no gap");
    // A client that has just connected may have read the notification from the store first.
    until("both changes arrive on the bus", PATIENCE, async || {
        (hubs[2].metric("lonceng_bus_messages_total{direction=\"in\"}").await >= 2.0).then_some(())
    })
    .await;
    assert!(hubs[2].metric("lonceng_bus_lag_seconds_count").await >= 2.0);
}

#[tokio::test]
async fn administrators_see_and_sign_out_the_connections_of_all_hubs() {
    let Some(TestCluster { hubs, .. }) = &TestCluster::start(3, &[]).await else { return };
    let mut second = connect(&hubs[1], "budi").await;
    let mut third = connect(&hubs[2], "budi").await;
    let mut other = connect(&hubs[2], "siti").await;

    let (_, clients) = hubs[0].get("/api/v1/admin/clients").await;
    let instances: Vec<&Value> = clients["connected_clients"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|client| &client["instance"])
        .collect();
    assert_eq!(instances, ["hub-1", "hub-2", "hub-2"], "{clients}");
    assert_eq!(clients.get("incomplete"), None);
    let (_, users) = hubs[0].get("/api/v1/admin/users").await;
    assert_eq!(users["total_count"], 2, "{users}");
    let (_, presence) = hubs[0].get("/api/v1/admin/presence/budi").await;
    assert_eq!((&presence["user_id"], &presence["online"]), (&json!("budi"), &json!(true)));
    assert_eq!(presence["connections"].as_array().map(Vec::len), Some(2), "{presence}");
    let (_, absent) = hubs[0].get("/api/v1/admin/presence/nobody").await;
    assert_eq!(absent, json!({ "user_id": "nobody", "online": false, "connections": [] }));

    let one = clients["connected_clients"][2]["client_id"].as_str().expect("an ID");
    let (status, closed) =
        hubs[0].send("DELETE", &format!("/api/v1/admin/clients/{one}"), &[], String::new()).await;
    assert_eq!((status, closed), (200, json!({ "closed": 1 })));
    assert_eq!(other.closed().await, 4001);
    let (status, closed) =
        hubs[0].send("DELETE", "/api/v1/admin/users/budi/clients", &[], String::new()).await;
    assert_eq!((status, closed), (200, json!({ "closed": 2 })));
    assert_eq!((second.closed().await, third.closed().await), (4001, 4001));
    let (status, _) =
        hubs[0].send("DELETE", "/api/v1/admin/clients/none", &[], String::new()).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_hub_that_died_is_incomplete_and_then_gone() {
    let Some(mut cluster) = TestCluster::start(2, &[]).await else { return };
    cluster.hubs[1].kill();

    let (_, clients) = cluster.hubs[0].get("/api/v1/admin/clients").await;
    assert_eq!(clients["incomplete"], json!(["hub-1"]), "{clients}");

    until("the dead hub is gone", PATIENCE, async || {
        let (_, list) = cluster.hubs[0].get("/api/v1/admin/hubs").await;
        (list["hubs"].as_array()?.len() == 1).then_some(())
    })
    .await;
    let (_, clients) = cluster.hubs[0].get("/api/v1/admin/clients").await;
    assert_eq!(clients.get("incomplete"), None);
}

#[tokio::test]
async fn a_hub_that_stops_leaves_at_once() {
    let Some(mut cluster) = TestCluster::start(2, &[]).await else { return };
    cluster.hubs[1].terminate().await;

    until("the stopped hub is gone", Duration::from_secs(5), async || {
        let (_, list) = cluster.hubs[0].get("/api/v1/admin/hubs").await;
        (list["hubs"].as_array()?.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_limit_of_connections_of_a_user_counts_all_hubs() {
    let env = [("LONCENG_SERVER__MAX_CONNECTIONS_PER_USER", "3")];
    let Some(TestCluster { hubs, .. }) = &TestCluster::start(2, &env).await else { return };
    let first = connect(&hubs[0], "budi").await;
    let _second = connect(&hubs[1], "budi").await;
    let _third = connect(&hubs[1], "budi").await;

    assert_eq!(hubs[0].connect("budi", "").await.closed().await, 4009);
    assert_eq!(hubs[1].connect("budi", "").await.closed().await, 4009);
    let _other = connect(&hubs[0], "siti").await;

    drop(first);
    until("there is room for another one", PATIENCE, async || {
        let mut client = hubs[1].connect("budi", "&sync=none").await;
        client.next().await.ok()
    })
    .await;
}

#[tokio::test]
async fn feeds_and_the_subscription_to_all_events_show_events_of_every_hub() {
    let Some(TestCluster { hubs, .. }) = &TestCluster::start(2, &[]).await else { return };
    let mut watcher = hubs[1].watch("availability", &json!({ "course_id": ["PIANO-101"] })).await;
    let mut other = hubs[1].watch("availability", &json!({ "course_id": ["GUITAR-7"] })).await;
    let mut admin = hubs[1].connect("1", "&role=admin&sync=none").await;
    admin.expect("connected").await;
    admin.send(&json!({ "type": "subscribe", "scope": "all" })).await;
    admin.expect("subscribed").await;
    let booking = json!({ "type": "booking.created", "event_id": "b1", "course_id": "PIANO-101",
        "schedule_id": "s", "slots_remaining": 3 });

    hubs[0].publish(&booking).await;

    let shown = watcher.expect("availability.updated").await;
    assert_eq!(shown["slots_remaining"], 3, "{shown}");
    assert_eq!(admin.skip_to("booking.created").await["course_id"], "PIANO-101");
    hubs[0].publish(&note("budi", "of no feed")).await;
    assert_eq!(admin.skip_to("NOTE_CREATED").await["title"], "of no feed");
    other.nothing().await;

    // The same event at another hub is shown once.
    hubs[1].publish(&booking).await;
    watcher.nothing().await;
}

#[tokio::test]
async fn explain_asks_all_hubs() {
    let Some(TestCluster { hubs, .. }) = &TestCluster::start(2, &[]).await else { return };
    let mut client = connect(&hubs[1], "budi").await;
    let event =
        json!({ "type": "NOTE_CREATED", "user_id": "budi", "title": "x", "event_id": "e1" });
    hubs[0].publish(&event).await;
    client.expect("notification.push").await;

    // The event came to hub-0, and was pushed by hub-1.
    for hub in hubs {
        let (_, explained) = hub.get("/api/v1/admin/explain?event=e1").await;
        let recipient = &explained["events"][0]["recipients"][0];
        assert_eq!(explained["events"][0]["instance"], "hub-0", "{explained}");
        assert_eq!(recipient["live"]["how"], "pushed", "{explained}");
        let (_, explained) = hub.get("/api/v1/admin/explain?user=budi").await;
        assert_eq!(explained["events"].as_array().map(Vec::len), Some(1), "{explained}");
        assert_eq!(explained["notifications"][0]["live"]["how"], "pushed", "{explained}");
    }
}

#[tokio::test]
async fn pushes_are_late_and_not_lost_while_redis_is_away() {
    let Some(mut cluster) = TestCluster::start(2, &[]).await else { return };
    let mut client = connect(&cluster.hubs[1], "budi").await;
    let degraded = async |hub: &Hub| {
        until("Redis is degraded", PATIENCE, async || {
            let (status, ready) = hub.get("/health/ready").await;
            (ready["redis"] == "degraded").then_some(status)
        })
        .await
    };

    for fault in [Network::Cut, Network::Silent, Network::Halved] {
        cluster.network.set(fault);
        cluster.hubs[0].publish(&note("budi", "while away")).await;
        assert_eq!(client.expect("notification.push").await["metadata"]["title"], "while away");
        if fault != Network::Halved {
            assert_eq!(degraded(&cluster.hubs[1]).await, 200, "the hub stays ready");
        }
        cluster.network.set(Network::Open);
        cluster.until_known().await;
        cluster.hubs[0].publish(&note("budi", "back")).await;
        assert_eq!(client.expect("notification.push").await["metadata"]["title"], "back");
    }

    cluster.redis.stop();
    cluster.hubs[0].publish(&note("budi", "killed")).await;
    assert_eq!(client.expect("notification.push").await["metadata"]["title"], "killed");
    cluster.redis.run().await;
    // What the hubs know of each other outlives the kill by some seconds, so only a push that
    // came over Redis shows that they are connected again. One that did not still arrives.
    let from_bus = "lonceng_bus_messages_total{direction=\"in\"}";
    let before = cluster.hubs[1].metric(from_bus).await;
    until("a push comes over the bus", PATIENCE, async || {
        cluster.hubs[0].publish(&note("budi", "restarted")).await;
        assert_eq!(client.expect("notification.push").await["metadata"]["title"], "restarted");
        (cluster.hubs[1].metric(from_bus).await > before).then_some(())
    })
    .await;
    client.nothing().await;
}

#[tokio::test]
async fn without_redis_another_hub_is_reported_once_and_changes_arrive_late() {
    let env = [("LONCENG_SERVER__INSTANCE_ID", "a")];
    let Some(first) = Hub::start(On::Postgres, &env).await else { return };
    let second = first.beside(&[("LONCENG_SERVER__INSTANCE_ID", "b")]).await;
    let mut client = connect(&second, "budi").await;

    first.publish(&note("budi", "late")).await;

    assert_eq!(client.expect("notification.push").await["metadata"]["title"], "late");
    until("the other hub is reported", PATIENCE, async || {
        (second.log().matches("redis.url is not set").count() == 1).then_some(())
    })
    .await;
    assert_eq!(second.get("/health/ready").await.1["redis"], "off");
}

#[tokio::test]
async fn work_of_one_hub_moves_to_another_when_the_holder_dies() {
    let Some(mut cluster) = TestCluster::start(2, &[]).await else { return };
    let holder = until("one hub holds the lease", PATIENCE, async || {
        let first = cluster.hubs[0].metric("lonceng_leases{name=\"sweeper\"}").await;
        let second = cluster.hubs[1].metric("lonceng_leases{name=\"sweeper\"}").await;
        assert!(first + second <= 1.0, "two hubs hold the lease");
        (first + second > 0.0).then_some(usize::from(second > 0.0))
    })
    .await;
    cluster.hubs[holder].kill();
    let other = &cluster.hubs[1 - holder];
    let killed = std::time::Instant::now();
    let brief = json!({ "target": [{ "id": "budi" }], "message": "brief", "ttl_seconds": 1 });
    assert_eq!(other.post("/api/v1/notify", &brief).await.0, 202);

    until("the expired notification is cleared", PATIENCE, async || {
        let (_, count) = other.get("/api/v1/notifications/unread-count?user_id=budi").await;
        (count["unread"] == 0 && count["revision"] == 2).then_some(())
    })
    .await;

    assert!(killed.elapsed() < Duration::from_secs(15), "{:?}", killed.elapsed());
    assert!(other.metric("lonceng_leases{name=\"sweeper\"}").await > 0.5);
}

/// Stores dead letters that can be replayed, each with an event for one user.
async fn store_dead_letters(store: &lonceng::store::Store, count: usize) {
    for n in 0..count {
        let letter = lonceng::store::DeadLetter {
            id: uuid::Uuid::now_v7(),
            received_at: lonceng::domain::notification::Timestamp(1_000),
            source: "nats".to_owned(),
            subject: None,
            kind: "missing_field".to_owned(),
            field: None,
            reason: "for this test".to_owned(),
            identity: Some(format!("id:replayed-{n}")),
            headers: Vec::new(),
            payload: note("budi", &n.to_string()).to_string(),
            truncated: false,
        };
        store.keep_dead_letter(&letter).await.expect("it is stored");
    }
}

#[tokio::test]
async fn a_job_is_continued_by_another_hub_when_its_hub_dies() {
    const LETTERS: usize = 1_000;
    let Some(mut cluster) = TestCluster::start(2, &[]).await else { return };
    let store = stores::at(&cluster.hubs[0].store_url).await;
    store_dead_letters(&store.store, LETTERS).await;
    let (status, job) = cluster.hubs[0].post("/api/v1/admin/dead-letters/replay", &json!({})).await;
    assert_eq!((status, &job["total"]), (202, &json!(LETTERS)), "{job}");
    let path = format!("/api/v1/admin/jobs/{}", job["id"].as_str().expect("an ID"));
    until("the job has begun", PATIENCE, async || {
        (cluster.hubs[0].get(&path).await.1["done"].as_i64()? > 10).then_some(())
    })
    .await;
    let on_second = "SELECT COUNT(*) FROM jobs j JOIN hubs h ON h.boot = j.holder WHERE \
                     h.instance = 'hub-1'";
    let holder = store.store.count_by_hand(on_second).await.expect("a count");
    let holder = usize::try_from(holder).expect("0 or 1");

    cluster.hubs[holder].kill();

    let other = &cluster.hubs[1 - holder];
    let job = until("another hub finishes it", PATIENCE, async || {
        let (_, job) = other.get(&path).await;
        (job["state"] == "finished").then_some(job)
    })
    .await;
    assert_eq!(job["failed"], 0, "{job}");
    let inbox = other.inbox("budi").await;
    assert_eq!(inbox.len(), LETTERS, "each is replayed once: {job}");
    assert_eq!(other.get("/api/v1/admin/dead-letters").await.1["total_count"], 0);
    store.store.close().await;
}
