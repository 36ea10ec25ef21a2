//! What types that come by the clock need to know: up to when they have been run, and how much there is to tell.

use sqlx::FromRow;

use super::{Store, StoreError, on_pool};
use crate::domain::notification::Timestamp;

/// A schedule that nobody has seen before, or that is another one now, begins now.
const BEGIN: &str = "INSERT INTO schedule_runs AS s (code, schedule, run_at) VALUES ($1, $2, $3) \
     ON CONFLICT (code) DO UPDATE SET schedule = $2, run_at = $3 WHERE s.schedule <> $2";

const LAST: &str = "SELECT schedule, run_at FROM schedule_runs WHERE code = $1";

const HAS_RUN: &str = "UPDATE schedule_runs SET run_at = $2 WHERE code = $1 AND run_at < $2";

const COUNT: &str = "SELECT COUNT(*) FROM notifications WHERE type_code = $1 AND created_at > $2 AND created_at <= $3";

#[derive(FromRow)]
struct Row {
    schedule: String,
    run_at: i64,
}

impl Store {
    /// Up to when this schedule of a type has been run; one that is new, or another one than before, begins at `now`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn schedule_run(&self, code: &str, schedule: &str, now: Timestamp) -> Result<Timestamp, StoreError> {
        let known: Option<Row> =
            on_pool!(self, readers, |pool| sqlx::query_as(LAST).bind(code).fetch_optional(pool).await)?;
        if let Some(row) = known.filter(|row| row.schedule == schedule) {
            return Ok(Timestamp(row.run_at));
        }
        on_pool!(self, writer, |pool| {
            sqlx::query(BEGIN).bind(code).bind(schedule).bind(now.0).execute(pool).await.map(drop)
        })?;
        Ok(now)
    }

    /// Up to when each has been run, by the code of its type.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn schedule_runs(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let rows: Vec<(String, i64)> = on_pool!(self, readers, |pool| {
            sqlx::query_as("SELECT code, run_at FROM schedule_runs").fetch_all(pool).await
        })?;
        Ok(rows.into_iter().map(|(code, at)| (code, Timestamp(at))).collect())
    }

    /// Notes that it has been run up to `at`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn schedule_has_run(&self, code: &str, at: Timestamp) -> Result<(), StoreError> {
        on_pool!(self, writer, |pool| sqlx::query(HAS_RUN).bind(code).bind(at.0).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// How many notifications of a type were made after `since`, up to `until`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn count_made(&self, code: &str, since: Timestamp, until: Timestamp) -> Result<i64, StoreError> {
        Ok(on_pool!(self, readers, |pool| {
            sqlx::query_scalar(COUNT).bind(code).bind(since.0).bind(until.0).fetch_one(pool).await
        })?)
    }
}
