//! Circuit breaker of one endpoint: after failures to reach it in a row it is left alone for a
//! while, then probed with one message.

use std::time::Duration;

use tokio::time::Instant;

/// Number of failures in a row that open a breaker.
const FAILURES: u32 = 5;

/// Time after which an open breaker that nobody probes says nothing about its endpoint any more.
const UNPROBED: Duration = Duration::from_mins(10);

/// Circuit breaker.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    backoff: Vec<Duration>,
    failures: u32,
    /// Number of times that it opened since the last success.
    openings: usize,
    /// Time of the last opening.
    opened_at: Option<Instant>,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Creates a closed breaker; the last delay of `backoff` repeats.
    pub(super) fn new(backoff: Vec<Duration>) -> Self {
        Self { backoff, failures: 0, openings: 0, opened_at: None, open_until: None }
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

    /// Returns whether a message may be tried now. The first one that may after a pause is the
    /// probe: others have to wait for its result, or for another pause.
    pub(super) fn passes(&mut self, now: Instant) -> bool {
        let passes = self.admits(1, now) == 1;
        if passes && self.is_open() {
            self.open_until = Some(now + self.pause());
        }
        passes
    }

    /// Returns whether the endpoint is known not to be reached: the breaker is open, and it was
    /// probed not long ago.
    pub(super) fn is_down(&self, now: Instant) -> bool {
        self.open_until.is_some_and(|until| now < until + UNPROBED)
    }

    fn pause(&self) -> Duration {
        let last = self.backoff.len().saturating_sub(1);
        self.backoff.get(self.openings.min(last)).copied().unwrap_or_default()
    }

    /// Records that the endpoint answered.
    pub(super) fn succeeded(&mut self) {
        *self = Self::new(std::mem::take(&mut self.backoff));
    }

    /// Records that an attempt, which began at `began`, did not reach the endpoint. Attempts that
    /// were in flight when the breaker opened say nothing new.
    pub(super) fn failed(&mut self, began: Instant, now: Instant) {
        if self.opened_at.is_some_and(|opened_at| began <= opened_at) {
            return;
        }
        self.failures += 1;
        if self.failures >= FAILURES {
            let pause = self.pause();
            self.openings += 1;
            self.opened_at = Some(now);
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
            breaker.failed(start, start);
        }
        assert_eq!((breaker.admits(16, start), breaker.is_open()), (16, false));
        breaker.failed(start, start);
        assert_eq!((breaker.admits(16, start), breaker.is_open()), (0, true));
        assert_eq!(breaker.admits(16, start + seconds(5)), 1);
        breaker.failed(start + seconds(5), start + seconds(5));
        assert_eq!(breaker.admits(16, start + seconds(34)), 0);
        assert_eq!(breaker.admits(16, start + seconds(35)), 1);
        breaker.succeeded();
        assert_eq!((breaker.admits(16, start), breaker.is_open()), (16, false));
    }

    #[test]
    fn attempts_in_flight_when_it_opens_do_not_lengthen_the_pause() {
        let seconds = |n| Duration::from_secs(n);
        let mut breaker = Breaker::new(vec![seconds(5), seconds(30), seconds(120)]);
        let start = Instant::now();
        for _ in 0..32 {
            breaker.failed(start, start + seconds(1));
        }
        assert_eq!(breaker.admits(16, start + seconds(5)), 0);
        assert_eq!(breaker.admits(16, start + seconds(6)), 1);
        // One that hangs ends while the probe is on its way.
        let probe = start + seconds(7);
        assert!(breaker.passes(probe));
        breaker.failed(start, start + seconds(10));
        breaker.failed(probe, start + seconds(12));
        assert_eq!(breaker.admits(16, start + seconds(41)), 0);
        assert_eq!(breaker.admits(16, start + seconds(42)), 1);
    }

    #[test]
    fn one_probe_passes_at_a_time_and_an_endpoint_that_nobody_probes_is_forgotten() {
        let seconds = |n| Duration::from_secs(n);
        let mut breaker = Breaker::new(vec![seconds(5), seconds(30)]);
        let start = Instant::now();
        assert!(breaker.passes(start) && !breaker.is_down(start));
        for _ in 0..5 {
            breaker.failed(start, start);
        }
        assert!(!breaker.passes(start + seconds(4)) && breaker.is_down(start + seconds(4)));
        assert!(breaker.passes(start + seconds(5)), "the probe");
        assert!(!breaker.passes(start + seconds(5)), "its result is not known yet");
        assert!(breaker.passes(start + seconds(35)), "the result of the first one was lost");
        assert!(breaker.is_down(start + seconds(35)));
        assert!(!breaker.is_down(start + seconds(36) + UNPROBED + seconds(30)));
        breaker.succeeded();
        assert!(breaker.passes(start) && breaker.passes(start) && !breaker.is_down(start));
    }
}
