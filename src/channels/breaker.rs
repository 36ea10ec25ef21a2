//! Circuit breaker of one endpoint: after failures to reach it in a row it is left alone for a
//! while, then probed with one message.

use std::time::Duration;

use tokio::time::Instant;

/// Number of failures in a row that open a breaker.
const FAILURES: u32 = 5;

/// Circuit breaker.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    backoff: Vec<Duration>,
    failures: u32,
    /// Number of times that it opened since the last success.
    openings: usize,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Creates a closed breaker; the last delay of `backoff` repeats.
    pub(super) fn new(backoff: Vec<Duration>) -> Self {
        Self { backoff, failures: 0, openings: 0, open_until: None }
    }

    /// Returns the number of messages that may be tried now, at most `wanted`: none while it is
    /// open, one as a probe.
    pub(super) fn admits(&self, wanted: usize, now: Instant) -> usize {
        match self.open_until {
            None => wanted,
            Some(until) if now >= until => wanted.min(1),
            Some(_) => 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open_until.is_some()
    }

    /// Records that the endpoint answered.
    pub(super) fn succeeded(&mut self) {
        *self = Self::new(std::mem::take(&mut self.backoff));
    }

    /// Records that the endpoint was not reached.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures += 1;
        if self.failures >= FAILURES {
            let last = self.backoff.len().saturating_sub(1);
            let pause = self.backoff.get(self.openings.min(last)).copied().unwrap_or_default();
            self.openings += 1;
            self.open_until = Some(now + pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaker_opens_after_five_failures_probes_once_and_closes_with_a_success() {
        let seconds = |n| Duration::from_secs(n);
        let mut breaker = Breaker::new(vec![seconds(5), seconds(30)]);
        let start = Instant::now();
        for _ in 0..4 {
            breaker.failed(start);
        }
        assert_eq!((breaker.admits(16, start), breaker.is_open()), (16, false));
        breaker.failed(start);
        assert_eq!((breaker.admits(16, start), breaker.is_open()), (0, true));
        assert_eq!(breaker.admits(16, start + seconds(5)), 1);
        breaker.failed(start + seconds(5));
        assert_eq!(breaker.admits(16, start + seconds(34)), 0);
        assert_eq!(breaker.admits(16, start + seconds(35)), 1);
        breaker.succeeded();
        assert_eq!((breaker.admits(16, start), breaker.is_open()), (16, false));
    }
}
