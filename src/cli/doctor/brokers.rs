//! Event sources: NATS, Kafka, AMQP and the outbox.

use async_nats::{ConnectOptions, jetstream};
use krafka::admin::DescribeClusterOptions;

use super::Finding;
use crate::{
    config::{self, Config},
    ingest::{amqp, kafka, nats::Servers},
    store::Store,
};

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

/// Checks that Kafka answers, and accepts the sign-in.
pub(super) async fn kafka(config: &config::Kafka) -> Vec<Finding> {
    if !config.is_on() {
        return vec![Finding::off("kafka")];
    }
    let found = match kafka::connect(config).await {
        Ok(client) => client.admin().describe_cluster(DescribeClusterOptions::default()).await,
        Err(error) => Err(error),
    };
    vec![match found {
        Ok(cluster) => {
            let brokers = cluster.brokers.len();
            Finding::ok("kafka", format!("a cluster of {brokers} answers, and lets the hub in"))
        }
        Err(error) => Finding::away(
            "kafka",
            config.required,
            format!(
                "not reached ({error}); start Kafka, or correct kafka.brokers or the user and \
                 password"
            ),
        ),
    }]
}

/// Checks that the AMQP server answers, and accepts the sign-in.
pub(super) async fn amqp(config: &config::Amqp) -> Vec<Finding> {
    if !config.is_on() {
        return vec![Finding::off("amqp")];
    }
    vec![match amqp::connect(config).await {
        Ok(connection) => {
            // The check is done; the server notices the end anyway.
            let _ = connection.close(200, "done".into()).await;
            Finding::ok("amqp", "the server answers, and lets the hub in")
        }
        // The URL may contain a password, and is not printed.
        Err(error) => Finding::away(
            "amqp",
            config.required,
            format!("not reached ({error}); start the server, or correct amqp.url"),
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
