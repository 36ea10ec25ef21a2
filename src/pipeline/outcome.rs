//! Every way in which the processing of an event can end.

use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    domain::{rejected::Rejected, skipped::Skipped, user::UserId},
    inbox::CommitOutcome,
    store::StoreError,
};

/// Outcome of an event, for its source.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Its notifications are committed.
    Accepted(Stored),
    /// An event with its identity was committed before.
    Duplicate,
    /// Valid, but makes no notification.
    Skipped(Skipped),
    /// Invalid, now and at every later attempt.
    Rejected(Rejected),
    /// Cannot be processed now: the event may be tried again.
    Unavailable(String),
    /// A queue is full: the event may be tried again a little later.
    Overloaded,
    /// A large fan-out ended after some of its chunks were committed: another attempt continues it.
    Interrupted {
        /// Recipients of the chunks that this attempt committed.
        stored: usize,
        /// ID under which a publisher that gave the event none continues it.
        event_id: Option<String>,
        /// Reason.
        reason: String,
    },
    /// A large fan-out in progress; the receiver gets its outcome. Only for sources that do not
    /// wait.
    InProgress(watch::Receiver<Option<Outcome>>),
    /// The hub failed on this event: it may be tried again, a limited number of times.
    Failed(String),
}

/// Notifications of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Number of notifications.
    pub notifications: usize,
    /// User and ID of each; empty for an event that was stored in chunks.
    pub ids: Vec<(UserId, Uuid)>,
}

impl From<Vec<(UserId, Uuid)>> for Stored {
    fn from(ids: Vec<(UserId, Uuid)>) -> Self {
        Self { notifications: ids.len(), ids }
    }
}

/// Maps a failure of the store: a transient one may be tried again.
impl From<&StoreError> for Outcome {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::Overloaded,
            error if error.is_transient() => Self::Unavailable(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl Outcome {
    /// Outcome of a valid event in an atomic batch with an invalid one.
    pub(super) fn sibling_failed() -> Self {
        Self::Failed("another event of the batch is bad".to_owned())
    }

    /// Returns the label `outcome` of `lonceng_events_total`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Duplicate => "duplicate",
            Self::Skipped(_) => "skipped",
            Self::Rejected(_) => "rejected",
            Self::Unavailable(_)
            | Self::Overloaded
            | Self::Interrupted { .. }
            | Self::Failed(_) => "failed",
            Self::InProgress(_) => "late",
        }
    }
}

impl From<CommitOutcome> for Outcome {
    fn from(committed: CommitOutcome) -> Self {
        match committed {
            CommitOutcome::Stored(ids) => Self::Accepted(ids.into()),
            CommitOutcome::Duplicate => Self::Duplicate,
            CommitOutcome::Unavailable(reason) => Self::Unavailable(reason),
            CommitOutcome::Overloaded => Self::Overloaded,
            CommitOutcome::Failed(reason) => Self::Failed(reason),
        }
    }
}
