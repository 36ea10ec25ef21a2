//! Which events are the same one.

use std::fmt;

use sha2::{Digest, Sha256};

/// Longest identity that is kept as it is; a longer one is kept as its SHA-256.
const READABLE_MAX_BYTES: usize = 200;

/// What two arrivals of one event have in common, and no other event has.
///
/// It is a readable text with a prefix that says where it comes from, because an administrator who asks why an event
/// was a duplicate looks for it in a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(String);

impl Identity {
    /// CloudEvents: `source` and `id` together are unique (CloudEvents 1.0, section 3.1).
    #[must_use]
    pub fn cloud_event(source: &str, id: &str) -> Self {
        // The length keeps ("a", "b c") and ("a b", "c") apart.
        Self::new(format!("ce:{}:{source} {id}", source.len()))
    }

    /// `Nats-Msg-Id`, `Idempotency-Key` and `event_id` share one key space, so that a publisher may switch from one way
    /// in to another in the middle of a retry.
    #[must_use]
    pub fn key(key: &str) -> Self {
        Self::new(format!("id:{key}"))
    }

    /// The JetStream stream and sequence. `created_ms` tells a stream that was deleted and made again, whose sequences
    /// start over, from the first one.
    #[must_use]
    pub fn stream(name: &str, created_ms: i64, sequence: u64) -> Self {
        Self::new(format!("js:{name}:{created_ms}:{sequence}"))
    }

    /// One that was stored before, as it was.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self::new(text)
    }

    /// What comes by the clock: the type, and when it was due.
    #[must_use]
    pub fn schedule(code: &str, due_ms: i64) -> Self {
        Self::new(format!("schedule:{due_ms}:{code}"))
    }

    /// The identity of the `index`th event of a batch that has one key for all.
    #[must_use]
    pub fn of_batch(&self, index: usize) -> Self {
        Self::new(format!("{}#{index}", self.0))
    }

    fn new(text: String) -> Self {
        if text.len() <= READABLE_MAX_BYTES && !text.contains('\0') {
            return Self(text);
        }
        let hash = Sha256::digest(text.as_bytes());
        Self(hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}")))
    }

    /// The identity as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_identity_becomes_its_hash_and_stays_itself() {
        let long = Identity::key(&"x".repeat(10_000));
        assert!(long.as_str().starts_with("sha256:") && long.as_str().len() == 71);
        assert_eq!(long, Identity::key(&"x".repeat(10_000)));
        assert_ne!(long, Identity::key(&"x".repeat(10_001)));
    }

    #[test]
    fn a_stream_made_again_starts_a_new_count() {
        assert_ne!(Identity::stream("EVENTS", 1, 1), Identity::stream("EVENTS", 2, 1));
    }

    proptest! {
        #[test]
        fn source_and_id_are_both_told_apart(a in ".{0,20}", b in ".{0,20}", c in ".{0,20}", d in ".{0,20}") {
            prop_assume!((&a, &b) != (&c, &d));
            prop_assert_ne!(Identity::cloud_event(&a, &b), Identity::cloud_event(&c, &d));
        }
    }
}
