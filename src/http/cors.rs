//! Cross-origin requests (Fetch standard, "CORS protocol"): pages of `server.allowed_origins` may use the API, as they may
//! connect by WebSocket.

use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
};

use super::{SharedState, State};

/// What an allowed page may send.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, last-event-id, x-api-key",
);

/// Headers of an answer that an allowed page may read, beside those that every page may.
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, idempotency-replayed, retry-after");

/// Seconds a browser may remember the answer to a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Answers preflights, and marks answers that an allowed page may read.
pub(super) async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let origin = request
        .app_data::<SharedState>()
        .and_then(|state| allowed_origin(state, request.headers(), request.path()));
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let Some(origin) = origin else {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    };
    let mut response = if preflight {
        let mut answer = HttpResponse::NoContent().finish();
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        answer.headers_mut().insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        request.into_response(answer).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    mark(response.headers_mut(), origin);
    Ok(response)
}

/// Says that the page may read this answer.
pub(super) fn mark(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    // A page of an allowed origin may act for whoever is signed in by cookie.
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    // The answer to another origin is another one: no cache may mix them up.
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

/// The origin of a page that is configured as allowed, for the API only.
pub(super) fn allowed_origin(
    state: &State,
    headers: &HeaderMap,
    path: &str,
) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    let known = state
        .server
        .load()
        .allowed_origins
        .iter()
        .any(|allowed| allowed.trim_end_matches('/') == text);
    (known && path.starts_with("/api/")).then(|| origin.clone())
}
