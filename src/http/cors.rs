//! Cross-origin requests (Fetch standard, "CORS protocol"): pages of `server.allowed_origins` may
//! use the API.

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

use super::{SharedState, State, identity};

/// Methods and headers that an allowed page may send.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, \
    last-event-id, nats-msg-id, traceparent, tracestate, x-api-key";

/// Prefix of the headers with the attributes of a binary `CloudEvent`, whose names are free.
const ATTRIBUTE: &str = "ce-";

/// Response headers that an allowed page may read, beside the safelisted ones.
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, idempotency-replayed, retry-after");

/// Lifetime of a preflight response, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Answers preflight requests, and adds CORS headers to responses for allowed pages.
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
        // Other requests are checked where the caller is identified.
        if let Some(state) = request.app_data::<SharedState>()
            && preflight
            && request.path().starts_with("/api/")
        {
            identity::record_foreign_origin(state, request.headers());
        }
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    };
    let mut response = if preflight {
        let mut answer = HttpResponse::NoContent().finish();
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        let headers = allowed_headers(request.headers());
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, headers);
        answer.headers_mut().insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        request.into_response(answer).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    mark(response.headers_mut(), origin);
    Ok(response)
}

/// Returns the headers that an allowed page may send, with the attributes of an event among those
/// that it asks for.
fn allowed_headers(preflight: &HeaderMap) -> HeaderValue {
    let asked = preflight.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let asked = asked.and_then(|names| names.to_str().ok()).unwrap_or_default();
    let attributes = asked.split(',').map(str::trim).filter(|name| name.starts_with(ATTRIBUTE));
    let names: Vec<&str> = std::iter::once(HEADERS).chain(attributes).collect();
    HeaderValue::from_str(&names.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(HEADERS))
}

/// Adds the CORS headers to a response.
pub(super) fn mark(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    // A page of an allowed origin may use the cookie of the user.
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    // Caches must keep the responses to different origins apart.
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

/// Returns the origin of the page, if it is allowed to use this path.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_may_send_event_attributes_and_traces_and_nothing_unknown() {
        let asked = "ce-id,ce-source, ce-tenant,content-type,traceparent,x-other";
        let mut preflight = HeaderMap::new();
        let names = HeaderValue::from_static(asked);
        preflight.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, names);
        let allowed = allowed_headers(&preflight);
        let allowed: Vec<&str> = allowed.to_str().expect("it is text").split(", ").collect();
        let refused: Vec<&str> =
            asked.split(',').map(str::trim).filter(|name| !allowed.contains(name)).collect();
        assert_eq!(refused, ["x-other"]);
    }
}
