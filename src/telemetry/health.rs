//! How each part is: what `/health/ready` answers.

use std::{
    collections::{BTreeMap, BTreeSet},
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
pub struct Health(Arc<Mutex<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    states: BTreeMap<&'static str, PartState>,
    /// Parts that have worked at any time.
    worked: BTreeSet<&'static str>,
}

/// Worth of a state for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// Nothing has changed, or nobody need hear of it.
    None,
    /// It is the first that is known of the part.
    First,
    /// It was another one before.
    Change,
}

impl Health {
    /// Says how a part is. A change is logged, once.
    #[expect(clippy::needless_pass_by_value, reason = "callers make the state where they say it")]
    pub fn set(&self, part: &'static str, state: PartState) {
        let news = self.change(part, state.clone());
        match (news, &state) {
            (News::None, _) | (News::First, PartState::Ok | PartState::Off) => {}
            // Stopping is no news to whoever asked for it.
            (_, PartState::Down(_)) if part == "hub" => {}
            // Whoever finds a bad edit or a bad type logs it with its place.
            (_, PartState::Degraded(_)) if part == "config" => {}
            (_, PartState::Ok | PartState::Off) => {
                tracing::info!(part, state = state.word(), "{part}: working again")
            }
            (_, PartState::Degraded(reason)) => tracing::warn!(part, reason, "{part}: degraded"),
            (_, PartState::Down(reason)) => tracing::warn!(part, reason, "{part}: down"),
        }
    }

    /// Records how a part is whose owner logs its changes.
    pub fn set_silently(&self, part: &'static str, state: PartState) {
        self.change(part, state);
    }

    /// Records how a part is; returns whether that is worth a log line.
    fn change(&self, part: &'static str, state: PartState) -> News {
        // A std Mutex: nothing is awaited while it is held.
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let word = state.word();
        if matches!(state, PartState::Ok | PartState::Degraded(_)) {
            parts.worked.insert(part);
        }
        let before = parts.states.insert(part, state);
        // A hub that stops closes its parts itself.
        let stopping = part != "hub" && matches!(parts.states.get("hub"), Some(PartState::Down(_)));
        match before {
            _ if stopping => News::None,
            None => News::First,
            Some(before) if before.word() == word => News::None,
            Some(_) => News::Change,
        }
    }

    /// Whether a part has worked at any time.
    #[must_use]
    pub fn was_ever_ok(&self, part: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).worked.contains(part)
    }

    /// Whether a part is down.
    #[must_use]
    pub fn is_down(&self, part: &str) -> bool {
        self.parts().get(part).is_some_and(|state| matches!(state, PartState::Down(_)))
    }

    /// How all parts are.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<&'static str, PartState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).states.clone()
    }
}
