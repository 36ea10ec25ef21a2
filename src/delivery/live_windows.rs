//! Live limits of users whose last session has ended: a client that reconnects, as at every page
//! load, continues its window.

use std::collections::HashMap;

use crate::domain::{monotonic::Monotonic, rate_limit::PerMinute, user::UserId};

/// Maximum number of users; the windows of others start again.
const USERS_MAX: usize = 100_000;

/// Windows of the live limit without a session, kept while they have an effect.
#[derive(Debug, Default)]
pub(crate) struct LiveWindows(HashMap<UserId, PerMinute>);

impl LiveWindows {
    /// Keeps the window of a user.
    pub(crate) fn keep(&mut self, user: UserId, window: PerMinute, now: Monotonic) {
        if self.0.len() < USERS_MAX && !window.is_idle(now) {
            self.0.insert(user, window);
        }
    }

    /// Removes and returns the window of a user.
    pub(crate) fn take(&mut self, user: &UserId) -> PerMinute {
        self.0.remove(user).unwrap_or_default()
    }

    /// Removes the windows that have no effect any more.
    pub(crate) fn remove_idle(&mut self, now: Monotonic) {
        self.0.retain(|_, window| !window.is_idle(now));
        // Release the memory that a burst needed.
        self.0.shrink_to(self.0.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::user;

    #[test]
    fn window_is_kept_for_a_minute_and_for_a_bounded_number_of_users() {
        let mut windows = LiveWindows::default();
        let used = |at| {
            let mut window = PerMinute::default();
            assert!(window.try_acquire(1, Monotonic(at)));
            window
        };
        windows.keep(user("unused"), PerMinute::default(), Monotonic(0));
        windows.keep(user("budi"), used(0), Monotonic(10));
        assert_eq!(windows.0.len(), 1);
        assert!(!windows.take(&user("budi")).try_acquire(1, Monotonic(59_999)));
        windows.keep(user("budi"), used(0), Monotonic(10));
        windows.remove_idle(Monotonic(60_000));
        assert!(windows.0.is_empty());
        for n in 0..=USERS_MAX {
            windows.keep(user(&format!("u{n}")), used(0), Monotonic(10));
        }
        assert_eq!(windows.0.len(), USERS_MAX);
    }
}
