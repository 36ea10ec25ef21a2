//! End of a snooze, as clients name it.

use serde_json::{Map, Value};

use crate::domain::{channel::parse_duration, notification::Timestamp};

/// Longest time for which a notification can be snoozed, in milliseconds: a year.
const SNOOZE_MAX_MS: i64 = 366 * 24 * 60 * 60 * 1_000;

/// End of a snooze, as a client names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnoozeEnd {
    /// A time.
    At(Timestamp),
    /// A duration from now, in milliseconds.
    In(i64),
}

impl SnoozeEnd {
    /// Returns the time.
    ///
    /// # Errors
    /// When it is not in the future, or more than a year away.
    pub fn after(self, now: Timestamp) -> Result<Timestamp, String> {
        let until = match self {
            Self::At(time) => time,
            Self::In(ms) => Timestamp(now.0.saturating_add(ms)),
        };
        if until <= now {
            return Err("until must be a time in the future".to_owned());
        }
        if until.0 > now.0.saturating_add(SNOOZE_MAX_MS) {
            return Err("a notification can be snoozed for at most 366 days".to_owned());
        }
        Ok(until)
    }
}

/// Reads `until` (RFC 3339), or `for` (a duration such as `1h`).
///
/// # Errors
/// A description of the expected format.
pub fn snooze(fields: &Map<String, Value>) -> Result<SnoozeEnd, String> {
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("{name} must be a string")),
    };
    match (text("until")?, text("for")?) {
        (Some(until), None) => Timestamp::parse(until).map(SnoozeEnd::At),
        (None, Some(duration)) => parse_duration(duration).map(SnoozeEnd::In),
        _ => Err("give until (a time in RFC 3339) or for (a duration such as \"1h\")".to_owned()),
    }
}
