//! Checks of connections that are open whether their sign-in still holds: a cookie session may have ended, a role may
//! have been taken away.

use std::time::Duration;

use crate::{
    clock,
    domain::user::{ADMIN, Identity},
    redis::Sessions,
    store::Store,
};

/// Longest interval between two checks of a connection; with a shorter heartbeat it is checked with each.
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);

/// Sources of what is known about sign-ins.
#[derive(Debug, Clone)]
pub struct SignIns {
    store: Store,
    sessions: Option<Sessions>,
}

/// State of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// It holds; the user may still administer, or not any more.
    Valid {
        /// Whether the user has the role `admin`.
        is_admin: bool,
    },
    /// It has ended.
    Ended,
}

impl SignIns {
    /// Checks against this directory and, with cookie authentication, these sessions.
    #[must_use]
    pub fn new(store: Store, sessions: Option<Sessions>) -> Self {
        Self { store, sessions }
    }

    /// Checks a sign-in. While Redis or the store is away, it stays as it was.
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
                    tracing::debug!(%error, "a cookie session could not be looked up again")
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

/// Whether a sign-in that ends at this time, in seconds since 1970, has ended.
pub(crate) fn has_expired(expires_at: Option<i64>) -> bool {
    expires_at.is_some_and(|end| clock::now().0 >= end.saturating_mul(1_000))
}
