//! Endpoints that are left alone because they were not reached: for the readiness and the API.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::telemetry::{Health, PartState};

/// Maximum number of endpoints of a channel that a reason names.
const NAMED_MAX: usize = 5;

/// Channels with an open breaker, shared by their workers.
#[derive(Debug, Clone, Default)]
pub struct Unreached(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl Unreached {
    /// Returns the endpoints of a channel that are not reached: an empty list stands for the
    /// channel itself, and `None` for none.
    #[must_use]
    pub fn of(&self, channel: &str) -> Option<Vec<String>> {
        let channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        channels.get(channel).cloned()
    }

    /// Sets the endpoints of a channel that are not reached.
    pub(super) fn set(&self, channel: &str, endpoints: Option<Vec<String>>, health: &Health) {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.get(channel) == endpoints.as_ref() {
            return;
        }
        log_change(channel, endpoints.as_deref());
        match endpoints {
            Some(endpoints) => channels.insert(channel.to_owned(), endpoints),
            None => channels.remove(channel),
        };
        let names: Vec<String> =
            channels.iter().map(|(channel, endpoints)| reason(channel, endpoints)).collect();
        let trouble = (!names.is_empty()).then(|| format!("not reached: {}", names.join(", ")));
        health.set("channels", PartState::from_problems(trouble));
    }
}

/// Logs that a breaker of a channel opened or closed.
fn log_change(channel: &str, endpoints: Option<&[String]>) {
    match endpoints {
        None => tracing::info!(channel, "channels: reached again; deliveries continue"),
        Some(endpoints) => tracing::warn!(
            channel,
            not_reached = reason(channel, endpoints),
            "channels: not reached several times in a row; deliveries wait, and one at a time \
             probes it"
        ),
    }
}

/// Returns the name of a channel with its endpoints.
fn reason(channel: &str, endpoints: &[String]) -> String {
    if endpoints.is_empty() {
        return channel.to_owned();
    }
    let named = endpoints.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    let more = match endpoints.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{channel} ({named}{more})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_names_channels_and_endpoints_until_they_are_reached() {
        let (unreached, health) = (Unreached::default(), Health::default());
        let reason = || health.parts()["channels"].reason().map(str::to_owned);
        unreached.set("webhook:ops", Some(Vec::new()), &health);
        assert_eq!(reason().as_deref(), Some("not reached: webhook:ops"));
        let origins = (1..=7).map(|n| format!("https://p{n}")).collect();
        unreached.set("push", Some(origins), &health);
        let push = "push (https://p1, https://p2, https://p3, https://p4, https://p5 and 2 more)";
        assert_eq!(reason(), Some(format!("not reached: {push}, webhook:ops")));
        assert_eq!(unreached.of("push").map(|origins| origins.len()), Some(7));
        assert_eq!(unreached.of("webhook:ops"), Some(Vec::new()));
        assert_eq!(unreached.of("webhook:op"), None);
        unreached.set("push", None, &health);
        unreached.set("webhook:ops", None, &health);
        assert_eq!((reason(), health.parts()["channels"].word()), (None, "ok"));
    }
}
