//! Servers and hubs of a stress run.

use std::{collections::BTreeMap, process::Command};

use sqlx::PgPool;

use super::publisher::Published;
use crate::support::{
    hub::{Hub, On},
    nats::NatsServer,
    postgres::PostgresServer,
    proxy::Proxy,
    redis::RedisServer,
    wait::{PATIENCE, until},
};

/// Servers and hubs; the hubs reach each server through a proxy.
pub(super) struct World {
    pub(super) hubs: Vec<Hub>,
    pub(super) nats: NatsServer,
    pub(super) redis: RedisServer,
    pub(super) postgres: PostgresServer,
    pub(super) nats_network: Proxy,
    pub(super) redis_network: Proxy,
    pub(super) postgres_network: Proxy,
    /// Connections to PostgreSQL that no fault affects but its own.
    pool: PgPool,
}

impl World {
    /// Starts everything; `None` where a server is missing.
    pub(super) async fn start(count: usize) -> Option<Self> {
        let postgres = PostgresServer::start().await?;
        let (nats, redis) = (NatsServer::start(true).await?, RedisServer::start().await?);
        let nats_network = Proxy::start(nats.port).await;
        let redis_network = Proxy::start(redis.port).await;
        let postgres_network = Proxy::start(postgres.port).await;
        let postgres_port = postgres.port;
        let mut hubs = Vec::new();
        for n in 0..count {
            let mut hub = Hub::prepare(On::Sqlite, &[]).await?;
            for (name, value) in [
                ("LONCENG_STORE__URL", PostgresServer::url_at(postgres_network.port)),
                ("LONCENG_NATS__URL", format!("nats://127.0.0.1:{}", nats_network.port)),
                ("LONCENG_NATS__REQUIRED", "true".to_owned()),
                // Redelivery after a hub was killed.
                ("LONCENG_NATS__ACK_WAIT_SECONDS", "5".to_owned()),
                ("LONCENG_REDIS__URL", format!("redis://127.0.0.1:{}", redis_network.port)),
                ("LONCENG_SERVER__INSTANCE_ID", format!("hub-{n}")),
                ("LONCENG_SERVER__OUTBOUND_QUEUE", "64".to_owned()),
            ] {
                hub.set_env(name, &value);
            }
            hub.run().await;
            hubs.push(hub);
        }
        let world = Self {
            hubs,
            nats,
            redis,
            postgres,
            nats_network,
            redis_network,
            postgres_network,
            pool: PgPool::connect_lazy(&PostgresServer::url_at(postgres_port)).expect("a URL"),
        };
        world.until_ready().await;
        Some(world)
    }

    /// Waits until every hub is ready and knows all others.
    pub(super) async fn until_ready(&self) {
        for hub in &self.hubs {
            until("every hub is ready", PATIENCE, async || {
                let (status, ready) = hub.get("/health/ready").await;
                let (_, list) = hub.get("/api/v1/admin/hubs").await;
                let known = list["hubs"].as_array().map_or(0, Vec::len);
                let parts = ["store", "nats", "redis"].map(|part| ready[part].clone());
                (status == 200 && known == self.hubs.len() && parts.iter().all(|part| part == "ok"))
                    .then_some(())
            })
            .await;
        }
    }

    /// Waits until a part of every hub is in this state.
    pub(super) async fn until_part(&self, part: &str, state: &str) {
        for hub in &self.hubs {
            until(&format!("{part} is {state}"), PATIENCE, async || {
                (hub.get("/health/ready").await.1[part] == state).then_some(())
            })
            .await;
        }
    }

    /// Waits until the store has everything that was published.
    pub(super) async fn until_processed(&self, published: &Published) {
        let expected = published.events + published.poison;
        until("all events are processed", PATIENCE * 2, async || {
            let stored = self.count("SELECT COUNT(*) FROM notifications").await;
            (stored + self.dead_letters().await >= expected).then_some(())
        })
        .await;
    }

    /// Returns the number of dead letters.
    pub(super) async fn dead_letters(&self) -> usize {
        self.count("SELECT COUNT(*) FROM dead_letters").await
    }

    async fn count(&self, sql: &'static str) -> usize {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&self.pool).await.expect("a count");
        usize::try_from(count).expect("not negative")
    }
}

/// Runs `lonceng verify`.
pub(super) fn verify(store_url: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml"), "verify"])
        .env_remove("DATABASE_URL")
        .env("LONCENG_STORE__URL", store_url)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

/// Returns whether a line is a warning or an error, other than the one at every start.
fn is_trouble(line: &str) -> bool {
    (line.contains(" WARN ") || line.contains("ERROR")) && !line.contains("dev sign-in is on")
}

/// Checks that no hub logs one cause more than once a second, and no panic.
pub(super) fn check_logs(hubs: &[Hub]) {
    for hub in hubs {
        let log = hub.log();
        assert!(!log.contains("panicked"), "{log}");
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for line in log.lines().filter(|line| is_trouble(line)) {
            let (second, rest) = line.split_at(line.len().min(19));
            // The cause is the text before the first field.
            let cause = rest.split_once("Z ").map_or(rest, |(_, text)| text);
            let cause: String = cause.chars().take_while(|c| *c != '=').collect();
            *counts.entry((second.to_owned(), cause)).or_default() += 1;
        }
        let frequent: Vec<_> = counts.iter().filter(|(_, count)| **count > 2).collect();
        assert!(frequent.is_empty(), "more than once a second: {frequent:#?}");
    }
}
