//! Conditional requests: `ETag`, `If-Match` and `If-None-Match: *` (RFC 9110, section 13.1).

use actix_web::http::header::{self, HeaderMap};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Returns the `ETag` of a representation.
pub(super) fn etag(representation: &Value) -> String {
    let hash = Sha256::digest(representation.to_string().as_bytes());
    format!("\"{}\"", hex::encode(&hash[..12]))
}

/// Returns whether a request may change what has this `ETag`: it has no `If-Match`, or one that
/// names the tag.
pub(super) fn matches(headers: &HeaderMap, tag: impl FnOnce() -> String) -> bool {
    let Some(wanted) = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    if wanted.trim() == "*" {
        return true;
    }
    let tag = tag();
    wanted.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
}

/// Returns whether a request may only create what it writes: it has `If-None-Match: *`.
pub(super) fn only_new(headers: &HeaderMap) -> bool {
    headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes().trim_ascii() == b"*")
}
