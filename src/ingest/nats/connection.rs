//! The connection: made in the background, kept for ever, watched.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::watch;

use super::Servers;
use crate::config;

/// The longest wait between tries to connect.
const RECONNECT_AFTER_MAX: Duration = Duration::from_secs(2);

/// A connection that comes and goes.
pub(super) struct NatsConnection {
    pub(super) client: Client,
    up: watch::Receiver<bool>,
}

impl NatsConnection {
    /// Starts connecting; succeeds while the server is away.
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
                        tracing::warn!("NATS drops messages: the hub reads too slowly")
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
        // The sender lives in the client, which lives here.
        let _ = self.up.wait_for(|up| *up).await;
    }

    /// Returns when the connection is gone, even if it has come back since.
    pub(super) fn lost(&self) -> impl Future<Output = ()> + use<> {
        let mut up = self.up.clone();
        async move {
            let _ = up.wait_for(|up| !*up).await;
        }
    }
}
