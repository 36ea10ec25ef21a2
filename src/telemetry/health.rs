//! How each part is: what `/health/ready` answers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartState {
    /// It works.
    Ok,
    /// It works, but not as well as it should.
    Degraded(String),
    /// It does not work.
    Down(String),
    /// It is not used.
    Off,
}

impl PartState {
    /// Well, unless there is something to say.
    #[must_use]
    pub fn of_trouble(trouble: Option<String>) -> Self {
        trouble.map_or(Self::Ok, Self::Degraded)
    }

    /// The word in `/health/ready`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded(_) => "degraded",
            Self::Down(_) => "down",
            Self::Off => "off",
        }
    }

    /// Why it is not well.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Degraded(reason) | Self::Down(reason) => Some(reason),
            Self::Ok | Self::Off => None,
        }
    }
}

/// How all parts are; shared by everybody who knows of one.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, PartState>>>);

impl Health {
    /// Says how a part is. A change is logged, once.
    #[expect(clippy::needless_pass_by_value, reason = "callers make the state where they say it")]
    pub fn set(&self, part: &'static str, state: PartState) {
        let before = {
            // A std Mutex: nothing is awaited while it is held.
            let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            parts.insert(part, state.clone())
        };
        if before.as_ref().map(PartState::word) == Some(state.word()) {
            return;
        }
        match (&before, &state) {
            (None, PartState::Ok | PartState::Off) => {}
            // Stopping is no news to whoever asked for it.
            (_, PartState::Down(_)) if part == "hub" => {}
            // The source says itself where events come from now.
            (_, PartState::Ok) if part == "nats" => {}
            (_, PartState::Ok | PartState::Off) => tracing::info!(part, state = state.word(), "{part} is well again"),
            (_, PartState::Degraded(reason)) => tracing::warn!(part, reason, "{part} is degraded"),
            (_, PartState::Down(reason)) => tracing::warn!(part, reason, "{part} is down"),
        }
    }

    /// Whether a part is down.
    #[must_use]
    pub fn is_down(&self, part: &str) -> bool {
        self.parts().get(part).is_some_and(|state| matches!(state, PartState::Down(_)))
    }

    /// How all parts are.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<&'static str, PartState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
