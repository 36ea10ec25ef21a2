//! Position of a client in its inbox: decides for each change whether it is sent, so that the
//! client gets every change once and in order.
//!
//! Only the client's revision matters. A change that continues it is sent; one that the client has
//! is dropped; one beyond it shows that something is missing, which is then read from the store.

use super::inbox::{InboxState, RevisionStep};

/// Relation of a pushed change to the client's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// It continues the position: send it.
    Send,
    /// The client has it already.
    Known,
    /// Changes before it are missing, and must be read from the store first.
    Missing,
}

/// Position of a client in an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Follower {
    /// Last revision that the client has, or will have when its queue is written.
    revision: i64,
}

impl Follower {
    /// Creates the position of a client that has everything up to a revision.
    #[must_use]
    pub fn at(revision: i64) -> Self {
        Self { revision }
    }

    /// Returns the last revision.
    #[must_use]
    pub fn revision(self) -> i64 {
        self.revision
    }

    /// Compares a change with the position.
    #[must_use]
    pub fn classify(self, step: RevisionStep) -> Continuity {
        if step.previous_revision > self.revision {
            Continuity::Missing
        } else if step.revision > self.revision {
            Continuity::Send
        } else {
            Continuity::Known
        }
    }

    /// Returns the step of a message for a client that may have received a part of what the message
    /// covers: the message then continues the client's position.
    #[must_use]
    pub fn rebase(self, step: RevisionStep, counters: InboxState) -> RevisionStep {
        if step.previous_revision >= self.revision {
            return step;
        }
        let InboxState { unread, unseen, .. } =
            if counters.revision > step.revision { counters } else { step.counters() };
        RevisionStep {
            previous_revision: self.revision,
            revision: step.revision.max(self.revision),
            unread,
            unseen,
        }
    }

    /// Advances the position to a revision.
    pub fn advance_to(&mut self, revision: i64) {
        self.revision = self.revision.max(revision);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rebased_message_continues_the_clients_position() {
        let client = Follower::at(18);
        let step = |previous_revision, revision| RevisionStep {
            previous_revision,
            revision,
            unread: 5,
            unseen: 4,
        };
        let synced = InboxState { revision: 18, unread: 2, unseen: 1 };
        assert_eq!(
            client.rebase(step(18, 19), synced),
            step(18, 19),
            "what continues stays as it is"
        );
        let known = client.rebase(step(16, 17), synced);
        assert_eq!(
            known,
            RevisionStep { previous_revision: 18, revision: 18, unread: 2, unseen: 1 }
        );
        let partly = client.rebase(step(10, 20), synced);
        assert_eq!(
            partly,
            RevisionStep { previous_revision: 18, revision: 20, unread: 5, unseen: 4 }
        );
    }

    /// Model of the store: changes after a revision, each notification once in its current state.
    #[derive(Default)]
    struct Model {
        revision: i64,
        items: BTreeMap<u8, (i64, u32)>,
    }

    impl Model {
        fn change(&mut self, item: u8, value: u32) -> (u8, u32, RevisionStep) {
            let previous_revision = self.revision;
            self.revision += 1;
            self.items.insert(item, (self.revision, value));
            (
                item,
                value,
                RevisionStep {
                    previous_revision,
                    revision: self.revision,
                    ..RevisionStep::default()
                },
            )
        }

        fn since(&self, revision: i64, limit: usize) -> (Vec<(u8, i64, u32)>, i64) {
            let mut page: Vec<_> = self
                .items
                .iter()
                .map(|(item, (at, value))| (*item, *at, *value))
                .filter(|(_, at, _)| *at > revision)
                .collect();
            page.sort_by_key(|(_, at, _)| *at);
            let complete = page.len() <= limit;
            page.truncate(limit);
            let reached = if complete {
                self.revision
            } else {
                page.last().map_or(self.revision, |last| last.1)
            };
            (page, reached)
        }
    }

    /// Action of the test.
    #[derive(Debug, Clone)]
    enum Act {
        /// A change is committed, and its push is in flight.
        Change(u8, u32),
        /// The oldest push arrives, or with `true` is lost.
        Arrive(bool),
        /// Two pushes in flight are reordered.
        Swap,
        /// A page of history is read, if a read is in progress.
        Page(usize),
        /// The connection is lost; the client resumes with its position.
        Cut,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0_u8..12, any::<u32>()).prop_map(|(item, value)| Act::Change(item, value)),
            4 => any::<bool>().prop_map(Act::Arrive),
            1 => Just(Act::Swap),
            3 => (1_usize..5).prop_map(Act::Page),
            1 => Just(Act::Cut),
        ]
    }

    /// Model of a connection: live, or reading history while pushes are held.
    struct Connection {
        follower: Follower,
        reading: bool,
        held: Vec<(u8, u32, RevisionStep)>,
    }

    impl Connection {
        fn take(
            &mut self,
            push: (u8, u32, RevisionStep),
            client: &mut BTreeMap<u8, u32>,
            got: &mut Vec<i64>,
        ) {
            if self.reading {
                self.held.push(push);
                return;
            }
            match self.follower.classify(push.2) {
                Continuity::Send => {
                    client.insert(push.0, push.1);
                    got.push(push.2.revision);
                    self.follower.advance_to(push.2.revision);
                }
                Continuity::Known => {}
                Continuity::Missing => {
                    self.reading = true;
                    self.held.push(push);
                }
            }
        }

        fn read(
            &mut self,
            model: &Model,
            limit: usize,
            client: &mut BTreeMap<u8, u32>,
            got: &mut Vec<i64>,
        ) {
            let (page, reached) = model.since(self.follower.revision(), limit);
            let complete = reached == model.revision;
            for (item, at, value) in page {
                client.insert(item, value);
                got.push(at);
                self.follower.advance_to(at);
            }
            self.follower.advance_to(reached);
            if complete {
                self.reading = false;
                for push in std::mem::take(&mut self.held) {
                    self.take(push, client, got);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// After any sequence of actions the client has the plain list, and no revision came twice
        /// or out of order.
        #[test]
        fn follower_ends_with_the_complete_list(acts in proptest::collection::vec(act(), 0..120)) {
            let mut model = Model::default();
            let (mut client, mut got, mut way) = (BTreeMap::new(), Vec::new(), Vec::new());
            let mut connection = Connection { follower: Follower::default(), reading: true,
                held: Vec::new() };
            for act in acts {
                match act {
                    Act::Change(item, value) => way.push(model.change(item, value)),
                    Act::Arrive(lost) if !way.is_empty() => {
                        let push = way.remove(0);
                        if !lost {
                            connection.take(push, &mut client, &mut got);
                        }
                    }
                    Act::Swap if way.len() > 1 => way.swap(0, 1),
                    Act::Page(limit) if connection.reading => connection.read(&model, limit,
                        &mut client, &mut got),
                    Act::Cut => {
                        // It attaches again: pushes to the old connection are lost.
                        way.clear();
                        connection = Connection { follower: connection.follower, reading: true,
                            held: Vec::new() };
                    }
                    Act::Arrive(_) | Act::Swap | Act::Page(_) => {}
                }
            }
            // Nothing more happens; the reconciliation compares the revisions.
            for push in way {
                connection.take(push, &mut client, &mut got);
            }
            connection.reading |= connection.follower.revision() < model.revision;
            while connection.reading {
                connection.read(&model, 3, &mut client, &mut got);
            }
            let plain: BTreeMap<u8, u32> = model.items.iter().map(|(item, (_, value))| (*item,
                *value)).collect();
            prop_assert_eq!(client, plain);
            prop_assert_eq!(connection.follower.revision(), model.revision);
            prop_assert!(got.is_sorted_by(|a, b| a < b), "in order, each once: {:?}", got);
        }
    }
}
