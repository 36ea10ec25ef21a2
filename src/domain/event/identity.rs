//! Identity of an event, for deduplication.

use std::fmt;

use sha2::{Digest, Sha256};

/// Maximum size of an identity that is stored as text, in bytes; a longer one is stored as its
/// SHA-256.
const READABLE_MAX_BYTES: usize = 200;

/// Identity of an event: equal for two arrivals of the same event, different for any other event.
///
/// It is readable text with a prefix for its origin, because administrators look it up to find out
/// why an event was a duplicate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(String);

impl Identity {
    /// Identity of a `CloudEvent`: `source` and `id` together are unique (CloudEvents 1.0, section
    /// 3.1).
    #[must_use]
    pub fn cloud_event(source: &str, id: &str) -> Self {
        // The length keeps ("a", "b c") and ("a b", "c") apart.
        Self::new(format!("ce:{}:{source} {id}", source.len()))
    }

    /// Identity from `Nats-Msg-Id`, `Idempotency-Key` or `event_id`. They share one key space, so
    /// that a publisher may switch between HTTP and NATS in the middle of a retry.
    #[must_use]
    pub fn key(key: &str) -> Self {
        Self::new(format!("id:{key}"))
    }

    /// Identity from the JetStream stream and sequence. `created_ms` distinguishes a stream that
    /// was deleted and created again, whose sequences start over.
    #[must_use]
    pub fn stream(name: &str, created_ms: i64, sequence: u64) -> Self {
        Self::new(format!("js:{name}:{created_ms}:{sequence}"))
    }

    /// Identity from topic, partition and offset of Kafka. `topic_id` distinguishes a topic that
    /// was deleted and created again, whose offsets start over.
    #[must_use]
    pub fn record(topic: &str, topic_id: &str, partition: i32, offset: i64) -> Self {
        Self::new(format!("kafka:{topic}:{topic_id}:{partition}:{offset}"))
    }

    /// Identity from the row of the outbox. `created_us` distinguishes a table that was truncated,
    /// whose IDs start over.
    #[must_use]
    pub fn outbox(id: i64, created_us: i64) -> Self {
        Self::new(format!("outbox:{id}:{created_us}"))
    }

    /// Identity read from the store.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self::new(text)
    }

    /// Identity of a scheduled run: the type, and the time at which it was due.
    #[must_use]
    pub fn schedule(code: &str, due_ms: i64) -> Self {
        Self::new(format!("schedule:{due_ms}:{code}"))
    }

    /// Returns the identity of the `index`th event of a batch with one key.
    #[must_use]
    pub fn of_batch(&self, index: usize) -> Self {
        Self::new(format!("{}#{index}", self.0))
    }

    fn new(text: String) -> Self {
        if text.len() <= READABLE_MAX_BYTES && !text.contains('\0') {
            return Self(text);
        }
        let hash = Sha256::digest(text.as_bytes());
        Self(format!("sha256:{}", hex::encode(hash)))
    }

    /// Returns the identity as stored.
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
    fn recreated_stream_has_new_identities() {
        assert_ne!(Identity::stream("EVENTS", 1, 1), Identity::stream("EVENTS", 2, 1));
    }

    proptest! {
        #[test]
        fn identity_distinguishes_source_and_id(a in ".{0,20}", b in ".{0,20}", c in ".{0,20}",
            d in ".{0,20}") {
            prop_assume!((&a, &b) != (&c, &d));
            prop_assert_ne!(Identity::cloud_event(&a, &b), Identity::cloud_event(&c, &d));
        }
    }
}
