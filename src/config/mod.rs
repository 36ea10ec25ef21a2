//! Configuration: config.toml, overridden by the environment, and validated before anything starts.
//!
//! A section is a struct with its defaults ([`sections`]); [`load()`] reads, merges and validates;
//! [`problem`] finds the line of an error.

mod brokers;
mod channels;
mod effective;
mod environment;
mod feeds;
pub mod files;
mod live;
mod load;
mod parse;
mod problem;
mod secret;
mod sections;
mod snapshot;
mod translations;
mod types;
mod validate;

pub use brokers::{Amqp, Kafka, KafkaSecurity, KafkaStart, Outbox};
pub use channels::{
    Channels, EmailChannel, PushChannel, Retry, VapidKey, WebhookChannel, WebhookFormat,
};
pub use effective::{EffectiveValue, flatten};
pub use feeds::{Feed, FeedMessage};
pub use live::{LiveConfig, Reload, Reloader, Status, Translations};
pub use load::{Draft, Loaded, draft, load};
pub use problem::{ConfigError, ConfigIssue};
pub use secret::{Secret, is_fingerprint, with_fingerprints};
pub use sections::{
    ApiKey, Auth, AuthMethod, Config, Explain, Limits, Nats, Redis, Retention, Server, Store,
    Templates, Tls,
};
pub use snapshot::FilesSnapshot;
pub use translations::translations;
pub use types::TypeConfig;
pub use validate::{SCOPES, local_templates};
