//! Messages that the persistence actor takes.

use actix::Message;
use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use crate::{
    domain::{
        inbox::{BulkMark, Change, ClientId, Mark, SweepKind},
        notification::Timestamp,
        user::UserId,
    },
    store::{MarkOutcome, Planned, RetentionCursor, StoreError},
};

/// Commit an event or several.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Commit {
    /// The events, in order.
    pub events: Vec<Planned>,
    /// Whether they are taken whole or not at all.
    pub atomic: bool,
    /// When they arrived, for the delivery's latency.
    pub received: Instant,
    /// An outcome for each event, after the commit.
    pub reply: oneshot::Sender<Vec<CommitOutcome>>,
}

/// Mark one notification.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MarkOne {
    /// Whose inbox.
    pub user_id: UserId,
    /// Which notification.
    pub id: Uuid,
    /// How.
    pub mark: Mark,
    /// The connection that asked; it gets the ack through the registry, in the order of the revisions.
    pub origin: Option<ClientId>,
    /// What became of it.
    pub reply: oneshot::Sender<Result<MarkOutcome, StoreError>>,
}

/// Mark everything unread.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MarkAll {
    /// Whose inbox.
    pub user_id: UserId,
    /// How.
    pub mark: BulkMark,
    /// What was made up to this revision; `None`: everything.
    pub up_to: Option<i64>,
    /// The connection that asked.
    pub origin: Option<ClientId>,
    /// What became of it.
    pub reply: oneshot::Sender<Result<MarkOutcome, StoreError>>,
}

/// What to sweep.
#[derive(Debug, Clone)]
pub enum SweepTask {
    /// What this has come for, by this time.
    By(SweepKind, Timestamp),
    /// What is older than its owner wants, of the users after this one.
    Retention(RetentionCursor),
}

/// Let time do its work on a bounded number of notifications.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Sweep {
    /// What.
    pub due: SweepTask,
    /// Most notifications.
    pub limit: i64,
    /// How many there were, and where to go on.
    pub reply: oneshot::Sender<Result<Swept, StoreError>>,
}

/// What a sweep did.
#[derive(Debug, Clone)]
pub struct Swept {
    /// Notifications that changed.
    pub count: usize,
    /// The next users for [`SweepTask::Retention`]; `None` when all have been looked at.
    pub next: Option<RetentionCursor>,
}

/// Outcome of one event of a [`Commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Its notifications are committed: user and ID of each.
    Stored(Vec<(UserId, Uuid)>),
    /// An event with its identity had been committed before.
    Duplicate,
    /// The store cannot be written to now: the event may be tried again.
    Unavailable(String),
    /// The queue is full: the event may be tried again a little later.
    Overloaded,
    /// The store refuses the event.
    Failed(String),
}

impl From<&StoreError> for CommitOutcome {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::Overloaded,
            error if error.is_transient() => Self::Unavailable(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// These changes are committed: tell who is concerned.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Publish {
    /// In the order of their revisions.
    pub changes: Vec<Change>,
    /// When what caused them arrived.
    pub received: Instant,
}

/// Compare the connected users' revisions with the store.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reconcile;
