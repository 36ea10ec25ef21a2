//! The pipeline: from events to planned notifications.
//!
//! It takes what is waiting, looks up everybody the events name in one question to the directory, decides with the pure
//! [`Planner`](crate::domain::plan::Planner), and hands the drafts to persistence in the order the events came. While one batch is being looked up the
//! next gathers. The lookups are the only thing it waits for; the answer about a commit goes past it.
//!
//! It fails by panicking: what waited is answered with nothing, which its senders take as "try again".

use std::{collections::VecDeque, sync::Arc};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::{sync::oneshot, time::Instant};

use super::{Outcome, batch, catalog::Shared, fan_out::FanOutLimiter};
use crate::{
    domain::event::Event,
    feeds::Feeding,
    inbox::Commit,
    runtime::{
        MessageHandle,
        supervisor::{Crash, DropGuard},
    },
    store::Store,
    telemetry::{DeliveryTrace, UnknownTypes, metric},
};

/// Most events that wait; a source that finds it full is told to come back.
const WAITING_EVENTS_MAX: usize = 50_000;

/// Maximum size of the events that wait, in bytes of their payloads.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most events looked up together.
const BATCH_EVENTS: usize = 500;

/// Messages in the mailbox; each is taken at once, so this only evens out bursts.
const MAILBOX: usize = 1_024;

/// Turn events into notifications.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Ingest {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Whether they are taken whole or not at all.
    pub atomic: bool,
    /// Whether an event without a type or without recipients is rejected rather than skipped.
    pub strict: bool,
    /// Whether whoever asks waits for events for very many; else those are answered as late.
    pub waits: bool,
    /// Which way they came: the label `source` of `lonceng_events_total`.
    pub source: &'static str,
    /// When they arrived.
    pub received: Instant,
    /// An outcome for each event, after the commit.
    pub reply: oneshot::Sender<Vec<Outcome>>,
}

impl Ingest {
    /// Size of the payloads that the events came in, in bytes.
    fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.bytes).sum()
    }
}

/// The actor.
pub struct Pipeline {
    store: Store,
    catalog: Shared,
    persistence: MessageHandle<Commit>,
    feeding: Feeding,
    trail: Arc<DeliveryTrace>,
    unknown_types: Arc<UnknownTypes>,
    /// Events for very many take turns.
    turns: Arc<FanOutLimiter>,
    waiting: VecDeque<Ingest>,
    waiting_events: usize,
    waiting_bytes: usize,
    busy: bool,
    _tether: DropGuard,
}

impl Pipeline {
    /// A pipeline that works from `catalog` and hands on to `persistence`; what live feeds show goes to `feeding`,
    /// what became of events to `trail`, and codes that no type has to `unknown_types`.
    #[must_use]
    pub fn new(
        store: Store,
        catalog: Shared,
        persistence: MessageHandle<Commit>,
        feeding: Feeding,
        (trail, unknown_types): (Arc<DeliveryTrace>, Arc<UnknownTypes>),
        tether: DropGuard,
    ) -> Self {
        Self {
            store,
            catalog,
            persistence,
            feeding,
            trail,
            unknown_types,
            turns: FanOutLimiter::new(),
            waiting: VecDeque::new(),
            waiting_events: 0,
            waiting_bytes: 0,
            busy: false,
            _tether: tether,
        }
    }

    fn work(&mut self, ctx: &mut Context<Self>) {
        if self.busy || self.waiting.is_empty() {
            return;
        }
        self.busy = true;
        let mut queued = Vec::new();
        let mut events = 0;
        while let Some(next) = self.waiting.front() {
            if !queued.is_empty() && events + next.events.len() > BATCH_EVENTS {
                break;
            }
            events += next.events.len();
            self.waiting_bytes -= next.bytes();
            queued.extend(self.waiting.pop_front());
        }
        self.waiting_events -= events;
        self.gauge();
        let work = batch::Work {
            store: self.store.clone(),
            catalog: self.catalog.current(),
            persistence: self.persistence.clone(),
            feeding: self.feeding.clone(),
            trail: Arc::clone(&self.trail),
            unknown_types: Arc::clone(&self.unknown_types),
            turns: Arc::clone(&self.turns),
        };
        ctx.spawn(batch::run(work, queued).into_actor(self).map(|(), pipeline, ctx| {
            pipeline.busy = false;
            pipeline.work(ctx);
        }));
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge of at most some thousands")]
    fn gauge(&self) {
        metrics::gauge!(metric::QUEUE_LENGTH, "queue" => "pipeline").set(self.waiting_events as f64);
    }
}

impl Actor for Pipeline {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Ingest> for Pipeline {
    type Result = ();

    fn handle(&mut self, ingest: Ingest, ctx: &mut Self::Context) {
        if self.waiting_events >= WAITING_EVENTS_MAX || self.waiting_bytes >= WAITING_BYTES_MAX {
            // Whoever asked may have gone; then nobody needs the answer.
            let _ = ingest.reply.send(vec![Outcome::Overloaded; ingest.events.len()]);
            return;
        }
        self.waiting_events += ingest.events.len();
        self.waiting_bytes += ingest.bytes();
        self.waiting.push_back(ingest);
        self.gauge();
        self.work(ctx);
    }
}

impl Handler<Crash> for Pipeline {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the pipeline was asked to crash");
    }
}
