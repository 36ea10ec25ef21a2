//! Every way an event's walk can end.

use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    domain::{plan::Skipped, rejected::Rejected, user::UserId},
    inbox::CommitOutcome,
    store::StoreError,
};

/// How an event's walk ended, for whoever brought it.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Its notifications are committed.
    Accepted(Stored),
    /// It had been taken before.
    Duplicate,
    /// Nothing is wrong with it, and there is nothing to do.
    Skipped(Skipped),
    /// It is bad, and will be the next time.
    Rejected(Rejected),
    /// The hub cannot take it now: try again.
    Unavailable(String),
    /// A queue is full: try again a little later.
    Overloaded,
    /// A large fan-out ended after some of its chunks were committed: try again to continue.
    Interrupted {
        /// Recipients of the chunks that this attempt committed.
        stored: usize,
        /// ID under which a publisher that gave the event none continues it.
        event_id: Option<String>,
        /// Reason.
        reason: String,
    },
    /// It is for very many, and on its way: how that ends is said here. Only those are answered so who do not wait for it.
    Late(watch::Receiver<Option<Outcome>>),
    /// The hub failed on this event: try again, but not for ever.
    Failed(String),
}

/// Notifications that an event made.
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

/// A failure of the store's: one that passes is tried again.
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
    /// The word of the label `outcome` of `lonceng_events_total`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Duplicate => "duplicate",
            Self::Skipped(_) => "skipped",
            Self::Rejected(_) => "rejected",
            Self::Unavailable(_) | Self::Overloaded | Self::Interrupted { .. } | Self::Failed(_) => "failed",
            Self::Late(_) => "late",
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
