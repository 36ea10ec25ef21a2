//! The arithmetic of an inbox: its revision, its unread count, and what a mark does to them.
//!
//! Every change takes the next revision, one each: a new notification, a mark, and each notification that a read-all
//! touches. So (user, revision) is unique, a page of history can end anywhere, and a client that knows the last revision
//! it saw can ask for exactly the rest.

use std::sync::Arc;

use super::{
    notification::{Notification, Status},
    user::UserId,
};

/// Where an inbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Grows by one with every change; 0 for an inbox that never had one.
    pub revision: i64,
    /// How many notifications are unread.
    pub unread: i64,
}

impl Counters {
    /// The steps by which `count` new, unread notifications led here, in order.
    pub fn steps_of_new(self, count: i64) -> impl Iterator<Item = Step> {
        let before = Self { revision: self.revision - count, unread: self.unread - count };
        (1..=count).map(move |n| Step {
            previous_revision: before.revision + n - 1,
            revision: before.revision + n,
            unread: before.unread + n,
        })
    }
}

/// One change's place in the history of an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The inbox's revision just before.
    pub previous_revision: i64,
    /// And with it.
    pub revision: i64,
    /// The unread count with it.
    pub unread: i64,
}

/// What a person can do to one notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Seen and understood.
    Read,
    /// Not done with it after all.
    Unread,
    /// Put away.
    Archive,
    /// Gone.
    Delete,
}

impl Mark {
    /// The `type` of the answer to the connection that asked.
    #[must_use]
    pub fn ack_type(self) -> &'static str {
        match self {
            Self::Read => "notification.read.ack",
            Self::Unread => "notification.unread.ack",
            Self::Archive => "notification.archive.ack",
            Self::Delete => "notification.delete.ack",
        }
    }
}

/// The effect of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The status afterwards.
    pub status: Status,
    /// What it adds to the unread count.
    pub unread_delta: i64,
}

/// What a mark does to a notification of this status; `None` when it changes nothing, and so takes no revision.
#[must_use]
pub fn transition(status: Status, mark: Mark) -> Option<Transition> {
    let to = match (status, mark) {
        (Status::Unread, Mark::Read) => Status::Read,
        (Status::Read | Status::Archived | Status::AutoCleared, Mark::Unread) => Status::Unread,
        (Status::Unread | Status::Read | Status::AutoCleared, Mark::Archive) => Status::Archived,
        (Status::Unread | Status::Read | Status::Archived | Status::AutoCleared, Mark::Delete) => Status::Deleted,
        (Status::Read | Status::Archived | Status::AutoCleared, Mark::Read)
        | (Status::Unread, Mark::Unread)
        | (Status::Archived, Mark::Archive)
        | (Status::Deleted, _) => return None,
    };
    let unread = |status| i64::from(status == Status::Unread);
    Some(Transition { status: to, unread_delta: unread(to) - unread(status) })
}

/// The connection that asked for a change: it gets the ack where the user's other connections get the update.
pub type ClientId = u64;

/// What happened, for those who watch the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A new notification.
    New,
    /// A mark that changed something.
    Marked(Mark),
    /// A mark that changed nothing: only its asker hears of it.
    Unchanged(Mark),
    /// Everything up to a revision was marked read. The change carries the one that was touched last.
    ReadAll {
        /// Marked were those that last changed at or before it.
        up_to_revision: i64,
        /// The inbox's revision before the first of them.
        from_revision: i64,
    },
    /// A read-all that found nothing unread.
    UnchangedAll,
}

/// One change of one inbox, after its commit.
#[derive(Debug, Clone)]
pub struct Change {
    /// Whose inbox.
    pub user_id: UserId,
    /// What happened.
    pub kind: ChangeKind,
    /// The notification as it is now; `None` only for a read-all that found nothing.
    pub notification: Option<Arc<Notification>>,
    /// Its place in the history.
    pub step: Step,
    /// Who asked for it.
    pub origin: Option<ClientId>,
}

/// What a client says it saw last: `REVISION` or `EPOCH.REVISION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// The store's epoch at that time, when the client says it.
    pub epoch: Option<String>,
    /// The last revision it saw.
    pub revision: i64,
}

impl Since {
    /// Reads `17` or `q7x2.17`.
    ///
    /// # Errors
    /// A sentence about what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (epoch, revision) = match text.rsplit_once('.') {
            Some((epoch, revision)) => (Some(epoch.to_owned()), revision),
            None => (None, text),
        };
        match revision.parse() {
            Ok(revision) if revision >= 0 => Ok(Self { epoch, revision }),
            _ => Err(format!("since must be a revision or EPOCH.REVISION, not {text:?}")),
        }
    }
}

/// How to bring a client up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Send it what changed after this revision.
    After(i64),
    /// Its numbers mean something else now: tell it to start over.
    Reset,
}

/// Decides whether a client's position can be trusted.
#[must_use]
pub fn resume(since: &Since, epoch: &str, now: Counters) -> Resume {
    let other_epoch = since.epoch.as_deref().is_some_and(|said| said != epoch);
    if other_epoch || since.revision > now.revision { Resume::Reset } else { Resume::After(since.revision) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATUSES: [Status; 5] =
        [Status::Unread, Status::Read, Status::Archived, Status::Deleted, Status::AutoCleared];
    const MARKS: [Mark; 4] = [Mark::Read, Mark::Unread, Mark::Archive, Mark::Delete];

    #[test]
    fn a_repeated_mark_changes_nothing() {
        for status in STATUSES {
            for mark in MARKS {
                if let Some(first) = transition(status, mark) {
                    assert_eq!(transition(first.status, mark), None, "{status:?} {mark:?}");
                }
            }
        }
    }

    #[test]
    fn a_position_is_trusted_within_its_epoch_and_not_beyond_the_inbox() {
        let now = Counters { revision: 5, unread: 0 };
        let since = |text: &str| Since::parse(text).map(|since| resume(&since, "q7", now));
        assert_eq!(since("5"), Ok(Resume::After(5)));
        assert_eq!(since("q7.0"), Ok(Resume::After(0)));
        assert_eq!(since("6"), Ok(Resume::Reset));
        assert_eq!(since("old.3"), Ok(Resume::Reset));
        assert!(since("x").is_err() && since("-1").is_err() && since("").is_err());
    }

    proptest! {
        #[test]
        fn unread_is_what_the_statuses_say(marks in proptest::collection::vec((0_usize..6, 0_usize..4), 0..200)) {
            let mut statuses = [Status::Unread; 6];
            let mut counters = Counters { revision: 6, unread: 6 };
            for (which, mark) in marks {
                let before = counters;
                if let Some(effect) = transition(statuses[which], MARKS[mark]) {
                    statuses[which] = effect.status;
                    counters.revision += 1;
                    counters.unread += effect.unread_delta;
                }
                prop_assert!(counters.revision - before.revision <= 1);
                let counted = statuses.iter().filter(|status| **status == Status::Unread).count();
                prop_assert_eq!(counters.unread, i64::try_from(counted).unwrap_or(-1));
            }
        }

        #[test]
        fn new_notifications_take_the_revisions_between(revision in 0_i64..1_000_000, unread in 0_i64..1000, count in 0_i64..600) {
            let after = Counters { revision: revision + count, unread: unread + count };
            let mut last = Step { previous_revision: revision, revision, unread };
            for step in after.steps_of_new(count) {
                prop_assert_eq!(step.previous_revision, last.revision);
                prop_assert_eq!(step.revision, last.revision + 1);
                prop_assert_eq!(step.unread, last.unread + 1);
                last = step;
            }
            prop_assert_eq!((last.revision, last.unread), (after.revision, after.unread));
        }
    }
}
