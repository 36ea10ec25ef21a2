//! Publisher of a steady flow of events, which knows what it has published.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};

use super::USERS;
use crate::support::{hub::Hub, nats::NatsServer, wait::PATIENCE};

/// Number of events published so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Published {
    /// Different events that make a notification each.
    pub(super) events: usize,
    /// Malformed events.
    pub(super) poison: usize,
}

/// Special events to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Each event once.
    Once,
    /// Each event several times, on several ways.
    Repeated,
    /// Malformed events among the others.
    Poisoned,
}

/// Number of events that are published at the same time.
const WORKERS: u32 = 8;

/// Publisher, which ends with [`Publisher::finish`].
pub(super) struct Publisher {
    workers: Vec<JoinHandle<Published>>,
    count: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
    pub(super) mode: watch::Sender<Mode>,
}

/// Ways of an event to the hubs.
struct Ways {
    /// Beginning of the IDs of its events.
    name: String,
    nats_url: String,
    jetstream: async_nats::jetstream::Context,
    hubs: Vec<String>,
    http: reqwest::Client,
    random: StdRng,
}

impl Publisher {
    /// Starts to publish `rate` events per second, half of them over NATS.
    pub(super) async fn start(nats: &NatsServer, hubs: &[Hub], rate: u64, seed: u64) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (mode, modes) = watch::channel(Mode::Once);
        let count = Arc::new(AtomicUsize::new(0));
        let interval = Duration::from_secs(1) * WORKERS / u32::try_from(rate).expect("a rate");
        let mut workers = Vec::new();
        for worker in 0..WORKERS {
            let ways = Ways {
                name: format!("stress-{worker}"),
                nats_url: nats.url(),
                jetstream: jetstream(nats).await,
                hubs: hubs.iter().map(Hub::base).collect(),
                http: reqwest::Client::builder()
                    .timeout(Duration::from_secs(5))
                    .build()
                    .expect("an HTTP client"),
                random: StdRng::seed_from_u64(seed.wrapping_add(u64::from(worker))),
            };
            let (stopped, modes) = (stopped.clone(), modes.clone());
            workers.push(tokio::spawn(ways.run(interval, stopped, modes, Arc::clone(&count))));
        }
        Self { workers, count, stop, mode }
    }

    /// Returns the number of events that were acknowledged so far.
    pub(super) fn published(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Stops, after the last event has been acknowledged.
    pub(super) async fn finish(self) -> Published {
        self.stop.send(true).expect("it runs");
        let mut all = Published::default();
        for worker in self.workers {
            let ended = tokio::time::timeout(PATIENCE, worker).await;
            let published = ended.expect("it ends").expect("it does not fail");
            all.events += published.events;
            all.poison += published.poison;
        }
        all
    }
}

async fn jetstream(nats: &NatsServer) -> async_nats::jetstream::Context {
    async_nats::jetstream::new(nats.client().await)
}

impl Ways {
    async fn run(
        mut self,
        interval: Duration,
        stopped: watch::Receiver<bool>,
        modes: watch::Receiver<Mode>,
        count: Arc<AtomicUsize>,
    ) -> Published {
        let mut published = Published::default();
        let mut ticks = tokio::time::interval(interval);
        while !*stopped.borrow() {
            ticks.tick().await;
            let mode = *modes.borrow();
            self.publish(&mut published, mode).await;
            count.fetch_add(1, Ordering::Relaxed);
        }
        published
    }

    /// Publishes the next event, until it is acknowledged.
    async fn publish(&mut self, published: &mut Published, mode: Mode) {
        let number = published.events;
        let user = format!("u{}", self.random.random_range(0..USERS));
        let event = json!({ "type": "NOTE_CREATED", "event_id": format!("{}-{number}", self.name),
            "user_id": user, "title": number.to_string() });
        let times = if mode == Mode::Repeated { 3 } else { 1 };
        for _ in 0..times {
            if self.random.random_bool(0.5) {
                self.over_nats(&event.to_string()).await;
            } else {
                self.over_http(&event).await;
            }
        }
        published.events += 1;
        if mode == Mode::Poisoned && number.is_multiple_of(10) {
            self.over_nats("{ this is not JSON").await;
            published.poison += 1;
        }
    }

    /// Publishes to the stream, until the server has stored it. A server that was killed after
    /// storing it gets it again, with the same identity.
    async fn over_nats(&mut self, payload: &str) {
        let is_poison = !payload.contains("event_id");
        let id = uuid::Uuid::new_v4().to_string();
        loop {
            let mut headers = async_nats::HeaderMap::new();
            if is_poison {
                headers.insert("Nats-Msg-Id", id.as_str());
            }
            let sent = async {
                let publish = self.jetstream.publish_with_headers(
                    "events.note.created",
                    headers,
                    payload.to_owned().into(),
                );
                publish.await.ok()?.await.ok()
            };
            if let Ok(Some(_)) = tokio::time::timeout(Duration::from_secs(2), sent).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            if let Ok(client) = async_nats::connect(&self.nats_url).await {
                self.jetstream = async_nats::jetstream::new(client);
            }
        }
    }

    /// Publishes at any hub, until one has accepted it.
    async fn over_http(&mut self, event: &Value) {
        loop {
            let hub = &self.hubs[self.random.random_range(0..self.hubs.len())];
            let request = self.http.post(format!("{hub}/api/v1/events")).json(event);
            if let Ok(response) = request.send().await
                && response.status().as_u16() == 202
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
