//! Limit of log lines with one cause.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Minimum time between two lines by default, in milliseconds.
const INTERVAL_MS: i64 = 1_000;

/// Limit of the log lines of one cause, as a static beside them: one per second, or fewer.
#[derive(Debug)]
pub struct LogLimit {
    interval_ms: i64,
    /// Time of the last line plus one, by the monotonic clock; 0 before the first.
    last_ms: AtomicI64,
    suppressed: AtomicU64,
}

impl LogLimit {
    /// Creates a limit that admits the next line.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is a static")]
    pub const fn new() -> Self {
        Self::every(INTERVAL_MS)
    }

    /// Creates a limit with this minimum time between two lines, in milliseconds.
    #[must_use]
    pub const fn every(interval_ms: i64) -> Self {
        Self { interval_ms, last_ms: AtomicI64::new(0), suppressed: AtomicU64::new(0) }
    }

    /// Admits a line at this time, in milliseconds. Returns the number of lines that were
    /// suppressed since the last one; `None` if this one is suppressed too.
    pub fn admit(&self, now_ms: i64) -> Option<u64> {
        let last = self.last_ms.load(Ordering::Relaxed);
        let due = last == 0 || now_ms + 1 >= last + self.interval_ms;
        let taken = due
            && self
                .last_ms
                .compare_exchange(last, now_ms + 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if taken {
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::LogLimit;

    #[test]
    fn one_line_per_second_tells_how_many_were_suppressed() {
        let limit = LogLimit::new();
        assert_eq!(limit.admit(0), Some(0));
        for now in [0, 1, 500, 999] {
            assert_eq!(limit.admit(now), None, "{now}");
        }
        assert_eq!(limit.admit(1_000), Some(4));
        assert_eq!(limit.admit(1_001), None);
        assert_eq!(limit.admit(90_000), Some(1));
    }
}
