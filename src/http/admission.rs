//! Admission of a connection to a user's inbox: identity, starting point, and a slot among the
//! hub's connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix::Actor as _;

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

/// Takes one of the `limit` connections that this hub may have.
///
/// # Errors
/// 503 when none is left.
pub(super) fn take_slot(connections: &Arc<AtomicUsize>, limit: usize) -> Result<Slot, Problem> {
    let before = connections.fetch_add(1, Ordering::Relaxed);
    let slot = Slot(Arc::clone(connections));
    if before >= limit {
        return Err(Problem::unavailable("the connection limit of this hub is reached"));
    }
    Ok(slot)
}
