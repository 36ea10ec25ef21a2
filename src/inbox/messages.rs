//! Messages of persistence: those that it receives, and those that it sends to the registry.

use std::sync::Arc;

use actix::{Actor, Handler, Message, dev::ToEnvelope};
use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use crate::{
    domain::{
        catalog::Catalog,
        inbox::{BulkMark, Change, ClientId, Mark, SweepKind},
        notification::Timestamp,
        user::UserId,
    },
    runtime::{Handle, MessageHandle},
    store::{Fence, MarkOutcome, Planned, RetentionCursor, StoreError},
};

/// Commits the notifications of one or several events.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Commit {
    /// Events, in order.
    pub events: Vec<Planned>,
    /// True if they are committed together or not at all.
    pub atomic: bool,
    /// Time of arrival, for the delivery latency.
    pub received: Instant,
    /// Receiver of an outcome for each event, in order, after the commit.
    pub reply: oneshot::Sender<Vec<CommitOutcome>>,
}

/// Marks one notification.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MarkOne {
    /// Owner of the inbox.
    pub user_id: UserId,
    /// ID of the notification.
    pub id: Uuid,
    /// Kind of mark.
    pub mark: Mark,
    /// Connection that asked; it gets the ack through the registry, in the order of revisions.
    pub origin: Option<ClientId>,
    /// Receiver of the result.
    pub reply: oneshot::Sender<Result<MarkOutcome, StoreError>>,
}

/// Marks all unread notifications.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MarkAll {
    /// Owner of the inbox.
    pub user_id: UserId,
    /// Kind of mark.
    pub mark: BulkMark,
    /// Highest revision of creation; `None` for all.
    pub up_to: Option<i64>,
    /// Connection that asked.
    pub origin: Option<ClientId>,
    /// Receiver of the result.
    pub reply: oneshot::Sender<Result<MarkOutcome, StoreError>>,
}

/// Takes an event out of the group of a notification, which is rendered again, or deleted if no
/// other event is left.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeOut {
    /// ID of the notification.
    pub id: Uuid,
    /// ID of the event.
    pub event_id: String,
    /// Source of the event.
    pub source: Option<String>,
    /// Types, to render the message.
    pub catalog: Arc<Catalog>,
    /// Reason of cancelled deliveries.
    pub reason: &'static str,
    /// Receiver of the number of cancelled deliveries; `None` if the group does not have the event.
    pub reply: oneshot::Sender<Result<Option<u64>, StoreError>>,
}

/// Addresses of persistence that change an inbox at the request of its owner.
#[derive(Debug, Clone)]
pub struct MarkHandle {
    /// Marks one notification.
    pub one: MessageHandle<MarkOne>,
    /// Marks all unread notifications.
    pub all: MessageHandle<MarkAll>,
}

impl<A> From<&Handle<A>> for MarkHandle
where
    A: Actor + Handler<MarkOne> + Handler<MarkAll>,
    A::Context: ToEnvelope<A, MarkOne> + ToEnvelope<A, MarkAll>,
{
    fn from(handle: &Handle<A>) -> Self {
        Self { one: MessageHandle::from(handle), all: MessageHandle::from(handle) }
    }
}

/// Task of a sweep.
#[derive(Debug, Clone)]
pub enum SweepTask {
    /// A sweep by time, up to this time.
    By(SweepKind, Timestamp),
    /// Retention periods, of the users after this position.
    Retention(RetentionCursor),
}

/// Applies a sweep to a bounded number of notifications.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Sweep {
    /// Task.
    pub task: SweepTask,
    /// Maximum number of notifications.
    pub limit: i64,
    /// Lease of the sweeper.
    pub fence: Fence,
    /// Receiver of the result.
    pub reply: oneshot::Sender<Result<Swept, StoreError>>,
}

/// Result of a sweep.
#[derive(Debug, Clone)]
pub struct Swept {
    /// Number of notifications that changed.
    pub count: usize,
    /// Next position for [`SweepTask::Retention`]; `None` when all users have been checked.
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

/// Delivers committed changes to the connected users.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DeliverChanges {
    /// Changes, in the order of their revisions.
    pub changes: Vec<Change>,
    /// Time at which their cause arrived.
    pub received: Instant,
}

/// Compares the revisions of the connected users with the store.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[rtype(result = "()")]
pub enum Reconcile {
    /// At this hub: messages of other hubs may be missing.
    Here,
    /// At all hubs: changes of this hub may not have been sent.
    Everywhere,
}
