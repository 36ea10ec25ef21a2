//! What types that come by the clock need to know: up to when they have been run, and how much there is to tell.

use sqlx::FromRow;

use super::{Store, StoreError};
use crate::domain::notification::Timestamp;

/// A schedule that nobody has seen before, or that is another one now.
const BEGIN: &str = "INSERT INTO schedule_runs AS s (code, schedule, run_at) VALUES ($1, $2, $3) \
     ON CONFLICT (code) DO UPDATE SET schedule = $2, run_at = $3 WHERE s.schedule <> $2";

const ALL: &str = "SELECT code, schedule, run_at FROM schedule_runs";

const HAS_RUN: &str = "UPDATE schedule_runs SET run_at = $2 WHERE code = $1 AND run_at < $2";

const RESTART: &str = "UPDATE schedule_runs SET run_at = $2 WHERE code = $1 AND run_at > $2";

const COUNT: &str = "SELECT COUNT(*) FROM notifications WHERE type_code = $1 AND created_at > $2 AND created_at <= $3";

/// Up to when a schedule has been run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRun {
    /// The type's code.
    pub code: String,
    /// Which schedule that was.
    pub schedule: String,
    /// Up to when.
    pub at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    code: String,
    schedule: String,
    run_at: i64,
}

impl Store {
    /// Up to when each schedule has been run.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn schedule_runs(&self) -> Result<Vec<ScheduleRun>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?;
        let run =
            |Row { code, schedule, run_at }| ScheduleRun { code, schedule, at: Timestamp(run_at) };
        Ok(rows.into_iter().map(run).collect())
    }

    /// This schedule of a type begins at `now`, unless it has begun already.
    ///
    /// # Errors
    /// When the store is away.
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

    /// Begins a schedule anew at `now` whose last run is in the future.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn restart_schedule(&self, code: &str, now: Timestamp) -> Result<(), StoreError> {
        on_writer!(self, |connection| {
            sqlx::query(RESTART).bind(code).bind(now.0).execute(connection).await.map(drop)
        })
    }

    /// Notes that it has been run up to `at`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn schedule_has_run(&self, code: &str, at: Timestamp) -> Result<(), StoreError> {
        on_writer!(self, |pool| sqlx::query(HAS_RUN)
            .bind(code)
            .bind(at.0)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The type comes by the clock no longer; should it again, that begins anew.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn forget_schedule(&self, code: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM schedule_runs WHERE code = $1";
        on_writer!(self, |pool| sqlx::query(sql).bind(code).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// How many notifications of a type were made after `since`, up to `until`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn count_made(
        &self,
        code: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<i64, StoreError> {
        Ok(on_pool!(self, |pool| {
            sqlx::query_scalar(COUNT).bind(code).bind(since.0).bind(until.0).fetch_one(pool).await
        })?)
    }
}
