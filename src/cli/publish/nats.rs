//! Publishing over NATS, with JetStream or without.

use std::time::Duration;

use anyhow::anyhow;
use async_nats::{HeaderMap, jetstream};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{IN_FLIGHT, Publish};
use crate::{
    cli::progress::progress,
    config::Config,
    ingest::nats::{Servers, has_jetstream},
};

/// Time limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for the server's answer whether it has JetStream: a publisher may lack the permission
/// to ask.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

impl Publish {
    pub(super) async fn over_nats(
        &self,
        config: &Config,
        url: &str,
        event: &Map<String, Value>,
    ) -> anyhow::Result<()> {
        let url = if url.is_empty() { config.nats.url.reveal() } else { url };
        let url = if url.is_empty() { "nats://127.0.0.1:4222" } else { url };
        let servers = Servers::parse(url)?;
        let options = async_nats::ConnectOptions::new().connection_timeout(CONNECT_TIMEOUT);
        let connecting = servers.sign_in(options, &config.nats).await?.connect(servers.addresses);
        let nats = connecting.await.map_err(|error| {
            anyhow!(
                "no NATS server answers ({:?}); start one with `nats-server -js`, or name \
                 another with --nats URL",
                error.kind()
            )
        })?;
        let context = jetstream::new(nats.clone());
        let ask = async || timeout(ANSWER_TIMEOUT, has_jetstream(&nats)).await.unwrap_or(true);
        let is_confirmed = ask().await;
        if !is_confirmed {
            eprintln!(
                "lonceng: warning: this NATS server has no JetStream, so nothing confirms that a \
                 hub receives the events; start the server with -js"
            );
        }
        let payload = bytes::Bytes::from(serde_json::to_vec(event)?);
        let subject = self.subject();
        let progress = progress(self.count);
        let mut waiting = FuturesUnordered::new();
        for n in 0..self.count {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", self.id(n));
            if !is_confirmed {
                nats.publish_with_headers(subject.clone(), headers, payload.clone()).await?;
                progress.inc(1);
                continue;
            }
            let sent =
                context.publish_with_headers(subject.clone(), headers, payload.clone()).await?;
            waiting.push(sent.into_future());
            if waiting.len() >= IN_FLIGHT {
                check_stored(waiting.next().await, &subject)?;
                progress.inc(1);
            }
        }
        while let Some(result) = waiting.next().await {
            check_stored(Some(result), &subject)?;
            progress.inc(1);
        }
        nats.flush().await?;
        if !is_confirmed {
            // The server answers after it has taken the events.
            ask().await;
        }
        progress.finish_and_clear();
        Ok(())
    }
}

/// Returns whether a stream has stored an event.
fn check_stored<T, E: std::fmt::Display>(
    result: Option<Result<T, E>>,
    subject: &str,
) -> anyhow::Result<()> {
    match result {
        Some(Err(error)) => Err(anyhow!(
            "no stream stored the event on {subject} ({error}); start the hub once, which makes \
             its stream, or check that \
             the server runs with -js"
        )),
        Some(Ok(_)) | None => Ok(()),
    }
}
