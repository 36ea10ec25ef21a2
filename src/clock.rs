//! Clocks: the only place that reads the time.
//!
//! Times that are stored or displayed come from [`now`]. Rates and time limits use [`monotonic`],
//! which cannot be set back. Durations are measured with `tokio::time::Instant`, which tests can
//! pause.

use std::sync::LazyLock;

use tokio::time::Instant;

use crate::domain::{monotonic::Monotonic, notification::Timestamp};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the wall-clock time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    Timestamp::from(chrono::Utc::now())
}

/// Returns the wall-clock time in microseconds since 1970, to measure the time between two hubs.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// Returns the time since the start of the process.
#[must_use]
pub fn monotonic() -> Monotonic {
    let start = *START;
    Monotonic(
        i64::try_from(Instant::now().saturating_duration_since(start).as_millis())
            .unwrap_or(i64::MAX),
    )
}
