//! Admission of a connection to a user's inbox: identity, starting point, and a slot among the
//! hub's connections.

use std::{
    num::NonZeroU32,
    sync::{Arc, atomic::Ordering},
};

use actix::Actor as _;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::{Problem, State};
use crate::{
    connection::{Slot, Transport},
    delivery::session::{Session, Start},
    domain::{inbox::Since, user::Identity},
};

/// Checked request for a session.
pub(super) struct AdmittedSession {
    pub(super) identity: Identity,
    pub(super) start: Start,
    pub(super) slot: Slot,
}

impl AdmittedSession {
    /// Starts the session on a transport.
    pub(super) fn begin(self, state: &State, transport: Transport) {
        let Self { identity, start, slot } = self;
        let client = state.next_client.fetch_add(1, Ordering::Relaxed);
        let context = Arc::clone(&state.sessions);
        Session::new(context, identity, client, start, transport, slot).start();
    }
}

/// Reads from a query where the client wants to start.
///
/// # Errors
/// A problem that names the parameter.
pub(super) fn start(query: &[(String, String)]) -> Result<Start, Problem> {
    let parameter =
        |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match (parameter("since"), parameter("sync")) {
        (Some(since), _) => {
            let since =
                Since::parse(since).map_err(|detail| Problem::bad_field("since", detail))?;
            Ok(Start::Since(since))
        }
        (None, Some("none")) => Ok(Start::LiveOnly),
        (None, None) => Ok(Start::Fresh),
        (None, Some(_)) => Err(Problem::bad_field("sync", "the only value is none")),
    }
}

/// Pace at which connections are accepted: after a restart of another hub all of its clients come
/// at once, and those that are connected must not notice.
#[derive(Debug)]
pub struct ArrivalPace(Option<DefaultDirectRateLimiter>);

impl ArrivalPace {
    /// Creates a pace of this many connections per second; 0 for no limit.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let quota = NonZeroU32::new(per_second).map(Quota::per_second);
        Self(quota.map(RateLimiter::direct))
    }

    async fn wait(&self) {
        if let Some(pace) = &self.0 {
            pace.until_ready().await;
        }
    }
}

/// Takes one of the connections that this hub may have, when its turn has come.
///
/// # Errors
/// 503 when none is left.
pub(super) async fn take_slot(state: &State) -> Result<Slot, Problem> {
    let limit = state.server.load().max_connections;
    let before = state.connections.fetch_add(1, Ordering::Relaxed);
    // Given back also if the client does not wait.
    let slot = Slot(Arc::clone(&state.connections));
    if before >= limit {
        return Err(Problem::unavailable("the connection limit of this hub is reached"));
    }
    state.arrivals.wait().await;
    Ok(slot)
}
