//! Request headers that belong to an event.

use actix_web::http::header::HeaderMap;

/// Returns the headers that the event decoder knows, with names in lower case.
pub(super) fn event_headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            name.starts_with("ce-")
                || name == "nats-msg-id"
                || name == "idempotency-key"
                || name == "content-type"
                || name == "traceparent"
                || name == "tracestate"
        })
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}
