//! Escalations and digests of a type.

use chrono::{DateTime, TimeZone as _};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use serde::{Deserialize, Serialize};

use super::{WEB, duration::parse_duration, is_channel};
use crate::domain::notification::Timestamp;

/// Maximum number of escalations of a type.
pub const ESCALATIONS_MAX: usize = 8;

/// State of a notification in which an escalation is not needed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnlessState {
    /// It was on a screen, or read.
    Seen,
    /// It was read.
    Read,
}

impl UnlessState {
    /// Returns `seen` or `read`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Read => "read",
        }
    }

    /// Parses the name; empty text is no state.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Seen, Self::Read].into_iter().find(|state| state.as_str() == text)
    }
}

/// Step that sends a notification on further channels when nobody has noticed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Delay after the notification, such as `10m`.
    pub after: String,
    /// State in which nothing is sent.
    #[serde(default = "seen")]
    pub unless: UnlessState,
    /// Channels; their immediate delivery is replaced.
    pub channels: Vec<String>,
}

fn seen() -> UnlessState {
    UnlessState::Seen
}

impl Escalation {
    /// Validates the escalation. Returns its delay in milliseconds.
    ///
    /// # Errors
    /// A description.
    pub fn check(&self) -> Result<i64, String> {
        if self.channels.is_empty() {
            return Err("an escalation needs channels".to_owned());
        }
        if let Some(channel) = self.channels.iter().find(|name| !is_channel(name) || *name == WEB) {
            return Err(format!(
                "{channel:?} is no channel of an escalation; email, push and webhook:NAME are"
            ));
        }
        parse_duration(&self.after)
    }
}

/// Time up to which e-mails are collected.
#[derive(Debug, Clone)]
pub enum Digest {
    /// Times of a cron expression, in the recipient's time zone.
    Cron(Box<Cron>),
    /// Duration in milliseconds from the first notification.
    After(i64),
}

impl Digest {
    /// Parses five fields of cron, or a duration such as `30m`.
    ///
    /// # Errors
    /// A description of the expected format.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.contains(' ') {
            return parse_duration(text).map(Self::After).map_err(|error| {
                format!("{error}; or five fields of cron, such as \"0 18 * * *\"")
            });
        }
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| {
            format!("{text:?} is not in the form of cron, such as \"0 18 * * *\": {error}")
        })?;
        if cron.find_next_occurrence(&DateTime::UNIX_EPOCH, true).is_err() {
            return Err(format!("{text:?} never comes: there is no such day"));
        }
        Ok(Self::Cron(Box::new(cron)))
    }

    /// Returns the time at which a notification of `now` is sent.
    #[must_use]
    pub fn next(&self, now: Timestamp, zone: Option<&str>) -> Timestamp {
        match self {
            Self::After(ms) => Timestamp(now.0.saturating_add(*ms)),
            Self::Cron(cron) => {
                let zone: Tz = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
                let local = zone.from_utc_datetime(&now.to_utc().naive_utc());
                // A schedule without any further time was refused when it was parsed.
                cron.find_next_occurrence(&local, false)
                    .map_or(now, |next| Timestamp(next.timestamp_millis()))
            }
        }
    }
}
