//! `Idempotency-Key`: the same request is done once, and answered alike as often as it comes.
//!
//! The key is reserved in the store before anything is done and keeps the answer after, so both survive a restart. What was
//! stored by a hub that died before it could keep the answer is found again by the event's identity.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Problem, SharedState, headers::event_headers};
use crate::{
    clock,
    domain::{event::Seed, notification::Timestamp},
    store::Reservation,
};

/// Longest key, in bytes.
const KEY_MAX_BYTES: usize = 255;

/// The header that says that an answer is given again.
const REPLAYED: (&str, &str) = ("Idempotency-Replayed", "true");

/// What a publish answers.
pub(super) struct PublishResponse {
    pub(super) body: Value,
    /// All of it had been taken before, under the same identity.
    pub(super) replayed: bool,
}

/// The request's key, if it has one.
fn key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let wrong = || {
        Problem::bad_field(
            "Idempotency-Key",
            format!("must be 1 to {KEY_MAX_BYTES} visible ASCII characters"),
        )
    };
    let key = value.to_str().map_err(|_| wrong())?.trim();
    if key.is_empty() || key.len() > KEY_MAX_BYTES {
        return Err(wrong());
    }
    Ok(Some(key.to_owned()))
}

/// Hash of everything that makes two requests the same: address, headers that describe the body, and body.
fn fingerprint(request: &HttpRequest, body: &[u8]) -> String {
    let mut hash = Sha256::new().chain_update(request.path());
    if !request.query_string().is_empty() {
        hash.update("?");
        hash.update(request.query_string());
    }
    // The header map has an order of its own for each request; the sort is stable, so repeated headers keep theirs.
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
    hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Does `work` once for each key, and answers 202. `work` is given what its notifications' ids are made from.
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
            "a request with this Idempotency-Key is under way; ask again when it is answered",
        )),
        Reservation::Other => {
            let detail =
                "this Idempotency-Key was used for another request; a new request needs a new key";
            Err(Problem::unprocessable(detail))
        }
        Reservation::Yours(at) => {
            // In a task of its own: a caller who hangs up must not leave it half done.
            let done = actix_rt::spawn(finish(state.clone(), key, at, work));
            done.await.map_err(|_| Problem::internal("the request was given up"))?
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
        // Nothing was done under it: the next try may do it, mended.
        Err(problem) if problem.is_the_callers() => state.store.release(&key, &state.boot).await,
        // A commit may have gone through although nobody heard of it: the next try finds it by the same ids.
        Err(_) => state.store.abandon(&key, &state.boot).await,
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "an answer could not be kept; its request is known by the event's identity alone");
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
