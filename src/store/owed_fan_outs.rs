//! Events for very many recipients that are acknowledged before all of them have it: table
//! `fan_outs`, with the event.
//!
//! A hub that works on one renews its claim; when it dies, another hub, or the same one after its
//! restart, claims the event and continues where the last chunk ended.

use super::{Kind, Store, StoreError, fan_outs};
use crate::domain::{
    event::{Event, Identity},
    notification::Timestamp,
    plan::RecipientSet,
};

/// Time for which a claim holds, in milliseconds.
const CLAIM_MS: i64 = 9_000;

const COUNT_OWED: &str = "SELECT COUNT(*) FROM fan_outs WHERE event IS NOT NULL";

const RELEASE_ALL: &str = "UPDATE fan_outs SET expires_at = 0 WHERE event IS NOT NULL";

/// Selects accepted events by the beginning of their JSON, which is their ID.
const BY_BEGINNING: &str = "SELECT identity, event FROM fan_outs WHERE event IS NOT NULL AND \
     substr(event, 1, length($1)) = $1";

const FORGET_IDENTITY: &str = "DELETE FROM event_identities WHERE identity = $1";

/// Statements with the clock of the database.
macro_rules! with_clock {
    ($now:literal) => {
        pub(super) const ACCEPT: &str = concat!(
            "INSERT INTO fan_outs (identity, audience, user_id, started_at, event, expires_at) \
             VALUES ($1, $2, '', $3, $4, ",
            $now,
            " + $5) ON CONFLICT (identity) DO UPDATE SET event = excluded.event, expires_at = \
             excluded.expires_at WHERE fan_outs.event IS NULL"
        );
        pub(super) const CLAIM: &str = concat!(
            "UPDATE fan_outs SET expires_at = ",
            $now,
            " + $1 WHERE identity = (SELECT identity FROM fan_outs WHERE event IS NOT NULL AND \
             expires_at <= ",
            $now,
            " ORDER BY started_at LIMIT 1) AND expires_at <= ",
            $now,
            " RETURNING identity, audience, event"
        );
        pub(super) const RENEW: &str =
            concat!("UPDATE fan_outs SET expires_at = ", $now, " + $2 WHERE identity = $1");
    };
}

mod sqlite_clock {
    //! SQLite.
    with_clock!("CAST(unixepoch('subsec') * 1000 AS INTEGER)");
}

mod postgres_clock {
    //! PostgreSQL.
    with_clock!("(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
}

/// Event that is owed to the rest of its recipients.
#[derive(Debug)]
pub struct OwedFanOut {
    /// Identity of the event.
    pub identity: Identity,
    /// Recipients with which it began.
    pub recipients: RecipientSet,
    /// The event, as it was stored.
    pub event: String,
}

/// Accepted event that not all of its recipients have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedFanOut {
    /// Identity of the event.
    pub identity: Identity,
    /// Source of the event.
    pub source: Option<String>,
    /// Caller that published the event.
    pub publisher: Option<String>,
}

impl Store {
    /// Returns the accepted events with an ID that not all of their recipients have.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn unfinished_fan_outs(
        &self,
        event_id: &str,
    ) -> Result<Vec<UnfinishedFanOut>, StoreError> {
        let beginning = format!("{{\"id\":{},", serde_json::Value::from(event_id));
        let rows: Vec<(String, String)> = on_pool!(self, |pool| {
            sqlx::query_as(BY_BEGINNING).bind(&beginning).fetch_all(pool).await
        })?;
        let unfinished = |(identity, event): (String, String)| {
            // An event that cannot be decoded cannot be continued either.
            let event = Event::from_stored(event.as_bytes()).ok()?;
            let Event { source, publisher, .. } = event;
            Some(UnfinishedFanOut { identity: Identity::stored(identity), source, publisher })
        };
        Ok(rows.into_iter().filter_map(unfinished).collect())
    }

    /// Ends a fan-out that is in progress or waits, so that no further chunk of it is committed.
    /// Returns whether there was one.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn end_fan_out(
        &self,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let identity = identity.as_str();
        Ok(in_inbox_transaction!(self, |db, tx| {
            // The identity first, as in the commit of the last chunk.
            let fresh = db::insert_identities(&mut tx, &[identity], now).await?;
            let ended = db::run!(tx, fan_outs::END, identity)? > 0;
            if !ended && !fresh.is_empty() {
                db::run!(tx, FORGET_IDENTITY, identity)?;
            }
            ended
        }))
    }

    /// Accepts an event for many recipients, and claims it for this hub. Returns false if it was
    /// accepted before.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn accept_fan_out(
        &self,
        identity: &Identity,
        recipients: &RecipientSet,
        event: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = self.at_database_clock(sqlite_clock::ACCEPT, postgres_clock::ACCEPT);
        let accepted = in_transaction!(self, |_db, tx| {
            let entered = sqlx::query(sql)
                .bind(identity.as_str())
                .bind(fan_outs::encode(recipients))
                .bind(now.0)
                .bind(event)
                .bind(CLAIM_MS)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            let finished: i64 = sqlx::query_scalar(fan_outs::COUNT_FINISHED)
                .bind(identity.as_str())
                .fetch_one(&mut *tx)
                .await?;
            if entered > 0 && finished > 0 {
                let end = sqlx::query(fan_outs::END).bind(identity.as_str());
                end.execute(&mut *tx).await?;
            }
            entered > 0 && finished == 0
        });
        Ok(accepted)
    }

    /// Claims an accepted event on which no hub works.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn claim_fan_out(&self) -> Result<Option<OwedFanOut>, StoreError> {
        if !self.owes_fan_outs().await? {
            return Ok(None);
        }
        let sql = self.at_database_clock(sqlite_clock::CLAIM, postgres_clock::CLAIM);
        let claimed: Option<(String, String, String)> = on_writer!(self, |connection| {
            sqlx::query_as(sql).bind(CLAIM_MS).fetch_optional(connection).await
        })?;
        let read = |(identity, recipients, event): (String, String, String)| {
            let recipients = fan_outs::decode(&recipients)?;
            Ok(OwedFanOut { identity: Identity::stored(identity), recipients, event })
        };
        claimed.map(read).transpose()
    }

    /// Returns whether there is anything to claim: a statement that changes nothing would count as
    /// a successful write.
    async fn owes_fan_outs(&self) -> Result<bool, StoreError> {
        let owed: i64 =
            on_pool!(self, |pool| sqlx::query_scalar(COUNT_OWED).fetch_one(pool).await)?;
        Ok(owed > 0)
    }

    /// Renews the claim of an event.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn renew_fan_out(&self, identity: &Identity) -> Result<(), StoreError> {
        let sql = self.at_database_clock(sqlite_clock::RENEW, postgres_clock::RENEW);
        on_writer!(self, |connection| {
            let renew = sqlx::query(sql).bind(identity.as_str()).bind(CLAIM_MS);
            renew.execute(connection).await.map(drop)
        })
    }

    /// Releases the claims of an earlier run of this hub, if it is the only one that uses the
    /// store; with several hubs they expire.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn release_fan_outs(&self) -> Result<(), StoreError> {
        if self.kind().has_one_hub() && self.owes_fan_outs().await? {
            on_writer!(self, |connection| {
                sqlx::query(RELEASE_ALL).execute(connection).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Chooses the statement with the clock of the backend.
    pub(super) fn at_database_clock(
        &self,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> &'static str {
        match self.kind() {
            Kind::Sqlite => sqlite,
            Kind::Postgres => postgres,
        }
    }
}
