//! NATS: a durable JetStream consumer, or a queue group on a server without JetStream.

mod address;
mod connection;
mod core;
mod jetstream;

use std::{sync::Arc, time::Duration};

use async_nats::HeaderMap;
use futures_util::future::LocalBoxFuture;
use tokio::time::sleep;

pub use address::{AddressError, Servers};
use connection::NatsConnection;

use super::{Consumer, EventSource, Retries};
use crate::config;

/// Delay before the next attempt after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// NATS as an event source.
#[derive(Debug)]
pub struct NatsSource {
    config: config::Nats,
}

/// Subscription in progress: the configuration, and the consumer of its messages.
#[derive(Debug, Clone)]
struct Subscription {
    config: config::Nats,
    consumer: Consumer,
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
        Self { config }
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
        let subscription = Subscription { config: self.config.clone(), consumer };
        Box::pin(async move { subscription.run().await })
    }
}

impl Subscription {
    async fn run(self) {
        let mut connection = loop {
            match NatsConnection::open(&self.config).await {
                Ok(connection) => break connection,
                Err(reason) => self.report_down(reason),
            }
            sleep(RETRY_AFTER).await;
        };
        loop {
            if !connection.is_up() {
                self.report_down(
                    "not connected; the hub connects when the server is available".to_owned(),
                );
                connection.wait_until_up().await;
            }
            let error = self.receive(&mut connection).await;
            if connection.is_up() {
                self.report_down(error.to_string());
                sleep(RETRY_AFTER).await;
            }
        }
    }

    fn report_down(&self, reason: String) {
        self.consumer.report_down(reason, self.config.required);
    }

    async fn receive(&self, connection: &mut NatsConnection) -> ConsumerError {
        match jetstream::is_available(&connection.client).await {
            Ok(true) => jetstream::receive(self, connection).await,
            Ok(false) => core::receive(self, connection).await,
            Err(error) => error,
        }
    }
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
