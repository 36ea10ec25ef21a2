//! Event sources: NATS, Kafka, AMQP and the outbox.

use async_nats::{ConnectOptions, jetstream};
use tokio::net::TcpStream;
use url::Url;

use super::Finding;
use crate::{
    config::{self, Config},
    ingest::nats::Servers,
    store::Store,
};

/// Port of AMQP without and with TLS (IANA).
const AMQP_PORT: u16 = 5_672;
const AMQPS_PORT: u16 = 5_671;

/// Checks that NATS answers, and has JetStream.
pub(super) async fn nats(config: &config::Nats) -> Vec<Finding> {
    if config.url.is_empty() {
        return vec![Finding::off("nats")];
    }
    vec![match connect_nats(config).await {
        Ok(client) => jetstream_of(config, client).await,
        Err(reason) => Finding::away(
            "nats",
            config.required,
            format!(
                "not reached ({reason}); start the server, or correct nats.url or its credentials, \
                 or set nats.url = \"\""
            ),
        ),
    }]
}

async fn connect_nats(config: &config::Nats) -> Result<async_nats::Client, String> {
    let servers = Servers::parse(config.url.reveal()).map_err(|error| error.to_string())?;
    let options = ConnectOptions::new().name("lonceng doctor");
    let options = servers.sign_in(options, config).await.map_err(|error| error.to_string())?;
    options.connect(servers.addresses).await.map_err(|error| error.to_string())
}

async fn jetstream_of(config: &config::Nats, client: async_nats::Client) -> Finding {
    let version = client.server_info().version;
    let jetstream = jetstream::new(client);
    if let Err(error) = jetstream.query_account().await {
        let text = format!(
            "NATS {version} answers without JetStream ({error}), so events may be lost; start it \
             with -js"
        );
        return Finding::warn("nats", text);
    }
    let stream = &config.stream;
    let state = match jetstream.get_stream(stream).await {
        Ok(_) => "exists",
        Err(_) => "is created by the hub",
    };
    Finding::ok("nats", format!("NATS {version} has JetStream; the stream {stream} {state}"))
}

/// Checks that a Kafka broker accepts connections.
pub(super) async fn kafka(config: &config::Kafka) -> Vec<Finding> {
    if !config.is_on() {
        return vec![Finding::off("kafka")];
    }
    let mut reason = String::new();
    for broker in &config.brokers {
        match TcpStream::connect(broker.as_str()).await {
            Ok(_) => return vec![Finding::ok("kafka", format!("{broker} accepts connections"))],
            Err(error) => reason = format!("{broker}: {error}"),
        }
    }
    let text = format!("no broker is reached ({reason}); start Kafka, or correct kafka.brokers");
    vec![Finding::away("kafka", config.required, text)]
}

/// Checks that the AMQP server accepts connections.
pub(super) async fn amqp(config: &config::Amqp) -> Vec<Finding> {
    // The URL may contain a password, so it is never printed.
    let Ok(url) = Url::parse(config.url.reveal()) else { return vec![Finding::off("amqp")] };
    let host = url.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']);
    let port = url.port().unwrap_or(if url.scheme() == "amqps" { AMQPS_PORT } else { AMQP_PORT });
    vec![match TcpStream::connect((host, port)).await {
        Ok(_) => Finding::ok("amqp", format!("{host}:{port} accepts connections")),
        Err(error) => Finding::away(
            "amqp",
            config.required,
            format!(
                "{host}:{port} is not reached ({error}); start the server, or correct amqp.url"
            ),
        ),
    }]
}

/// Checks that the store has the table of the outbox.
pub(super) async fn outbox(config: &Config) -> Vec<Finding> {
    if !config.outbox.enabled {
        return vec![Finding::off("outbox")];
    }
    let found = match Store::open_now(config.store.url.reveal()).await {
        Ok(store) => {
            let found = store.has_outbox().await;
            store.close().await;
            found
        }
        Err(error) => Err(error),
    };
    vec![match found {
        Ok(true) => Finding::ok("outbox", "the table lonceng_outbox exists"),
        Ok(false) => Finding::warn(
            "outbox",
            "the table lonceng_outbox does not exist; run `lonceng migrate`, or start the hub",
        ),
        Err(error) => Finding::warn("outbox", format!("not checked ({error}); see the store")),
    }]
}
