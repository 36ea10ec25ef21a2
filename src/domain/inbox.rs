//! The arithmetic of an inbox: its revision, its counts, and what a mark does to them.
//!
//! Every change takes the next revision, one each: a new notification, a mark, and each notification that a mark-all
//! touches. So (user, revision) is unique, a page of history can end anywhere, and a client that knows the last revision
//! it saw can ask for exactly the rest.

use std::sync::Arc;

use super::{
    notification::{Notification, NotificationState, Status, Timestamp},
    user::UserId,
};

/// Where an inbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxState {
    /// Grows by one with every change; 0 for an inbox that never had one.
    pub revision: i64,
    /// How many notifications are unread.
    pub unread: i64,
    /// How many of the unread ones have never been on a screen.
    pub unseen: i64,
}

impl InboxState {
    /// The steps by which `count` new, unread notifications led here, in order.
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

    /// The step that changes nothing: where the inbox stands.
    #[must_use]
    pub fn standing(self) -> RevisionStep {
        RevisionStep {
            previous_revision: self.revision,
            revision: self.revision,
            unread: self.unread,
            unseen: self.unseen,
        }
    }

    /// The next step, by which one notification goes from one state to another.
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

/// One change's place in the history of an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RevisionStep {
    /// The inbox's revision just before.
    pub previous_revision: i64,
    /// And with it.
    pub revision: i64,
    /// The unread count with it.
    pub unread: i64,
    /// The unseen count with it.
    pub unseen: i64,
}

impl RevisionStep {
    /// Where the inbox stands after it.
    #[must_use]
    pub fn counters(self) -> InboxState {
        InboxState { revision: self.revision, unread: self.unread, unseen: self.unseen }
    }
}

/// What a person can do to one notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// It was on a screen.
    Seen,
    /// Seen and understood.
    Read,
    /// Its action was followed: it is read, and helped.
    Click,
    /// Not done with it after all.
    Unread,
    /// Put away.
    Archive,
    /// Taken out again, as it was.
    Unarchive,
    /// Gone.
    Delete,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Seen,
        Self::Read,
        Self::Click,
        Self::Unread,
        Self::Archive,
        Self::Unarchive,
        Self::Delete,
    ];

    /// The word in `notification.WORD`, `notification.WORD.ack` and `POST …/{id}/WORD`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Read => "read",
            Self::Click => "clicked",
            Self::Unread => "unread",
            Self::Archive => "archive",
            Self::Unarchive => "unarchive",
            Self::Delete => "delete",
        }
    }
}

/// What a mark does to a notification in this state; `None` when it changes nothing, and so takes no revision.
///
/// Reading and archiving show that it was seen. What is unread again, or out of the archive, lives on although its time to
/// live is over: a person asked for it.
#[must_use]
pub fn transition(
    state: NotificationState,
    mark: Mark,
    now: Timestamp,
) -> Option<NotificationState> {
    let seen = state.seen_at.or(Some(now));
    let lives_on = state.expires_at.filter(|expires_at| *expires_at > now);
    match (state.status, mark) {
        (Status::Unread, Mark::Seen) if state.seen_at.is_none() => {
            Some(NotificationState { seen_at: seen, ..state })
        }
        (Status::Unread, Mark::Read) => Some(NotificationState {
            status: Status::Read,
            seen_at: seen,
            read_at: Some(now),
            ..state
        }),
        (Status::Unread, Mark::Click) => {
            let clicked_at = state.clicked_at.or(Some(now));
            Some(NotificationState {
                status: Status::Read,
                seen_at: seen,
                read_at: Some(now),
                clicked_at,
                ..state
            })
        }
        (Status::Read | Status::Archived | Status::AutoCleared, Mark::Click)
            if state.clicked_at.is_none() =>
        {
            // What was put away unread is read by that.
            Some(NotificationState {
                clicked_at: Some(now),
                read_at: state.read_at.or(Some(now)),
                seen_at: seen,
                ..state
            })
        }
        (Status::Read | Status::Archived | Status::AutoCleared, Mark::Unread) => {
            Some(NotificationState {
                status: Status::Unread,
                read_at: None,
                expires_at: lives_on,
                ..state
            })
        }
        (Status::Unread | Status::Read | Status::AutoCleared, Mark::Archive) => {
            Some(NotificationState { status: Status::Archived, seen_at: seen, ..state })
        }
        (Status::Archived, Mark::Unarchive) => {
            let status = if state.read_at.is_some() { Status::Read } else { Status::Unread };
            Some(NotificationState { status, expires_at: lives_on, ..state })
        }
        (Status::Unread | Status::Read | Status::Archived | Status::AutoCleared, Mark::Delete) => {
            Some(NotificationState { status: Status::Deleted, ..state })
        }
        (Status::Unread, Mark::Seen | Mark::Unread | Mark::Unarchive)
        | (
            Status::Read | Status::AutoCleared,
            Mark::Seen | Mark::Read | Mark::Click | Mark::Unarchive,
        )
        | (Status::Archived, Mark::Seen | Mark::Read | Mark::Click | Mark::Archive)
        | (Status::Deleted, _) => None,
    }
}

/// What a person can do to everything at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BulkMark {
    /// Everything unread is read.
    Read,
    /// Everything unread has been on a screen.
    Seen,
}

impl BulkMark {
    /// The word in `notification.WORD`, and the name of the member that says what an update covers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read_all",
            Self::Seen => "seen_all",
        }
    }
}

/// What time does to notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SweepKind {
    /// Their time to live ran out.
    Expire,
    /// They are older than their owner wants to keep them.
    Retain,
    /// They were read long ago, and move to the archive.
    Archive,
    /// Their type keeps them no longer.
    Discard,
}

impl SweepKind {
    /// What it does to a notification in this state; `None`: nothing.
    #[must_use]
    pub fn apply(self, state: NotificationState) -> Option<NotificationState> {
        let to = match (self, state.status) {
            (Self::Expire | Self::Retain, Status::Unread | Status::Read) => Status::AutoCleared,
            (Self::Archive, Status::Read) => Status::Archived,
            (
                Self::Discard,
                Status::Unread | Status::Read | Status::Archived | Status::AutoCleared,
            ) => Status::Deleted,
            _ => return None,
        };
        Some(NotificationState { status: to, ..state })
    }
}

/// The connection that asked for a change: it gets the ack where the user's other connections get the update.
pub type ClientId = u64;

/// What happened, for those who watch the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A new notification; `quiet` in its reader's quiet hours.
    New {
        /// Shown without a toast or a sound.
        quiet: bool,
    },
    /// A mark that changed something.
    Marked(Mark),
    /// A mark that changed nothing: only its asker hears of it.
    Unchanged(Mark),
    /// Everything up to a revision was marked. The change carries the one that was touched last.
    All {
        /// How.
        mark: BulkMark,
        /// Marked were those that were made up to it.
        up_to_revision: i64,
        /// The inbox's revision before the first of them.
        from_revision: i64,
    },
    /// A mark-all that found nothing.
    UnchangedAll(BulkMark),
    /// Time did it.
    Swept(SweepKind),
}

/// One change of one inbox, after its commit.
#[derive(Debug, Clone)]
pub struct Change {
    /// Whose inbox.
    pub user_id: UserId,
    /// What happened.
    pub kind: ChangeKind,
    /// The notification as it is now; `None` only for a mark-all that found nothing.
    pub notification: Option<Arc<Notification>>,
    /// Its place in the history.
    pub step: RevisionStep,
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

/// Position of an inbox, for clients that resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxPosition {
    /// Revision and counts.
    pub counters: InboxState,
    /// Highest revision of a deletion that is not known any more: a client that has not reached it cannot resume.
    pub purged: i64,
}

/// Decides whether a client's position can be trusted.
#[must_use]
pub fn resume(since: &Since, epoch: &str, now: InboxPosition) -> Resume {
    let other_epoch = since.epoch.as_deref().is_some_and(|said| said != epoch);
    if other_epoch || since.revision > now.counters.revision || since.revision < now.purged {
        Resume::Reset
    } else {
        Resume::After(since.revision)
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
