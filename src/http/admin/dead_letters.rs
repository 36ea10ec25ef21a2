//! Dead letters: `/api/v1/admin/dead-letters`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    audit::{caller_name, entry},
    query::Query,
};
use crate::{
    auth::Caller,
    clock,
    domain::{
        event::{Decoded, Identity, RawEvent, decode},
        notification::Timestamp,
    },
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
        publish,
    },
    pipeline::Outcome,
    store::DeadLetter,
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/dead-letters", list)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_dead_letters", "List the dead letters, newest first")
            .query("kind", json!({"type": "string"}), "Only this kind.")
            .query(
                "q",
                json!({"type": "string"}),
                "Part of the reason, the subject or the payload.",
            )
            .query(
                "limit",
                json!({"type": "integer", "minimum": 1, "maximum": 1000}),
                "Maximum number of entries.",
            )
            .query("cursor", json!({"type": "string"}), "`next_cursor` of the previous page.")
            .returns(200, "A page.", "DeadLetters"),
        Operation::post("/api/v1/admin/dead-letters/replay", replay_all)
            .access(Access::Admin)
            .doc(Tag::Admin, "replay_dead_letters", "Replay all matching dead letters")
            .query("kind", json!({"type": "string"}), "Only this kind.")
            .query(
                "q",
                json!({"type": "string"}),
                "Part of the reason, the subject or the payload.",
            )
            .returns(
                202,
                "A job replays them, newest first; what fails again stays a dead letter.",
                "Job",
            )
            .errors(&[409]),
        Operation::get("/api/v1/admin/dead-letters/{id}", get)
            .access(Access::Admin)
            .doc(Tag::Admin, "get_dead_letter", "Get a dead letter")
            .path("id", json!({"type": "string"}), "ID.")
            .returns(200, "The dead letter.", "DeadLetter"),
        Operation::delete("/api/v1/admin/dead-letters/{id}", discard)
            .access(Access::Admin)
            .doc(Tag::Admin, "discard_dead_letter", "Discard a dead letter")
            .path("id", json!({"type": "string"}), "ID.")
            .response(204, json!({"description": "Discarded."})),
        Operation::post("/api/v1/admin/dead-letters/{id}/replay", replay)
            .access(Access::Admin)
            .doc(Tag::Admin, "replay_dead_letter", "Replay a dead letter")
            .description("What fails again stays a dead letter, and the problem gives the reason.")
            .path("id", json!({"type": "string"}), "ID.")
            .returns(200, "Committed, and no dead letter any more.", "Replayed")
            .errors(&[409, 413]),
    ]
}

/// Number of dead letters read together in a replay.
const REPLAYED_TOGETHER: i64 = 100;

fn subject(id: Uuid) -> String {
    format!("dead-letter:{id}")
}

pub(super) async fn find(state: &State, id: &str) -> Result<DeadLetter, Problem> {
    let missing = || Problem::not_found("there is no such dead letter");
    let id = Uuid::try_parse(id).map_err(|_| missing())?;
    state.store.dead_letter(id).await?.ok_or_else(missing)
}

fn place(cursor: &str) -> Option<(Timestamp, Uuid)> {
    let (at, id) = cursor.split_once('.')?;
    Some((Timestamp(at.parse().ok()?), Uuid::try_parse(id).ok()?))
}

/// Handles `GET /api/v1/admin/dead-letters?kind=&q=&limit=&cursor=`.
pub(in crate::http) async fn list(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    let before = match query.cursor.as_deref() {
        None => None,
        Some(cursor) => Some(
            place(cursor)
                .ok_or_else(|| Problem::bad_field("cursor", "is not one that this list gave"))?,
        ),
    };
    let text = query.text.as_deref().unwrap_or_default();
    let page =
        state.store.page_of_dead_letters(before, query.kind.as_deref(), text, query.limit + 1);
    let (mut letters, total) = page.await?;
    let more = i64::try_from(letters.len()).is_ok_and(|count| count > query.limit);
    if more {
        letters.pop();
    }
    let next = letters
        .last()
        .filter(|_| more)
        .map(|letter| format!("{}.{}", letter.received_at.0, letter.id));
    Ok(HttpResponse::Ok()
        .json(json!({ "dead_letters": letters, "next_cursor": next, "total_count": total })))
}

/// Handles `GET /api/v1/admin/dead-letters/{id}`.
pub(in crate::http) async fn get(
    state: SharedState,
    id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(find(&state, &id).await?))
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
async fn take_again(state: &State, caller: &Caller, letter: &DeadLetter) -> Result<Value, Problem> {
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
        entry(caller, "dead_letter.replayed", subject(letter.id), before, Some(answer.clone()));
    state.store.discard_dead_letter(letter.id, &entry).await?;
    Ok(answer)
}

/// Handles `POST /api/v1/admin/dead-letters/{id}/replay`. On success the dead letter is deleted;
/// otherwise it stays, and the response gives the reason.
pub(in crate::http) async fn replay(
    state: SharedState,
    id: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let letter = find(&state, &id).await?;
    Ok(HttpResponse::Ok().json(take_again(&state, &caller, &letter).await?))
}

/// Handles `POST /api/v1/admin/dead-letters/replay?kind=&q=`: replays all matching dead letters in
/// a job.
pub(in crate::http) async fn replay_all(
    state: SharedState,
    request: HttpRequest,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let Query { kind, text, .. } = Query::of(&request)?;
    let text = text.unwrap_or_default();
    let total = state.store.count_dead_letters(kind.as_deref(), &text).await?;
    let job = state.jobs.begin("dead_letters.replay", caller_name(&caller), total)?;
    let answer = job.to_json();
    actix_web::rt::spawn(async move {
        // Only dead letters up to now; failed ones are not visited again.
        let mut before = Some((Timestamp(clock::now().0 + 1), Uuid::nil()));
        while !job.is_to_stop() && !state.health.is_down("hub") {
            let letters = match state
                .store
                .find_dead_letters(before, kind.as_deref(), &text, REPLAYED_TOGETHER)
                .await
            {
                Ok(letters) => letters,
                Err(error) => {
                    job.failed(error.to_string());
                    break;
                }
            };
            let Some(last) = letters.last() else { break };
            before = Some((last.received_at, last.id));
            for letter in &letters {
                if job.is_to_stop() {
                    break;
                }
                match take_again(&state, &caller, letter).await {
                    Ok(_) => job.succeeded(),
                    Err(problem) => job.failed(problem.to_string()),
                }
            }
        }
        job.ended();
    });
    Ok(HttpResponse::Accepted().json(answer))
}

/// Handles `DELETE /api/v1/admin/dead-letters/{id}`.
pub(in crate::http) async fn discard(
    state: SharedState,
    id: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let letter = find(&state, &id).await?;
    let kept: Option<Value> = serde_json::to_value(&letter).ok();
    let entry = entry(&caller, "dead_letter.discarded", subject(letter.id), kept, None);
    state.store.discard_dead_letter(letter.id, &entry).await?;
    Ok(HttpResponse::NoContent().finish())
}
