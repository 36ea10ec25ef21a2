//! Preferences of a user: types, channels, quiet hours, retention.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{NaiveTime, Timelike as _};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{event::code_of, notification::Timestamp};

/// Maximum number of muted types of a user.
const MUTED_MAX: usize = 1_000;

/// Maximum length of the code of a muted type, in characters.
const CODE_MAX_CHARS: usize = 200;

/// Allowed retention periods, in days.
pub const RETENTION_DAYS: std::ops::RangeInclusive<i64> = 1..=15;

/// Channels besides the bell on which a type can be muted.
const CHANNELS: [&str; 2] = ["email", "push"];

/// Preferences of a user; the defaults allow everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Codes of muted types: no notification is stored.
    pub muted_types: Vec<String>,
    /// Muted channels, by code of the type.
    pub muted_channels: BTreeMap<String, Vec<String>>,
    /// True if e-mail may be sent.
    pub email_enabled: bool,
    /// True if Web Push may be sent.
    pub push_enabled: bool,
    /// Hours without toasts and sounds.
    pub quiet_hours: Option<QuietHours>,
    /// IANA time zone of the quiet hours; by default the directory's, else UTC.
    pub timezone: Option<String>,
    /// Days after which a notification clears itself.
    pub retention_days: Option<i64>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            muted_types: Vec::new(),
            muted_channels: BTreeMap::new(),
            email_enabled: true,
            push_enabled: true,
            quiet_hours: None,
            timezone: None,
            retention_days: None,
        }
    }
}

/// Interval of the day, past midnight if `to` is earlier than `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// First quiet minute.
    pub from: ClockTime,
    /// First minute after the quiet ones.
    pub to: ClockTime,
}

/// Time of day in minutes, such as `22:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockTime(u32);

impl FromStr for ClockTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is not a time of the day; write hours and minutes, such as \"22:00\"")
        };
        let time = NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| wrong())?;
        if text.len() == 5 { Ok(Self(time.hour() * 60 + time.minute())) } else { Err(wrong()) }
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for ClockTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl QuietHours {
    fn contain(self, time: ClockTime) -> bool {
        if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        }
    }
}

impl Preferences {
    /// Validates the preferences, and normalizes the codes.
    ///
    /// # Errors
    /// The invalid field, and a description.
    pub fn checked(mut self) -> Result<Self, (&'static str, String)> {
        let code = |code: &String| match code_of(code) {
            known if known.is_empty() || known.chars().count() > CODE_MAX_CHARS => {
                Err(format!("{code:?} is not the code of a type"))
            }
            known => Ok(known),
        };
        let mut muted = self
            .muted_types
            .iter()
            .map(code)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|why| ("muted_types", why))?;
        muted.sort();
        muted.dedup();
        if muted.len() + self.muted_channels.len() > MUTED_MAX {
            return Err(("muted_types", format!("at most {MUTED_MAX} types can be muted")));
        }
        self.muted_types = muted;
        let mut channels = BTreeMap::new();
        for (kind, muted) in &self.muted_channels {
            if let Some(other) = muted.iter().find(|channel| !CHANNELS.contains(&channel.as_str()))
            {
                let why = format!(
                    "{other:?} is not one of {}; muted_types keeps a type from the bell",
                    CHANNELS.join(", ")
                );
                return Err(("muted_channels", why));
            }
            channels.insert(code(kind).map_err(|why| ("muted_channels", why))?, muted.clone());
        }
        self.muted_channels = channels;
        if self.quiet_hours.is_some_and(|hours| hours.from == hours.to) {
            return Err(("quiet_hours", "from and to must be two different times".to_owned()));
        }
        if let Some(zone) = &self.timezone
            && zone.parse::<Tz>().is_err()
        {
            return Err((
                "timezone",
                format!("{zone:?} is not an IANA time zone, such as \"Asia/Jakarta\""),
            ));
        }
        if self.retention_days.is_some_and(|days| !RETENTION_DAYS.contains(&days)) {
            let (least, most) = (RETENTION_DAYS.start(), RETENTION_DAYS.end());
            return Err(("retention_days", format!("must be from {least} to {most}, or null")));
        }
        Ok(self)
    }

    /// Returns whether a type is muted.
    #[must_use]
    pub fn mutes(&self, code: &str) -> bool {
        !self.muted_types.is_empty() && self.muted_types.contains(&code_of(code))
    }

    /// Returns whether a time is within the quiet hours. `home` is the directory's time zone.
    ///
    /// Local time decides: on the night of a clock change the quiet hours are an hour longer or
    /// shorter.
    #[must_use]
    pub fn quiet_at(&self, now: Timestamp, home: Option<&str>) -> bool {
        let Some(hours) = self.quiet_hours else { return false };
        let zone =
            self.timezone.as_deref().or(home).and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
        let local = now.to_utc().with_timezone(&zone);
        hours.contain(ClockTime(local.hour() * 60 + local.minute()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(from: &str, to: &str, zone: &str) -> Preferences {
        let hours =
            QuietHours { from: from.parse().expect("a time"), to: to.parse().expect("a time") };
        Preferences {
            quiet_hours: Some(hours),
            timezone: Some(zone.to_owned()),
            ..Preferences::default()
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a constant time is a time")
    }

    #[test]
    fn quiet_hours_span_midnight_in_the_users_time_zone() {
        let night = quiet("22:00", "07:00", "Asia/Jakarta");
        for (time, expected) in [
            ("2026-01-01T14:59:59Z", false),
            ("2026-01-01T15:00:00Z", true),
            ("2026-01-01T23:59:00Z", true),
            ("2026-01-02T00:00:00Z", false),
        ] {
            assert_eq!(night.quiet_at(at(time), None), expected, "{time}");
        }
        assert!(quiet("09:00", "17:00", "UTC").quiet_at(at("2026-01-01T09:00:00Z"), None));
        assert!(!quiet("09:00", "17:00", "UTC").quiet_at(at("2026-01-01T17:00:00Z"), None));
        let homely = Preferences { timezone: None, ..night };
        assert!(homely.quiet_at(at("2026-01-01T15:00:00Z"), Some("Asia/Jakarta")));
        assert!(!homely.quiet_at(at("2026-01-01T15:00:00Z"), None));
    }

    #[test]
    fn quiet_hours_follow_local_time_on_clock_changes() {
        // Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC. 25 October: 03:00 becomes 02:00
        // at 01:00 UTC.
        let night = quiet("22:00", "07:00", "Europe/Berlin");
        assert!(night.quiet_at(at("2026-03-29T04:59:00Z"), None), "06:59 of summer");
        assert!(!night.quiet_at(at("2026-03-29T05:00:00Z"), None), "07:00 of summer");
        assert!(night.quiet_at(at("2026-03-28T05:59:00Z"), None), "06:59 of winter");
        assert!(!night.quiet_at(at("2026-03-28T06:00:00Z"), None), "07:00 of winter");
        assert!(
            night.quiet_at(at("2026-10-25T05:59:00Z"), None)
                && !night.quiet_at(at("2026-10-25T06:00:00Z"), None)
        );
        // A skipped hour never occurs; a repeated hour is quiet twice.
        let hour = quiet("02:00", "03:00", "Europe/Berlin");
        let minutes = |day: &str| {
            (0..24 * 60)
                .filter(|minute| hour.quiet_at(Timestamp(at(day).0 + minute * 60_000), None))
                .count()
        };
        assert_eq!((minutes("2026-03-28T23:00:00Z"), minutes("2026-10-24T22:00:00Z")), (0, 120));
        assert_eq!(minutes("2026-06-01T00:00:00Z"), 60);
    }

    #[test]
    fn invalid_input_is_reported_by_field() {
        let field = |preferences: Preferences| preferences.checked().err().map(|(field, _)| field);
        assert_eq!(
            field(Preferences { retention_days: Some(16), ..Preferences::default() }),
            Some("retention_days")
        );
        assert_eq!(
            field(Preferences { retention_days: Some(0), ..Preferences::default() }),
            Some("retention_days")
        );
        assert_eq!(
            field(Preferences { timezone: Some("Mars".into()), ..Preferences::default() }),
            Some("timezone")
        );
        assert_eq!(field(quiet("22:00", "22:00", "UTC")), Some("quiet_hours"));
        assert_eq!(
            field(Preferences { muted_types: vec![String::new()], ..Preferences::default() }),
            Some("muted_types")
        );
        let other = BTreeMap::from([("A".to_owned(), vec!["pigeon".to_owned()])]);
        assert_eq!(
            field(Preferences { muted_channels: other, ..Preferences::default() }),
            Some("muted_channels")
        );
        for time in ["24:00", "7:00", "22", "22:00:00", ""] {
            assert!(time.parse::<ClockTime>().is_err(), "{time}");
        }
    }

    #[test]
    fn muted_type_matches_in_any_spelling() {
        let muted =
            Preferences { muted_types: vec!["user.login".into()], ..Preferences::default() };
        let muted = muted.checked().expect("it is fine");
        assert_eq!(muted.muted_types, ["USER_LOGIN"]);
        assert!(muted.mutes("USER_LOGIN") && !muted.mutes("NOTE_CREATED"));
        let json = serde_json::to_value(&muted).expect("it is JSON");
        assert_eq!(serde_json::from_value::<Preferences>(json).expect("it is read back"), muted);
    }
}
