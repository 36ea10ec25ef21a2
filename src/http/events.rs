//! `POST /api/v1/events`: publish one event or a batch.

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderMap, web};
use serde_json::json;
use uuid::Uuid;

use super::{
    Problem, Shared, body,
    idempotency::{self, Answer},
    publish,
};
use crate::{
    clock,
    domain::{
        event::{Incoming, decode},
        rejected::Rejected,
    },
    telemetry::metric,
};

/// Most bytes of a batch, as a multiple of `server.max_event_bytes`.
const BATCH_FACTOR: usize = 32;

pub(super) async fn post(state: Shared, request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    publish::admit(&state, &request).await?;
    let limit = state.server.load().max_event_bytes.saturating_mul(BATCH_FACTOR);
    let payload = body::read(payload, limit).await?;
    let (headers, max_event_bytes) = (headers(request.headers()), state.server.load().max_event_bytes);
    let body = payload.clone();
    let decoded = body::decoded(payload.len(), move || {
        decode(&Incoming {
            payload: &body,
            headers: &headers,
            subject: None,
            broker_identity: None,
            now: clock::now(),
            max_event_bytes,
        })
    });
    let decoded = decoded.await?.map_err(|rejected| refused(&rejected))?;
    let batch = decoded.batch;
    let mut events = decoded.events;
    for event in &mut events {
        if event.id.is_empty() {
            event.id = Uuid::now_v7().to_string();
        }
    }
    let ids: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
    idempotency::once(&state, &request, &payload, async move |state: Shared, _| {
        let outcomes = publish::publish(&state, events, batch).await?;
        let body = json!({ "accepted": ids.len(), "ids": ids });
        Ok(Answer { body, replayed: publish::replayed(&outcomes) })
    })
    .await
}

fn refused(rejected: &Rejected) -> Problem {
    metrics::counter!(metric::EVENTS, "source" => "http", "outcome" => "rejected").increment(1);
    Problem::from(rejected)
}

/// The headers that the decoder knows, with lower-case names.
pub(super) fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            name.starts_with("ce-") || name == "nats-msg-id" || name == "idempotency-key" || name == "content-type"
        })
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}
