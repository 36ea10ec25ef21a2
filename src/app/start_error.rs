//! Reasons for which a hub does not start.

use crate::{auth::KeyError, channels::ChannelsError, redis::RedisError, store::StoreError};

/// Reason for which a hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Address.
    #[error(transparent)]
    Listen(#[from] std::io::Error),
    /// Key for tokens.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// URL of Redis.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// Channels.
    #[error(transparent)]
    Channels(#[from] ChannelsError),
    /// Certificate.
    #[error("{0}: {1}")]
    Tls(String, String),
}
