//! Persistence actor: the only writer of inboxes.
//!
//! It commits what is queued in one transaction, then sends the changes to the registry, then
//! replies. While a transaction runs the next batch gathers, so batches grow with the load and no
//! event waits for others.
//!
//! It fails by panicking (the supervisor starts a new one; pending replies are dropped, which
//! senders take as "try again"), or with an unavailable store (the reply is
//! [`CommitOutcome::Unavailable`]).

mod batch;
mod spans;
mod store_watch;
mod take_out;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use tokio::sync::Notify;

use super::{Commit, CommitOutcome, DeliverChanges, MarkAll, MarkOne, Reconcile, Sweep, TakeOut};
use crate::{
    runtime::{
        MessageHandle,
        supervisor::{Crash, DropGuard},
    },
    store::{Planned, Store, StoreError},
    telemetry::{Health, PartState, metric},
};

/// Maximum number of queued notifications. When it is exceeded, sources are asked to retry: the
/// broker redelivers, HTTP answers 503.
const WAITING_ROWS_MAX: usize = 50_000;

/// Maximum number of queued operations, marks and events without rows included.
const WAITING_JOBS_MAX: usize = 20_000;

/// Maximum size of queued notifications, in bytes of text.
const WAITING_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Maximum size of one transaction, in bytes of text, unless one event alone has more.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Capacity of the mailbox. Each message is queued at once, so this only evens out bursts.
const MAILBOX: usize = 1_024;

/// Configuration of persistence.
#[derive(Debug, Clone)]
pub struct PersistenceConfig {
    /// Maximum number of notifications per transaction.
    pub batch_max: usize,
    /// Time that the first of a batch waits for others.
    pub batch_wait: Duration,
    /// Notified when deliveries are committed.
    pub due: Arc<Notify>,
    /// True if a notification that is read is closed on the devices to which it was pushed.
    pub closes_pushes: bool,
}

/// Persistence actor.
pub struct Persistence {
    store: Store,
    deliver: MessageHandle<DeliverChanges>,
    reconcile: MessageHandle<Reconcile>,
    health: Health,
    settings: PersistenceConfig,
    waiting: VecDeque<Operation>,
    waiting_rows: usize,
    waiting_bytes: usize,
    /// True while a transaction runs, or a batch waits for others.
    busy: bool,
    /// True if the last batch failed.
    failed: bool,
    _guard: DropGuard,
}

/// Queued operation.
enum Operation {
    Commit(Commit),
    Mark(MarkOne),
    MarkAll(MarkAll),
    TakeOut(TakeOut),
    Sweep(Sweep),
}

impl Operation {
    fn rows(&self) -> usize {
        match self {
            Self::Commit(commit) => commit.events.iter().map(|event| event.drafts.len()).sum(),
            Self::Mark(_) | Self::MarkAll(_) | Self::TakeOut(_) | Self::Sweep(_) => 0,
        }
    }

    /// Returns the size of the notifications, in bytes of text; shared metadata counts once.
    fn bytes(&self) -> usize {
        match self {
            Self::Commit(commit) => commit.events.iter().map(Planned::bytes).sum(),
            Self::Mark(_) | Self::MarkAll(_) | Self::TakeOut(_) | Self::Sweep(_) => 0,
        }
    }

    /// Replies that the queue is full.
    fn refuse(self) {
        // The caller may be gone, and needs no reply then.
        match self {
            Self::Commit(commit) => {
                let _ = commit.reply.send(vec![CommitOutcome::Overloaded; commit.events.len()]);
            }
            Self::Mark(MarkOne { reply, .. }) | Self::MarkAll(MarkAll { reply, .. }) => {
                let _ = reply.send(Err(StoreError::Overloaded));
            }
            Self::TakeOut(TakeOut { reply, .. }) => {
                let _ = reply.send(Err(StoreError::Overloaded));
            }
            Self::Sweep(Sweep { reply, .. }) => {
                let _ = reply.send(Err(StoreError::Overloaded));
            }
        }
    }
}

impl Persistence {
    /// Creates a persistence actor that commits to `store` and sends committed changes to
    /// `deliver`. `reconcile` covers changes that an earlier actor committed and did not send.
    #[must_use]
    pub fn new(
        store: Store,
        (deliver, reconcile): (MessageHandle<DeliverChanges>, MessageHandle<Reconcile>),
        health: Health,
        settings: PersistenceConfig,
        guard: DropGuard,
    ) -> Self {
        Self {
            store,
            deliver,
            reconcile,
            health,
            settings,
            waiting: VecDeque::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            busy: false,
            failed: false,
            _guard: guard,
        }
    }

    fn enqueue(&mut self, operation: Operation, ctx: &mut Context<Self>) {
        let full = self.waiting.len() >= WAITING_JOBS_MAX
            || self.waiting_rows >= WAITING_ROWS_MAX
            || self.waiting_bytes >= WAITING_BYTES_MAX;
        if full {
            operation.refuse();
            return;
        }
        self.waiting_rows += operation.rows();
        self.waiting_bytes += operation.bytes();
        self.waiting.push_back(operation);
        self.gauge();
        self.wake(ctx);
    }

    fn wake(&mut self, ctx: &mut Context<Self>) {
        if self.busy || self.waiting.is_empty() {
            return;
        }
        self.busy = true;
        if self.settings.batch_wait.is_zero() || self.waiting_rows >= self.settings.batch_max {
            self.work(ctx);
        } else {
            ctx.run_later(self.settings.batch_wait, Self::work);
        }
    }

    /// Processes a batch, then the next one.
    fn work(&mut self, ctx: &mut Context<Self>) {
        let operations = self.take_batch();
        let (store, deliver) = (self.store.clone(), self.deliver.clone());
        let done = Box::pin(batch::run(store, deliver, self.settings.clone(), operations))
            .into_actor(self)
            .map(|state, persistence, ctx| {
                let works = state == PartState::Ok;
                persistence.health.set("store", state);
                // A commit without an answer may have been made, and its repetition is a duplicate
                // that nobody is sent.
                if works && std::mem::take(&mut persistence.failed) {
                    let _ = persistence.reconcile.offer(Reconcile::Everywhere);
                }
                persistence.failed |= !works;
                persistence.busy = false;
                persistence.wake(ctx);
            });
        ctx.spawn(done);
    }

    /// Takes the operations at the head of the queue that form a batch: marks, or events up to
    /// `batch_max` rows.
    fn take_batch(&mut self) -> Vec<Operation> {
        let mut batch = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        while let Some(next) = self.waiting.front() {
            let alike = batch.last().is_none_or(|last| {
                matches!(last, Operation::Commit(_)) == matches!(next, Operation::Commit(_))
            });
            let large = rows + next.rows() > self.settings.batch_max
                || bytes + next.bytes() > BATCH_BYTES_MAX;
            let full = !batch.is_empty() && large;
            if !alike || full || batch.len() >= self.settings.batch_max {
                break;
            }
            rows += next.rows();
            bytes += next.bytes();
            batch.extend(self.waiting.pop_front());
        }
        self.waiting_rows -= rows;
        self.waiting_bytes -= bytes;
        self.gauge();
        batch
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge of at most some thousands")]
    fn gauge(&self) {
        metrics::gauge!(metric::QUEUE_LENGTH, "queue" => "persistence")
            .set(self.waiting.len() as f64);
    }
}

impl Actor for Persistence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.watch_store(ctx);
        // An earlier actor may have died between a commit and sending the changes.
        let _ = self.reconcile.offer(Reconcile::Everywhere);
    }
}

impl Handler<Commit> for Persistence {
    type Result = ();

    fn handle(&mut self, commit: Commit, ctx: &mut Self::Context) {
        self.enqueue(Operation::Commit(commit), ctx);
    }
}

impl Handler<MarkOne> for Persistence {
    type Result = ();

    fn handle(&mut self, mark: MarkOne, ctx: &mut Self::Context) {
        self.enqueue(Operation::Mark(mark), ctx);
    }
}

impl Handler<MarkAll> for Persistence {
    type Result = ();

    fn handle(&mut self, mark: MarkAll, ctx: &mut Self::Context) {
        self.enqueue(Operation::MarkAll(mark), ctx);
    }
}

impl Handler<TakeOut> for Persistence {
    type Result = ();

    fn handle(&mut self, request: TakeOut, ctx: &mut Self::Context) {
        self.enqueue(Operation::TakeOut(request), ctx);
    }
}

impl Handler<Sweep> for Persistence {
    type Result = ();

    fn handle(&mut self, sweep: Sweep, ctx: &mut Self::Context) {
        self.enqueue(Operation::Sweep(sweep), ctx);
    }
}

impl Handler<Crash> for Persistence {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("persistence was asked to crash");
    }
}
