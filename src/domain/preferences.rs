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

    /// Validates the matrix of channels, and normalizes its codes.
    fn check_channels(&mut self) -> Result<(), (&'static str, String)> {
        let mut rows = 0;
        for (name, channel) in &mut self.channels {
            if !CHANNELS.contains(&name.as_str()) {
                let why = format!("{name:?} is not one of {}", CHANNELS.join(", "));
                return Err(("channels", why));
            }
            let mut types = BTreeMap::new();
            for (code, wanted) in &channel.types {
                let known = code_of(code);
                if known.is_empty() || known.chars().count() > CODE_MAX_CHARS {
                    return Err(("channels", format!("{code:?} is not the code of a type")));
                }
                types.insert(known, *wanted);
            }
            rows += types.len();
            channel.types = types;
        }
        if rows > MUTED_MAX {
            return Err(("channels", format!("at most {MUTED_MAX} types can be named")));
        }
        Ok(())
    }

    /// Returns the preferences with the matrix of channels complete, and the older members in
    /// accord with it.
    #[must_use]
    pub fn complete(mut self) -> Self {
        let mut muted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in CHANNELS {
            let enabled = self.is_enabled(name);
            let of_older = || {
                let types = self.muted_channels.iter();
                let muted = types.filter(|(_, channels)| channels.iter().any(|one| one == name));
                ChannelPreferences {
                    enabled,
                    types: muted.map(|(code, _)| (code.clone(), false)).collect(),
                }
            };
            let channel = self.channels.get(name).cloned().unwrap_or_else(of_older);
            for (code, _) in channel.types.iter().filter(|(_, wanted)| !**wanted) {
                muted.entry(code.clone()).or_default().push(name.to_owned());
            }
            match name {
                "email" => self.email_enabled = enabled,
                _ => self.push_enabled = enabled,
            }
            self.channels.insert(name.to_owned(), channel);
        }
        self.muted_channels = muted;
        self
    }

    /// Takes the older members as the caller's wish where they differ from what is stored: a client
    /// that does not know the matrix sends it back unchanged.
    #[must_use]
    pub fn merged_with(mut self, stored: &Self) -> Self {
        let stored = stored.clone().complete();
        if self.email_enabled != stored.email_enabled {
            let enabled = self.email_enabled;
            if let Some(channel) = self.channels.get_mut("email")
                && channel.enabled == stored.email_enabled
            {
                channel.enabled = enabled;
            }
        }
        if self.push_enabled != stored.push_enabled {
            let enabled = self.push_enabled;
            if let Some(channel) = self.channels.get_mut("push")
                && channel.enabled == stored.push_enabled
            {
                channel.enabled = enabled;
            }
        }
        if self.muted_channels != stored.muted_channels
            && CHANNELS.iter().all(|name| {
                self.channels.get(*name).map(|channel| &channel.types)
                    == stored.channels.get(*name).map(|channel| &channel.types)
            })
        {
            for name in CHANNELS {
                let Some(channel) = self.channels.get_mut(name) else { continue };
                let muted = self.muted_channels.iter();
                channel.types = muted
                    .filter(|(_, channels)| channels.iter().any(|one| one == name))
                    .map(|(code, _)| (code.clone(), false))
                    .collect();
            }
        }
        self.complete()
    }

    fn is_enabled(&self, channel: &str) -> bool {
        match (self.channels.get(channel), channel) {
            (Some(preferences), _) => preferences.enabled,
            (None, "email") => self.email_enabled,
            (None, "push") => self.push_enabled,
            (None, _) => true,
        }
    }

    /// Returns why nothing of this type may be sent on a channel; `None` if it may.
    #[must_use]
    pub fn refuses(&self, channel: &str, type_code: &str) -> Option<String> {
        let code = code_of(type_code);
        if self.muted_types.contains(&code) {
            return Some("the person has muted the type".to_owned());
        }
        if !self.is_enabled(channel) {
            return Some(format!("the person has switched {channel} off"));
        }
        let muted = match self.channels.get(channel) {
            Some(preferences) => preferences.types.get(&code) == Some(&false),
            None => self
                .muted_channels
                .get(&code)
                .is_some_and(|all| all.iter().any(|muted| muted == channel)),
        };
        muted.then(|| format!("the person has muted the type on {channel}"))
    }

    /// Mutes a type on a channel.
    pub fn mute_on(&mut self, channel: &str, type_code: &str) {
        let mut complete = std::mem::take(self).complete();
        if let Some(preferences) = complete.channels.get_mut(channel) {
            preferences.types.insert(code_of(type_code), false);
        }
        *self = complete.complete();
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
