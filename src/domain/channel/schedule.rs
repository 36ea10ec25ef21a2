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

#[cfg(test)]
mod tests {
    use chrono::Timelike as _;
    use proptest::prelude::*;

    use super::*;

    const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];

    #[test]
    fn invalid_digests_and_escalations_are_refused() {
        for wrong in ["", "soon", "0 25 * * *", "* * * * * *", "0 0 31 2 *"] {
            assert!(Digest::parse(wrong).is_err(), "{wrong}");
        }
        let step = |after: &str, channels: &[&str]| Escalation {
            after: after.to_owned(),
            unless: UnlessState::Seen,
            channels: channels.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(step("10m", &["email"]).check(), Ok(600_000));
        for wrong in [step("", &["email"]), step("1h", &[]), step("1h", &["web"])] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        // A year around the clock changes of all zones.
        #[test]
        fn each_notification_is_in_exactly_one_digest_whatever_the_clocks_do(
            zone in 0..ZONES.len(),
            mut times in proptest::collection::vec(1_767_225_600_000_i64..1_798_761_600_000, 1..60),
            hour in 0_u32..24,
        ) {
            times.sort_unstable();
            let digest = Digest::parse(&format!("30 {hour} * * *")).expect("it is valid");
            let zone_name = ZONES[zone];
            let zone: Tz = zone_name.parse().expect("a zone");
            let mut before = i64::MIN;
            for time in times {
                let due = digest.next(Timestamp(time), Some(zone_name));
                prop_assert!(due.0 > time, "it is collected before it is sent");
                prop_assert!(due.0 - time <= 26 * 3_600_000, "it does not wait for days");
                prop_assert!(due.0 >= before, "a later notification is in no earlier digest");
                before = due.0;
                // What came just before the digest is in it, and what comes at it is in the next.
                prop_assert_eq!(digest.next(Timestamp(due.0 - 1), Some(zone_name)), due);
                prop_assert!(digest.next(due, Some(zone_name)) > due);
                let local = due.to_utc().with_timezone(&zone);
                // A time that a clock change skips is moved by it.
                prop_assert!(local.minute() == 30 || local.minute() == 0, "{local}");
            }
        }
    }
}
