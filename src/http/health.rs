//! `/health/live`, `/health/ready`, `/health`.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use super::{Problem, SharedState, State};
use crate::{
    clock,
    http::api::{Operation, Tag},
    telemetry::PartState,
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/health/live", live)
            .doc(Tag::Operations, "health_live", "Check liveness")
            .returns_schema(
                200,
                "The process answers.",
                &json!({
                    "type": "object",
                    "required": ["status"],
                    "properties": { "status": { "const": "ok" } },
                }),
            ),
        Operation::get("/health/ready", ready)
            .doc(Tag::Operations, "health_ready", "Check readiness")
            .returns(200, "Ready for traffic.", "Ready")
            .errors(&[503]),
        Operation::get("/health", health)
            .doc(Tag::Operations, "health", "Get name and version of the service")
            .returns_schema(
                200,
                "Name, version and instance.",
                &json!({
                    "type": "object",
                    "required": ["status", "timestamp", "service"],
                    "properties": {
                        "status": { "const": "ok" },
                        "timestamp": { "type": "string", "format": "date-time" },
                        "service": { "const": "lonceng" },
                        "version": { "type": "string" },
                        "instance": { "type": "string" },
                    },
                }),
            ),
    ]
}

/// Handles `GET /health/live`.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Handles `GET /health` of the older API.
pub(super) async fn health(state: SharedState) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "status": "ok",
        "timestamp": clock::now(),
        "service": "lonceng",
        "version": env!("CARGO_PKG_VERSION"),
        "instance": state.sessions.instance,
    }))
}

/// Handles `GET /health/ready`: readiness, and the state of each part.
pub(super) async fn ready(state: SharedState) -> Result<HttpResponse, Problem> {
    let parts = state.health.parts();
    let mut shown = shown(&parts);
    match not_ready(&state, &parts) {
        None => {
            shown.insert("status".to_owned(), "ok".into());
            Ok(HttpResponse::Ok().json(shown))
        }
        Some(reason) => Err(Problem::unavailable(reason).with(shown)),
    }
}

/// Returns the state of each part, with the reasons of those that are not OK.
pub(super) fn shown(parts: &BTreeMap<&'static str, PartState>) -> Map<String, Value> {
    let mut shown = Map::new();
    for (part, state) in parts {
        shown.insert((*part).to_owned(), state.word().into());
    }
    let reasons: Map<String, Value> = parts
        .iter()
        .filter_map(|(part, state)| Some(((*part).to_owned(), Value::from(state.reason()?))))
        .collect();
    shown.insert("reasons".to_owned(), Value::Object(reasons));
    shown
}

/// Returns the reason for which this hub is not ready.
pub(super) fn not_ready(
    state: &State,
    parts: &BTreeMap<&'static str, PartState>,
) -> Option<String> {
    let unwell =
        |part: &str| parts.get(part).and_then(|state| Some(format!("{part}: {}", state.reason()?)));
    let down =
        |part: &str| unwell(part).filter(|_| matches!(parts.get(part), Some(PartState::Down(_))));
    down("hub")
        .or_else(|| down("store"))
        .or_else(|| down("actors"))
        .or_else(|| state.required_sources.iter().find_map(|source| down(source)))
}
