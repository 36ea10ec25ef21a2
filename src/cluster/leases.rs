//! Leases: the right to do work that one hub at a time does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    store::{Fence, Store},
    telemetry::metric,
};

/// Lease of the sweeper.
pub const SWEEPER: &str = "sweeper";

/// Lease of the scheduler.
pub const SCHEDULER: &str = "scheduler";

/// All leases.
const ALL: [&str; 2] = [SWEEPER, SCHEDULER];

/// Lifetime of a lease, by the clock of the database.
const LIFETIME: Duration = Duration::from_secs(9);

/// Leases that this hub holds, cheap to clone.
#[derive(Debug, Clone)]
pub struct Leases(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    /// The store has one hub, which holds all of them.
    Alone,
    /// Held leases, each with the time until which it is certainly held.
    Shared(Mutex<HashMap<&'static str, (Fence, Instant)>>),
}

impl Leases {
    /// Creates the leases of a hub that has its store for itself: all of them are held.
    #[must_use]
    pub fn alone() -> Self {
        Self(Arc::new(Kind::Alone))
    }

    /// Creates the leases of a hub that shares its store: none is held yet.
    #[must_use]
    pub fn shared() -> Self {
        Self(Arc::new(Kind::Shared(Mutex::default())))
    }

    /// Returns the proof that a lease is held; `None` if it is not.
    #[must_use]
    pub fn fence(&self, name: &'static str) -> Option<Fence> {
        match &*self.0 {
            Kind::Alone => Some(Fence::alone(name)),
            Kind::Shared(held) => {
                let held = lock(held);
                let (fence, until) = held.get(name)?;
                (Instant::now() < *until).then(|| fence.clone())
            }
        }
    }

    /// Takes each lease that is free, and renews those that are held.
    pub(super) async fn renew(&self, store: &Store, boot: &str) {
        for name in ALL {
            let Kind::Shared(held) = &*self.0 else {
                metrics::gauge!(metric::LEASES, "name" => name).set(1.0);
                continue;
            };
            // Counted from before the request: the lease is never taken for longer than it is.
            let until = Instant::now() + LIFETIME;
            let lifetime_ms = i64::try_from(LIFETIME.as_millis()).unwrap_or(i64::MAX);
            // After a failure the lease is held until it expires.
            let Ok(taken) = store.take_lease(name, boot, lifetime_ms).await else { continue };
            metrics::gauge!(metric::LEASES, "name" => name)
                .set(f64::from(u8::from(taken.is_some())));
            let mut held = lock(held);
            let before = match taken {
                Some(fence) => held.insert(name, (fence, until)).map(|_| ()),
                None => held.remove(name).map(|_| ()),
            };
            let holds = held.contains_key(name);
            drop(held);
            match (before, holds) {
                (None, true) => tracing::info!(lease = name, "cluster: this hub does the work now"),
                (Some(()), false) => {
                    tracing::info!(lease = name, "cluster: another hub does the work now");
                }
                _ => {}
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it is held half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{LIFETIME, Leases, SCHEDULER, SWEEPER};
    use crate::testing::{ManualClock, TestStore};

    #[actix::test]
    async fn hub_that_has_its_store_for_itself_holds_every_lease() {
        let leases = Leases::alone();
        for name in [SWEEPER, SCHEDULER] {
            assert_eq!(leases.fence(name).map(|fence| fence.token), Some(None));
        }
    }

    #[actix::test]
    async fn lease_is_held_only_until_it_expires_unless_it_is_renewed() {
        let clock = ManualClock::pause();
        let store = TestStore::open().await;
        let leases = Leases::shared();
        assert_eq!(leases.fence(SWEEPER), None, "it was not taken yet");
        leases.renew(&store.store, "b1").await;
        assert!(leases.fence(SWEEPER).is_some());
        clock.advance(LIFETIME.mul_f64(0.99)).await;
        assert!(leases.fence(SWEEPER).is_some());
        clock.advance(LIFETIME.mul_f64(0.02)).await;
        assert_eq!(leases.fence(SWEEPER), None, "another hub may hold it");
        leases.renew(&store.store, "b1").await;
        assert!(leases.fence(SWEEPER).is_some());
    }
}
