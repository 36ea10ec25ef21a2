//! Dead letters: `/api/v1/admin/dead-letters`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    audit::{caller_name, entry},
    jobs,
    query::Query,
    replay::{self, parse_position, position},
};
use crate::{
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
    },
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

pub(super) async fn find(state: &State, id: &str) -> Result<DeadLetter, Problem> {
    let missing = || Problem::not_found("there is no such dead letter");
    let id = Uuid::try_parse(id).map_err(|_| missing())?;
    state.store.dead_letter(id).await?.ok_or_else(missing)
}

/// Returns a dead letter as JSON, with the code of the type that its event is of, if there is one.
fn shown(state: &State, letter: &DeadLetter) -> Value {
    let events = replay::events_of(state, letter).map(|decoded| decoded.events);
    let catalog = state.catalog.current();
    let kind = events.ok().and_then(|events| catalog.find(&events.first()?.code).cloned());
    // A type of this crate with string keys always serializes.
    let mut json = serde_json::to_value(letter).unwrap_or_default();
    json["type_code"] = json!(kind.map(|kind| kind.code.clone()));
    json
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
            parse_position(cursor)
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
    let next = letters.last().filter(|_| more).map(position);
    let letters: Vec<Value> = letters.iter().map(|letter| shown(&state, letter)).collect();
    Ok(HttpResponse::Ok()
        .json(json!({ "dead_letters": letters, "next_cursor": next, "total_count": total })))
}

/// Handles `GET /api/v1/admin/dead-letters/{id}`.
pub(in crate::http) async fn get(
    state: SharedState,
    id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(shown(&state, &find(&state, &id).await?)))
}

/// Handles `POST /api/v1/admin/dead-letters/{id}/replay`. On success the dead letter is deleted;
/// otherwise it stays, and the response gives the reason.
pub(in crate::http) async fn replay(
    state: SharedState,
    id: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let letter = find(&state, &id).await?;
    Ok(HttpResponse::Ok().json(replay::take_again(&state, &caller_name(&caller), &letter).await?))
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
    let parameters = json!({ "kind": kind, "text": text });
    let job = jobs::begin(&state, replay::KIND, &caller, &parameters, total).await?;
    Ok(HttpResponse::Accepted().json(job))
}

/// Handles `DELETE /api/v1/admin/dead-letters/{id}`.
pub(in crate::http) async fn discard(
    state: SharedState,
    id: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let letter = find(&state, &id).await?;
    let kept: Option<Value> = serde_json::to_value(&letter).ok();
    let entry = entry(&caller, "dead_letter.discarded", replay::subject(letter.id), kept, None);
    state.store.discard_dead_letter(letter.id, &entry).await?;
    Ok(HttpResponse::NoContent().finish())
}
