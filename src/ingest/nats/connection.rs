//! Connection to NATS: established in the background, and reconnected forever.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::watch;

use super::Servers;
use crate::config;

/// Maximum delay between attempts to connect.
const RECONNECT_AFTER_MAX: Duration = Duration::from_secs(2);

/// Connection to NATS.
pub(super) struct NatsConnection {
    pub(super) client: Client,
    up: watch::Receiver<bool>,
}

impl NatsConnection {
    /// Starts connecting; succeeds while the server is unavailable.
    pub(super) async fn open(config: &config::Nats) -> Result<Self, String> {
        let (tell, up) = watch::channel(false);
        let options = ConnectOptions::new()
            .name("lonceng")
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(|attempt| {
                let doubled = Duration::from_millis(50)
                    * 2_u32.saturating_pow(u32::try_from(attempt).unwrap_or(8).min(8));
                doubled.min(RECONNECT_AFTER_MAX)
            })
            .event_callback(move |event| {
                match event {
                    Event::Connected => drop(tell.send_replace(true)),
                    Event::Disconnected | Event::Closed => drop(tell.send_replace(false)),
                    Event::SlowConsumer(_) => {
                        tracing::warn!("nats: slow consumer; the server drops messages");
                    }
                    Event::LameDuckMode
                    | Event::Draining
                    | Event::ServerError(_)
                    | Event::ClientError(_) => {
                        tracing::debug!(%event, "NATS");
                    }
                }
                std::future::ready(())
            });
        let servers = Servers::parse(config.url.reveal()).map_err(|error| error.to_string())?;
        let options = servers.sign_in(options, config).await.map_err(|error| error.to_string())?;
        let client = options
            .connect(servers.addresses)
            .await
            .map_err(|error| format!("nats.url cannot be used: {:?}", error.kind()))?;
        Ok(Self { client, up })
    }

    pub(super) fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    pub(super) async fn wait_until_up(&mut self) {
        // The sender lives as long as the client, which this struct owns.
        let _ = self.up.wait_for(|up| *up).await;
    }

    /// Returns when the connection is lost, even if it has been restored since.
    pub(super) fn lost(&self) -> impl Future<Output = ()> + use<> {
        let mut up = self.up.clone();
        async move {
            let _ = up.wait_for(|up| !*up).await;
        }
    }
}
