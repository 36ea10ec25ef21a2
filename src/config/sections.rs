//! Sections of config.toml: every key with its default and unit.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Amqp, Channels, Feed, Kafka, Outbox, Secret, TypeConfig};
use crate::domain::feed;

/// Contents of config.toml.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Server and connections.
    pub server: Server,
    /// Authentication.
    pub auth: Auth,
    /// Store.
    pub store: Store,
    /// NATS.
    pub nats: Nats,
    /// Kafka.
    pub kafka: Kafka,
    /// AMQP: `RabbitMQ`.
    pub amqp: Amqp,
    /// Outbox in PostgreSQL.
    pub outbox: Outbox,
    /// Redis.
    pub redis: Redis,
    /// Section of earlier versions, accepted and ignored.
    pub cache: Option<toml::Table>,
    /// Limits per user and client.
    pub limits: Limits,
    /// Retention.
    pub retention: Retention,
    /// Delivery trace.
    pub explain: Explain,
    /// Template files.
    pub templates: Templates,
    /// Delivery channels.
    pub channels: Channels,
    /// Notification types.
    #[serde(rename = "type")]
    pub types: Vec<TypeConfig>,
    /// The live feeds.
    #[serde(rename = "feed")]
    pub feeds: Vec<Feed>,
}

/// Section `[server]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: String,
    /// Certificate and key for TLS; without them a proxy does it.
    pub tls: Option<Tls>,
    /// Name of this hub; by default `POD_ID`, else the host name.
    pub instance_id: String,
    /// Allowed browser origins besides the hub's own.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is trusted, besides those on this machine.
    pub trusted_proxies: Vec<IpAddr>,
    /// Maximum number of connections.
    pub max_connections: usize,
    /// Maximum number of connections of one user.
    pub max_connections_per_user: usize,
    /// Number of connections accepted per second; others wait. 0 for no limit.
    pub connections_per_second: u32,
    /// Maximum size of a WebSocket message from a client, in bytes.
    pub max_message_bytes: usize,
    /// Maximum size of an event, in bytes.
    pub max_event_bytes: usize,
    /// Interval of pings, in seconds.
    pub heartbeat_seconds: u64,
    /// Time limit for a pong, in seconds.
    pub heartbeat_timeout_seconds: u64,
    /// Maximum number of messages queued for one session; one that stays behind is closed as too
    /// slow.
    pub outbound_queue: usize,
    /// Time limit for a graceful stop, in seconds.
    pub shutdown_grace_seconds: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            tls: None,
            instance_id: String::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_connections: 100_000,
            max_connections_per_user: 20,
            connections_per_second: 2_000,
            max_message_bytes: 16_384,
            max_event_bytes: 262_144,
            heartbeat_seconds: 30,
            heartbeat_timeout_seconds: 10,
            outbound_queue: 256,
            shutdown_grace_seconds: 10,
        }
    }
}

/// Table `server.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate and those of its authorities.
    pub certificate: String,
    /// PEM file with the private key.
    pub key: String,
}

impl Config {
    /// Returns a message for each setting that is accepted and has no effect yet.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for kind in &self.types {
            let named =
                kind.channels.iter().chain(kind.escalate.iter().flat_map(|step| &step.channels));
            for channel in named.filter(|channel| !self.has_channel(channel)) {
                lines.push(format!(
                    "the type {} names the channel {channel}, which is not configured: its \
                     deliveries are skipped",
                    kind.code
                ));
            }
        }
        if self.cache.is_some() {
            lines.push("[cache] has no effect yet".to_owned());
        }
        lines
    }

    /// Returns whether a channel is configured.
    fn has_channel(&self, channel: &str) -> bool {
        match channel {
            "web" => true,
            "email" => !self.channels.email.url.is_empty(),
            "push" => !self.channels.push.subject.is_empty(),
            other => self
                .channels
                .webhooks
                .iter()
                .any(|webhook| other.strip_prefix("webhook:") == Some(webhook.name.as_str())),
        }
    }

    /// Returns the live feeds.
    #[must_use]
    pub fn feeds(&self) -> Vec<feed::Feed> {
        self.feeds.iter().map(Feed::to_feed).collect()
    }
}

/// Method of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// Query parameters, trusted; on loopback only.
    Dev,
    /// Signed token.
    Jwt,
    /// Session cookie, looked up in Redis.
    Cookie,
}

/// Section `[auth]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Allowed methods.
    pub methods: Vec<AuthMethod>,
    /// Secret for HS256, at least 32 bytes.
    pub jwt_secret: Secret,
    /// PEM file with a public key for RS256, ES256 or `EdDSA`.
    pub jwt_public_key_file: String,
    /// URL of the published keys (JWKS).
    pub jwks_url: String,
    /// Required `iss`; empty for any.
    pub jwt_issuer: String,
    /// Required `aud`; empty for any.
    pub jwt_audience: String,
    /// Name of the session cookie.
    pub session_cookie: String,
    /// API keys of services.
    pub api_keys: Vec<ApiKey>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            methods: vec![AuthMethod::Dev],
            jwt_secret: Secret::default(),
            jwt_public_key_file: String::new(),
            jwks_url: String::new(),
            jwt_issuer: String::new(),
            jwt_audience: String::new(),
            session_cookie: "session_id".to_owned(),
            api_keys: Vec::new(),
        }
    }
}

/// Entry of `auth.api_keys`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Name of the service.
    pub name: String,
    /// SHA-256 of the key, hexadecimal.
    pub sha256: String,
    /// Scopes: `publish`, `admin`.
    pub scopes: Vec<String>,
}

/// Section `[store]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// URL: `sqlite://PATH` or `postgres://…`.
    pub url: Secret,
    /// URL of a standby of PostgreSQL that lists are read from; empty for none.
    pub replica_url: Secret,
    /// Maximum number of rows per commit.
    pub batch_max: usize,
    /// Time that the first row of a batch waits for others, in milliseconds.
    pub batch_wait_ms: u64,
    /// Number of hash partitions of the notifications in PostgreSQL, when the store is created; 0
    /// for a plain table.
    pub partitions: u32,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: Secret::from("sqlite://data/lonceng.db"),
            replica_url: Secret::default(),
            batch_max: 500,
            batch_wait_ms: 0,
            partitions: 0,
        }
    }
}

/// Section `[nats]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// URL of the server; empty for none.
    pub url: Secret,
    /// Credentials file (`.creds`).
    pub credentials_file: String,
    /// Seed of an `NKey`, beginning with `SU`.
    pub nkey_seed: Secret,
    /// Certificates (PEM) of the authority that the server's certificate is checked with, besides
    /// those of the system.
    pub tls_ca_file: String,
    /// JetStream stream, created if missing.
    pub stream: String,
    /// True if the hub is not ready without NATS.
    pub required: bool,
    /// Subjects of the stream, and of the subscription without JetStream.
    pub subjects: Vec<String>,
    /// Durable consumer shared by all hubs.
    pub durable: String,
    /// Queue group without JetStream.
    pub queue_group: String,
    /// Time until an unacknowledged event is redelivered, in seconds.
    pub ack_wait_seconds: u64,
    /// Number of failed attempts after which an event becomes a dead letter.
    pub max_deliver: u64,
    /// Delays before further attempts, in seconds.
    pub backoff_seconds: Vec<u64>,
}

impl Default for Nats {
    fn default() -> Self {
        let subjects = [
            "events.>",
            "users.upserted",
            "booking.*",
            "schedule.*",
            "admin.notifications",
            "assessment.*",
        ];
        Self {
            url: Secret::from("nats://127.0.0.1:4222"),
            credentials_file: String::new(),
            nkey_seed: Secret::default(),
            tls_ca_file: String::new(),
            stream: "EVENTS".to_owned(),
            required: false,
            subjects: subjects.map(str::to_owned).to_vec(),
            durable: "lonceng".to_owned(),
            queue_group: "notif-workers".to_owned(),
            ack_wait_seconds: 30,
            max_deliver: 5,
            backoff_seconds: vec![1, 5, 15, 30],
        }
    }
}

/// Section `[redis]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// URL of the server; empty for none.
    pub url: Secret,
}

/// Section `[limits]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Maximum number of live notifications per user and minute; 0 for no limit.
    pub per_user_per_minute: u32,
    /// HTTP publishes of one key or address in a minute; 0: no limit.
    pub publish_per_minute: u32,
    /// WebSocket messages of one client in a minute; 0: no limit.
    pub client_messages_per_minute: u32,
    /// Connections to live feeds from one address; 0: no limit.
    pub feed_connections_per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_user_per_minute: 10,
            publish_per_minute: 0,
            client_messages_per_minute: 240,
            feed_connections_per_address: 1_000,
        }
    }
}

/// Section `[retention]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Age at which read notifications move to the archive, in days.
    pub archive_after_days: u32,
    /// Age at which archived and deleted notifications are removed, in days; 0 for never.
    pub delete_after_days: u32,
    /// Default number of notifications in a history or `sync.response`.
    pub history: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { archive_after_days: 90, delete_after_days: 0, history: 100 }
    }
}

/// Section `[explain]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Explain {
    /// Maximum number of traced events, in memory and in the store; 0 for none.
    pub events: usize,
    /// Lifetime of a trace in memory, in minutes; 0 for none.
    pub minutes: u32,
    /// Lifetime of a trace in the store, in days; 0 for none.
    pub days: u32,
}

impl Default for Explain {
    fn default() -> Self {
        Self { events: 10_000, minutes: 60, days: 7 }
    }
}

/// Section `[templates]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Templates {
    /// Folder, relative to config.toml unless absolute.
    pub dir: String,
    /// Language of templates outside of locale folders.
    pub default_locale: String,
}

impl Default for Templates {
    fn default() -> Self {
        Self { dir: "templates".to_owned(), default_locale: "en".to_owned() }
    }
}
