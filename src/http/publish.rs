//! Taking events through the pipeline, for both publishing calls.

use tokio::{sync::oneshot, time::Instant};

use super::{Problem, State};
use crate::{
    actors::{Gone, Outcome, pipeline::Ingest},
    domain::event::Event,
};

/// Takes events through the pipeline, whole or not at all. The problem of a `batch` names the event's index.
///
/// # Errors
/// The first problem; then nothing is stored.
pub(super) async fn publish(state: &State, events: Vec<Event>, batch: bool) -> Result<Vec<Outcome>, Problem> {
    let (reply, answer) = oneshot::channel();
    let ingest = Ingest { events, atomic: true, source: "http", received: Instant::now(), reply };
    state.pipeline.send(ingest).await?;
    let outcomes = answer.await.map_err(|_| Gone)?;
    let rejected = outcomes.iter().find(|outcome| matches!(outcome, Outcome::Rejected(_)));
    let first = rejected.or_else(|| outcomes.iter().find(|outcome| Problem::of_outcome(outcome, batch).is_some()));
    match first.and_then(|outcome| Problem::of_outcome(outcome, batch)) {
        Some(problem) => Err(problem),
        None => Ok(outcomes),
    }
}

/// Whether all of it had been taken before: the answer is then the first one's.
pub(super) fn replayed(outcomes: &[Outcome]) -> bool {
    !outcomes.is_empty() && outcomes.iter().all(|outcome| matches!(outcome, Outcome::Duplicate))
}

/// The header that says so.
pub(super) const REPLAYED: (&str, &str) = ("Idempotency-Replayed", "true");
