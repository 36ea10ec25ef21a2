//! Queue of the dispatcher: claims, and outcomes of attempts.

use uuid::Uuid;

use super::{Delivery, DeliveryOutcome, Row};
use crate::{
    domain::notification::Timestamp,
    store::{Store, StoreError, sql_types::Id},
};

/// Defines the statements that claim. On PostgreSQL the clock of the database decides about claims,
/// because the clocks of the hubs need not agree.
macro_rules! with_clock {
    ($module:ident, $clock:literal, $end:literal, $lock:literal) => {
        mod $module {
            use super::super::delivery_columns;

            /// Claims due deliveries of a channel: $1 channel, $2 now, $3 end of the claim, $4
            /// limit, $5 with digests.
            pub(super) const CLAIM: &str = concat!(
                "UPDATE deliveries SET state = 'sending', claimed_until = ",
                $end,
                " WHERE delivery_id IN (SELECT delivery_id FROM deliveries WHERE channel = $1 AND \
                 state IN ('scheduled', 'sending') AND due_at <= $2 AND (state = 'scheduled' OR \
                 claimed_until <= ",
                $clock,
                ") AND ($5 OR NOT digest) ORDER BY due_at LIMIT $4 ",
                $lock,
                ") RETURNING ",
                delivery_columns!()
            );

            /// Counts due deliveries: a statement that changes nothing would count as a successful
            /// write.
            pub(super) const DUE: &str = concat!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE channel = $1 AND state IN \
                 ('scheduled', 'sending') AND due_at <= $2 AND (state = 'scheduled' OR \
                 claimed_until <= ",
                $clock,
                ") LIMIT 1) AS due"
            );

            /// Claims what else a digest of a user collects, oldest first: $1 user, $2 now, $3 end
            /// of the claim, $4 type with a window, $5 limit. The state is checked once more when
            /// the row is locked.
            pub(super) const CLAIM_DIGEST: &str = concat!(
                "UPDATE deliveries SET state = 'sending', claimed_until = ",
                $end,
                " WHERE delivery_id IN (SELECT delivery_id FROM deliveries WHERE user_id = $1 AND \
                 channel = 'email' AND digest AND (state = 'scheduled' OR state = 'sending' AND \
                 claimed_until <= ",
                $clock,
                ") AND (due_at <= $2 OR type_code = $4) ORDER BY delivery_id LIMIT $5) AND (state \
                 = 'scheduled' OR state = 'sending' AND claimed_until <= ",
                $clock,
                ") RETURNING ",
                delivery_columns!()
            );

            /// Renews the claim of a delivery: $1 ID, $2 now, $3 end of the claim.
            pub(super) const RENEW: &str = concat!(
                "UPDATE deliveries SET claimed_until = ",
                $end,
                " WHERE delivery_id = $1 AND state = 'sending'"
            );
        }
    };
}

with_clock!(sqlite_clock, "$2", "$3", "");
with_clock!(
    postgres_clock,
    "clock_timestamp()",
    "clock_timestamp() + ($3::timestamptz - $2::timestamptz)",
    "FOR UPDATE SKIP LOCKED"
);

const RELEASE: &str = "UPDATE deliveries SET state = 'scheduled', claimed_until = NULL WHERE state \
     = 'sending'";

/// Skips due deliveries of channels that the hub does not have.
const SKIP_UNKNOWN: &str = "UPDATE deliveries SET state = 'skipped', reason = $3, claimed_until = \
     NULL WHERE channel = $1 AND state = 'scheduled' AND due_at <= $2";

const WAITING_CHANNELS: &str = "SELECT DISTINCT channel FROM deliveries WHERE state = 'scheduled' \
     AND due_at <= $1";

/// Deletes ended deliveries before an ID: IDs begin with their time.
const PURGE: &str = "DELETE FROM deliveries WHERE delivery_id IN (SELECT delivery_id FROM \
     deliveries WHERE delivery_id < $1 AND state NOT IN ('scheduled', 'sending') ORDER BY \
     delivery_id LIMIT $2)";

impl Store {
    /// Renews the claims of deliveries until a time.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn renew_deliveries(
        &self,
        ids: &[Uuid],
        (now, until): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let sql = self.at_database_clock(sqlite_clock::RENEW, postgres_clock::RENEW);
        in_transaction!(self, |_db, tx| {
            for id in ids {
                sqlx::query(sql).bind(Id(*id)).bind(now).bind(until).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// Claims due deliveries of a channel until a time, at most `limit`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn claim_deliveries(
        &self,
        channel: &str,
        (now, until): (Timestamp, Timestamp),
        limit: i64,
        digests: bool,
    ) -> Result<Vec<Delivery>, StoreError> {
        let waiting = self.at_database_clock(sqlite_clock::DUE, postgres_clock::DUE);
        let due: i64 = on_pool!(self, |pool| {
            sqlx::query_scalar(waiting).bind(channel).bind(now).fetch_one(pool).await
        })?;
        if due == 0 {
            return Ok(Vec::new());
        }
        let sql = self.at_database_clock(sqlite_clock::CLAIM, postgres_clock::CLAIM);
        let rows: Vec<Row> = on_writer!(self, |connection| {
            sqlx::query_as(sql)
                .bind(channel)
                .bind(now)
                .bind(until)
                .bind(limit)
                .bind(digests)
                .fetch_all(connection)
                .await
        })?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// Claims what else a digest of a user collects: what is due, and what is of a type whose
    /// window has ended; at most `limit`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn claim_digest(
        &self,
        user: &str,
        (now, until): (Timestamp, Timestamp),
        type_with_window: &str,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = self.at_database_clock(sqlite_clock::CLAIM_DIGEST, postgres_clock::CLAIM_DIGEST);
        let rows: Vec<Row> = on_writer!(self, |connection| {
            sqlx::query_as(sql)
                .bind(user)
                .bind(now)
                .bind(until)
                .bind(type_with_window)
                .bind(limit)
                .fetch_all(connection)
                .await
        })?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// Records outcomes in one transaction.
    ///
    /// # Errors
    /// When the store is unavailable; then nothing is recorded.
    pub async fn record_deliveries(&self, outcomes: &[DeliveryOutcome]) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        in_inbox_transaction!(self, |db, tx| {
            db::record_outcomes(&mut tx, outcomes).await?;
        });
        Ok(())
    }

    /// Releases the claims of an earlier run of this hub, if it is the only one that uses the
    /// store; with several hubs they expire.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn release_deliveries(&self) -> Result<(), StoreError> {
        if self.kind().has_one_hub() {
            on_writer!(self, |connection| {
                sqlx::query(RELEASE).execute(connection).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Skips due deliveries of channels that are not among `known`.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn skip_unknown_channels(
        &self,
        known: &[&str],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let waiting: Vec<String> = on_pool!(self, |pool| {
            sqlx::query_scalar(WAITING_CHANNELS).bind(now).fetch_all(pool).await
        })?;
        for channel in waiting.iter().filter(|channel| !known.contains(&channel.as_str())) {
            let reason = format!("the channel {channel} is not configured");
            on_writer!(self, |connection| {
                sqlx::query(SKIP_UNKNOWN)
                    .bind(channel)
                    .bind(now)
                    .bind(reason)
                    .execute(connection)
                    .await
                    .map(drop)
            })?;
        }
        Ok(())
    }

    /// Deletes at most `limit` ended deliveries of notifications from before a time.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn purge_deliveries(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        let ms = u64::try_from(before.0).unwrap_or(0);
        let first = uuid::Builder::from_unix_timestamp_millis(ms, &[0; 10]).into_uuid();
        on_writer!(self, |connection| {
            sqlx::query(PURGE)
                .bind(Id(first))
                .bind(limit)
                .execute(connection)
                .await
                .map(|done| done.rows_affected())
        })
    }
}
