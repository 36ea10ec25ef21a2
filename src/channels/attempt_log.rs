//! Log of failed attempts of a channel: one line in a minute, without personal data.

use std::borrow::Cow;

use crate::{
    clock,
    domain::notification::Timestamp,
    store::{Delivery, DeliveryOutcome},
    telemetry::LogLimit,
};

/// Minimum time between two lines of a channel, in milliseconds.
const INTERVAL_MS: i64 = 60_000;

/// Log of the failed attempts of a channel that are repeated.
#[derive(Debug)]
pub(super) struct AttemptLog(LogLimit);

impl Default for AttemptLog {
    fn default() -> Self {
        Self(LogLimit::every(INTERVAL_MS))
    }
}

impl AttemptLog {
    /// Logs a failed attempt, unless another one was logged in the last minute.
    pub(super) fn failed(&self, channel: &str, delivery: &Delivery, outcome: &DeliveryOutcome) {
        let Some(suppressed) = self.0.admit(clock::monotonic().0) else { return };
        let next_attempt_at = outcome.due_at.map(Timestamp::to_rfc3339);
        tracing::warn!(
            channel,
            reason = outcome.reason.as_deref().map(impersonal).as_deref(),
            attempt = delivery.attempts + 1,
            next_attempt_at,
            suppressed,
            "channels: an attempt failed; it is repeated"
        );
    }
}

/// Returns a reason without e-mail addresses, which servers repeat in their replies.
pub(super) fn impersonal(reason: &str) -> Cow<'_, str> {
    if !reason.contains('@') {
        return Cow::Borrowed(reason);
    }
    let words = reason.split(' ').map(|word| if word.contains('@') { "(address)" } else { word });
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::impersonal;

    #[test]
    fn reason_in_the_log_has_no_address() {
        let reply = "550 5.1.1 <budi@example.com>: no such user";
        assert_eq!(impersonal(reply), "550 5.1.1 (address) no such user");
        assert_eq!(impersonal("not reached"), "not reached");
    }
}
