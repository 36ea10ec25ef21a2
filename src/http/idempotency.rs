//! `Idempotency-Key`: a repeated request is carried out once, and gets the same response each time.
//!
//! The key is reserved in the store first and has the response afterwards, so both survive a
//! restart. What a hub stored before it died without storing the response is found again by the
//! identity of the event.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Problem, SharedState, headers::event_headers, publish};
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

/// Headers that differ between the attempts of one request: an instrumented client starts a span
/// for each attempt.
const TRACE_HEADERS: [&str; 2] = ["traceparent", "tracestate"];

/// Returns the hash of what a request asks for: path, `strict`, headers of the event, and body.
/// Credentials and the trace are no part of it, because a later attempt may have others.
fn fingerprint(request: &HttpRequest, body: &[u8]) -> String {
    let mut hash = Sha256::new().chain_update(request.path());
    // An invalid value has been refused.
    if publish::flag(request, "strict").unwrap_or_default() {
        hash.update("?strict=true");
    }
    let mut described = event_headers(request.headers());
    described.retain(|(name, _)| !TRACE_HEADERS.contains(&name.as_str()));
    // The order of the header map differs between requests; the sort is stable, so repeated headers
    // keep their order.
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const SPAN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const OTHER_SPAN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01";

    fn of(uri: &str, headers: &[(&str, &str)], body: &str) -> String {
        let request = TestRequest::post().uri(uri);
        let request =
            headers.iter().fold(request, |request, header| request.append_header(*header));
        fingerprint(&request.to_http_request(), body.as_bytes())
    }

    #[test]
    fn retry_in_another_span_or_with_another_token_is_the_same_request() {
        let first = of("/api/v1/events?token=old", &[("traceparent", SPAN)], "{}");
        let traced = [("traceparent", OTHER_SPAN), ("tracestate", "vendor=1")];
        assert_eq!(of("/api/v1/events?token=new", &traced, "{}"), first);
        assert_eq!(of("/api/v1/events?strict=false", &[], "{}"), first);
    }

    #[test]
    fn another_body_path_event_header_or_strictness_is_another_request() {
        let headers = [("content-type", "application/json"), ("ce-id", "1")];
        let first = of("/api/v1/events", &headers, "{}");
        assert_eq!(of("/api/v1/events", &[headers[1], headers[0]], "{}"), first, "other order");
        let others = [
            of("/api/v1/events", &headers, "[]"),
            of("/api/v1/notify", &headers, "{}"),
            of("/api/v1/events?strict=true", &headers, "{}"),
            of("/api/v1/events", &[headers[0], ("ce-id", "2")], "{}"),
            of("/api/v1/events", &[("content-type", "application/cloudevents+json")], "{}"),
            of("/api/v1/events", &[headers[0], headers[1], ("nats-msg-id", "1")], "{}"),
        ];
        for other in others {
            assert_ne!(other, first);
        }
    }
}
