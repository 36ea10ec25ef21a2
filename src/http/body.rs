//! Reading a request's body, within a limit.

use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;

use super::Problem;

/// Reads the body, at most `limit` bytes of it.
pub(super) async fn read(mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::bad_request(format!("the body could not be read: {error}")))?;
        if body.len() + chunk.len() > limit {
            return Err(Problem::too_large(format!("the body has more than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
