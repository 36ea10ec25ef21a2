//! Measures how the hub behaves from small to large: `cargo bench --bench scale`, or a part of it
//! with `-- connections`, `-- fan-out`, `-- rates`, `-- users`, `-- storm`, `-- everyone` or
//! `-- lists`. Prints a table and writes an SVG for each question.
//!
//! Starts what is needed: hubs on SQLite, and on PostgreSQL where `LONCENG_TEST_POSTGRES` names a
//! server on which databases may be created. Needs `nats-server` on the PATH. The load shares the
//! processors with the hub; its processor time is read from `/proc` and does not include the load.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::expect_used,
    missing_docs,
    reason = "a program that measures, not a library"
)]

#[path = "peers/chart.rs"]
#[allow(dead_code, reason = "the bars are for another bench")]
mod chart;
#[path = "scale/connections.rs"]
mod connections;
#[path = "hub/everyone.rs"]
mod everyone;
#[path = "hub/large_store.rs"]
mod large_store;
#[path = "scale/rates.rs"]
mod rates;
#[path = "peers/socket.rs"]
mod socket;
#[path = "../tests/integration/support/mod.rs"]
mod support;
#[path = "scale/table.rs"]
mod table;
#[path = "peers/target.rs"]
#[allow(dead_code, reason = "the other servers are for another bench")]
mod target;
#[path = "hub/watchers.rs"]
mod watchers;
#[path = "peers/work.rs"]
#[allow(dead_code, reason = "the questions are for another bench")]
mod work;

use std::time::Duration;

use support::stores::postgres_url;
use table::Table;
use watchers::{Watchers, hub_of, payload, percentiles, pss, reached, watch};

/// Questions.
const PARTS: [&str; 7] = ["connections", "fan-out", "rates", "users", "storm", "everyone", "lists"];

/// A store that the hub runs on.
pub struct OnStore {
    pub name: &'static str,
    /// `None`: SQLite, in a new file for each hub.
    is_postgres: bool,
}

impl OnStore {
    /// Returns the stores that can be measured on this machine.
    async fn present() -> Vec<Self> {
        let mut all = vec![Self { name: "SQLite", is_postgres: false }];
        if postgres_url().await.is_some() {
            all.push(Self { name: "PostgreSQL", is_postgres: true });
        }
        all
    }

    /// Returns the URL of a new, empty database; `None` for SQLite.
    pub async fn url(&self) -> Option<String> {
        if self.is_postgres { postgres_url().await } else { None }
    }
}

fn main() {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let is_wanted = |name: &str| {
        !PARTS.iter().any(|part| arguments.iter().any(|argument| argument == part))
            || arguments.iter().any(|argument| argument == name)
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            if is_wanted("connections") {
                connections::connections().await;
            }
            if is_wanted("fan-out") {
                connections::fan_out().await;
            }
            let stores = OnStore::present().await;
            if is_wanted("rates") {
                rates::rates(&stores).await;
            }
            if is_wanted("users") {
                rates::users(&stores).await;
            }
            if is_wanted("storm") {
                storm(&stores).await;
            }
            if is_wanted("everyone") {
                everyone(&stores).await;
            }
            if is_wanted("lists") {
                lists(&stores).await;
            }
        });
    println!("Charts: {}", table::folder().display());
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Time until clients that come back all at once are whole.
async fn storm(stores: &[OnStore]) {
    let mut table = Table::new("storm", "clients", "seconds until all are whole");
    for clients in [1_000, 3_000, 10_000] {
        for store in stores {
            let took = large_store::storm(store.url().await.as_deref(), clients, 20).await;
            table.add(clients as f64, store.name, seconds(took));
        }
    }
    table.report();
}

/// Time until an event for everybody is acknowledged, and until it is in the last inbox.
async fn everyone(stores: &[OnStore]) {
    let mut acknowledged = Table::new("everyone-acknowledged", "users", "ms until acknowledged");
    let mut last = Table::new("everyone-last", "users", "seconds until the last has it");
    for users in [1_000, 10_000, 100_000] {
        for store in stores {
            let (at_once, at_last) = everyone::everyone(store.url().await.as_deref(), users).await;
            acknowledged.add(users as f64, store.name, milliseconds(at_once));
            last.add(users as f64, store.name, seconds(at_last));
        }
    }
    acknowledged.report();
    last.report();
}

/// Median of a list of 50 and of an unread count, for one client.
async fn lists(stores: &[OnStore]) {
    let mut list = Table::new("list", "notifications in the store", "ms for a list of 50, p50");
    let mut count = Table::new("unread-count", "notifications in the store", "ms, p50");
    for rows in [10_000, 100_000, 1_000_000] {
        for store in stores {
            let (of_list, of_count) = large_store::lists(store.url().await.as_deref(), rows).await;
            list.add(rows as f64, store.name, milliseconds(of_list));
            count.add(rows as f64, store.name, milliseconds(of_count));
        }
    }
    list.report();
    count.report();
}
