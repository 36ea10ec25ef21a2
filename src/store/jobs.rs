//! Background jobs of administrators: progress, and which hub runs them.
//!
//! A job belongs to the hub that claimed it until `expires_at`, by the clock of the database. Every
//! step writes the progress with the condition that the hub still holds the job; a hub that lost it
//! writes nothing, and stops.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::notification::Timestamp;

/// Number of ended jobs that are kept.
const REMEMBERED: i64 = 20;

/// Time for which a claim holds without progress, in milliseconds.
const CLAIM_MS: i64 = 9_000;

const BEGIN: &str = "INSERT INTO jobs (id, kind, started_by, parameters, state, total, succeeded, \
     failed, started_at, position, holder, expires_at) SELECT $1, $2, $3, $4, 'running', $5, 0, 0, \
     $6, '', '', 0 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE kind = $2 AND state IN ('running', \
     'stopping')) ON CONFLICT DO NOTHING";

const PURGE: &str = "DELETE FROM jobs WHERE ended_at IS NOT NULL AND id NOT IN \
     (SELECT id FROM jobs ORDER BY started_at DESC, id DESC LIMIT $1)";

const LIST: &str = "SELECT id, kind, started_by, parameters, state, total, succeeded, failed, \
     started_at, ended_at, last_error, position FROM jobs ORDER BY started_at DESC, id DESC LIMIT \
     $1";

const GET: &str = "SELECT id, kind, started_by, parameters, state, total, succeeded, failed, \
     started_at, ended_at, last_error, position FROM jobs WHERE id = $1";

const OPEN: &str = "SELECT COUNT(*) FROM jobs WHERE ended_at IS NULL";

const STOP: &str = "UPDATE jobs SET state = 'stopping' WHERE id = $1 AND state = 'running'";

const END: &str = "UPDATE jobs SET state = CASE WHEN state = 'stopping' THEN 'stopped' ELSE \
     'finished' END, ended_at = $3 WHERE id = $1 AND holder = $2 AND ended_at IS NULL";

const RELEASE: &str = "UPDATE jobs SET expires_at = 0 WHERE holder = $1 AND ended_at IS NULL";

/// Statements with the clock of the database.
macro_rules! with_clock {
    ($now:literal) => {
        /// Claims a job that no hub runs.
        pub(super) const CLAIM: &str = concat!(
            "UPDATE jobs SET holder = $1, expires_at = ",
            $now,
            " + $2 WHERE id = (SELECT id FROM jobs WHERE ended_at IS NULL AND expires_at <= ",
            $now,
            " ORDER BY started_at LIMIT 1) AND expires_at <= ",
            $now,
            " RETURNING id, kind, started_by, parameters, state, total, succeeded, failed, \
             started_at, ended_at, last_error, position"
        );
        /// Writes the progress of a job, and renews the claim.
        pub(super) const PROGRESS: &str = concat!(
            "UPDATE jobs SET succeeded = succeeded + $3, failed = failed + $4, last_error = \
             COALESCE($5, last_error), position = $6, expires_at = ",
            $now,
            " + $7 WHERE id = $1 AND holder = $2 AND ended_at IS NULL AND expires_at > ",
            $now,
            " RETURNING state"
        );
    };
}

pub(super) mod sqlite_clock {
    //! SQLite.
    with_clock!("CAST(unixepoch('subsec') * 1000 AS INTEGER)");
}

pub(super) mod postgres_clock {
    //! PostgreSQL.
    with_clock!("(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
}

/// Background job.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct JobRow {
    /// ID.
    pub id: String,
    /// Kind, such as `dead_letters.replay`.
    pub kind: String,
    /// Caller that started it, as in the audit.
    pub started_by: String,
    /// Parameters, as JSON.
    pub parameters: String,
    /// `running`, `stopping`, `finished` or `stopped`.
    pub state: String,
    /// Number of things to do, when it began.
    pub total: i64,
    /// Number of things that succeeded.
    pub succeeded: i64,
    /// Number of things that failed.
    pub failed: i64,
    /// Time of its start, in milliseconds since 1970.
    pub started_at: i64,
    /// Time of its end.
    pub ended_at: Option<i64>,
    /// Text of the latest failure.
    pub last_error: Option<String>,
    /// Position up to which it has come, in a format of its kind.
    pub position: String,
}

/// Progress of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobProgress {
    /// Number of things that succeeded since the last report.
    pub succeeded: i64,
    /// Number of things that failed since the last report.
    pub failed: i64,
    /// Text of the latest failure.
    pub error: Option<String>,
    /// New position.
    pub position: String,
}

impl Store {
    /// Begins a job, unless one of its kind is running. Returns its ID.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn begin_job(
        &self,
        kind: &str,
        started_by: &str,
        parameters: &str,
        total: i64,
        now: Timestamp,
    ) -> Result<Option<Uuid>, StoreError> {
        let id = Uuid::now_v7();
        let begun = on_writer!(self, |connection| {
            sqlx::query(BEGIN)
                .bind(id.to_string())
                .bind(kind)
                .bind(started_by)
                .bind(parameters)
                .bind(total)
                .bind(now.0)
                .execute(connection)
                .await
                .map(|done| done.rows_affected())
        })?;
        on_writer!(self, |connection| sqlx::query(PURGE)
            .bind(REMEMBERED)
            .execute(connection)
            .await
            .map(drop))?;
        Ok((begun > 0).then_some(id))
    }

    /// Returns the latest jobs, newest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn jobs(&self) -> Result<Vec<JobRow>, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_as(LIST).bind(REMEMBERED).fetch_all(pool).await)?)
    }

    /// Returns a job.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn job(&self, id: Uuid) -> Result<Option<JobRow>, StoreError> {
        Ok(on_pool!(self, |pool| {
            sqlx::query_as(GET).bind(id.to_string()).fetch_optional(pool).await
        })?)
    }

    /// Asks a job to stop after its current step. Returns whether it was running.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn stop_job(&self, id: Uuid) -> Result<bool, StoreError> {
        on_writer!(self, |connection| {
            sqlx::query(STOP)
                .bind(id.to_string())
                .execute(connection)
                .await
                .map(|done| done.rows_affected() > 0)
        })
    }

    /// Claims a job that no hub runs, if there is one.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn claim_job(&self, holder: &str) -> Result<Option<JobRow>, StoreError> {
        // A statement that changes nothing would count as a successful write.
        let open: i64 = on_pool!(self, |pool| sqlx::query_scalar(OPEN).fetch_one(pool).await)?;
        if open == 0 {
            return Ok(None);
        }
        let sql = self.at_database_clock(sqlite_clock::CLAIM, postgres_clock::CLAIM);
        on_writer!(self, |connection| {
            sqlx::query_as(sql).bind(holder).bind(CLAIM_MS).fetch_optional(connection).await
        })
    }

    /// Writes the progress of a job. Returns its state; `None` if the hub does not hold it any
    /// more.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn report_job(
        &self,
        id: &str,
        holder: &str,
        progress: &JobProgress,
    ) -> Result<Option<String>, StoreError> {
        let sql = self.at_database_clock(sqlite_clock::PROGRESS, postgres_clock::PROGRESS);
        on_writer!(self, |connection| {
            sqlx::query_scalar(sql)
                .bind(id)
                .bind(holder)
                .bind(progress.succeeded)
                .bind(progress.failed)
                .bind(&progress.error)
                .bind(&progress.position)
                .bind(CLAIM_MS)
                .fetch_optional(connection)
                .await
        })
    }

    /// Ends a job that the hub holds.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn end_job(&self, id: &str, holder: &str, now: Timestamp) -> Result<(), StoreError> {
        on_writer!(self, |connection| {
            sqlx::query(END).bind(id).bind(holder).bind(now.0).execute(connection).await.map(drop)
        })
    }

    /// Releases the jobs of a hub that stops, for another one.
    ///
    /// # Errors
    /// When the store is unavailable: the claims expire.
    pub async fn release_jobs(&self, holder: &str) -> Result<(), StoreError> {
        on_writer!(self, |connection| {
            sqlx::query(RELEASE).bind(holder).execute(connection).await.map(drop)
        })
    }
}
