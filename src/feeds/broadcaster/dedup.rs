//! Recently shown events: a redelivered one must not replace newer state by older.

use std::collections::{HashSet, VecDeque};

use crate::domain::event::Identity;

/// Number of events remembered. A later redelivery is shown once more, which is harmless.
const REMEMBERED: usize = 20_000;

/// Identities of the last events.
#[derive(Debug, Default)]
pub(super) struct DedupCache {
    order: VecDeque<Identity>,
    known: HashSet<Identity>,
}

impl DedupCache {
    /// Adds an identity. Returns whether it was new.
    pub(super) fn is_new(&mut self, identity: &Identity) -> bool {
        if !self.known.insert(identity.clone()) {
            return false;
        }
        self.order.push_back(identity.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_remembered_up_to_the_limit() {
        let mut recent = DedupCache::default();
        let first = Identity::key("first");
        assert!(recent.is_new(&first) && !recent.is_new(&first));
        for n in 0..REMEMBERED {
            assert!(recent.is_new(&Identity::key(&n.to_string())));
        }
        assert!(recent.is_new(&first));
        assert_eq!((recent.order.len(), recent.known.len()), (REMEMBERED, REMEMBERED));
    }
}
