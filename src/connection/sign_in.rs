//! Checks of the sign-in of open connections: a cookie session may have ended, a role may have been
//! removed.

use std::time::Duration;

use crate::{
    clock,
    domain::user::{ADMIN, Identity},
    redis::Sessions,
    store::Store,
};

/// Maximum interval between two checks of a connection; a shorter heartbeat shortens it.
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);

/// Checker of sign-ins.
#[derive(Debug, Clone)]
pub struct SignIns {
    store: Store,
    sessions: Option<Sessions>,
}

/// State of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// Valid.
    Valid {
        /// True if the user has the role `admin`.
        is_admin: bool,
    },
    /// Ended.
    Ended,
}

impl SignIns {
    /// Creates a checker that uses this directory and, with cookie authentication, these sessions.
    #[must_use]
    pub fn new(store: Store, sessions: Option<Sessions>) -> Self {
        Self { store, sessions }
    }

    /// Checks a sign-in. While Redis or the store is unavailable, it stays valid.
    pub(crate) async fn check(&self, identity: &Identity) -> SignIn {
        if has_expired(identity.expires_at) {
            return SignIn::Ended;
        }
        let mut is_admin = identity.is_admin();
        if let (Some(sessions), Some(value)) = (&self.sessions, &identity.session) {
            match sessions.find(value.reveal()).await {
                Ok(Some(session)) if session.user_id == identity.user_id => {
                    is_admin = session.roles.iter().any(|role| role == ADMIN);
                }
                Ok(_) => return SignIn::Ended,
                Err(error) => {
                    tracing::debug!(%error, "auth: a cookie session could not be checked again");
                }
            }
        }
        if is_admin
            && let Ok(people) = self.store.people(std::slice::from_ref(&identity.user_id)).await
            && let Some(person) = people.first()
        {
            is_admin = person.roles.iter().any(|role| role == ADMIN);
        }
        SignIn::Valid { is_admin }
    }
}

/// Returns whether an expiry, in seconds since 1970, is past.
pub(crate) fn has_expired(expires_at: Option<i64>) -> bool {
    expires_at.is_some_and(|end| clock::now().0 >= end.saturating_mul(1_000))
}
