//! Reading of request bodies, with limits of size and time.

use std::time::Duration;

use actix_web::web::{self, Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Problem;

/// Time limit for receiving a body.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    match timeout(TIMEOUT, read_all(payload, limit)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::too_late(format!(
            "the body did not arrive within {} seconds",
            TIMEOUT.as_secs()
        ))),
    }
}

async fn read_all(mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::bad_request(format!("the body could not be read: {error}"))
        })?;
        if body.len() + chunk.len() > limit {
            return Err(Problem::too_large(format!("the body has more than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Size from which a body is decoded on a blocking thread, in bytes: a worker must serve other
/// requests.
const LARGE_BYTES: usize = 64 * 1024;

/// Decodes a body of `bytes` bytes: in place, or on a blocking thread if it is large.
///
/// # Errors
/// 500 when decoding panics.
pub(super) async fn decoded<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    if bytes < LARGE_BYTES {
        return Ok(work());
    }
    web::block(work).await.map_err(|_| Problem::internal("the body could not be decoded"))
}

/// Parses a JSON object.
///
/// # Errors
/// A problem that names the invalid field.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take the elements of a list for the fields of a struct, in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::bad_request("the body is a list, and must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let detail = error.inner().to_string();
        // serde names a missing field only in its message.
        let missing =
            detail.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        match (missing, path.as_str()) {
            (Some(field), "." | "?") => Problem::bad_field(field, "is missing"),
            (Some(field), of) => Problem::bad_field(&format!("{of}.{field}"), "is missing"),
            (None, "." | "?") => Problem::bad_request(format!("the body is invalid: {detail}")),
            (None, field) => Problem::bad_field(field, detail),
        }
    })
}
