//! Persistence: the only actor that changes an inbox.
//!
//! It commits what is waiting in one transaction, then tells the registry, then answers. While a transaction runs the
//! next batch gathers, so batches grow with the load and nobody waits for company that may not come.
//!
//! It fails by panicking (the supervisor starts a fresh one; what waited is answered with nothing, which its senders
//! take as "try again") or by the store being away (it answers [`CommitOutcome::Unavailable`]).

mod batch;
mod store_watch;

use std::{collections::VecDeque, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};

use super::{Commit, CommitOutcome, MarkAll, MarkOne, Publish, Reconcile, Sweep};
use crate::{
    runtime::{
        MessageHandle,
        supervisor::{Crash, DropGuard},
    },
    store::{Planned, Store, StoreError},
    telemetry::{Health, metric},
};

/// Most notifications that wait. A source that finds it full is told to come back: the broker waits, HTTP answers 503.
const WAITING_ROWS_MAX: usize = 50_000;

/// Most jobs that wait: marks and events without rows count too.
const WAITING_JOBS_MAX: usize = 20_000;

/// Maximum size of the notifications that wait, in bytes of text.
const WAITING_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Maximum size of one transaction, in bytes of text, unless one event alone has more.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Messages in the mailbox; each is taken at once, so this only evens out bursts.
const MAILBOX: usize = 1_024;

/// What persistence needs to know.
#[derive(Debug, Clone)]
pub struct PersistenceConfig {
    /// Most notifications committed together.
    pub batch_max: usize,
    /// How long the first of a batch waits for company.
    pub batch_wait: Duration,
}

/// The actor.
pub struct Persistence {
    store: Store,
    publish: MessageHandle<Publish>,
    reconcile: MessageHandle<Reconcile>,
    health: Health,
    settings: PersistenceConfig,
    waiting: VecDeque<Operation>,
    waiting_rows: usize,
    waiting_bytes: usize,
    /// A transaction runs, or a batch waits for company.
    busy: bool,
    _guard: DropGuard,
}

/// What waits.
enum Operation {
    Commit(Commit),
    Mark(MarkOne),
    MarkAll(MarkAll),
    SweepKind(Sweep),
}

impl Operation {
    fn rows(&self) -> usize {
        match self {
            Self::Commit(commit) => commit.events.iter().map(|event| event.drafts.len()).sum(),
            Self::Mark(_) | Self::MarkAll(_) | Self::SweepKind(_) => 0,
        }
    }

    /// Size of what is to be stored, in bytes of text; the metadata of an event counts once.
    fn bytes(&self) -> usize {
        match self {
            Self::Commit(commit) => commit.events.iter().map(Planned::bytes).sum(),
            Self::Mark(_) | Self::MarkAll(_) | Self::SweepKind(_) => 0,
        }
    }

    /// Answers that the hub has too much to do.
    fn refuse(self) {
        // Whoever asked may have gone; then nobody needs the answer.
        match self {
            Self::Commit(commit) => {
                let _ = commit.reply.send(vec![CommitOutcome::Overloaded; commit.events.len()]);
            }
            Self::Mark(MarkOne { reply, .. }) | Self::MarkAll(MarkAll { reply, .. }) => {
                let _ = reply.send(Err(StoreError::Overloaded));
            }
            Self::SweepKind(Sweep { reply, .. }) => {
                let _ = reply.send(Err(StoreError::Overloaded));
            }
        }
    }
}

impl Persistence {
    /// Creates a persistence actor that commits to `store` and hands committed changes to `publish`; `reconcile` is told when an
    /// earlier one may have died in between.
    #[must_use]
    pub fn new(
        store: Store,
        (publish, reconcile): (MessageHandle<Publish>, MessageHandle<Reconcile>),
        health: Health,
        settings: PersistenceConfig,
        guard: DropGuard,
    ) -> Self {
        Self {
            store,
            publish,
            reconcile,
            health,
            settings,
            waiting: VecDeque::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            busy: false,
            _guard: guard,
        }
    }

    fn enqueue(&mut self, job: Operation, ctx: &mut Context<Self>) {
        let full = self.waiting.len() >= WAITING_JOBS_MAX
            || self.waiting_rows >= WAITING_ROWS_MAX
            || self.waiting_bytes >= WAITING_BYTES_MAX;
        if full {
            job.refuse();
            return;
        }
        self.waiting_rows += job.rows();
        self.waiting_bytes += job.bytes();
        self.waiting.push_back(job);
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

    /// Takes a batch, commits it, and comes back for the next.
    fn work(&mut self, ctx: &mut Context<Self>) {
        let jobs = self.take_batch();
        let (store, publish) = (self.store.clone(), self.publish.clone());
        let done =
            batch::run(store, publish, jobs).into_actor(self).map(|state, persistence, ctx| {
                persistence.health.set("store", state);
                persistence.busy = false;
                persistence.wake(ctx);
            });
        ctx.spawn(done);
    }

    /// The jobs at the head of the queue that go together: marks, or events up to `batch_max` rows.
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
        // An earlier one may have died between a commit and telling of it.
        let _ = self.reconcile.offer(Reconcile);
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

impl Handler<Sweep> for Persistence {
    type Result = ();

    fn handle(&mut self, sweep: Sweep, ctx: &mut Self::Context) {
        self.enqueue(Operation::SweepKind(sweep), ctx);
    }
}

impl Handler<Crash> for Persistence {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("persistence was asked to crash");
    }
}
