//! Connection to Kafka.

use std::{sync::Arc, time::Duration};

use krafka::{
    Kafka,
    auth::{AuthConfig, TlsConfig},
    consumer::{AutoOffsetReset, Consumer, ConsumerRebalanceListener},
    error::KrafkaError,
};

use crate::config::{self, KafkaSecurity, KafkaStart};

/// Time limit for a request. Readiness has to show a broker that is down within 15 seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum age of metadata: a topic or partition that is created later is found within this time.
const METADATA_MAX_AGE: Duration = Duration::from_secs(10);

/// Time after which the group takes a silent member for dead. A member that is killed is replaced
/// within 15 seconds.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// Interval of heartbeats: several must fit into the session.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);

/// Time that the broker may hold back a response until there are records.
const FETCH_MAX_WAIT: Duration = Duration::from_millis(500);

/// Maximum size of a response, in bytes: it is held in memory.
const FETCH_MAX_BYTES: i32 = 8 << 20;

/// Maximum number of records per poll.
const POLL_MAX: i32 = 500;

/// Connects to the cluster described by `[kafka]`.
///
/// # Errors
/// When no broker answers, or the sign-in fails.
pub async fn connect(config: &config::Kafka) -> Result<Kafka, KrafkaError> {
    let kafka = Kafka::builder(config.brokers.join(","))
        .client_id("lonceng")
        .request_timeout(REQUEST_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .metadata_max_age(METADATA_MAX_AGE)
        .allow_auto_create_topics(true);
    match security(config) {
        Some(security) => kafka.security(security).connect().await,
        None => kafka.connect().await,
    }
}

/// Creates the consumer: a static member of the group, so that a hub that was restarted takes over
/// its own partitions at once. It commits only what the hub tells it to.
pub(super) async fn consumer(
    kafka: &Kafka,
    config: &config::Kafka,
    instance: &str,
    listener: Arc<impl ConsumerRebalanceListener + 'static>,
) -> Result<Consumer, KrafkaError> {
    let reset = match config.start {
        KafkaStart::Earliest => AutoOffsetReset::Earliest,
        KafkaStart::Latest => AutoOffsetReset::Latest,
    };
    let consumer = kafka
        .consumer(config.group_id.as_str())
        .group_instance_id(instance)
        .enable_auto_commit(false)
        .auto_offset_reset(reset)
        .session_timeout(SESSION_TIMEOUT)
        .heartbeat_interval(HEARTBEAT_INTERVAL)
        .fetch_max_wait(FETCH_MAX_WAIT)
        .fetch_max_bytes(FETCH_MAX_BYTES)
        .max_poll_records(POLL_MAX)
        .max_buffered_records(POLL_MAX)
        .rebalance_listener(listener)
        .build()
        .await?;
    consumer.subscribe(&config.topics).await?;
    Ok(consumer)
}

fn security(config: &config::Kafka) -> Option<AuthConfig> {
    let (user, password) = (config.username.as_str(), config.password.reveal());
    let auth = match config.security {
        KafkaSecurity::Plaintext => return None,
        KafkaSecurity::Tls => return Some(AuthConfig::ssl(tls(config))),
        KafkaSecurity::SaslPlain => AuthConfig::sasl_plain(user, password),
        KafkaSecurity::SaslScramSha256 => AuthConfig::sasl_scram_sha256(user, password),
        KafkaSecurity::SaslScramSha512 => AuthConfig::sasl_scram_sha512(user, password),
    };
    Some(if config.is_encrypted() { auth.with_tls(tls(config)) } else { auth })
}

fn tls(config: &config::Kafka) -> TlsConfig {
    let tls = TlsConfig::new().with_native_roots();
    if config.tls_ca_file.is_empty() { tls } else { tls.with_ca_cert(&config.tls_ca_file) }
}
