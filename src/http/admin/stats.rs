//! `GET /api/v1/admin/stats`: counts now, and the last hour for charts.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::{
    actors::registry::ListClients,
    clock,
    http::{Problem, Shared, identity},
};

/// Maximum number of unknown codes in an answer.
const UNKNOWN_TYPES_MAX: usize = 20;

/// Answers `GET /api/v1/admin/stats`.
pub(in crate::http) async fn stats(state: Shared, request: HttpRequest) -> Result<HttpResponse, Problem> {
    identity::administrator(&state, &request).await?;
    let (directory, dead_letters) =
        tokio::try_join!(state.store.directory_size(), state.store.count_dead_letters(None, ""))?;
    let clients = state.hub.registry.send(ListClients).await?;
    let mut users: Vec<_> = clients.iter().map(|client| &client.identity.user_id).collect();
    users.sort_unstable();
    users.dedup();
    let catalog = state.catalog.current();
    let unknown: Vec<_> = state
        .unknown_types
        .latest(UNKNOWN_TYPES_MAX)
        .into_iter()
        // One that has been added since is no longer unknown.
        .filter(|unknown| catalog.find(&unknown.code).is_none())
        .map(|unknown| {
            json!({ "code": unknown.code, "count": unknown.count, "last_at": unknown.last_at,
            "did_you_mean": catalog.similar(&unknown.code) })
        })
        .collect();
    let history = state.history.read(&state.metrics);
    Ok(HttpResponse::Ok().json(json!({
        "timestamp": clock::now(),
        "instance": state.hub.instance,
        "totals": history.totals,
        "connections": { "sessions": clients.len(), "users": users.len() },
        "directory": directory,
        "dead_letters": dead_letters,
        "types": catalog.len(),
        "unknown_types": unknown,
        "parts": crate::http::health::shown(&state.health.parts()),
        "interval_seconds": history.interval_seconds,
        "series": history.series,
    })))
}
