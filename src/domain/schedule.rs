//! Schedules of notification types.

use chrono::DateTime;
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use serde::Deserialize;
use serde_json::Value;

use super::notification::Timestamp;

/// Delay after which a run counts as missed, in milliseconds.
const LATE_MS: i64 = 60_000;

/// Maximum length of a cron expression, in characters.
const CRON_MAX_CHARS: usize = 200;
const COUNT_MAX_CHARS: usize = 128;

/// Handling of missed runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// All missed runs are made up for by one.
    #[default]
    Once,
    /// Missed runs are skipped.
    Skip,
}

/// Schedule as written: a cron expression alone, or an object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Cron(String),
    More(More),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct More {
    cron: String,
    #[serde(default = "utc")]
    timezone: String,
    #[serde(default)]
    count: Option<String>,
    #[serde(default)]
    missed: Missed,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Schedule of a type.
#[derive(Debug, Clone)]
pub struct Schedule {
    written: More,
    cron: Cron,
    zone: Tz,
}

/// A run that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueRun {
    /// Time at which it was due.
    pub at: Timestamp,
    /// True if the run was missed and is only recorded.
    pub skipped: bool,
}

impl Schedule {
    /// Parses a schedule: a string, or `{"cron", "timezone", "count", "missed"}`.
    ///
    /// # Errors
    /// A description of the error.
    pub fn parse(value: &Value) -> Result<Self, String> {
        let expected = "expected is a text such as \"0 18 * * *\", or { cron, timezone, count, \
        missed = \"once\" or \"skip\" }";
        let written = match serde_json::from_value(value.clone())
            .map_err(|_| format!("{value} is no schedule; {expected}"))?
        {
            Written::Cron(cron) => {
                More { cron, timezone: utc(), count: None, missed: Missed::default() }
            }
            Written::More(more) => more,
        };
        if written.cron.chars().count() > CRON_MAX_CHARS {
            return Err(format!("cron must be at most {CRON_MAX_CHARS} characters long"));
        }
        if written
            .count
            .as_ref()
            .is_some_and(|count| count.is_empty() || count.chars().count() > COUNT_MAX_CHARS)
        {
            return Err("count must be the code of a type".to_owned());
        }
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(&written.cron).map_err(|error| {
            format!(
                "{:?} is not in the form of cron, such as \"0 18 * * *\" for six in the evening: \
                 {error}",
                written.cron
            )
        })?;
        let zone = written.timezone.parse().map_err(|_| {
            format!("{:?} is not a time zone such as \"Asia/Jakarta\"", written.timezone)
        })?;
        // A schedule without any occurrence would be searched again and again.
        if cron.find_next_occurrence(&DateTime::UNIX_EPOCH, true).is_err() {
            return Err(format!("{:?} never comes: there is no such day", written.cron));
        }
        Ok(Self { written, cron, zone })
    }

    /// Returns the type whose notifications since the last run are counted, for `{count}`.
    #[must_use]
    pub fn count(&self) -> Option<&str> {
        self.written.count.as_deref()
    }

    /// Returns the schedule as text: a changed one is another schedule, and begins anew.
    #[must_use]
    pub fn when(&self) -> String {
        format!("{} {}", self.written.cron, self.written.timezone)
    }

    /// Returns the run that is due at `now`, after the last one at `last`; several missed runs are
    /// one.
    #[must_use]
    pub fn due(&self, last: Timestamp, now: Timestamp) -> Option<DueRun> {
        let local = now.to_utc().with_timezone(&self.zone);
        let at =
            Timestamp(self.cron.find_previous_occurrence(&local, true).ok()?.timestamp_millis());
        let late = now.0 - at.0 > LATE_MS;
        (at > last).then_some(DueRun { at, skipped: late && self.written.missed == Missed::Skip })
    }

    /// Returns the next run after `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let local = now.to_utc().with_timezone(&self.zone);
        self.cron
            .find_next_occurrence(&local, false)
            .ok()
            .map(|at| Timestamp(at.timestamp_millis()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    fn schedule(value: &Value) -> Schedule {
        Schedule::parse(value).expect("a schedule")
    }

    #[test]
    fn schedule_follows_its_time_zone() {
        let jakarta = schedule(&json!({ "cron": "0 18 * * *", "timezone": "Asia/Jakarta" }));
        let last = at("2026-03-01T11:00:00Z");
        assert_eq!(jakarta.due(last, at("2026-03-02T10:59:59Z")), None);
        let due = DueRun { at: at("2026-03-02T11:00:00Z"), skipped: false };
        assert_eq!(jakarta.due(last, at("2026-03-02T11:00:00Z")), Some(due));
        assert_eq!(jakarta.due(due.at, at("2026-03-02T11:00:30Z")), None, "once");
        assert_eq!(jakarta.next(at("2026-03-02T11:00:00Z")), Some(at("2026-03-03T11:00:00Z")));
        // Local time decides when the clocks change.
        let berlin = schedule(&json!({ "cron": "0 18 * * *", "timezone": "Europe/Berlin" }));
        assert_eq!(berlin.next(at("2026-03-28T12:00:00Z")), Some(at("2026-03-28T17:00:00Z")));
        assert_eq!(berlin.next(at("2026-03-29T12:00:00Z")), Some(at("2026-03-29T16:00:00Z")));
    }

    #[test]
    fn missed_runs_are_made_up_once_or_skipped() {
        let (last, now) = (at("2026-03-01T18:00:00Z"), at("2026-03-05T09:00:00Z"));
        let once = schedule(&json!("0 18 * * *")).due(last, now);
        assert_eq!(once, Some(DueRun { at: at("2026-03-04T18:00:00Z"), skipped: false }));
        let skip = schedule(&json!({ "cron": "0 18 * * *", "missed": "skip" }));
        assert_eq!(
            skip.due(last, now),
            Some(DueRun { at: at("2026-03-04T18:00:00Z"), skipped: true })
        );
        // A small delay does not count as missed.
        let soon = skip.due(at("2026-03-04T18:00:00Z"), at("2026-03-05T18:00:20Z"));
        assert_eq!(soon, Some(DueRun { at: at("2026-03-05T18:00:00Z"), skipped: false }));
    }

    #[test]
    fn invalid_input_is_reported_by_field() {
        for (value, says) in [
            (json!("every day"), "cron"),
            (json!({ "cron": "0 18 * * *", "timezone": "Mars" }), "Mars"),
            (json!({ "cron": "0 18 * * *", "missed": "twice" }), "once"),
            (json!(7), "no schedule"),
            (json!("* * * * * *"), "cron"),
            (json!("0 0 31 2 *"), "never"),
            (json!({ "cron": "0 18 * * *", "count": "" }), "count"),
        ] {
            assert!(Schedule::parse(&value).is_err_and(|why| why.contains(says)), "{value}");
        }
    }

    proptest! {
        /// Polling at any rate runs each occurrence once and forgets none.
        #[test]
        fn frequent_polling_runs_each_occurrence_once(steps in prop::collection::vec(1_i64..59_000,
            1..60)) {
            let every = schedule(&json!("* * * * *"));
            let start = at("2026-01-01T00:00:30Z");
            let (mut last, mut now, mut runs) = (start, start, Vec::new());
            for step in steps {
                now = Timestamp(now.0 + step);
                if let Some(due) = every.due(last, now) {
                    prop_assert!(due.at > last && due.at <= now);
                    runs.push(due.at.0);
                    last = due.at;
                }
            }
            let first = start.0 / 60_000 * 60_000 + 60_000;
            let expected: Vec<i64> = (0..100).map(|n| first + n * 60_000).take_while(|at| *at <=
                now.0).collect();
            prop_assert_eq!(runs, expected);
        }
    }
}
