//! Origins of pages that were refused, for the log and the console.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::domain::{
    limits::{IDENTIFIER_MAX_CHARS, shortened},
    notification::Timestamp,
};

/// Maximum number of origins; the one refused least recently is dropped first, because clients can
/// invent any number.
const ORIGINS_MAX: usize = 50;

/// Maximum number of origins that are logged.
const LOGGED_MAX: usize = 100;

/// Refused origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedOrigin {
    /// Origin.
    pub origin: String,
    /// Number of requests since the start of the hub.
    pub count: u64,
    /// Time of the last request.
    pub last_at: Timestamp,
}

/// Refused origins since the start of the hub.
#[derive(Debug, Default)]
pub struct RefusedOrigins(Mutex<Origins>);

#[derive(Debug, Default)]
struct Origins {
    origins: HashMap<String, (u64, Timestamp)>,
    logged: usize,
}

impl RefusedOrigins {
    /// Counts a refused request. Logs the first one of each origin, with the key to set.
    pub(super) fn record(&self, origin: &str, now: Timestamp) {
        if self.is_new(origin, now) {
            tracing::warn!(
                origin,
                "a page of this origin is refused; add the origin to server.allowed_origins to \
                 allow it"
            );
        }
    }

    /// Counts a refused request. Returns whether its origin is to be logged.
    fn is_new(&self, origin: &str, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = shortened(origin, IDENTIFIER_MAX_CHARS);
        if let Some((count, last_at)) = known.origins.get_mut(&origin) {
            *count += 1;
            *last_at = now;
            return false;
        }
        if known.origins.len() >= ORIGINS_MAX {
            let oldest = known.origins.iter().min_by_key(|(_, (_, last_at))| *last_at);
            if let Some(oldest) = oldest.map(|(origin, _)| origin.clone()) {
                known.origins.remove(&oldest);
            }
        }
        known.origins.insert(origin, (1, now));
        known.logged += 1;
        known.logged <= LOGGED_MAX
    }

    /// Returns the origins, the most recent first.
    #[must_use]
    pub fn all(&self) -> Vec<RefusedOrigin> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |(origin, (count, last_at)): (&String, &(u64, Timestamp))| RefusedOrigin {
            origin: origin.clone(),
            count: *count,
            last_at: *last_at,
        };
        let mut all: Vec<_> = known.origins.iter().map(shown).collect();
        all.sort_by(|a, b| b.last_at.cmp(&a.last_at).then_with(|| a.origin.cmp(&b.origin)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_counted_bounded_and_logged_once() {
        let refused = RefusedOrigins::default();
        let logged = (0..300)
            .filter(|n| refused.is_new(&format!("https://{n}.example"), Timestamp(*n)))
            .count();
        assert_eq!(logged, LOGGED_MAX);
        assert!(!refused.is_new("https://299.example", Timestamp(1_000)));
        let all = refused.all();
        assert_eq!(all.len(), ORIGINS_MAX);
        let newest = RefusedOrigin {
            origin: "https://299.example".to_owned(),
            count: 2,
            last_at: Timestamp(1_000),
        };
        assert_eq!((&all[0], all[49].origin.as_str()), (&newest, "https://250.example"));
    }
}
