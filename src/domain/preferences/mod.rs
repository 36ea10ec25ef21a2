//! Preferences of a user: types, channels, quiet hours, retention.

mod matrix;

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{NaiveTime, Timelike as _};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{event::code_of, notification::Timestamp};

pub use matrix::OlderMembers;

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
    /// Channels by name, with what is switched off; a channel that is missing is on, or as the
    /// older members `email_enabled`, `push_enabled` and `muted_channels` say.
    pub channels: BTreeMap<String, ChannelPreferences>,
    /// Collection of e-mails, instead of what the type says.
    pub digest: Option<DigestChoice>,
}

/// Preferences of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelPreferences {
    /// False if nothing may be sent on the channel.
    pub enabled: bool,
    /// Types by code, with whether they may be sent on the channel; others may.
    pub types: BTreeMap<String, bool>,
}

impl Default for ChannelPreferences {
    fn default() -> Self {
        Self { enabled: true, types: BTreeMap::new() }
    }
}

/// Collection of e-mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestChoice {
    /// One e-mail a day, at 18:00.
    Daily,
    /// One e-mail an hour.
    Hourly,
    /// Every e-mail at once.
    Off,
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
            channels: BTreeMap::new(),
            digest: None,
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
        self.check_channels()?;
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

    /// Returns the end of the quiet hours; `None` outside of them.
    #[must_use]
    pub fn quiet_until(&self, now: Timestamp, home: Option<&str>) -> Option<Timestamp> {
        if !self.quiet_at(now, home) {
            return None;
        }
        let minute = |n: i64| Timestamp((now.0.div_euclid(60_000) + n) * 60_000);
        // A clock change makes quiet hours at most some hours longer.
        (1..=48 * 60).map(minute).find(|time| !self.quiet_at(*time, home))
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
mod tests;
