//! NATS: a durable JetStream consumer, or a queue group on a server without JetStream.

mod address;
mod connection;
mod core;
mod jetstream;
mod undecodable;

use std::{convert::Infallible, sync::Arc, time::Duration};

use async_nats::{Client, HeaderMap};
use futures_util::future::LocalBoxFuture;
use tokio::time::sleep;

pub use address::{AddressError, Servers};
use connection::NatsConnection;

use super::{Consumer, EventSource, Retries, stop::StopSignal};
use crate::config;

/// Delay before the next attempt after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Time for messages in progress when the hub stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Time limit for an answer of the server when the hub stops.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// NATS as an event source.
#[derive(Debug)]
pub struct NatsSource {
    config: config::Nats,
    stop: StopSignal,
}

/// Subscription in progress: the configuration, and the consumer of its messages.
#[derive(Debug, Clone)]
struct Subscription {
    config: config::Nats,
    consumer: Consumer,
    stop: StopSignal,
}

/// Reason for which a subscription ended; it is started again.
#[derive(Debug, thiserror::Error)]
enum ConsumerError {
    /// The connection is lost.
    #[error("connection to NATS lost")]
    Disconnected,
    /// The server refused a request, or something it needs is missing.
    #[error("{0}")]
    Refused(String),
}

impl NatsSource {
    /// Creates the source described by `[nats]`.
    #[must_use]
    pub fn new(config: config::Nats) -> Self {
        Self { config, stop: StopSignal::default() }
    }
}

impl EventSource for NatsSource {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn retries(&self) -> Retries {
        let config = &self.config;
        Retries { max_deliver: config.max_deliver, backoff_seconds: config.backoff_seconds.clone() }
    }

    fn run(self: Arc<Self>, consumer: Consumer) -> LocalBoxFuture<'static, ()> {
        let (config, stop) = (self.config.clone(), self.stop.clone());
        let subscription = Subscription { config, consumer, stop };
        Box::pin(async move {
            subscription.receive_until_stop().await;
            subscription.stop.report_stopped();
        })
    }

    fn stop(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.stop.stop(DRAIN_TIMEOUT + ANSWER_TIMEOUT * 2))
    }
}

impl Subscription {
    /// Receives messages, after a failure again. Returns `None` when the hub stops.
    async fn receive_until_stop(&self) -> Option<Infallible> {
        let mut connection = loop {
            match self.stop.or_stop(NatsConnection::open(&self.config)).await? {
                Ok(connection) => break connection,
                Err(reason) => self.report_down(reason),
            }
            self.stop.or_stop(sleep(RETRY_AFTER)).await?;
        };
        let mut interrupted = false;
        loop {
            if !connection.is_up() {
                self.report_down(
                    "not connected; the hub connects when the server is available".to_owned(),
                );
                self.stop.or_stop(connection.wait_until_up()).await?;
            }
            let error = self.receive(&connection, interrupted).await.err()?;
            interrupted = true;
            if connection.is_up() {
                self.report_down(error.to_string());
                self.stop.or_stop(sleep(RETRY_AFTER)).await?;
            }
        }
    }

    fn report_down(&self, reason: String) {
        self.consumer.report_down(reason, self.config.required);
    }

    /// Receives messages until an error, or until the hub stops. `interrupted` is true after an
    /// error.
    async fn receive(
        &self,
        connection: &NatsConnection,
        interrupted: bool,
    ) -> Result<(), ConsumerError> {
        match self.stop.or_stop(jetstream::is_available(&connection.client)).await {
            None => Ok(()),
            Some(Ok(true)) => jetstream::receive(self, connection, interrupted).await,
            Some(Ok(false)) => core::receive(self, connection).await,
            Some(Err(error)) => Err(error),
        }
    }
}

/// Returns whether the server has JetStream; true if it does not say so.
pub async fn has_jetstream(client: &Client) -> bool {
    !matches!(jetstream::is_available(client).await, Ok(false))
}

/// Converts headers: names in lower case, the first value of each.
fn headers(map: Option<&HeaderMap>) -> Vec<(String, String)> {
    map.into_iter()
        .flat_map(|map| map.iter())
        .filter_map(|(name, values)| {
            let value = values.first()?;
            Some((AsRef::<str>::as_ref(name).to_ascii_lowercase(), value.as_str().to_owned()))
        })
        .collect()
}
