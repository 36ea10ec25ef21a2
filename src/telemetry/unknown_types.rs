//! Unknown codes of events: counted, shown on the console, and logged at intervals.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use super::metric;
use crate::domain::{monotonic::Monotonic, notification::Timestamp};

/// Maximum number of codes; the least recently seen one is dropped first.
const CODES_MAX: usize = 500;

/// Minimum interval of warnings about the same code, in milliseconds.
const WARNING_EVERY_MS: i64 = 10 * 60 * 1_000;

/// Maximum number of codes logged within [`WARNING_EVERY_MS`]: codes may be invented without end.
const WARNINGS_MAX: usize = 20;

/// Unknown code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownType {
    /// Code.
    pub code: String,
    /// Number of events with it since the start of the hub.
    pub count: u64,
    /// Time of the last event.
    pub last_at: Timestamp,
}

/// Warning about unknown codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// About a code, with its number of events.
    Code(u64),
    /// About more unknown codes than are logged individually.
    TooMany,
}

/// Unknown codes since the start of the hub.
#[derive(Debug, Default)]
pub struct UnknownTypes(Mutex<Codes>);

#[derive(Debug, Default)]
struct Codes {
    codes: HashMap<String, Code>,
    /// Start of the period in which warnings are counted, and their number.
    period: Option<(Monotonic, usize)>,
}

#[derive(Debug)]
struct Code {
    count: u64,
    last_at: Timestamp,
    last: Monotonic,
    warned: Option<Monotonic>,
}

impl UnknownTypes {
    /// Counts an event. Returns the warning that is due.
    pub fn count(&self, code: &str, now: Timestamp, monotonic: Monotonic) -> Option<Warning> {
        metrics::counter!(metric::UNKNOWN_TYPE).increment(1);
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.make_room(code);
        let known = codes.codes.entry(code.to_owned()).or_insert(Code {
            count: 0,
            last_at: now,
            last: monotonic,
            warned: None,
        });
        known.count += 1;
        (known.last_at, known.last) = (now, monotonic);
        if known.warned.is_some_and(|warned| monotonic.0 - warned.0 < WARNING_EVERY_MS) {
            return None;
        }
        known.warned = Some(monotonic);
        let count = known.count;
        match codes.warnings_before(monotonic) {
            before if before < WARNINGS_MAX => Some(Warning::Code(count)),
            WARNINGS_MAX => Some(Warning::TooMany),
            _ => None,
        }
    }

    /// Returns up to `limit` codes, the most recent first.
    #[must_use]
    pub fn latest(&self, limit: usize) -> Vec<UnknownType> {
        let codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = codes.codes.iter().collect();
        all.sort_unstable_by(|(a_code, a), (b_code, b)| {
            b.last.cmp(&a.last).then_with(|| a_code.cmp(b_code))
        });
        let shown = |(code, known): (&String, &Code)| UnknownType {
            code: code.clone(),
            count: known.count,
            last_at: known.last_at,
        };
        all.into_iter().take(limit).map(shown).collect()
    }
}

impl Codes {
    fn make_room(&mut self, code: &str) {
        if self.codes.len() < CODES_MAX || self.codes.contains_key(code) {
            return;
        }
        let oldest =
            self.codes.iter().min_by_key(|(_, known)| known.last).map(|(code, _)| code.clone());
        if let Some(oldest) = oldest {
            self.codes.remove(&oldest);
        }
    }

    /// Counts a warning. Returns the number of earlier ones in the same period.
    fn warnings_before(&mut self, now: Monotonic) -> usize {
        match &mut self.period {
            Some((since, warnings)) if now.0 - since.0 < WARNING_EVERY_MS => {
                let before = *warnings;
                *warnings += 1;
                before
            }
            period => {
                *period = Some((now, 1));
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(unknown: &UnknownTypes, code: &str, ms: i64) -> Option<Warning> {
        unknown.count(code, Timestamp(ms), Monotonic(ms))
    }

    #[test]
    fn unknown_code_is_logged_once_in_ten_minutes_and_always_counted() {
        let unknown = UnknownTypes::default();
        assert_eq!(count(&unknown, "NOTE_CREATD", 0), Some(Warning::Code(1)));
        assert_eq!(count(&unknown, "NOTE_CREATD", 1), None);
        assert_eq!(count(&unknown, "OTHER", 2), Some(Warning::Code(1)));
        assert_eq!(count(&unknown, "NOTE_CREATD", WARNING_EVERY_MS - 1), None);
        assert_eq!(count(&unknown, "NOTE_CREATD", WARNING_EVERY_MS), Some(Warning::Code(4)));
        let latest: Vec<_> =
            unknown.latest(9).into_iter().map(|one| (one.code, one.count)).collect();
        assert_eq!(latest, [("NOTE_CREATD".to_owned(), 4), ("OTHER".to_owned(), 1)]);
    }

    #[test]
    fn invented_codes_are_bounded_in_log_and_memory() {
        let unknown = UnknownTypes::default();
        let warnings: Vec<_> =
            (0..2_000).filter_map(|n| count(&unknown, &format!("MADE_UP_{n}"), n)).collect();
        assert_eq!(warnings.len(), WARNINGS_MAX + 1);
        assert_eq!(warnings.last(), Some(&Warning::TooMany));
        assert_eq!(unknown.latest(usize::MAX).len(), CODES_MAX);
        assert_eq!(unknown.latest(1)[0].code, "MADE_UP_1999");
    }
}
