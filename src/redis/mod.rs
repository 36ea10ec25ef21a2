//! Redis: sessions of other services, named by a cookie, and the connections of the
//! [`bus`](crate::bus).
//!
//! The connection is established on first use and restored when lost; an unavailable server delays
//! callers at most for the timeouts below.

mod sessions;

pub use sessions::{CookieSession, Sessions};

use std::{fmt, time::Duration};

use redis::{
    FromRedisValue, Pipeline,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
};
use tokio::time::timeout;

/// Time limit for connecting, and for a reply.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Failure of Redis.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedisError {
    /// `redis.url` is invalid.
    #[error("redis.url is not an address such as redis://127.0.0.1:6379")]
    BadUrl,
    /// Unavailable, or too slow.
    #[error("Redis does not answer: {0}")]
    Unavailable(String),
}

/// Shared connection to Redis.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    client: redis::Client,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}

impl Redis {
    /// Validates a URL without connecting.
    ///
    /// # Errors
    /// A description without the URL, which may contain a password.
    pub fn check_url(url: &str) -> Result<(), String> {
        let checked = redis::Client::open(url);
        checked.map(drop).map_err(|_| "is not an address such as redis://127.0.0.1:6379".to_owned())
    }

    /// Creates a connection to the server at `url`, established on first use.
    ///
    /// # Errors
    /// When the URL is invalid.
    pub fn open(url: &str) -> Result<Self, RedisError> {
        // The error may contain the URL with a password.
        let bad = |_: redis::RedisError| RedisError::BadUrl;
        let client = redis::Client::open(url).map_err(bad)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_number_of_retries(1)
            .set_max_delay(TIMEOUT);
        let connection =
            ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(bad)?;
        Ok(Self { connection, client })
    }

    /// Sends commands in one round trip.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn run<T: FromRedisValue>(&self, pipe: &Pipeline) -> Result<T, RedisError> {
        let mut connection = self.connection.clone();
        pipe.query_async(&mut connection).await.map_err(unavailable)
    }

    /// Opens a connection for subscriptions.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn subscriber(&self) -> Result<PubSub, RedisError> {
        match timeout(TIMEOUT, self.client.get_async_pubsub()).await {
            Ok(connected) => connected.map_err(unavailable),
            Err(_) => Err(RedisError::Unavailable("no reply within a second".to_owned())),
        }
    }

    /// Checks that Redis answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), RedisError> {
        let mut connection = self.connection.clone();
        redis::cmd("PING").query_async::<()>(&mut connection).await.map_err(unavailable)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(crate) fn unavailable(error: redis::RedisError) -> RedisError {
    RedisError::Unavailable(error.to_string())
}
