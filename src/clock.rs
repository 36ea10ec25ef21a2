//! What time it is: the one place that asks.
//!
//! Durations are measured with `tokio::time::Instant`, which tests can pause; moments that are stored come from here.

use crate::domain::notification::Timestamp;

/// Now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    Timestamp::from(chrono::Utc::now())
}
