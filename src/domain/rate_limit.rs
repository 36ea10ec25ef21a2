//! Rate limits.

use std::collections::VecDeque;

use super::monotonic::Monotonic;

/// Milliseconds per minute.
const MINUTE_MS: i64 = 60_000;

/// Sliding window: at most a number of occurrences within any minute.
#[derive(Debug, Default)]
pub struct PerMinute {
    times: VecDeque<i64>,
}

impl PerMinute {
    /// Acquires one of `limit` permits per minute. Returns false if none is left; 0 means no limit.
    pub fn try_acquire(&mut self, limit: u32, now: Monotonic) -> bool {
        if limit == 0 {
            return true;
        }
        while self.times.front().is_some_and(|at| now.0 - at >= MINUTE_MS) {
            self.times.pop_front();
        }
        let left = self.times.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        if left {
            self.times.push_back(now.0);
        }
        left
    }

    /// Returns whether the last minute had no occurrence.
    #[must_use]
    pub fn is_idle(&self, now: Monotonic) -> bool {
        self.times.back().is_none_or(|at| now.0 - at >= MINUTE_MS)
    }
}

/// Token bucket of one minute that fills evenly: the generic cell rate algorithm (ITU-T I.371), in
/// one number.
#[derive(Debug, Default, Clone, Copy)]
pub struct Bucket {
    /// Time at which the bucket is full again, in microseconds.
    full_at: i64,
}

impl Bucket {
    /// Acquires one of `limit` permits per minute. Returns false if none is left; 0 means no limit.
    pub fn try_acquire(&mut self, limit: u32, now: Monotonic) -> bool {
        if limit == 0 {
            return true;
        }
        let now = now.0.saturating_mul(1_000);
        let each = MINUTE_MS * 1_000 / i64::from(limit);
        let full_at = self.full_at.max(now) + each;
        let left = full_at - now <= each * i64::from(limit);
        if left {
            self.full_at = full_at;
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sliding_window_frees_capacity_after_a_minute() {
        let mut rate_limit = PerMinute::default();
        assert!((0..10).all(|n| rate_limit.try_acquire(10, Monotonic(n))));
        assert!(!rate_limit.try_acquire(10, Monotonic(59_999)));
        assert!(rate_limit.try_acquire(10, Monotonic(60_000)));
        assert!(!rate_limit.try_acquire(10, Monotonic(60_000)));
        assert!((0..1_000).all(|_| PerMinute::default().try_acquire(0, Monotonic(0))));
    }

    #[test]
    fn bucket_allows_a_burst_and_then_an_even_rate() {
        let mut bucket = Bucket::default();
        assert_eq!((0..500).filter(|_| bucket.try_acquire(240, Monotonic(5))).count(), 240);
        assert_eq!(
            (0..60_000).filter(|ms| bucket.try_acquire(240, Monotonic(5 + ms))).count(),
            239
        );
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_the_limit(gaps in proptest::collection::vec(0_i64..20_000,
            1..200), limit in 1_u32..8) {
            let (mut rate_limit, mut now, mut times) = (PerMinute::default(), 0, Vec::new());
            for gap in gaps {
                now += gap;
                if rate_limit.try_acquire(limit, Monotonic(now)) {
                    times.push(now);
                }
            }
            for at in &times {
                let within = times.iter().filter(|other|
                    (*at..at + MINUTE_MS).contains(*other)).count();
                prop_assert!(within <= limit as usize);
            }
        }
    }
}
