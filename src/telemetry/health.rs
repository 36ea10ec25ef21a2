//! State of each part, for `/health/ready`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use super::metric;

/// State of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartState {
    /// Working.
    Ok,
    /// Working with limitations.
    Degraded(String),
    /// Not working.
    Down(String),
    /// Not used.
    Off,
}

impl PartState {
    /// Returns `Degraded` with a reason, or `Ok`.
    #[must_use]
    pub fn from_problems(trouble: Option<String>) -> Self {
        trouble.map_or(Self::Ok, Self::Degraded)
    }

    /// Returns the name in `/health/ready`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded(_) => "degraded",
            Self::Down(_) => "down",
            Self::Off => "off",
        }
    }

    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Degraded(reason) | Self::Down(reason) => Some(reason),
            Self::Ok | Self::Off => None,
        }
    }
}

/// Reason of a part that has not reported anything since the start.
const CONNECTING: &str = "connecting";

/// States of all parts, shared.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    states: BTreeMap<&'static str, PartState>,
    /// Parts that have ever worked.
    worked: BTreeSet<&'static str>,
}

/// Relevance of a state for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// Unchanged, or not relevant.
    None,
    /// First known state of the part.
    First,
    /// Changed.
    Change,
}

fn gauge(part: &'static str, value: f64) {
    metrics::gauge!(metric::PART_UP, "part" => part).set(value);
}

impl Health {
    /// Sets the state of a part. A change is logged once.
    #[expect(clippy::needless_pass_by_value, reason = "callers make the state where they say it")]
    pub fn set(&self, part: &'static str, state: PartState) {
        let news = self.change(part, state.clone());
        match (news, &state) {
            (News::None, _) | (News::First, PartState::Ok | PartState::Off) => {}
            // Stopping is expected.
            (_, PartState::Down(_)) if part == "hub" => {}
            // Invalid edits and types are logged with their position where they are found.
            (_, PartState::Degraded(_)) if part == "config" => {}
            (_, PartState::Ok | PartState::Off) => {
                tracing::info!(part, state = state.word(), "{part}: working again");
            }
            (_, PartState::Degraded(reason)) => tracing::warn!(part, reason, "{part}: degraded"),
            (_, PartState::Down(reason)) => tracing::warn!(part, reason, "{part}: down"),
        }
    }

    /// Sets the state of a part that logs its changes itself.
    pub fn set_silently(&self, part: &'static str, state: PartState) {
        self.change(part, state);
    }

    /// Sets a state. Returns its relevance for the log.
    fn change(&self, part: &'static str, state: PartState) -> News {
        // A std Mutex: no await while it is held.
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let word = state.word();
        let is_first_success = state == PartState::Ok && !parts.worked.contains(part);
        if matches!(state, PartState::Ok | PartState::Degraded(_)) {
            parts.worked.insert(part);
        }
        match state {
            PartState::Ok | PartState::Degraded(_) => gauge(part, 1.0),
            PartState::Down(_) => gauge(part, 0.0),
            PartState::Off => {}
        }
        let before = parts.states.insert(part, state);
        // A stopping hub closes its parts itself.
        let stopping = part != "hub" && matches!(parts.states.get("hub"), Some(PartState::Down(_)));
        match before {
            _ if stopping => News::None,
            None => News::First,
            // A part that is connecting at the start is no trouble.
            Some(PartState::Down(_)) if is_first_success => News::First,
            Some(before) if before.word() == word => News::None,
            Some(_) => News::Change,
        }
    }

    /// Marks a part as not connected yet, until it reports something.
    pub fn set_connecting(&self, part: &'static str) {
        self.change(part, PartState::Down(CONNECTING.to_owned()));
    }

    /// Returns whether a part has not reported anything since the start.
    #[must_use]
    pub fn is_connecting(&self, part: &str) -> bool {
        self.parts().get(part).and_then(PartState::reason) == Some(CONNECTING)
    }

    /// Returns whether a part has ever worked.
    #[must_use]
    pub fn was_ever_ok(&self, part: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).worked.contains(part)
    }

    /// Returns whether a part is down.
    #[must_use]
    pub fn is_down(&self, part: &str) -> bool {
        self.parts().get(part).is_some_and(|state| matches!(state, PartState::Down(_)))
    }

    /// Returns the states of all parts.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<&'static str, PartState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).states.clone()
    }
}
