//! The sections of config.toml: every key, its default and its unit.

use std::net::IpAddr;

use serde::Deserialize;

use super::{Secret, TypeConfig};
use crate::domain::feed;

/// All of config.toml.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how the hub listens.
    pub server: Server,
    /// Who is asking.
    pub auth: Auth,
    /// Where notifications are kept.
    pub store: Store,
    /// Where events come from.
    pub nats: Nats,
    /// How several hubs find each other.
    pub redis: Redis,
    /// What is kept in Redis to spare the store.
    pub cache: Option<Cache>,
    /// How much anybody may do.
    pub limits: Limits,
    /// How long things are kept.
    pub retention: Retention,
    /// How long it can be asked what became of an event.
    pub explain: Explain,
    /// Where template files are.
    pub templates: Templates,
    /// The types of notifications.
    #[serde(rename = "type")]
    pub types: Vec<TypeConfig>,
    /// The live feeds.
    #[serde(rename = "feed")]
    pub feeds: Vec<Feed>,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port.
    pub listen: String,
    /// This hub's name among several; empty: `POD_ID`, else the host's name.
    pub instance_id: String,
    /// Browser origins besides the hub's own.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed, besides those on this machine.
    pub trusted_proxies: Vec<IpAddr>,
    /// Most WebSocket connections at once.
    pub max_connections: usize,
    /// Most of them for one user.
    pub max_connections_per_user: usize,
    /// Most bytes in one WebSocket message from a client.
    pub max_message_bytes: usize,
    /// Most bytes in one event.
    pub max_event_bytes: usize,
    /// Seconds between pings.
    pub heartbeat_seconds: u64,
    /// Seconds to wait for the pong.
    pub heartbeat_timeout_seconds: u64,
    /// Messages that may wait for one session; one that stays behind by more is closed as too slow.
    pub outbound_queue: usize,
    /// Seconds to finish in after SIGTERM.
    pub shutdown_grace_seconds: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            instance_id: String::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_connections: 100_000,
            max_connections_per_user: 20,
            max_message_bytes: 16_384,
            max_event_bytes: 262_144,
            heartbeat_seconds: 30,
            heartbeat_timeout_seconds: 10,
            outbound_queue: 256,
            shutdown_grace_seconds: 10,
        }
    }
}

impl Config {
    /// Returns a line for each thing that is accepted and that nothing is done with yet.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let codes: Vec<&str> = self
            .types
            .iter()
            .filter(|kind| kind.channels.iter().any(|channel| channel != "web"))
            .map(|kind| kind.code.as_str())
            .collect();
        if !codes.is_empty() {
            let codes = codes.join(", ");
            lines.push(format!(
                "channels other than \"web\" are not delivered yet: they are stored with {codes}"
            ));
        }
        if self.cache.is_some() {
            lines.push("[cache] has no effect yet".to_owned());
        }
        lines
    }

    /// The live feeds as the hub works with them.
    #[must_use]
    pub fn feeds(&self) -> Vec<feed::Feed> {
        self.feeds.iter().map(Feed::to_feed).collect()
    }
}

/// A way to show who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// Query parameters, believed; on loopback only.
    Dev,
    /// A signed token.
    Jwt,
    /// A session cookie, looked up in Redis.
    Cookie,
}

/// `[auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The ways that are open.
    pub methods: Vec<AuthMethod>,
    /// HS256, at least 32 bytes.
    pub jwt_secret: Secret,
    /// RS256, ES256 or `EdDSA`: a PEM file.
    pub jwt_public_key_file: String,
    /// Where the keys are published.
    pub jwks_url: String,
    /// What `iss` must say; empty: anything.
    pub jwt_issuer: String,
    /// What `aud` must name; empty: anything.
    pub jwt_audience: String,
    /// The session cookie's name.
    pub session_cookie: String,
    /// Keys of publishing services.
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

/// One of `auth.api_keys`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Whose it is, for the log.
    pub name: String,
    /// SHA-256 of the key, in hex.
    pub sha256: String,
    /// What it may do: `publish`, `admin`.
    pub scopes: Vec<String>,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite://PATH` or `postgres://…`.
    pub url: Secret,
    /// Most rows committed together.
    pub batch_max: usize,
    /// Milliseconds that the first row of a batch waits for company.
    pub batch_wait_ms: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self { url: Secret::from("sqlite://data/lonceng.db"), batch_max: 500, batch_wait_ms: 0 }
    }
}

/// `[nats]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// The server's address; empty: no subscriber.
    pub url: Secret,
    /// A `.creds` file.
    pub credentials_file: String,
    /// The JetStream stream; made when missing.
    pub stream: String,
    /// Not ready while NATS is away.
    pub required: bool,
    /// What the stream takes, and what is subscribed to without JetStream.
    pub subjects: Vec<String>,
    /// The consumer that all hubs share.
    pub durable: String,
    /// The queue group without JetStream.
    pub queue_group: String,
    /// Seconds until an event that was not acknowledged comes again.
    pub ack_wait_seconds: u64,
    /// Tries until an event that the hub fails on is a dead letter.
    pub max_deliver: u64,
    /// Seconds before each further try.
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

/// `[redis]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// The server's address; empty: none.
    pub url: Secret,
}

/// `[cache]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Seconds an unread count is kept.
    pub unread_ttl_seconds: u64,
    /// Notifications kept for each user.
    pub recent: usize,
    /// Seconds they are kept.
    pub recent_ttl_seconds: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { unread_ttl_seconds: 300, recent: 50, recent_ttl_seconds: 600 }
    }
}

/// `[limits]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Live toasts for one user in a minute; 0: no limit.
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

/// `[retention]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Days after which what was read moves to the archive.
    pub archive_after_days: u32,
    /// What admin history and a bare sync answer.
    pub history: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { archive_after_days: 90, history: 100 }
    }
}

/// `[explain]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Explain {
    /// Events whose fate is kept in memory; 0: none.
    pub events: usize,
    /// Minutes that it is kept; 0: not at all.
    pub minutes: u32,
}

impl Default for Explain {
    fn default() -> Self {
        Self { events: 10_000, minutes: 60 }
    }
}

/// `[templates]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Templates {
    /// The folder, beside config.toml unless absolute.
    pub dir: String,
    /// The language of the templates that are not in a language's folder.
    pub default_locale: String,
}

impl Default for Templates {
    fn default() -> Self {
        Self { dir: "templates".to_owned(), default_locale: "en".to_owned() }
    }
}

/// One `[[feed]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Its name in `/ws/{feed}`.
    pub name: String,
    /// Whether anybody may watch.
    #[serde(default)]
    pub public: bool,
    /// The fields that watchers may filter by.
    #[serde(default)]
    pub filters: Vec<String>,
    /// Whether a new watcher gets the latest state at once.
    #[serde(default)]
    pub snapshot: bool,
    /// What it shows.
    #[serde(default, rename = "message")]
    pub messages: Vec<FeedMessage>,
}

/// One `[[feed.message]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedMessage {
    /// The events' names.
    pub on: Vec<String>,
    /// What the public sees as `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The fields that the public sees.
    pub fields: Vec<String>,
    /// The fields that say what a message is about: a newer one about the same replaces one that waits. By default those that the
    /// feed is filtered by, and whatever is an id.
    #[serde(default)]
    pub key: Option<Vec<String>>,
}

impl Feed {
    /// What a message is about, where nobody says it: what the feed is filtered by, and whatever is an id.
    fn key_of(&self, message: &FeedMessage) -> Vec<String> {
        let is_id = |name: &&String| *name == "id" || name.ends_with("_id") || name.ends_with("Id");
        let ids = message.fields.iter().filter(is_id).filter(|name| !self.filters.contains(name));
        self.filters.iter().chain(ids).cloned().collect()
    }

    /// The feed as the hub works with it.
    #[must_use]
    fn to_feed(&self) -> feed::Feed {
        let rules = self.messages.iter().map(|message| feed::Rule {
            on: message.on.clone(),
            kind: message.kind.clone(),
            fields: message.fields.clone(),
            key: message.key.clone().unwrap_or_else(|| self.key_of(message)),
        });
        feed::Feed {
            name: self.name.clone(),
            public: self.public,
            filters: self.filters.clone(),
            snapshot: self.snapshot,
            rules: rules.collect(),
        }
    }
}
