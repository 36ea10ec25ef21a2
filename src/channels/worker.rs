//! Worker of one channel: claims what is due, sends it, records the outcomes. A channel that hangs
//! or fails holds up no other one.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::{
    Channel, Message, SendError, SendErrorKind, Sent, Unreached,
    attempt_log::{AttemptLog, impersonal},
    breaker::Breaker,
    outcome::{of_attempt, without_attempt},
    prepare::{Prepared, prepare},
};
use crate::{
    clock,
    cluster::{Leases, SWEEPER},
    config::Retry,
    domain::{channel::PUSH, notification::Timestamp},
    pipeline::catalog::SharedCatalog,
    store::{Delivery, DeliveryOutcome, Store, StoreError},
    telemetry::{
        Health, metric,
        spans::{Kind, Span},
    },
};

/// Interval of checks for what is due: a delivery with a time of its own is late by this at most.
const INTERVAL: Duration = Duration::from_millis(500);

/// Maximum number of deliveries that are claimed at once.
const BATCH: usize = 64;

/// Time for which a claim holds: when a hub dies, another one continues after it.
const CLAIM: Duration = Duration::from_secs(12);

/// Interval at which claims are renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(4);

/// Time after a claim in which a delivery is not looked up again before it is sent.
const FRESH: Duration = Duration::from_millis(250);

/// Time beyond its limit after which an attempt is dropped whose channel does not keep to it.
const GRACE: Duration = Duration::from_secs(1);

/// Shared parts of the workers.
#[derive(Clone)]
pub(super) struct WorkerContext {
    pub(super) store: Store,
    pub(super) catalog: SharedCatalog,
    pub(super) retry: Retry,
    /// Notified when deliveries are committed.
    pub(super) due: Arc<Notify>,
    /// Leases: one hub at a time sends digests.
    pub(super) leases: Leases,
    /// Readiness.
    pub(super) health: Health,
    /// Channels that are not reached.
    pub(super) unreached: Unreached,
}

/// Ended attempt.
struct Attempt {
    deliveries: Vec<Delivery>,
    result: Result<Sent, SendError>,
    took: Duration,
}

/// Runs the worker of a channel until it is dropped.
pub(super) async fn run(channel: Arc<dyn Channel>, context: WorkerContext) {
    let backoff = context.retry.backoff_seconds.iter().copied().map(Duration::from_secs).collect();
    let mut worker = Worker {
        breaker: Breaker::new(backoff),
        log: AttemptLog::default(),
        waiting: VecDeque::new(),
        running: JoinSet::new(),
        held: HashSet::new(),
        renewed: Instant::now(),
        unrecorded: Vec::new(),
        recording: JoinSet::new(),
        paused_until: None,
        channel,
        context,
    };
    loop {
        // The next round tries again while the store is unavailable.
        let _ = worker.claim().await;
        worker.start();
        worker.renew().await;
        let has_room = worker.has_room();
        tokio::select! {
            Some(ended) = worker.running.join_next() => worker.ended(ended.ok()),
            Some(Ok((batch, result))) = worker.recording.join_next() => {
                worker.recorded(batch, result);
            }
            () = worker.context.due.notified(), if has_room => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
        while let Some(ended) = worker.running.try_join_next() {
            worker.ended(ended.ok());
        }
        worker.record();
        worker.report();
    }
}

struct Worker {
    channel: Arc<dyn Channel>,
    context: WorkerContext,
    breaker: Breaker,
    log: AttemptLog,
    /// Messages that are claimed, and wait for a place.
    waiting: VecDeque<Prepared>,
    running: JoinSet<Attempt>,
    /// Deliveries that are claimed, until their outcome is recorded.
    held: HashSet<Uuid>,
    /// Time of the last renewal of the claims.
    renewed: Instant,
    /// Outcomes that are not in the store yet.
    unrecorded: Vec<DeliveryOutcome>,
    /// Transaction that writes outcomes.
    recording: JoinSet<(Vec<DeliveryOutcome>, Result<(), StoreError>)>,
    /// Time of the next attempt to write them, after a failure.
    paused_until: Option<Instant>,
}

impl Worker {
    /// Returns whether more may be claimed. Claiming only when half of the places are free makes a
    /// few large claims of many small ones.
    fn has_room(&self) -> bool {
        self.waiting.is_empty()
            && self.paused_until.is_none()
            && self.unrecorded.len() < BATCH
            && self.running.len() <= self.channel.concurrency() / 2
    }

    /// Claims what is due, and decides what is sent.
    async fn claim(&mut self) -> Result<(), StoreError> {
        let wanted = match self.breaker.admits(BATCH, Instant::now()) {
            // One probe at a time.
            1 if self.breaker.is_open() && !self.running.is_empty() => 0,
            wanted => wanted,
        };
        if wanted == 0 || !self.has_room() {
            return Ok(());
        }
        let now = clock::now();
        let until = later(now, CLAIM);
        let (store, catalog) = (&self.context.store, &self.context.catalog);
        let (name, claimed_at) = (self.channel.name(), Instant::now());
        let most = i64::try_from(wanted).unwrap_or(1);
        let digests = self.context.leases.fence(SWEEPER).is_some();
        let claimed = store.claim_deliveries(name, (now, until), most, digests).await?;
        let prepared = prepare(store, catalog, claimed, (now, until, claimed_at)).await?;
        self.unrecorded.extend(prepared.outcomes);
        let deliveries = prepared.messages.iter().flat_map(|message| &message.deliveries);
        self.held.extend(deliveries.map(|delivery| delivery.delivery_id));
        self.waiting.extend(prepared.messages);
        Ok(())
    }

    /// Begins to send while there are places.
    fn start(&mut self) {
        let limit = Duration::from_secs(self.context.retry.timeout_seconds);
        while self.running.len() < self.channel.concurrency() {
            let Some(Prepared { deliveries, mut message, claimed }) = self.waiting.pop_front()
            else {
                break;
            };
            let (channel, store) = (Arc::clone(&self.channel), self.context.store.clone());
            self.running.spawn(async move {
                let started = Instant::now();
                let mut span = send_span(channel.name(), &mut message);
                let result = if claimed.elapsed() < FRESH || is_wanted(&store, message.id).await {
                    timeout(limit + GRACE, channel.send(&message)).await.unwrap_or_else(|_| {
                        let reason = format!("no answer within {} s", limit.as_secs());
                        Err(SendError::new(SendErrorKind::Unreachable, reason))
                    })
                } else {
                    Err(SendError::new(SendErrorKind::Nobody, "cancelled"))
                };
                if let (Some(span), Err(error)) = (&mut span, &result) {
                    span.fail(error.kind.as_str());
                }
                Attempt { deliveries, result, took: started.elapsed() }
            });
        }
    }

    /// Renews the claims, so that no other hub sends what this one is sending.
    async fn renew(&mut self) {
        if self.held.is_empty() {
            self.renewed = Instant::now();
        }
        if self.renewed.elapsed() < RENEW_INTERVAL {
            return;
        }
        let ids: Vec<Uuid> = self.held.iter().copied().collect();
        // Without a renewal the claims expire, and a message may be repeated.
        let now = clock::now();
        let _ = self.context.store.renew_deliveries(&ids, (now, later(now, CLAIM))).await;
        self.renewed = Instant::now();
    }

    /// Takes the result of an attempt; `None` if it panicked, and its claim expires.
    fn ended(&mut self, attempt: Option<Attempt>) {
        let Some(Attempt { deliveries, result, took }) = attempt else { return };
        match result.as_ref().map_err(|error| error.kind) {
            Err(SendErrorKind::Unreachable) => {
                let now = Instant::now();
                self.breaker.failed(now.checked_sub(took).unwrap_or(now), now);
            }
            Ok(_) | Err(SendErrorKind::Later(_) | SendErrorKind::Refused) => {
                self.breaker.succeeded();
            }
            // Nothing was sent, which says nothing about the other side.
            Err(SendErrorKind::Invalid | SendErrorKind::Nobody) => {}
        }
        let now = clock::now();
        if self.breaker.is_open() {
            // What waits is claimed again when a probe has succeeded.
            for delivery in self.waiting.drain(..).flat_map(|message| message.deliveries) {
                let reason = "the other side is not reached".to_owned();
                self.unrecorded.push(without_attempt(&delivery, "scheduled", reason, None));
            }
        }
        let outcomes: Vec<DeliveryOutcome> = deliveries
            .iter()
            .map(|delivery| of_attempt(delivery, &result, &self.context.retry, now))
            .collect();
        let channel = self.channel.name().to_owned();
        let outcome = outcomes.first().map_or("sent", |outcome| match outcome.state {
            "scheduled" => "retried",
            state => state,
        });
        let labels = [("channel", channel.clone()), ("outcome", outcome.to_owned())];
        metrics::counter!(metric::CHANNEL_ATTEMPTS, &labels).increment(1);
        metrics::histogram!(metric::CHANNEL_LATENCY, "channel" => channel.clone())
            .record(took.as_secs_f64());
        if let (Err(error), Some(outcome), Some(delivery)) =
            (&result, outcomes.first(), deliveries.first())
        {
            self.log_failure(error, delivery, outcome);
        }
        self.unrecorded.extend(outcomes);
    }

    /// Logs an attempt that failed: the last one always, others at a limited rate.
    fn log_failure(&self, error: &SendError, delivery: &Delivery, outcome: &DeliveryOutcome) {
        let channel = self.channel.name();
        match outcome.state {
            "scheduled" => self.log.failed(channel, delivery, outcome),
            "failed" => tracing::warn!(
                channel,
                delivery = %outcome.delivery_id,
                reason = &*impersonal(&error.reason),
                attempt = delivery.attempts + 1,
                trace_id = delivery.trace.as_ref().map(|trace| trace.id()),
                "channels: delivery failed; it can be retried on the console"
            ),
            _ => {}
        }
    }

    /// Reports whether the channel, or some of its endpoints, are not reached.
    fn report(&self) {
        let endpoints = self.channel.unreached();
        let is_limited = self.breaker.is_open() || !endpoints.is_empty();
        let WorkerContext { unreached, health, .. } = &self.context;
        unreached.set(self.channel.name(), is_limited.then_some(endpoints), health);
    }

    /// Begins to write the outcomes to the store, while further messages are sent.
    fn record(&mut self) {
        let is_paused = self.paused_until.is_some_and(|until| Instant::now() < until);
        if self.unrecorded.is_empty() || !self.recording.is_empty() || is_paused {
            return;
        }
        let (store, batch) = (self.context.store.clone(), std::mem::take(&mut self.unrecorded));
        let (is_push, due) = (self.channel.name() == PUSH, Arc::clone(&self.context.due));
        self.recording.spawn(async move {
            let result = store.record_deliveries(&batch).await;
            if is_push && result.is_ok() && close_overtaken(&store, &batch).await {
                due.notify_waiters();
            }
            (batch, result)
        });
    }

    /// Takes the result of writing outcomes. While the store is unavailable they are kept, and
    /// nothing more is sent.
    fn recorded(&mut self, batch: Vec<DeliveryOutcome>, result: Result<(), StoreError>) {
        self.paused_until = None;
        match result {
            Err(error) if error.is_transient() => {
                self.paused_until = Some(Instant::now() + INTERVAL);
                self.unrecorded.extend(batch);
                return;
            }
            Err(error) => tracing::error!(%error, "channels: outcomes of deliveries were refused; \
                the deliveries are repeated"),
            Ok(()) => {}
        }
        for outcome in batch {
            self.held.remove(&outcome.delivery_id);
        }
    }
}

/// Closes the pushes on the devices whose notification was read, or otherwise dealt with, while
/// they were on their way. A failure is not repeated: only the notification of the operating system
/// stays.
async fn close_overtaken(store: &Store, outcomes: &[DeliveryOutcome]) -> bool {
    let arrived = |one: &&DeliveryOutcome| one.state == "sent" || one.confirmed.is_some();
    let ids: Vec<Uuid> = outcomes.iter().filter(arrived).map(|one| one.delivery_id).collect();
    store.close_overtaken(&ids, clock::now()).await.unwrap_or(false)
}

/// Starts the span of an attempt, and makes it the parent of what the other side does.
fn send_span(channel: &str, message: &mut Message) -> Option<Span> {
    let parent = message.trace.as_deref();
    let mut span = Span::start(|| format!("send {channel}"), Kind::Client, parent)?;
    span.set("messaging.system", "lonceng");
    span.set("messaging.operation.name", "send");
    span.set("messaging.operation.type", "send");
    span.set("messaging.destination.name", channel.to_owned());
    message.trace = Some(span.context());
    Some(span)
}

/// Returns whether a delivery has not been cancelled since it was claimed. While the store is
/// unavailable it counts as wanted.
async fn is_wanted(store: &Store, id: Uuid) -> bool {
    let found = store.delivery(id).await;
    found.map_or(true, |found| found.is_some_and(|delivery| delivery.state == "sending"))
}

fn later(now: Timestamp, pause: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)))
}
