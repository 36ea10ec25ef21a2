//! `Idempotency-Key`: a repeated request is carried out once, and gets the same response each time.
//!
//! The key is reserved in the store first and has the response afterwards, so both survive a
//! restart. What a hub stored before it died without storing the response is found again by the
//! identity of the event.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Problem, SharedState, headers::event_headers};
use crate::{
    clock,
    domain::{event::Seed, notification::Timestamp},
    store::Reservation,
};

/// Maximum length of a key, in bytes.
const KEY_MAX_BYTES: usize = 255;

/// Header of a repeated response.
const REPLAYED: (&str, &str) = ("Idempotency-Replayed", "true");

/// Response to a publish request.
pub(super) struct PublishResponse {
    pub(super) body: Value,
    /// True if all events were committed before, under the same identity.
    pub(super) replayed: bool,
}

/// Returns the key of a request, if it has one.
fn key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let wrong = || {
        Problem::bad_field(
            "Idempotency-Key",
            format!("must be 1 to {KEY_MAX_BYTES} visible ASCII characters"),
        )
    };
    let key = value.to_str().map_err(|_| wrong())?.trim();
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > KEY_MAX_BYTES || !is_visible {
        return Err(wrong());
    }
    Ok(Some(key.to_owned()))
}

/// Returns the hash of a request: path, query, headers of the event, and body.
fn fingerprint(request: &HttpRequest, body: &[u8]) -> String {
    let mut hash = Sha256::new().chain_update(request.path());
    if !request.query_string().is_empty() {
        hash.update("?");
        hash.update(request.query_string());
    }
    // The order of the header map differs between requests; the sort is stable, so repeated headers
    // keep their order.
    let mut described = event_headers(request.headers());
    described.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in described {
        hash.update([0]);
        hash.update(name);
        hash.update([0]);
        hash.update(value);
    }
    hash.update([0, 0]);
    hash.update(body);
    hex::encode(hash.finalize())
}

/// Runs `work` once per key, and responds with 202. `work` gets the seed of notification IDs.
pub(super) async fn once<W>(
    state: &SharedState,
    request: &HttpRequest,
    body: &[u8],
    work: W,
) -> Result<HttpResponse, Problem>
where
    W: AsyncFnOnce(SharedState, Option<Seed>) -> Result<PublishResponse, Problem> + 'static,
{
    let Some(key) = key(request)? else {
        return Ok(accepted(&work(state.clone(), None).await?));
    };
    let reserved =
        state.store.reserve(&key, &fingerprint(request, body), &state.boot, clock::now()).await?;
    match reserved {
        Reservation::Answered(answer) => {
            let body = serde_json::from_str(&answer).unwrap_or_default();
            Ok(accepted(&PublishResponse { body, replayed: true }))
        }
        Reservation::InFlight => Err(Problem::conflict(
            "a request with this Idempotency-Key is in progress; retry later",
        )),
        Reservation::Other => {
            let detail =
                "this Idempotency-Key was used for another request; a new request needs a new key";
            Err(Problem::unprocessable(detail))
        }
        Reservation::Reserved(at) => {
            // A separate task: a client that disconnects must not interrupt it.
            let done = actix_rt::spawn(finish(state.clone(), key, at, work));
            done.await.map_err(|_| Problem::internal("the request was aborted"))?
        }
    }
}

async fn finish<W>(
    state: SharedState,
    key: String,
    at: Timestamp,
    work: W,
) -> Result<HttpResponse, Problem>
where
    W: AsyncFnOnce(SharedState, Option<Seed>) -> Result<PublishResponse, Problem>,
{
    let seed = Seed { at, key: key.clone() };
    let done = work(state.clone(), Some(seed)).await;
    let kept = match &done {
        Ok(answer) => state.store.answer(&key, &answer.body.to_string()).await,
        // The request had no effect: a corrected one may use the key.
        Err(problem) if problem.is_client_error() => state.store.release(&key, &state.boot).await,
        // A commit may have succeeded without a reply: the next attempt finds it by the same IDs.
        Err(_) => state.store.abandon(&key, &state.boot).await,
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "the response to an idempotent request could not be stored; \
        repeats are recognized by the event's identity");
    }
    done.map(|answer| accepted(&answer))
}

fn accepted(answer: &PublishResponse) -> HttpResponse {
    let mut response = HttpResponse::Accepted();
    if answer.replayed {
        response.insert_header(REPLAYED);
    }
    response.json(&answer.body)
}
