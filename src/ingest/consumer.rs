//! The broker-neutral half of an event source: from received messages to dispositions.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::message::{Disposition, SourceMessage};
use crate::{
    clock,
    domain::{
        event::{Decoded, Event},
        rejected::{Rejected, RejectedKind},
    },
    pipeline::{Ingest, Outcome},
    runtime::{Gone, MessageHandle},
    store::Store,
    telemetry::{DeliveryTrace, Health, LogLimit, PartState, metric, trace::EventTrace},
};

/// Limits of the log lines about rejected events.
static REJECTED: LogLimit = LogLimit::new();
static NOT_STORED: LogLimit = LogLimit::new();

/// Size from which a message is decoded on a blocking thread, in bytes.
const LARGE_BYTES: usize = 64 * 1024;

/// Interval between checks of a store that is unavailable.
const STORE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Processes the messages of one source.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// Name of the source, as [`EventSource::name`](super::EventSource::name).
    pub source: &'static str,
    /// Maximum size of one event, in bytes.
    pub max_event_bytes: usize,
    /// Retries of a message on which the hub failed.
    pub retries: Retries,
    /// Receiver of decoded events.
    pub pipeline: MessageHandle<Ingest>,
    /// Store of dead letters and failed attempts.
    pub store: Store,
    /// State that the source reports.
    pub health: Health,
    /// Trace of events that cannot be decoded; the pipeline traces the others.
    pub trace: Arc<DeliveryTrace>,
}

/// Retries of a message on which the hub failed.
#[derive(Debug, Clone)]
pub struct Retries {
    /// Number of failed attempts after which the message becomes a dead letter.
    pub max_deliver: u64,
    /// Delays before the second, third, … delivery, in seconds; the last one repeats.
    pub backoff_seconds: Vec<u64>,
}

impl Default for Retries {
    /// The values of `[nats]`, for sources without settings of their own.
    fn default() -> Self {
        Self { max_deliver: 5, backoff_seconds: vec![1, 5, 15, 30] }
    }
}

/// Result of processing one message.
pub enum Processed {
    /// The message is finished.
    Done(Disposition),
    /// A large fan-out that is still in progress; [`Consumer::finish`] waits for its end.
    InProgress(watch::Receiver<Option<Outcome>>),
}

/// Next step for a decoded message.
enum NextStep {
    /// The message is malformed.
    Reject(Rejected),
    /// Its single event is at this index of the shared ingest.
    Shared(usize),
    /// A batch, ingested as a whole or not at all.
    Batch(Vec<Event>),
}

impl Consumer {
    /// Runs messages through the pipeline. Returns a result for each, in order; dead letters are
    /// stored by then.
    pub async fn process(&self, messages: &[SourceMessage]) -> Vec<Processed> {
        let received = Instant::now();
        let mut shared = Vec::new();
        let decoded = decode_all(messages, self.max_event_bytes).await;
        let steps: Vec<NextStep> =
            decoded.into_iter().map(|decoded| classify(decoded, &mut shared)).collect();
        let outcomes = self.ingest(shared, false, received).await;
        let mut processed = Vec::with_capacity(messages.len());
        for (message, step) in messages.iter().zip(steps) {
            let batch: Vec<Outcome>;
            let own = match step {
                NextStep::Reject(rejected) => {
                    let disposition = self.reject(message, rejected).await;
                    processed.push(Processed::Done(disposition));
                    continue;
                }
                NextStep::Shared(index) => &outcomes[index..=index],
                NextStep::Batch(events) => {
                    batch = self.ingest(events, true, received).await;
                    &batch
                }
            };
            processed.push(match own {
                [Outcome::InProgress(progress)] => Processed::InProgress(progress.clone()),
                own => Processed::Done(self.dispose(message, own).await),
            });
        }
        processed
    }

    /// Waits for the end of a large fan-out. Its dead letter, if any, is stored by then.
    pub async fn finish(
        &self,
        message: &SourceMessage,
        mut progress: watch::Receiver<Option<Outcome>>,
    ) -> Disposition {
        let outcome = match progress.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        let outcome = outcome.unwrap_or_else(|| Outcome::Unavailable(Gone.to_string()));
        self.dispose(message, std::slice::from_ref(&outcome)).await
    }

    /// Returns the delay before the next delivery, after the `delivered`th.
    #[must_use]
    pub fn backoff(&self, delivered: u64) -> Duration {
        let seconds = &self.retries.backoff_seconds;
        let index = usize::try_from(delivered.saturating_sub(1)).unwrap_or(usize::MAX);
        Duration::from_secs(seconds.get(index).or_else(|| seconds.last()).copied().unwrap_or(1))
    }

    /// Waits until the store answers: receiving while it is unavailable would only use up
    /// deliveries.
    pub async fn wait_for_store(&self) {
        while self.store.ping().await.is_err() {
            sleep(STORE_CHECK_INTERVAL).await;
        }
    }

    /// Reports the state of the source in `/health/ready`, and logs a change.
    pub fn report(&self, state: PartState) {
        self.health.set(self.source, state);
    }

    /// Reports that no events arrive. A broker that is optional and was never there is no reason
    /// for an alarm.
    pub fn report_down(&self, reason: String, required: bool) {
        let (health, part) = (&self.health, self.source);
        let optional = !required && !health.was_ever_ok(part);
        if optional && (!health.is_down(part) || health.is_connecting(part)) {
            tracing::info!(
                reason,
                "{part}: not available, and optional ({part}.required = false); retrying"
            );
        }
        let state = PartState::Down(reason);
        if optional { health.set_silently(part, state) } else { health.set(part, state) }
    }

    async fn ingest(&self, events: Vec<Event>, atomic: bool, received: Instant) -> Vec<Outcome> {
        let count = events.len();
        if count == 0 {
            return Vec::new();
        }
        let (reply, answer) = oneshot::channel();
        let source = self.source;
        let message =
            Ingest { events, atomic, strict: false, waits: false, source, received, reply };
        let outcomes = match self.pipeline.post(message).await {
            Ok(()) => answer.await.ok(),
            Err(Gone) => None,
        };
        outcomes
            .filter(|outcomes| outcomes.len() == count)
            .unwrap_or_else(|| (0..count).map(|_| Outcome::Unavailable(Gone.to_string())).collect())
    }

    /// Derives the disposition of a message from the outcomes of its events, and stores the dead
    /// letter of one that is malformed or has failed too often.
    async fn dispose(&self, message: &SourceMessage, outcomes: &[Outcome]) -> Disposition {
        let disposition = Disposition::of(outcomes, self.backoff(message.delivered));
        let Disposition::Failed(reason) = disposition else {
            return self.store_if_rejected(message, disposition).await;
        };
        let attempts = match &message.identity {
            // The broker does not redeliver: the deliveries are the hub's own attempts.
            None => Ok(message.delivered),
            Some(identity) => self.store.count_failed_attempt(identity, clock::now()).await,
        };
        match attempts {
            Ok(attempts) if attempts >= self.retries.max_deliver => {
                let detail = format!("given up after {attempts} failed attempts: {reason}");
                let rejected = Rejected::whole(RejectedKind::GaveUp, detail);
                let disposition =
                    self.store_if_rejected(message, Disposition::Reject(rejected)).await;
                if let (Disposition::Reject(_), Some(identity)) = (&disposition, &message.identity)
                {
                    // A counter that stays is harmless: it expires.
                    let _ = self.store.forget_failed_attempts(identity).await;
                }
                disposition
            }
            Ok(attempts) => {
                Disposition::Retry { after: self.backoff(attempts), unavailable: false }
            }
            // A failure that cannot be counted does not count.
            Err(error) => {
                Disposition::Retry { after: self.backoff(1), unavailable: error.is_transient() }
            }
        }
    }

    /// Stores the dead letter and the trace of a message that cannot be decoded.
    pub(super) async fn reject(&self, message: &SourceMessage, rejected: Rejected) -> Disposition {
        metrics::counter!(metric::EVENTS, "source" => self.source, "outcome" => "rejected")
            .increment(1);
        let (id, now) = (message.dead_letter_id(), clock::now());
        let trace = EventTrace::undecodable(id, &rejected, self.source, now);
        let disposition = self.store_if_rejected(message, Disposition::Reject(rejected)).await;
        if matches!(disposition, Disposition::Reject(_)) {
            self.trace.activity.count("rejected", 0, now);
            self.trace.record_events(vec![trace]);
        }
        disposition
    }

    /// Stores the dead letter of a rejected message. If that fails the message is to be delivered
    /// again.
    async fn store_if_rejected(
        &self,
        message: &SourceMessage,
        disposition: Disposition,
    ) -> Disposition {
        let Disposition::Reject(rejected) = &disposition else { return disposition };
        let letter = message.dead_letter(self.source, rejected);
        match self.store.keep_dead_letter(&letter).await {
            Ok(()) => {
                let (kind, field) = (rejected.kind.as_str(), rejected.field.as_deref());
                let source = self.source;
                if let Some(suppressed) = REJECTED.admit(clock::monotonic().0) {
                    tracing::warn!(source, subject = message.subject, kind, field, id = %letter.id,
                        trace_id = message.trace_id(),
                        suppressed, "event rejected and stored as a dead letter");
                }
                metrics::counter!(metric::DEAD_LETTERS, "reason" => kind).increment(1);
                disposition
            }
            Err(error) => {
                let source = self.source;
                if let Some(suppressed) = NOT_STORED.admit(clock::monotonic().0) {
                    tracing::warn!(source, %error, suppressed, "the dead letter could not be \
                        stored; the message will be redelivered");
                }
                Disposition::Retry {
                    after: self.backoff(message.delivered),
                    unavailable: error.is_transient(),
                }
            }
        }
    }
}

fn classify(decoded: Result<Decoded, Rejected>, shared: &mut Vec<Event>) -> NextStep {
    match decoded {
        Err(rejected) => NextStep::Reject(rejected),
        Ok(decoded) if decoded.batch => NextStep::Batch(decoded.events),
        Ok(decoded) => {
            shared.extend(decoded.events);
            NextStep::Shared(shared.len() - 1)
        }
    }
}

/// Decodes messages in place, or on a blocking thread when one of them is large: the connection to
/// the broker must be served meanwhile.
async fn decode_all(
    messages: &[SourceMessage],
    max_event_bytes: usize,
) -> Vec<Result<Decoded, Rejected>> {
    if messages.iter().all(|message| message.payload.len() < LARGE_BYTES) {
        return messages.iter().map(|message| message.decode(max_event_bytes)).collect();
    }
    let messages = messages.to_vec();
    let decoding = spawn_blocking(move || {
        messages.iter().map(|message| message.decode(max_event_bytes)).collect()
    });
    // A panic continues here, so that the supervisor restarts the subscriber.
    decoding.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
