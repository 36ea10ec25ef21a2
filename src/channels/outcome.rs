//! Outcome of an attempt: sent, again later, or over.

use std::time::Duration;

use rand::Rng as _;

use super::{SendError, SendErrorKind, Sent};
use crate::{
    config::Retry,
    domain::notification::Timestamp,
    store::{Delivery, DeliveryOutcome},
};

/// Maximum length of a stored reason, in characters.
const REASON_MAX_CHARS: usize = 500;

/// Returns an outcome without an attempt.
pub(super) fn without_attempt(
    delivery: &Delivery,
    state: &'static str,
    reason: String,
    due_at: Option<Timestamp>,
) -> DeliveryOutcome {
    DeliveryOutcome {
        delivery_id: delivery.delivery_id,
        state,
        reason: Some(reason),
        attempts: 0,
        due_at,
        sent_at: None,
        confirmed: None,
    }
}

/// Returns the outcome of an attempt.
pub(super) fn of_attempt(
    delivery: &Delivery,
    result: &Result<Sent, SendError>,
    retry: &Retry,
    now: Timestamp,
) -> DeliveryOutcome {
    let confirmed = |new: &[String]| {
        (!new.is_empty()).then(|| delivery.confirmed.iter().chain(new).cloned().collect())
    };
    let make = |state, reason: Option<&str>, due_at, sent_at, new: &[String]| DeliveryOutcome {
        delivery_id: delivery.delivery_id,
        state,
        reason: reason.map(shortened),
        attempts: 1,
        due_at,
        sent_at,
        confirmed: confirmed(new),
    };
    match result {
        Ok(sent) => make("sent", None, None, Some(now), &sent.confirmed),
        Err(SendError { kind, reason, confirmed }) => {
            let attempts = u32::try_from(delivery.attempts + 1).unwrap_or(u32::MAX);
            let asked = match kind {
                SendErrorKind::Nobody => return make("skipped", Some(reason), None, None, &[]),
                SendErrorKind::Invalid | SendErrorKind::Refused => {
                    return make("failed", Some(reason), None, None, confirmed);
                }
                SendErrorKind::Later(asked) => *asked,
                SendErrorKind::Unreachable => None,
            };
            if attempts >= retry.max_attempts {
                return make("failed", Some(reason), None, None, confirmed);
            }
            let pause = asked.unwrap_or_default().max(jittered(backoff(retry, attempts)));
            let ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
            let due_at = Timestamp(now.0.saturating_add(ms));
            make("scheduled", Some(reason), Some(due_at), None, confirmed)
        }
    }
}

fn backoff(retry: &Retry, attempts: u32) -> Duration {
    let last = retry.backoff_seconds.len().saturating_sub(1);
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(last).min(last);
    Duration::from_secs(retry.backoff_seconds.get(index).copied().unwrap_or(1))
}

/// Adds up to a tenth, so that many deliveries are not repeated at the same moment.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(1.0..1.1))
}

fn shortened(reason: &str) -> String {
    reason.chars().take(REASON_MAX_CHARS).collect::<String>().replace('\0', "\u{fffd}")
}
