//! Counts of all events: table `activity_counts`, for charts that cost the same whatever the number
//! of events.

use super::{Store, StoreError};
use crate::domain::notification::Timestamp;

/// Period of counts, in milliseconds.
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Retention of counts per minute, and per hour, in milliseconds.
pub(super) const MINUTES_KEPT_MS: i64 = 25 * HOUR_MS;
pub(super) const HOURS_KEPT_MS: i64 = 400 * 24 * HOUR_MS;

/// Adds to a count.
pub(super) const ADD_COUNT: &str = "INSERT INTO activity_counts AS c (unit, starts_at, outcome, \
     events, notifications) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (unit, starts_at, outcome) DO \
     UPDATE SET events = c.events + excluded.events, notifications = c.notifications + \
     excluded.notifications";

const COUNTS: &str = "SELECT starts_at, outcome, events, notifications FROM activity_counts WHERE \
     unit = $1 AND starts_at >= $2 AND starts_at < $3 ORDER BY starts_at";

/// Deletes counts per minute before $1, and per hour before $2.
pub(super) const DELETE_COUNTS: &str = "DELETE FROM activity_counts WHERE (unit = 'minute' AND \
     starts_at < $1) OR (unit = 'hour' AND starts_at < $2)";

/// Number of events with one outcome in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityCount {
    /// Start of the period.
    pub starts_at: Timestamp,
    /// Outcome.
    pub outcome: String,
    /// Number of events.
    pub events: i64,
    /// Number of their notifications.
    pub notifications: i64,
}

/// Period of counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountUnit {
    /// Minutes of the last day.
    Minute,
    /// Hours.
    Hour,
}

impl CountUnit {
    /// Both units.
    pub(super) const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// Returns the name in the table.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }

    /// Returns the start of the period of a time.
    pub(super) fn start(self, at: Timestamp) -> Timestamp {
        let length = match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => HOUR_MS,
        };
        Timestamp(at.0 - at.0.rem_euclid(length))
    }
}

impl Store {
    /// Returns the counts of the periods that start in a span of time, oldest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn activity_counts(
        &self,
        unit: CountUnit,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<ActivityCount>, StoreError> {
        let rows: Vec<(Timestamp, String, i64, i64)> = on_pool!(self, |pool| {
            sqlx::query_as(COUNTS).bind(unit.as_str()).bind(from).bind(to).fetch_all(pool).await
        })?;
        let count = |(starts_at, outcome, events, notifications)| ActivityCount {
            starts_at,
            outcome,
            events,
            notifications,
        };
        Ok(rows.into_iter().map(count).collect())
    }
}
