//! Waiting for a condition, with a bound.

use std::time::{Duration, Instant};

/// Maximum time to wait for anything on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until there is an answer, and returns it; fails the test after `patience`.
pub async fn until<T, F: AsyncFnMut() -> Option<T>>(
    what: &str,
    patience: Duration,
    mut ask: F,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
