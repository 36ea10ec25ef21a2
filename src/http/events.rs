//! Publishing of events: `POST /api/v1/events`.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Bytes},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Problem, SharedState, State,
    admin::audit,
    body,
    dry_run::dry_run,
    headers::event_headers,
    idempotency::{self, PublishResponse},
    publish::{self, PublishOptions},
};
use crate::{
    clock,
    domain::{
        catalog::Catalog,
        event::{RawEvent, decode},
        rejected::Rejected,
    },
    http::api::{Access, Operation, Tag, reference},
    pipeline::Outcome,
    telemetry::{metric, trace::EventTrace},
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/api/v1/events", post)
            .access(Access::Publisher)
            .doc(Tag::Publish, "publish_events", "Publish an event or a batch")
            .description(
                "A flat event, a topic envelope, or a CloudEvent (structured, batch or \
                 binary). A batch is committed as a whole or not at all. An event names \
                 at most 10,000 recipients. An event that makes no notification is \
                 skipped, with the reason in its result; with `strict`, one without a \
                 type or without recipients is rejected.",
            )
            .header(
                "Idempotency-Key",
                json!({
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": "^[!-~]+$",
                }),
                "A request with the same key and body is carried out once and answered \
                 alike for 24 hours.",
            )
            .query(
                "strict",
                json!({ "type": "string", "enum": ["true", "false"] }),
                "Reject the request with 422, and store nothing of it, when an event has \
                 no type, an inactive type, or no recipient.",
            )
            .query(
                "dry_run",
                json!({ "type": "string", "enum": ["true", "false"] }),
                "Store and send nothing: the response says who would get what, and on which \
                 channels.",
            )
            .request_body(request_body())
            .returns(200, "Result of a dry run.", "DryRun")
            .response(202, accepted())
            .errors(&[409, 422, 429]),
    ]
}

/// Request body of `POST /api/v1/events`: a flat event, or `CloudEvents` 1.0.
fn request_body() -> Value {
    let flat = json!({ "type": "NOTE_CREATED", "user_id": "budi", "title": "Shopping" });
    let cloud_event = reference("CloudEvent");
    json!({
        "required": true,
        "content": {
            "application/json": {
                "schema": reference("Event"),
                "examples": { "flat": { "value": flat } },
            },
            "application/cloudevents+json": { "schema": cloud_event },
            "application/cloudevents-batch+json": {
                "schema": { "type": "array", "items": cloud_event },
            },
        },
    })
}

/// Response of `POST /api/v1/events`.
fn accepted() -> Value {
    json!({
        "description": "Committed.",
        "content": { "application/json": { "schema": reference("Accepted") } },
        "headers": {
            "Idempotency-Replayed": {
                "description": "`true` if this request, or its event, was accepted before.",
                "schema": { "type": "string", "enum": ["true"] },
            },
        },
    })
}

/// Maximum size of a batch, as a multiple of `server.max_event_bytes`.
const BATCH_FACTOR: usize = 32;

pub(super) async fn post(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = publish::admit(&state, &request).await?;
    let strict = publish::flag(&request, "strict")?;
    let is_dry_run = publish::flag(&request, "dry_run")?;
    let caller = audit::caller_name(&caller);
    let limit = state.server.load().max_event_bytes.saturating_mul(BATCH_FACTOR);
    let payload = body::read(payload, limit).await?;
    let (headers, max_event_bytes) =
        (event_headers(request.headers()), state.server.load().max_event_bytes);
    // The decoded events are in memory until they are stored.
    let _room = body::room(payload.len()).await?;
    let body = Bytes::clone(&payload);
    let decoded = body::decoded(payload.len(), move || {
        decode(&RawEvent {
            payload: &body,
            headers: &headers,
            subject: None,
            broker_identity: None,
            now: clock::now(),
            max_event_bytes,
        })
    });
    let decoded = decoded.await?.map_err(|rejected| refused(&state, &rejected))?;
    let how = PublishOptions { batch: decoded.batch, strict };
    let mut events = decoded.events;
    for event in &mut events {
        if event.id.is_empty() {
            event.id = Uuid::now_v7().to_string();
        }
        event.publisher = Some(caller.clone());
    }
    if is_dry_run {
        return Ok(HttpResponse::Ok().json(dry_run(&state, events).await?));
    }
    let published: Vec<Published> = events
        .iter()
        .map(|event| Published { id: event.id.clone(), code: event.code.clone() })
        .collect();
    idempotency::once(&state, &request, &payload, async move |state: SharedState, _| {
        let outcomes = publish::publish(&state, events, how).await?;
        let body = answer(&published, &outcomes, &state.catalog.current());
        Ok(PublishResponse { body, replayed: publish::replayed(&outcomes) })
    })
    .await
}

/// Event of the request, for the response.
struct Published {
    id: String,
    code: String,
}

/// Returns the body of the response: one result per event, in order.
fn answer(published: &[Published], outcomes: &[Outcome], catalog: &Catalog) -> Value {
    let results: Vec<Value> = published
        .iter()
        .zip(outcomes)
        .map(|(event, outcome)| {
            let (notifications, reason) = match outcome {
                Outcome::Accepted(stored) => (stored.notifications, None),
                Outcome::Skipped(why) => (0, Some(catalog.why_skipped(&event.code, *why))),
                Outcome::Duplicate => (
                    0,
                    Some(
                        "an event with the same identity was taken \
                before"
                            .to_owned(),
                    ),
                ),
                _ => (0, None),
            };
            json!({ "id": event.id, "outcome": outcome.label(), "notifications": notifications,
                "reason": reason })
        })
        .collect();
    let taken = outcomes.iter().filter(|outcome| !matches!(outcome, Outcome::Skipped(_))).count();
    let ids: Vec<&str> = published.iter().map(|event| event.id.as_str()).collect();
    json!({ "accepted": taken, "ids": ids, "results": results })
}

fn refused(state: &State, rejected: &Rejected) -> Problem {
    metrics::counter!(metric::EVENTS, "source" => "http", "outcome" => "rejected").increment(1);
    let now = clock::now();
    state.trace.activity.count("rejected", 0, now);
    let trace = EventTrace::undecodable(Uuid::now_v7(), rejected, "http", now);
    state.trace.record_events(vec![trace]);
    Problem::from(rejected)
}
