//! Event stream of an inbox: `GET /api/v1/stream`, with the same sessions as a WebSocket.
//!
//! The socket is taken over as for a WebSocket ([`first_request`](super::first_request)). On a
//! connection that had other requests before, the session writes into a pipe whose other end is the
//! body of the response.

use serde_json::json;
use std::sync::Arc;

use actix_http::Response;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode, Uri,
        header::{self, HeaderMap, HeaderName},
    },
};
use tokio_util::io::ReaderStream;

use super::{
    Problem, SharedState, State,
    admission::{AdmittedSession, start, take_slot},
    identity,
};
use crate::{
    connection::{RawIo, Socket, Transport},
    delivery::session::Start,
    domain::inbox::Since,
    http::api::{Access, Operation, Tag},
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/stream", get)
            .access(Access::User)
            .head(head_of_stream)
            .doc(Tag::Inbox, "stream", "Receive the inbox as Server-Sent Events")
            .description(
                "Comments are the heartbeat. A browser resumes with `Last-Event-ID`. \
                 Before the hub ends a stream it sends \
                 `{\"type\":\"closed\",\"data\":{\"code\",\"reason\"}}` with the close \
                 code of a WebSocket, or `going_away`.",
            )
            .query(
                "since",
                json!({ "type": "string" }),
                "EPOCH.REVISION or REVISION: changes after it.",
            )
            .query(
                "sync",
                json!({ "type": "string", "enum": ["none"] }),
                "`none`: only new changes.",
            )
            .header(
                "Last-Event-ID",
                json!({ "type": "string" }),
                "Sent by a browser that lost the stream.",
            )
            .returns_text(
                200,
                "The messages of the WebSocket, each as the data of one event. `id` is \
                 EPOCH.REVISION.",
                &["text/event-stream"],
            ),
    ]
}

/// Disables buffering in nginx.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Capacity of the pipe, in bytes.
const PIPE_BYTES: usize = 16 * 1024;

/// Returns the response head of a stream.
pub(super) fn head() -> Response<()> {
    Response::build(StatusCode::OK)
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((X_ACCEL_BUFFERING, "no"))
        .finish()
        .drop_body()
}

/// Creates the transport of an event stream.
pub(super) fn transport(state: &State, transport: RawIo) -> Transport {
    Transport::events(Socket::new(transport, &[], 0), Arc::clone(&state.sessions.epoch))
}

/// Creates a response whose body is a pipe, and the transport that writes into the pipe.
pub(super) fn piped(state: &State) -> (HttpResponse, Transport) {
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let head = head();
    let mut response = HttpResponse::build(head.status());
    for header in head.headers() {
        response.append_header(header);
    }
    (response.streaming(ReaderStream::new(theirs)), transport(state, ours.into()))
}

/// Checks a request for an event stream.
pub(super) async fn admit(
    state: &State,
    headers: &HeaderMap,
    uri: &Uri,
    local: bool,
) -> Result<AdmittedSession, Problem> {
    let identity = identity::identify_user(state, headers, uri, local).await?;
    let start = match last_event_id(headers) {
        Some(since) => Start::Since(since),
        None => start(&identity::query(uri))?,
    };
    let slot = take_slot(state).await?;
    Ok(AdmittedSession { identity, start, slot })
}

pub(super) async fn get(state: SharedState, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if state.health.is_down("hub") {
        return Err(Problem::unavailable("this hub is stopping"));
    }
    let local = identity::is_local_peer(request.peer_addr());
    let admitted = admit(&state, request.headers(), request.uri(), local).await?;
    let (response, transport) = piped(&state);
    admitted.begin(&state, transport);
    Ok(response)
}

/// Handles `HEAD` with the head of the stream.
pub(super) async fn head_of_stream(
    state: SharedState,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    identity::user(&state, &request).await?;
    Ok(only_head())
}

/// Returns a response with the head of a stream only.
pub(super) fn only_head() -> HttpResponse {
    let head = head();
    let mut response = HttpResponse::build(head.status());
    for header in head.headers() {
        response.append_header(header);
    }
    response.finish()
}

/// Returns the position of a browser that lost the stream. An invalid one is ignored: with an error
/// the browser would never try again.
fn last_event_id(headers: &HeaderMap) -> Option<Since> {
    Since::parse(headers.get("last-event-id")?.to_str().ok()?).ok()
}
