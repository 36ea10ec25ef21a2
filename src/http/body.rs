//! Reading of request bodies, with limits of size and time.

use std::{ops::Deref, time::Duration};

use actix_web::web::{self, Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::Problem;
use crate::domain::objects::Objects;

/// Time limit for receiving a body.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Size from which a body counts towards what all requests may hold, in bytes, and unit of that
/// count.
const UNIT_BYTES: usize = 64 * 1024;

/// Units of bodies that all requests may hold in memory: 256 MiB.
static RECEIVED: Semaphore = Semaphore::const_new(4_096);

/// Units of bodies that may be decoded at a time: 32 MiB, which is at least one of any size. A
/// decoded body can take thirty times its size.
static DECODING: Semaphore = Semaphore::const_new(DECODING_UNITS as usize);
const DECODING_UNITS: u32 = 512;

/// Time that a large body waits for others to be decoded.
const DECODING_WAIT: Duration = Duration::from_secs(10);

/// Body of a request.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Bytes,
    _held: Held,
}

/// Part of the memory for bodies that a request holds.
#[derive(Debug, Default)]
pub(super) struct Held(Option<SemaphorePermit<'static>>);

impl Held {
    /// Holds enough for a body of this size.
    ///
    /// # Errors
    /// 503 if all requests together would hold too much.
    pub(super) fn cover(&mut self, bytes: usize) -> Result<(), Problem> {
        let units = self.0.as_ref().map_or(0, SemaphorePermit::num_permits);
        let further = (bytes / UNIT_BYTES).saturating_sub(units);
        if further == 0 {
            return Ok(());
        }
        let further = u32::try_from(further).unwrap_or(u32::MAX);
        let further = RECEIVED.try_acquire_many(further).map_err(|_| busy())?;
        match &mut self.0 {
            Some(held) => held.merge(further),
            None => self.0 = Some(further),
        }
        Ok(())
    }
}

impl Deref for Body {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

fn busy() -> Problem {
    Problem::unavailable("the hub has too many large requests at the moment; try again later")
}

/// Makes room for a large body that is decoded: until it is dropped, others wait.
///
/// # Errors
/// 503 if the room is taken for too long.
pub(super) async fn room(bytes: usize) -> Result<Option<SemaphorePermit<'static>>, Problem> {
    let units = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX).min(DECODING_UNITS);
    if units == 0 {
        return Ok(None);
    }
    match timeout(DECODING_WAIT, DECODING.acquire_many(units)).await {
        // The semaphore is never closed.
        Ok(permit) => Ok(permit.ok()),
        Err(_) => Err(busy()),
    }
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 408 if it comes too slowly, 413 if it is larger, and 503 if all requests together hold too much.
pub(super) async fn read(payload: Payload, limit: usize) -> Result<Body, Problem> {
    match timeout(TIMEOUT, read_all(payload, limit)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::too_late(format!(
            "the body did not arrive within {} seconds",
            TIMEOUT.as_secs()
        ))),
    }
}

async fn read_all(mut payload: Payload, limit: usize) -> Result<Body, Problem> {
    let (mut body, mut held) = (BytesMut::new(), Held::default());
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::bad_request(format!("the body could not be read: {error}"))
        })?;
        if body.len() + chunk.len() > limit {
            return Err(Problem::too_large(format!("the body has more than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
        held.cover(body.len())?;
    }
    Ok(Body { bytes: body.freeze(), _held: held })
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
    serde_path_to_error::deserialize(Objects(&mut deserializer)).map_err(|error| {
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
