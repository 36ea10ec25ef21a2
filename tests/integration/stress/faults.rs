//! Faults by name. Each begins with everything working, and ends so.

use std::time::Duration;

use futures_util::{StreamExt as _, future::LocalBoxFuture};
use rand::{Rng as _, rngs::StdRng};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::connect_async;

use super::{
    publisher::{Mode, Publisher},
    setting,
    world::World,
};
use crate::{convergence::client::Plan, support::proxy::Network};

/// Fault: what it does to the world.
type Fault =
    for<'a> fn(&'a mut World, &'a Publisher, &'a Plan, &'a mut StdRng) -> LocalBoxFuture<'a, ()>;

/// All faults, in the order of a run.
pub(super) const FAULTS: [(&str, Fault); 13] = [
    ("none", |world, _, _, _| Box::pin(async move { world.until_ready().await })),
    ("kill-hub", |world, _, _, random| Box::pin(kill_hub(world, random))),
    ("kill-redis", |world, _, _, _| Box::pin(kill_redis(world))),
    ("kill-nats", |world, _, _, _| Box::pin(kill_nats(world))),
    ("kill-postgres", |world, _, _, _| Box::pin(kill_postgres(world))),
    ("partition", |world, _, _, _| Box::pin(partition(world))),
    ("slow-network", |world, _, _, _| Box::pin(slow_network(world))),
    ("reconnect-storm", |_, _, plan, _| Box::pin(reconnect_storm(plan))),
    ("slow-reader", |_, _, plan, _| Box::pin(slow_reader(plan))),
    ("duplicate-publish", |_, publisher, _, _| Box::pin(publish(publisher, Mode::Repeated))),
    ("poison", |_, publisher, _, _| Box::pin(publish(publisher, Mode::Poisoned))),
    ("stop-hub", |world, _, _, random| Box::pin(stop_hub(world, random))),
    ("rolling-restart", |world, _, _, _| Box::pin(rolling_restart(world))),
];

/// Returns the time for which a server stays away, and a network is cut.
pub(super) fn duration() -> Duration {
    Duration::from_secs(setting("LONCENG_STRESS_SECONDS", 1))
}

async fn kill_hub(world: &mut World, random: &mut StdRng) {
    let hub = random.random_range(0..world.hubs.len());
    world.hubs[hub].kill();
    sleep(duration()).await;
    world.hubs[hub].run().await;
    world.until_ready().await;
}

async fn kill_redis(world: &mut World) {
    world.redis.stop();
    world.until_part("redis", "degraded").await;
    sleep(duration()).await;
    world.redis.run().await;
    world.until_ready().await;
}

async fn kill_nats(world: &mut World) {
    world.nats.stop();
    world.until_part("nats", "down").await;
    sleep(duration()).await;
    world.nats.run().await;
    world.until_ready().await;
}

async fn kill_postgres(world: &mut World) {
    world.postgres.kill();
    world.until_part("store", "down").await;
    sleep(duration()).await;
    world.postgres.run().await;
    world.until_ready().await;
}

/// Cuts the network to each server in turn: with silence, with closed connections, and in the
/// middle of a message.
async fn partition(world: &mut World) {
    for network in [&world.redis_network, &world.nats_network, &world.postgres_network] {
        for fault in [Network::Silent, Network::Cut, Network::Halved] {
            network.set(fault);
            sleep(duration()).await;
            network.set(Network::Open);
        }
        world.until_ready().await;
    }
}

async fn slow_network(world: &mut World) {
    let all = [&world.redis_network, &world.nats_network, &world.postgres_network];
    for network in all {
        network.delay(Duration::from_millis(20));
    }
    sleep(duration()).await;
    for network in all {
        network.delay(Duration::ZERO);
    }
    world.until_ready().await;
}

/// Every client loses its connection several times.
async fn reconnect_storm(plan: &Plan) {
    plan.cuts_left.store(300, std::sync::atomic::Ordering::Relaxed);
    sleep(duration()).await;
}

/// A connection of each of ten users does not read for a while, and then reads everything.
async fn slow_reader(plan: &Plan) {
    let mut sockets = Vec::new();
    for user in 0..10 {
        let url = format!("{}user_id=u{user}&sync=none", plan.urls[user % plan.urls.len()]);
        let (socket, _) = connect_async(url).await.expect("the hub accepts the connection");
        sockets.push(socket);
    }
    sleep(duration() * 2).await;
    for mut socket in sockets {
        // What has arrived, up to the first pause.
        while let Ok(Some(Ok(_))) = timeout(Duration::from_millis(50), socket.next()).await {}
    }
}

async fn publish(publisher: &Publisher, mode: Mode) {
    publisher.mode.send_replace(mode);
    sleep(duration()).await;
    publisher.mode.send_replace(Mode::Once);
}

async fn stop_hub(world: &mut World, random: &mut StdRng) {
    let hub = random.random_range(0..world.hubs.len());
    world.hubs[hub].terminate().await;
    sleep(duration()).await;
    world.hubs[hub].run().await;
    world.until_ready().await;
}

async fn rolling_restart(world: &mut World) {
    for hub in 0..world.hubs.len() {
        world.hubs[hub].terminate().await;
        world.hubs[hub].run().await;
    }
    world.until_ready().await;
}
