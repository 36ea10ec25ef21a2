//! Redis: where other services keep the sessions that a cookie names.
//!
//! A connection is made on first use and made again when it is lost; a server that is away answers nobody for longer than
//! the timeouts below.

mod sessions;

pub use sessions::{CookieSession, Sessions};

use std::{fmt, time::Duration};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};

/// How long Redis may take to take a connection, and to answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Why Redis gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedisError {
    /// `redis.url` is none.
    #[error("redis.url is not an address such as redis://127.0.0.1:6379")]
    BadUrl,
    /// It is away, or does not answer in time.
    #[error("Redis does not answer: {0}")]
    Unavailable(String),
}

/// A connection, shared by all who ask.
#[derive(Clone)]
pub struct Redis(ConnectionManager);

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}

impl Redis {
    /// Checks an address without connecting.
    ///
    /// # Errors
    /// A sentence without the address, which may hold a password.
    pub fn check_url(url: &str) -> Result<(), String> {
        let checked = redis::Client::open(url);
        checked.map(drop).map_err(|_| "is not an address such as redis://127.0.0.1:6379".to_owned())
    }

    /// A connection to the server at `url`, made when it is first needed.
    ///
    /// # Errors
    /// When the address is none.
    pub fn open(url: &str) -> Result<Self, RedisError> {
        // The error may repeat the address, which may hold a password.
        let bad = |_: redis::RedisError| RedisError::BadUrl;
        let client = redis::Client::open(url).map_err(bad)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_number_of_retries(1)
            .set_max_delay(TIMEOUT);
        ConnectionManager::new_lazy_with_config(client, config).map(Self).map_err(bad)
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), RedisError> {
        let mut connection = self.0.clone();
        redis::cmd("PING").query_async::<()>(&mut connection).await.map_err(away)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn away(error: redis::RedisError) -> RedisError {
    RedisError::Unavailable(error.to_string())
}
