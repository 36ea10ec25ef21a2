//! The pipeline actor: from events to rendered notifications.
//!
//! It takes the waiting events in batches, looks up everything that a batch needs in one query per
//! table, renders with the pure [`Planner`](crate::domain::plan::Planner), and sends the drafts to
//! persistence in the order of the events. It waits for the lookups only; replies to commits bypass
//! it.
//!
//! It fails by panicking: the replies of waiting events are dropped, which their sources take as
//! "try again".

use std::{collections::VecDeque, sync::Arc};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Outcome, batch, catalog::SharedCatalog, context::BatchContext, fan_out_limiter::FanOutLimiter,
    owed,
};
use crate::{
    domain::event::Event,
    feeds::FeedsHandle,
    inbox::Commit,
    runtime::{
        MessageHandle,
        supervisor::{Crash, DropGuard},
    },
    store::Store,
    telemetry::{DeliveryTrace, UnknownTypes, metric},
};

/// Maximum number of waiting events; a source that finds the queue full is asked to retry.
const WAITING_EVENTS_MAX: usize = 50_000;

/// Maximum size of the waiting events, in bytes of their payloads.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Maximum number of events in a batch.
const BATCH_EVENTS: usize = 500;

/// Capacity of the mailbox. Each message is queued at once, so this only evens out bursts.
const MAILBOX: usize = 1_024;

/// Turns events into notifications.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Ingest {
    /// The events, in order.
    pub events: Vec<Event>,
    /// True if they are committed together or not at all.
    pub atomic: bool,
    /// True if an event without a type or without recipients is rejected rather than skipped.
    pub strict: bool,
    /// True if the caller waits for large fan-outs; otherwise they are answered with
    /// [`Outcome::InProgress`].
    pub waits: bool,
    /// Source: the label `source` of `lonceng_events_total`.
    pub source: &'static str,
    /// Time of arrival.
    pub received: Instant,
    /// Receiver of an outcome for each event, in order, after the commit.
    pub reply: oneshot::Sender<Vec<Outcome>>,
}

impl Ingest {
    /// Size of the payloads that the events came in, in bytes.
    fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.bytes).sum()
    }
}

/// Pipeline actor.
pub struct Pipeline {
    store: Store,
    catalog: SharedCatalog,
    persistence: MessageHandle<Commit>,
    feeds_handle: FeedsHandle,
    trace: Arc<DeliveryTrace>,
    unknown_types: Arc<UnknownTypes>,
    fan_outs: Arc<FanOutLimiter>,
    waiting: VecDeque<Ingest>,
    waiting_events: usize,
    waiting_bytes: usize,
    busy: bool,
    _guard: DropGuard,
}

impl Pipeline {
    /// Creates a pipeline that renders with the types of `catalog` and commits through
    /// `persistence`. Events for live feeds go to `feeds_handle`, traces to `trace`, and codes
    /// without a type to `unknown_types`.
    #[must_use]
    pub fn new(
        store: Store,
        catalog: SharedCatalog,
        persistence: MessageHandle<Commit>,
        feeds_handle: FeedsHandle,
        (trace, unknown_types): (Arc<DeliveryTrace>, Arc<UnknownTypes>),
        guard: DropGuard,
    ) -> Self {
        Self {
            store,
            catalog,
            persistence,
            feeds_handle,
            trace,
            unknown_types,
            fan_outs: FanOutLimiter::new(),
            waiting: VecDeque::new(),
            waiting_events: 0,
            waiting_bytes: 0,
            busy: false,
            _guard: guard,
        }
    }

    fn start_batch(&mut self, ctx: &mut Context<Self>) {
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
        let context = self.context();
        ctx.spawn(Box::pin(batch::run(context, queued)).into_actor(self).map(
            |(), pipeline, ctx| {
                pipeline.busy = false;
                pipeline.start_batch(ctx);
            },
        ));
    }

    fn context(&self) -> BatchContext {
        BatchContext {
            store: self.store.clone(),
            catalog: self.catalog.current(),
            persistence: self.persistence.clone(),
            feeds_handle: self.feeds_handle.clone(),
            trace: Arc::clone(&self.trace),
            unknown_types: Arc::clone(&self.unknown_types),
            fan_outs: Arc::clone(&self.fan_outs),
        }
    }

    /// Continues acknowledged events that nobody works on, then again after a while. An earlier
    /// pipeline of this hub may have died with some.
    fn continue_owed(&self, release: bool, ctx: &mut Context<Self>) {
        let context = self.context();
        let continued = async move {
            if release && context.store.release_fan_outs().await.is_err() {
                return true;
            }
            if let Err(error) = owed::resume(&context).await {
                tracing::debug!(%error, "pipeline: unfinished events could not be looked for");
            }
            false
        };
        ctx.spawn(continued.into_actor(self).map(|release, _, ctx| {
            ctx.run_later(owed::INTERVAL, move |pipeline, ctx| {
                pipeline.continue_owed(release, ctx);
            });
        }));
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge of at most some thousands")]
    fn gauge(&self) {
        metrics::gauge!(metric::QUEUE_LENGTH, "queue" => "pipeline")
            .set(self.waiting_events as f64);
    }
}

impl Actor for Pipeline {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.continue_owed(true, ctx);
    }
}

impl Handler<Ingest> for Pipeline {
    type Result = ();

    fn handle(&mut self, ingest: Ingest, ctx: &mut Self::Context) {
        if self.waiting_events >= WAITING_EVENTS_MAX || self.waiting_bytes >= WAITING_BYTES_MAX {
            // The caller may be gone, and needs no reply then.
            let _ = ingest.reply.send(vec![Outcome::Overloaded; ingest.events.len()]);
            return;
        }
        self.waiting_events += ingest.events.len();
        self.waiting_bytes += ingest.bytes();
        self.waiting.push_back(ingest);
        self.gauge();
        self.start_batch(ctx);
    }
}

impl Handler<Crash> for Pipeline {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the pipeline was asked to crash");
    }
}
