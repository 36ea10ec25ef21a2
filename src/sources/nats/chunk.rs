//! Some messages at once: through the pipeline together, each with its own verdict.

use tokio::{
    sync::{oneshot, watch},
    task::spawn_blocking,
    time::Instant,
};

use super::{
    Intake,
    message::{Message, Verdict},
};
use crate::{
    actors::{Gone, Outcome, pipeline::Ingest},
    clock,
    domain::{
        event::{Decoded, Event},
        rejected::{Rejected, RejectedKind},
    },
    telemetry::metric,
};

/// Size from which a message is decoded on a thread of its own, in bytes.
const LARGE_BYTES: usize = 64 * 1024;

/// How a message goes on.
enum Way {
    /// Bad before anybody looked at its meaning.
    Over(Rejected),
    /// Its one event is this one of the shared ingest.
    Shared(usize),
    /// It is a batch: taken whole or not at all.
    Alone(Vec<Event>),
}

/// What becomes of a message.
pub(super) enum Settled {
    /// This, now.
    Now(Verdict),
    /// It is for very many, and on its way: [`later`] says how that ends.
    Later(watch::Receiver<Option<Outcome>>),
}

/// How a message for very many ends; its dead letter is kept by then.
pub(super) async fn later(intake: &Intake, message: &Message, mut told: watch::Receiver<Option<Outcome>>) -> Verdict {
    let outcome = match told.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone(),
        Err(_) => None,
    };
    let outcome = outcome.unwrap_or_else(|| Outcome::Unavailable(Gone.to_string()));
    let backoff = intake.backoff(message.delivered);
    let verdict = Message::verdict(std::slice::from_ref(&outcome), backoff);
    settle(intake, message, verdict).await
}

/// Takes messages through the pipeline. What becomes of them is in their order; dead letters are already kept.
pub(super) async fn verdicts(intake: &Intake, messages: &[Message]) -> Vec<Settled> {
    let received = Instant::now();
    let mut shared = Vec::new();
    let ways: Vec<Way> = decoded(messages, intake.max_event_bytes)
        .await
        .into_iter()
        .map(|decoded| match decoded {
            Err(rejected) => {
                metrics::counter!(metric::EVENTS, "source" => "nats", "outcome" => "rejected").increment(1);
                Way::Over(rejected)
            }
            Ok(decoded) if decoded.batch => Way::Alone(decoded.events),
            Ok(decoded) => {
                shared.extend(decoded.events);
                Way::Shared(shared.len() - 1)
            }
        })
        .collect();
    let outcomes = ingest(intake, shared, false, received).await;
    let mut verdicts = Vec::with_capacity(messages.len());
    for (message, way) in messages.iter().zip(ways) {
        let backoff = intake.backoff(message.delivered);
        let alone: Vec<Outcome>;
        let own = match way {
            Way::Over(rejected) => {
                verdicts.push(Settled::Now(bury(intake, message, Verdict::Bury(rejected)).await));
                continue;
            }
            Way::Shared(index) => &outcomes[index..=index],
            Way::Alone(events) => {
                alone = ingest(intake, events, true, received).await;
                &alone
            }
        };
        verdicts.push(match own {
            [Outcome::Late(told)] => Settled::Later(told.clone()),
            own => {
                let verdict = Message::verdict(own, backoff);
                Settled::Now(settle(intake, message, verdict).await)
            }
        });
    }
    verdicts
}

/// Decodes messages: at once, or on another thread when one of them is large, because the connection to the broker must be
/// served meanwhile.
async fn decoded(messages: &[Message], max_event_bytes: usize) -> Vec<Result<Decoded, Rejected>> {
    if messages.iter().all(|message| message.payload.len() < LARGE_BYTES) {
        return messages.iter().map(|message| message.decode(max_event_bytes)).collect();
    }
    let messages = messages.to_vec();
    let decoding = spawn_blocking(move || messages.iter().map(|message| message.decode(max_event_bytes)).collect());
    // A panic goes on here, so that the supervisor hears of it.
    decoding.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

async fn ingest(intake: &Intake, events: Vec<Event>, atomic: bool, received: Instant) -> Vec<Outcome> {
    let count = events.len();
    if count == 0 {
        return Vec::new();
    }
    let (reply, answer) = oneshot::channel();
    let message = Ingest { events, atomic, strict: false, waits: false, source: "nats", received, reply };
    let outcomes = match intake.pipeline.send(message).await {
        Ok(()) => answer.await.ok(),
        Err(Gone) => None,
    };
    outcomes
        .filter(|outcomes| outcomes.len() == count)
        .unwrap_or_else(|| (0..count).map(|_| Outcome::Unavailable(Gone.to_string())).collect())
}

/// Decides about a message that the hub failed on, and keeps one that is bad or given up as a dead letter.
async fn settle(intake: &Intake, message: &Message, verdict: Verdict) -> Verdict {
    let Verdict::Failed(reason) = verdict else { return bury(intake, message, verdict).await };
    let attempts = match &message.identity {
        // Without JetStream the deliveries are the hub's own tries.
        None => Ok(message.delivered),
        Some(identity) => intake.store.count_failed_attempt(identity, clock::now()).await,
    };
    match attempts {
        Ok(attempts) if attempts >= intake.config.max_deliver => {
            let detail = format!("given up after {attempts} failed attempts: {reason}");
            let buried = bury(intake, message, Verdict::Bury(Rejected::whole(RejectedKind::GaveUp, detail))).await;
            if let (Verdict::Bury(_), Some(identity)) = (&buried, &message.identity) {
                // One that stays does no harm: it is forgotten by its age.
                let _ = intake.store.forget_failed_attempts(identity).await;
            }
            buried
        }
        Ok(attempts) => Verdict::Retry { after: intake.backoff(attempts), away: false },
        // A failure that cannot be counted is none.
        Err(error) => Verdict::Retry { after: intake.backoff(1), away: error.is_transient() },
    }
}

/// Keeps a bad message as a dead letter. When that fails, it is tried again with the next delivery.
async fn bury(intake: &Intake, message: &Message, verdict: Verdict) -> Verdict {
    let Verdict::Bury(rejected) = &verdict else { return verdict };
    let letter = message.dead_letter(rejected);
    match intake.store.keep_dead_letter(&letter).await {
        Ok(()) => {
            let (kind, field) = (rejected.kind.as_str(), rejected.field.as_deref());
            tracing::warn!(subject = message.subject, kind, field, id = %letter.id, "a bad event is now a dead letter");
            metrics::counter!(metric::DEAD_LETTERS, "reason" => kind).increment(1);
            verdict
        }
        Err(error) => {
            tracing::warn!(%error, "a dead letter could not be kept; its message is asked for again");
            Verdict::Retry { after: intake.backoff(message.delivered), away: error.is_transient() }
        }
    }
}
