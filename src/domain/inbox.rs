//! Arithmetic of an inbox: its revision, its counts, and the effect of marks.
//!
//! Every change takes the next revision: a new notification, a mark, and each notification that a
//! bulk mark touches. So (user, revision) is unique, a page of history can end anywhere, and a
//! client that knows its last revision can ask for exactly the rest.

use std::sync::Arc;

pub use super::transition::{Mark, transition};
use super::{
    notification::{Notification, NotificationState, Status},
    trace_context::TraceContext,
    user::UserId,
};

/// State of an inbox: revision and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxState {
    /// Revision: grows by one with every change; 0 for a new inbox.
    pub revision: i64,
    /// Number of unread notifications.
    pub unread: i64,
    /// Number of unread notifications that were never displayed.
    pub unseen: i64,
}

impl InboxState {
    /// Returns the steps of the last `count` new notifications that led to this state, in order.
    pub fn steps_of_new(self, count: i64) -> impl Iterator<Item = RevisionStep> {
        let before = Self {
            revision: self.revision - count,
            unread: self.unread - count,
            unseen: self.unseen - count,
        };
        (1..=count).map(move |n| RevisionStep {
            previous_revision: before.revision + n - 1,
            revision: before.revision + n,
            unread: before.unread + n,
            unseen: before.unseen + n,
        })
    }

    /// Returns the step of a message without a change.
    #[must_use]
    pub fn unchanged_step(self) -> RevisionStep {
        RevisionStep {
            previous_revision: self.revision,
            revision: self.revision,
            unread: self.unread,
            unseen: self.unseen,
        }
    }

    /// Returns the next step, which changes one notification.
    #[must_use]
    pub fn next(self, from: NotificationState, to: NotificationState) -> RevisionStep {
        RevisionStep {
            previous_revision: self.revision,
            revision: self.revision + 1,
            unread: self.unread + to.unread() - from.unread(),
            unseen: self.unseen + to.unseen() - from.unseen(),
        }
    }
}

/// Position of one change in the history of an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RevisionStep {
    /// Revision before the change.
    pub previous_revision: i64,
    /// Revision after the change.
    pub revision: i64,
    /// Number of unread notifications after the change.
    pub unread: i64,
    /// Number of unseen notifications after the change.
    pub unseen: i64,
}

impl RevisionStep {
    /// Returns the state after the step.
    #[must_use]
    pub fn counters(self) -> InboxState {
        InboxState { revision: self.revision, unread: self.unread, unseen: self.unseen }
    }
}

/// Action of a user on all notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BulkMark {
    /// Unread notifications become read.
    Read,
    /// Unread notifications become seen.
    Seen,
}

impl BulkMark {
    /// Returns the name in `notification.NAME`, and of the member with the range of an update.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read_all",
            Self::Seen => "seen_all",
        }
    }
}

/// Change of notifications by the passing of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SweepKind {
    /// Their time to live has ended.
    Expire,
    /// They are older than the retention period of their owner.
    RetentionEnded,
    /// They were read long ago and move to the archive.
    Archive,
    /// The retention period of their type has ended.
    Discard,
    /// They left the list longer ago than the store keeps them.
    Delete,
    /// They were snoozed until now.
    Wake,
}

impl SweepKind {
    /// Returns the state after the sweep; `None` if it changes nothing.
    #[must_use]
    pub fn apply(self, state: NotificationState) -> Option<NotificationState> {
        let to = match (self, state.status) {
            (Self::Wake, Status::Snoozed) => {
                // Its snooze lasted as long as its time to live.
                if state.expires_at.is_some() && state.expires_at <= state.snoozed_until {
                    let status = Status::AutoCleared;
                    return Some(NotificationState { status, snoozed_until: None, ..state });
                }
                // It is as new as on the first day: its owner asked to be told again.
                return Some(NotificationState {
                    status: Status::Unread,
                    seen_at: None,
                    read_at: None,
                    snoozed_until: None,
                    ..state
                });
            }
            (Self::Expire | Self::RetentionEnded, Status::Unread | Status::Read) => {
                Status::AutoCleared
            }
            (Self::Archive, Status::Read) => Status::Archived,
            (Self::Discard, Status::Unread | Status::Read | Status::Snoozed)
            | (Self::Discard | Self::Delete, Status::Archived | Status::AutoCleared) => {
                Status::Deleted
            }
            _ => return None,
        };
        Some(NotificationState { status: to, ..state })
    }
}

/// Number of a connection within this hub. The connection that asked for a change gets the
/// acknowledgement, the user's other connections get the update.
pub type ClientId = u64;

/// Kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A new notification.
    New {
        /// True in the reader's quiet hours: displayed without a toast or a sound.
        quiet: bool,
    },
    /// A further event of a group: the notification grew, and is the newest again.
    Grown {
        /// True in the reader's quiet hours.
        quiet: bool,
    },
    /// An event of a group was recalled: the notification shrank.
    Shrunk,
    /// A mark that changed something.
    Marked(Mark),
    /// A mark that changed nothing: only the connection that asked is told.
    Unchanged(Mark),
    /// A bulk mark. The change carries the notification that was changed last.
    All {
        /// Kind of mark.
        mark: BulkMark,
        /// Revision up to which notifications were marked.
        up_to_revision: i64,
        /// Revision before the first of them.
        from_revision: i64,
    },
    /// A bulk mark that found nothing.
    UnchangedAll {
        /// Kind of mark.
        mark: BulkMark,
        /// Revision up to which notifications would have been marked.
        up_to_revision: i64,
    },
    /// A sweep.
    Swept(SweepKind),
}

/// One change of one inbox, after its commit.
#[derive(Debug, Clone)]
pub struct Change {
    /// Owner of the inbox.
    pub user_id: UserId,
    /// Kind of change.
    pub kind: ChangeKind,
    /// Notification after the change; `None` only for a bulk mark that found nothing.
    pub notification: Option<Arc<Notification>>,
    /// Position in the history.
    pub step: RevisionStep,
    /// Connection that asked for it.
    pub origin: Option<ClientId>,
    /// Trace of the event that caused it.
    pub trace: Option<Arc<TraceContext>>,
}

/// Position from which a client resumes: `REVISION` or `EPOCH.REVISION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// Epoch of the store at that time, if the client gave it.
    pub epoch: Option<String>,
    /// Last revision that the client has.
    pub revision: i64,
}

impl Since {
    /// Parses `17` or `q7x2.17`.
    ///
    /// # Errors
    /// A description of the expected format.
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

/// Way to bring a client up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Send the changes after this revision.
    After(i64),
    /// Its revision belongs to another history: the client starts over.
    Reset,
}

/// Position of an inbox, for clients that resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxPosition {
    /// Revision and counts.
    pub counters: InboxState,
    /// Highest revision of a purged deletion: a client with an earlier revision cannot resume.
    pub purged: i64,
}

/// Decides whether a client's position can be trusted.
#[must_use]
pub fn resume(since: &Since, epoch: &str, position: InboxPosition) -> Resume {
    let other_epoch = since.epoch.as_deref().is_some_and(|client_epoch| client_epoch != epoch);
    if other_epoch
        || since.revision > position.counters.revision
        || since.revision < position.purged
    {
        Resume::Reset
    } else {
        Resume::After(since.revision)
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
