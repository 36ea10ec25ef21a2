//! Stress: three hubs on NATS, PostgreSQL and Redis, clients with two connections each, a steady
//! flow of events, and faults by name. At the end every event has made exactly one notification,
//! every client equals the store, and the store equals itself.
//!
//! `scripts/stress` runs it for longer. The seed is printed; `LONCENG_TEST_SEED` repeats it.
//! `LONCENG_STRESS_SCENARIOS` names the faults, `LONCENG_STRESS_RATE` the events per second and
//! `LONCENG_STRESS_SECONDS` the time for each fault.

mod faults;
mod publisher;
mod world;

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::task::JoinHandle;

use crate::{
    convergence::{
        client::{Plan, TestClient},
        compare,
        mirror::Mirror,
        read_inbox, wait_until_unchanged,
    },
    support::{
        hub::Hub,
        nats::NatsServer,
        postgres::PostgresServer,
        stores,
        wait::{PATIENCE, until},
    },
};

use faults::FAULTS;
use publisher::{Published, Publisher};
use world::{World, check_logs, verify};

/// Number of users: as many as the convergence test has, whose comparison is used.
const USERS: usize = 60;

/// Reads a number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Connects two clients of each user, to any hub, and again to any hub.
async fn connect_clients(
    hubs: &[Hub],
    random: &mut StdRng,
) -> (Vec<JoinHandle<Mirror>>, Plan, tokio::sync::watch::Sender<bool>) {
    let (finish, finished) = tokio::sync::watch::channel(false);
    let plan = Plan {
        urls: Arc::new(hubs.iter().map(|hub| hub.ws("")).collect()),
        cuts_left: Arc::default(),
        marks_left: Arc::new(AtomicUsize::new(3_000)),
        connected: Arc::default(),
        finish: finished,
    };
    let clients = (0..USERS * 2)
        .map(|number| {
            let (plan, seed) = (plan.clone(), random.random());
            tokio::spawn(async move {
                TestClient::connect(plan, number % USERS, seed).await.run().await
            })
        })
        .collect();
    until("all clients are connected", PATIENCE, async || {
        let connected = plan.connected.load(std::sync::atomic::Ordering::Relaxed);
        (connected == USERS * 2).then_some(())
    })
    .await;
    (clients, plan, finish)
}

async fn run(hubs: usize, scenarios: &[&str]) {
    let seed = setting("LONCENG_TEST_SEED", rand::random());
    println!("LONCENG_TEST_SEED={seed}");
    let Some(mut world) = World::start(hubs).await else { return };
    let mut random = StdRng::seed_from_u64(seed);
    let (clients, plan, finish) = connect_clients(&world.hubs, &mut random).await;
    let rate = setting("LONCENG_STRESS_RATE", 100);
    let publisher = Publisher::start(&world.nats, &world.hubs, rate, random.random()).await;

    for name in scenarios {
        let before = publisher.published();
        let fault = FAULTS.iter().find(|(known, _)| known == name);
        let (_, fault) = fault.unwrap_or_else(|| panic!("no scenario is named {name:?}"));
        fault(&mut world, &publisher, &plan, &mut random).await;
        tokio::time::sleep(faults::duration()).await;
        println!("{name}: {} events meanwhile", publisher.published() - before);
    }

    world.until_ready().await;
    let sent = publisher.finish().await;
    world.until_processed(&sent).await;
    assert_eq!(world.dead_letters().await, sent.poison, "dead letters, seed {seed}");
    check_all(&world.hubs[0], sent, (clients, finish), seed).await;
    verify(&PostgresServer::url_at(world.postgres.port));
    check_logs(&world.hubs);
}

/// Checks that every event has made one notification, and that every client equals the store.
async fn check_all(
    hub: &Hub,
    sent: Published,
    (clients, finish): (Vec<JoinHandle<Mirror>>, tokio::sync::watch::Sender<bool>),
    seed: u64,
) {
    wait_until_unchanged(hub).await;
    finish.send(true).expect("the clients run");
    let mut inboxes = Vec::new();
    for user in 0..USERS {
        inboxes.push(read_inbox(hub, user).await);
    }
    let stored: usize = inboxes.iter().map(|inbox| inbox.items.len()).sum();
    println!("{} events, {stored} notifications", sent.events);
    assert_eq!(stored, sent.events, "lost or duplicated, seed {seed}");
    compare(clients, &inboxes, seed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_by_any_fault_of_three_hubs() {
    let named = std::env::var("LONCENG_STRESS_SCENARIOS").unwrap_or_default();
    let named: Vec<&str> = named.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    let all: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
    run(3, if named.is_empty() { &all } else { &named }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_one_hub_on_sqlite_is_killed_twenty_times() {
    let seed = setting("LONCENG_TEST_SEED", rand::random());
    println!("LONCENG_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let Some(nats) = NatsServer::start(true).await else { return };
    let url = nats.url();
    let env = [("LONCENG_NATS__URL", url.as_str()), ("LONCENG_NATS__ACK_WAIT_SECONDS", "5")];
    let mut hubs = vec![Hub::sqlite(&env).await];
    let (clients, _plan, finish) = connect_clients(&hubs, &mut random).await;
    let rate = setting("LONCENG_STRESS_RATE", 100);
    let publisher = Publisher::start(&nats, &hubs, rate, random.random()).await;

    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(random.random_range(50..500))).await;
        hubs[0].kill();
        hubs[0].run().await;
    }

    let sent = publisher.finish().await;
    let store = stores::at(&hubs[0].store_url).await;
    until("all events are processed", PATIENCE, async || {
        let count = store.store.count_by_hand("SELECT COUNT(*) FROM notifications").await;
        (usize::try_from(count.ok()?).ok()? >= sent.events).then_some(())
    })
    .await;
    check_all(&hubs[0], sent, (clients, finish), seed).await;
    verify(&hubs[0].store_url);
    check_logs(&hubs);
}
