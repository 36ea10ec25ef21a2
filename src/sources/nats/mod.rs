//! NATS: a durable JetStream consumer, or a queue group on a server without JetStream.
//!
//! [`connection`] keeps the connection, [`jetstream`] and [`core`] bring messages, [`message`] decides what each becomes,
//! [`chunk`] takes some of them through the pipeline.

mod address;
mod chunk;
mod connection;
mod core;
mod jetstream;
mod message;

use std::time::Duration;

pub use address::{AddressError, Servers};

use tokio::time::sleep;

use crate::{
    actors::{Handle, pipeline::Pipeline},
    config,
    store::Store,
    telemetry::{Health, PartState},
};
use connection::Connection;

/// Between tries to get back to work after something failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The part's name in `/health/ready`.
const PART: &str = "nats";

/// What bringing messages needs.
#[derive(Debug, Clone)]
pub struct Intake {
    /// `[nats]`.
    pub config: config::Nats,
    /// Most bytes of one event.
    pub max_event_bytes: usize,
    /// Where events go.
    pub pipeline: Handle<Pipeline>,
    /// Where bad events are kept.
    pub store: Store,
    /// Where it says how it is.
    pub health: Health,
}

/// Why bringing messages ended, for now.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    /// The connection is gone.
    #[error("the connection to NATS is gone")]
    Disconnected,
    /// The server refused, or something it needs is not there.
    #[error("{0}")]
    Refused(String),
}

impl Intake {
    /// Brings messages for ever: connects, works, and comes back after whatever goes wrong.
    pub async fn run(self) {
        let mut connection = loop {
            match Connection::open(&self.config).await {
                Ok(connection) => break connection,
                Err(reason) => self.down(reason),
            }
            sleep(RETRY_AFTER).await;
        };
        loop {
            if !connection.is_up() {
                self.down("not connected; the hub connects when the server appears".to_owned());
                connection.wait_until_up().await;
            }
            let interrupted = self.work(&mut connection).await;
            if connection.is_up() {
                self.down(interrupted.to_string());
                sleep(RETRY_AFTER).await;
            }
        }
    }

    /// Says that no events come from NATS. Where it is optional and was never there, nobody need be alarmed.
    fn down(&self, reason: String) {
        let optional = !self.config.required && !self.health.was_ever_ok(PART);
        let news = !self.health.is_down(PART);
        if optional && news {
            tracing::info!(reason, "nats: no events come from NATS, which is optional (nats.required = false)");
        }
        let state = PartState::Down(reason);
        if optional { self.health.set_silently(PART, state) } else { self.health.set(PART, state) }
    }

    async fn work(&self, connection: &mut Connection) -> Interrupted {
        match jetstream::is_there(&connection.client).await {
            Ok(true) => jetstream::work(self, connection).await,
            Ok(false) => core::work(self, connection).await,
            Err(interrupted) => interrupted,
        }
    }

    /// How long to wait before the next try, after the `delivered`th.
    fn backoff(&self, delivered: u64) -> Duration {
        let seconds = &self.config.backoff_seconds;
        let index = usize::try_from(delivered.saturating_sub(1)).unwrap_or(usize::MAX);
        Duration::from_secs(seconds.get(index).or_else(|| seconds.last()).copied().unwrap_or(1))
    }

    /// Waits until the store answers: while it is away, pulling would only use up tries.
    async fn wait_for_store(&self) {
        while self.store.ping().await.is_err() {
            sleep(RETRY_AFTER).await;
        }
    }
}
