//! Limit of large fan-outs: one runs at a time, and few wait.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::event::Identity;

/// Maximum number of fan-outs that wait for their turn; the source of another one is asked to
/// retry.
const WAITING_MAX: usize = 64;

/// Limits fan-outs to one at a time, with a bounded queue.
pub(super) struct FanOutLimiter {
    running: Semaphore,
    waiting: AtomicUsize,
    /// Identities of the acknowledged events that run or wait here.
    owed: Mutex<HashSet<String>>,
}

impl FanOutLimiter {
    /// Creates a limiter without any fan-out.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            running: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
            owed: Mutex::default(),
        })
    }

    /// Reserves a place in the queue; `None` when it is full.
    pub(super) fn reserve(self: &Arc<Self>) -> Option<Permit> {
        let permit = Permit { limiter: Arc::clone(self), owed: None };
        (self.waiting.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(permit)
    }

    /// Waits for the turn; dropping the result ends it.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.running.acquire().await.ok()
    }

    fn owed(&self) -> MutexGuard<'_, HashSet<String>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Place in the queue of fan-outs, released when dropped.
pub(super) struct Permit {
    limiter: Arc<FanOutLimiter>,
    owed: Option<String>,
}

impl Permit {
    /// Returns the limiter.
    pub(super) fn limiter(&self) -> Arc<FanOutLimiter> {
        Arc::clone(&self.limiter)
    }

    /// Takes the place for an acknowledged event. Returns false if the event has a place already:
    /// its claim may expire while it waits for its turn.
    pub(super) fn take(&mut self, identity: &Identity) -> bool {
        let is_new = self.limiter.owed().insert(identity.as_str().to_owned());
        if is_new {
            self.owed = Some(identity.as_str().to_owned());
        }
        is_new
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limiter.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(identity) = self.owed.take() {
            self.limiter.owed().remove(&identity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledged_event_has_one_place_at_a_time() {
        let limiter = FanOutLimiter::new();
        let identity = Identity::key("news");
        let mut first = limiter.reserve().expect("room for many");
        let mut second = limiter.reserve().expect("room for many");
        assert!(first.take(&identity));
        assert!(!second.take(&identity));
        drop(second);
        assert!(!limiter.reserve().expect("room for many").take(&identity), "the first has it");
        drop(first);
        assert!(limiter.reserve().expect("room for many").take(&identity));
        assert_eq!(limiter.waiting.load(Ordering::Relaxed), 0);
    }
}
