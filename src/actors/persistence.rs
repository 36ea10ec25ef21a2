//! Persistence: the only actor that changes an inbox.
//!
//! It commits what is waiting in one transaction, then tells the registry, then answers. While a transaction runs the
//! next batch gathers, so batches grow with the load and nobody waits for company that may not come.
//!
//! It fails by panicking (the supervisor starts a fresh one; what waited is answered with nothing, which its senders
//! take as "try again") or by the store being away (it answers [`Outcome::Unavailable`]).

mod batch;
mod watch;

use std::{collections::VecDeque, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use super::{
    Handle, Outcome,
    registry::{Reconcile, Registry},
    supervisor::{Crash, Tether},
};
use crate::{
    domain::{
        inbox::{ClientId, Mark, MarkAll, Sweep},
        notification::Timestamp,
        user::UserId,
    },
    store::{MarkOutcome, Planned, RetentionCursor, Store, StoreError},
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
pub struct Settings {
    /// Most notifications committed together.
    pub batch_max: usize,
    /// How long the first of a batch waits for company.
    pub batch_wait: Duration,
}

/// The actor.
pub struct Persistence {
    store: Store,
    registry: Handle<Registry>,
    health: Health,
    settings: Settings,
    waiting: VecDeque<Job>,
    waiting_rows: usize,
    waiting_bytes: usize,
    /// A transaction runs, or a batch waits for company.
    busy: bool,
    _tether: Tether,
}

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
    pub reply: oneshot::Sender<Vec<Outcome>>,
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
pub struct MarkEvery {
    /// Whose inbox.
    pub user_id: UserId,
    /// How.
    pub mark: MarkAll,
    /// What was made up to this revision; `None`: everything.
    pub up_to: Option<i64>,
    /// The connection that asked.
    pub origin: Option<ClientId>,
    /// What became of it.
    pub reply: oneshot::Sender<Result<MarkOutcome, StoreError>>,
}

/// What to sweep.
#[derive(Debug, Clone)]
pub enum Due {
    /// What this has come for, by this time.
    By(Sweep, Timestamp),
    /// What is older than its owner wants, of the users after this one.
    Retention(RetentionCursor),
}

/// Let time do its work on a bounded number of notifications.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SweepSome {
    /// What.
    pub due: Due,
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
    /// The next users for [`Due::Retention`]; `None` when all have been looked at.
    pub next: Option<RetentionCursor>,
}

/// What waits.
enum Job {
    Commit(Commit),
    Mark(MarkOne),
    MarkEvery(MarkEvery),
    Sweep(SweepSome),
}

impl Job {
    fn rows(&self) -> usize {
        match self {
            Self::Commit(commit) => commit.events.iter().map(|event| event.drafts.len()).sum(),
            Self::Mark(_) | Self::MarkEvery(_) | Self::Sweep(_) => 0,
        }
    }

    /// Size of what is to be stored, in bytes of text; the metadata of an event counts once.
    fn bytes(&self) -> usize {
        match self {
            Self::Commit(commit) => commit.events.iter().map(Planned::bytes).sum(),
            Self::Mark(_) | Self::MarkEvery(_) | Self::Sweep(_) => 0,
        }
    }

    /// Answers that the hub has too much to do.
    fn refuse(self) {
        // Whoever asked may have gone; then nobody needs the answer.
        match self {
            Self::Commit(commit) => {
                let _ = commit.reply.send(vec![Outcome::Overloaded; commit.events.len()]);
            }
            Self::Mark(MarkOne { reply, .. }) | Self::MarkEvery(MarkEvery { reply, .. }) => {
                let _ = reply.send(Err(StoreError::Overloaded));
            }
            Self::Sweep(SweepSome { reply, .. }) => {
                let _ = reply.send(Err(StoreError::Overloaded));
            }
        }
    }
}

impl Persistence {
    /// A persistence that commits to `store` and tells `registry`.
    #[must_use]
    pub fn new(store: Store, registry: Handle<Registry>, health: Health, settings: Settings, tether: Tether) -> Self {
        Self {
            store,
            registry,
            health,
            settings,
            waiting: VecDeque::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            busy: false,
            _tether: tether,
        }
    }

    fn enqueue(&mut self, job: Job, ctx: &mut Context<Self>) {
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
        let (store, registry) = (self.store.clone(), self.registry.clone());
        let done = batch::run(store, registry, jobs).into_actor(self).map(|state, persistence, ctx| {
            persistence.health.set("store", state);
            persistence.busy = false;
            persistence.wake(ctx);
        });
        ctx.spawn(done);
    }

    /// The jobs at the head of the queue that go together: marks, or events up to `batch_max` rows.
    fn take_batch(&mut self) -> Vec<Job> {
        let mut batch = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        while let Some(next) = self.waiting.front() {
            let alike =
                batch.last().is_none_or(|last| matches!(last, Job::Commit(_)) == matches!(next, Job::Commit(_)));
            let large = rows + next.rows() > self.settings.batch_max || bytes + next.bytes() > BATCH_BYTES_MAX;
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
        metrics::gauge!(metric::QUEUE_LENGTH, "queue" => "persistence").set(self.waiting.len() as f64);
    }
}

impl Actor for Persistence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.watch_store(ctx);
        // An earlier one may have died between a commit and telling of it.
        self.registry.offer(Reconcile);
    }
}

impl Handler<Commit> for Persistence {
    type Result = ();

    fn handle(&mut self, commit: Commit, ctx: &mut Self::Context) {
        self.enqueue(Job::Commit(commit), ctx);
    }
}

impl Handler<MarkOne> for Persistence {
    type Result = ();

    fn handle(&mut self, mark: MarkOne, ctx: &mut Self::Context) {
        self.enqueue(Job::Mark(mark), ctx);
    }
}

impl Handler<MarkEvery> for Persistence {
    type Result = ();

    fn handle(&mut self, mark: MarkEvery, ctx: &mut Self::Context) {
        self.enqueue(Job::MarkEvery(mark), ctx);
    }
}

impl Handler<SweepSome> for Persistence {
    type Result = ();

    fn handle(&mut self, sweep: SweepSome, ctx: &mut Self::Context) {
        self.enqueue(Job::Sweep(sweep), ctx);
    }
}

impl Handler<Crash> for Persistence {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("persistence was asked to crash");
    }
}
