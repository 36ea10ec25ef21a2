//! Rules for every response: `HEAD` wherever there is `GET` (RFC 9110, section 9.3.2), no sniffing
//! of content types, and no caching of personal data.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
};

use super::stream_paths::is_stream;

const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Handles `HEAD` as `GET`, and completes the headers of the response. The HTTP server omits the
/// body of a response to `HEAD`.
pub(super) async fn standard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // A stream has a handler of its own for HEAD.
    if request.method() == Method::HEAD && !is_stream(request.path()) {
        request.head_mut().method = Method::GET;
    }
    let mut response = next.call(request).await?;
    let path = response.request().path().to_owned();
    complete(response.headers_mut(), &path);
    Ok(response)
}

/// Completes the headers of a response at this path.
pub(super) fn complete(headers: &mut HeaderMap, path: &str) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    if path.starts_with("/api/") && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
}
