//! Common part of publishing operations: access, rate limit, and ingest.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use actix_web::HttpRequest;
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use tokio::{sync::oneshot, time::Instant};

use super::{Problem, State, identity};
use crate::{
    auth::Caller,
    domain::event::Event,
    pipeline::{Ingest, Outcome},
    runtime::Gone,
};

/// Number of requests between two cleanups of idle publishers.
const CALLS_BETWEEN_SWEEPS: u32 = 1_000;

/// Subject of the rate limit: a key, a user, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Publisher {
    Key(String),
    User(String),
    Address(Option<IpAddr>),
}

/// Rate limit `limits.publish_per_minute`.
#[derive(Debug)]
pub struct PublishLimit {
    limiter: DefaultKeyedRateLimiter<Publisher>,
    per_minute: NonZeroU32,
    calls: AtomicU32,
}

impl PublishLimit {
    /// Creates a limit per minute; `None` for 0, which means no limit.
    #[must_use]
    pub fn new(per_minute: u32) -> Option<Self> {
        let per_minute = NonZeroU32::new(per_minute)?;
        let limiter = DefaultKeyedRateLimiter::keyed(Quota::per_minute(per_minute));
        Some(Self { limiter, per_minute, calls: AtomicU32::new(0) })
    }

    fn check(&self, publisher: &Publisher) -> Result<(), Problem> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % CALLS_BETWEEN_SWEEPS
            == CALLS_BETWEEN_SWEEPS - 1
        {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(publisher).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Problem::too_many(
                format!("at most {} publishes a minute are taken", self.per_minute),
                seconds,
            )
        })
    }
}

/// Checks access and rate limit of the caller.
pub(super) async fn admit(state: &State, request: &HttpRequest) -> Result<Caller, Problem> {
    let caller = identity::caller(state, request).await?;
    if !caller.may_publish() {
        return Err(Problem::forbidden("publishing needs the scope publish, or the role admin"));
    }
    let Some(limit) = state.publish_limit.load_full() else { return Ok(caller) };
    limit.check(&match &caller {
        Caller::Service { name, .. } => Publisher::Key(name.clone()),
        Caller::User(identity) => Publisher::User(identity.user_id.to_string()),
        Caller::Developer => Publisher::Address(request.peer_addr().map(|peer| peer.ip())),
    })?;
    Ok(caller)
}

/// Parses a parameter that is true or false.
pub(super) fn flag(request: &HttpRequest, name: &str) -> Result<bool, Problem> {
    let query = identity::query(request.uri());
    match query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::bad_field(name, "must be true or false")),
    }
}

/// Options of publishing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PublishOptions {
    /// True if a problem names the index in the batch.
    pub(super) batch: bool,
    /// True if an event without a type or recipients is a problem.
    pub(super) strict: bool,
}

/// Ingests events as a whole or not at all.
///
/// # Errors
/// The first problem; then nothing is stored.
pub(super) async fn publish(
    state: &State,
    events: Vec<Event>,
    how: PublishOptions,
) -> Result<Vec<Outcome>, Problem> {
    let PublishOptions { batch, strict } = how;
    let (reply, answer) = oneshot::channel();
    let ingest = Ingest {
        events,
        atomic: true,
        strict,
        waits: true,
        source: "http",
        received: Instant::now(),
        reply,
    };
    state.pipeline.post(ingest).await?;
    let outcomes = answer.await.map_err(|_| Gone)?;
    let rejected = outcomes.iter().find(|outcome| matches!(outcome, Outcome::Rejected(_)));
    let first = rejected
        .or_else(|| outcomes.iter().find(|outcome| Problem::of_outcome(outcome, batch).is_some()));
    match first.and_then(|outcome| Problem::of_outcome(outcome, batch)) {
        Some(problem) => Err(problem),
        None => Ok(outcomes),
    }
}

/// Returns whether all events were committed before.
pub(super) fn replayed(outcomes: &[Outcome]) -> bool {
    !outcomes.is_empty() && outcomes.iter().all(|outcome| matches!(outcome, Outcome::Duplicate))
}
