//! `GET /api/v1/stream`: Server-Sent Events, with the same sessions as a WebSocket.

use std::sync::{Arc, atomic::Ordering};

use actix::Actor as _;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
};

use super::{
    Problem, Shared, identity,
    upgrade::{start, take_slot},
};
use crate::{
    actors::session::{Session, Start, Wire, event_stream},
    domain::inbox::Since,
};

/// Tells nginx not to gather what should come at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) async fn get(state: Shared, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let identity = identity::user(&state, &request).await?;
    if state.health.is_down("hub") {
        return Err(Problem::unavailable("this hub is stopping"));
    }
    let start = match last_event_id(&request) {
        Some(since) => Start::Since(since),
        None => start(&identity::query(request.uri()))?,
    };
    let slot = take_slot(&state.connections, state.server.max_connections)?;
    let (events, body) = event_stream(&state.hub.epoch);
    let client = state.next_client.fetch_add(1, Ordering::Relaxed);
    Session::new(Arc::clone(&state.hub), identity, client, start, Wire::Events(events), slot).start();
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header((X_ACCEL_BUFFERING, "no"))
        .streaming(body))
}

/// Where a browser that lost the stream stands. One that this hub cannot have given is of no use, and no error either: the
/// browser would never try again.
fn last_event_id(request: &HttpRequest) -> Option<Since> {
    Since::parse(request.headers().get("last-event-id")?.to_str().ok()?).ok()
}
