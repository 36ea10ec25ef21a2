//! Runs of schedules.

use sqlx::FromRow;

use super::{Store, StoreError};
use crate::domain::notification::Timestamp;

/// Begins a schedule that is new or has changed.
const BEGIN: &str = "INSERT INTO schedule_runs AS s (code, schedule, run_at) VALUES ($1, $2, $3) \
     ON CONFLICT (code) DO UPDATE SET schedule = $2, run_at = $3 WHERE s.schedule <> $2";

const ALL: &str = "SELECT code, schedule, run_at FROM schedule_runs";

const HAS_RUN: &str = "UPDATE schedule_runs SET run_at = $2 WHERE code = $1 AND run_at < $2";

const RESTART: &str = "UPDATE schedule_runs SET run_at = $2 WHERE code = $1 AND run_at > $2";

const COUNT: &str = "SELECT COUNT(*) FROM notifications WHERE type_code = $1 AND created_at > $2 \
AND created_at <= $3";

/// Last run of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRun {
    /// The type's code.
    pub code: String,
    /// Schedule at that time.
    pub schedule: String,
    /// Time of the last run.
    pub at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    code: String,
    schedule: String,
    run_at: i64,
}

impl Store {
    /// Returns the last run of each schedule.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn schedule_runs(&self) -> Result<Vec<ScheduleRun>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?;
        let run =
            |Row { code, schedule, run_at }| ScheduleRun { code, schedule, at: Timestamp(run_at) };
        Ok(rows.into_iter().map(run).collect())
    }

    /// Begins a schedule of a type at `now`, unless it has begun already.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn begin_schedule(
        &self,
        code: &str,
        schedule: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        on_writer!(self, |pool| {
            sqlx::query(BEGIN).bind(code).bind(schedule).bind(now.0).execute(pool).await.map(drop)
        })?;
        Ok(())
    }

    /// Restarts a schedule at `now` whose last run is in the future.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn restart_schedule(&self, code: &str, now: Timestamp) -> Result<(), StoreError> {
        on_writer!(self, |connection| {
            sqlx::query(RESTART).bind(code).bind(now.0).execute(connection).await.map(drop)
        })
    }

    /// Records a run at `at`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn schedule_has_run(&self, code: &str, at: Timestamp) -> Result<(), StoreError> {
        on_writer!(self, |pool| sqlx::query(HAS_RUN)
            .bind(code)
            .bind(at.0)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Deletes the last run of a type that has no schedule any more.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn forget_schedule(&self, code: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM schedule_runs WHERE code = $1";
        on_writer!(self, |pool| sqlx::query(sql).bind(code).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Counts the notifications of a type created after `since`, up to `until`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn count_made(
        &self,
        code: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<i64, StoreError> {
        Ok(on_pool!(self, |pool| {
            sqlx::query_scalar(COUNT).bind(code).bind(since).bind(until).fetch_one(pool).await
        })?)
    }
}
