//! Replay of dead letters: their events are published again.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{audit::entry_by, running_job::RunningJob};
use crate::{
    clock,
    domain::{
        event::{Decoded, Identity, RawEvent, decode},
        notification::Timestamp,
    },
    http::{Problem, State, publish},
    pipeline::Outcome,
    store::{DeadLetter, JobProgress},
};

/// Kind of the job that replays all matching dead letters.
pub(super) const KIND: &str = "dead_letters.replay";

/// Number of dead letters read together.
const REPLAYED_TOGETHER: i64 = 100;

/// Parameters of the job.
#[derive(Debug, Deserialize)]
struct Parameters {
    kind: Option<String>,
    text: String,
}

/// Returns the subject of a dead letter in the audit.
pub(super) fn subject(id: Uuid) -> String {
    format!("dead-letter:{id}")
}

/// Returns the position of a dead letter in the list, newest first.
pub(super) fn position(letter: &DeadLetter) -> String {
    format!("{}.{}", letter.received_at.0, letter.id)
}

/// Parses a position.
pub(super) fn parse_position(text: &str) -> Option<(Timestamp, Uuid)> {
    let (at, id) = text.split_once('.')?;
    Some((Timestamp(at.parse().ok()?), Uuid::try_parse(id).ok()?))
}

/// Runs the job, from the position that it has reached. Returns whether it has ended.
///
/// The position is written after each dead letter. A hub that dies in between leaves one that was
/// published and not deleted: the next hub publishes it again, with the same identity, which is a
/// duplicate.
pub(super) async fn run(state: &State, job: &RunningJob) -> bool {
    let Ok(Parameters { kind, text }) = serde_json::from_str(&job.row.parameters) else {
        return true;
    };
    // Only dead letters from before the job; failed ones are not visited again.
    let start = (Timestamp(job.row.started_at + 1), Uuid::nil());
    let mut before = Some(parse_position(&job.row.position).unwrap_or(start));
    // A job that was stopped while nobody ran it.
    if !job.report(state, &unchanged(&job.row.position)).await {
        return is_stopped(state, job).await;
    }
    loop {
        let found =
            state.store.find_dead_letters(before, kind.as_deref(), &text, REPLAYED_TOGETHER).await;
        // While the store is unavailable, the job pauses.
        let Ok(letters) = found else { return false };
        let Some(last) = letters.last() else { return true };
        before = Some((last.received_at, last.id));
        for letter in &letters {
            let taken = take_again(state, &job.row.started_by, letter).await;
            let progress = JobProgress {
                succeeded: i64::from(taken.is_ok()),
                failed: i64::from(taken.is_err()),
                error: taken.err().map(|problem| problem.to_string()),
                position: position(letter),
            };
            if !job.report(state, &progress).await {
                return is_stopped(state, job).await;
            }
        }
    }
}

fn unchanged(position: &str) -> JobProgress {
    JobProgress { position: position.to_owned(), ..JobProgress::default() }
}

/// Returns whether the job was stopped, rather than lost to another hub.
async fn is_stopped(state: &State, job: &RunningJob) -> bool {
    let Ok(id) = Uuid::try_parse(&job.row.id) else { return true };
    state.store.job(id).await.is_ok_and(|row| row.is_some_and(|row| row.state == "stopping"))
}

/// Decodes the events of a dead letter.
///
/// # Errors
/// When they are still invalid, or the payload was truncated.
pub(super) fn events_of(state: &State, letter: &DeadLetter) -> Result<Decoded, Problem> {
    if letter.truncated {
        return Err(Problem::conflict(
            "only the first 64 KiB of this event were kept; it cannot be taken again",
        ));
    }
    let incoming = RawEvent {
        payload: letter.payload.as_bytes(),
        headers: &letter.headers,
        subject: letter.subject.as_deref(),
        // Two simultaneous replays make one notification; so do a replay and a redelivery of the
        // broker.
        broker_identity: Some(
            letter
                .identity
                .clone()
                .map_or_else(|| Identity::key(&subject(letter.id)), Identity::stored),
        ),
        now: clock::now(),
        max_event_bytes: state.server.load().max_event_bytes,
    };
    decode(&incoming).map_err(|rejected| Problem::from(&rejected))
}

/// Publishes the events of a dead letter again. On success the dead letter is deleted.
pub(super) async fn take_again(
    state: &State,
    by: &str,
    letter: &DeadLetter,
) -> Result<Value, Problem> {
    let decoded = events_of(state, letter)?;
    let mut events = decoded.events;
    for event in &mut events {
        if event.id.is_empty() {
            event.id = Uuid::now_v7().to_string();
        }
    }
    let outcomes = publish::publish(
        state,
        events,
        publish::PublishOptions { batch: decoded.batch, strict: false },
    )
    .await?;
    let ids: Vec<&Uuid> = outcomes
        .iter()
        .flat_map(|outcome| match outcome {
            Outcome::Accepted(stored) => stored.ids.as_slice(),
            _ => &[],
        })
        .map(|(_, id)| id)
        .collect();
    let words: Vec<&str> = outcomes.iter().map(Outcome::label).collect();
    let answer = json!({ "id": letter.id, "outcome": words.first(), "outcomes": words,
        "notification_ids": ids });
    let before = serde_json::to_value(letter).ok();
    let entry =
        entry_by(by, "dead_letter.replayed", subject(letter.id), before, Some(answer.clone()));
    state.store.discard_dead_letter(letter.id, &entry).await?;
    Ok(answer)
}
