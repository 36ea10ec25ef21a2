//! Hubs that share a PostgreSQL store: heartbeats, and leases for work that one hub does.
//!
//! All times are those of the database, so the clocks of the hubs need not agree. A SQLite file has
//! one hub, which needs neither: it has no rows, and holds every lease.

use sqlx::FromRow;

use super::{Backend, Store, StoreError};

/// Writes the heartbeat of a hub, and selects all others that were seen within the time $9. The
/// age of a row is measured by the clock of the database.
const HEARTBEAT: &str = "WITH clock AS (SELECT (extract(epoch FROM clock_timestamp()) * \
     1000)::bigint AS ms), beat AS (INSERT INTO hubs (boot, instance, version, started_at, \
     last_seen, connections, ready, bus, watches_all) SELECT $1, $2, $3, $4, ms, $5, $6, $7, $8 \
     FROM clock ON CONFLICT (boot) DO UPDATE SET last_seen = excluded.last_seen, connections = \
     excluded.connections, ready = excluded.ready, bus = excluded.bus, watches_all = \
     excluded.watches_all) SELECT boot, instance, version, started_at, last_seen, connections, \
     ready, bus, watches_all, ms - last_seen AS age_ms FROM hubs, clock \
     WHERE boot <> $1 AND last_seen >= ms - $9 ORDER BY instance, boot";

/// Deletes hubs that have not been seen for the time $1.
const FORGET: &str = "DELETE FROM hubs WHERE last_seen < \
     (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $1";

/// Takes or renews a lease: free, expired, or held by the same holder. A new holder gets a new
/// token.
const TAKE_LEASE: &str = "INSERT INTO leases AS l (name, holder, token, expires_at) \
     VALUES ($1, $2, 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $3) \
     ON CONFLICT (name) DO UPDATE SET holder = $2, token = CASE WHEN l.holder = $2 AND \
     l.expires_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint THEN l.token ELSE \
     l.token + 1 END, expires_at = excluded.expires_at WHERE l.holder = $2 OR l.expires_at <= \
     (extract(epoch FROM clock_timestamp()) * 1000)::bigint RETURNING token";

const RELEASE_LEASES: &str = "UPDATE leases SET expires_at = 0 WHERE holder = $1";

/// Running hub, as its heartbeat describes it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct HubRow {
    /// ID of the process, new at every start.
    pub boot: String,
    /// Name, `server.instance_id`.
    pub instance: String,
    /// Version of the program.
    pub version: String,
    /// Time of its start, in milliseconds since 1970.
    pub started_at: i64,
    /// Time of its last heartbeat, by the clock of the database.
    pub last_seen: i64,
    /// Number of its connections.
    pub connections: i64,
    /// True if it is ready.
    pub ready: bool,
    /// True if it can publish to other hubs.
    pub bus: bool,
    /// True if an administrator watches all events at it.
    pub watches_all: bool,
    /// Age of the heartbeat, in milliseconds.
    pub age_ms: i64,
}

/// Proof that a lease is held: a write with the token of an earlier holder is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// Name of the lease.
    pub name: &'static str,
    /// Token of this holder; `None` in a store with one hub.
    pub token: Option<i64>,
}

impl Fence {
    /// Creates the proof of a hub that has its store for itself.
    #[must_use]
    pub fn alone(name: &'static str) -> Self {
        Self { name, token: None }
    }
}

impl Store {
    /// Writes the heartbeat of this hub. Returns the other hubs that were seen in the last
    /// `within_ms` milliseconds.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn heartbeat(&self, hub: &HubRow, within_ms: i64) -> Result<Vec<HubRow>, StoreError> {
        let Backend::Postgres(pool) = &self.backend else { return Ok(Vec::new()) };
        let rows = sqlx::query_as(HEARTBEAT)
            .bind(&hub.boot)
            .bind(&hub.instance)
            .bind(&hub.version)
            .bind(hub.started_at)
            .bind(hub.connections)
            .bind(hub.ready)
            .bind(hub.bus)
            .bind(hub.watches_all)
            .bind(within_ms)
            .fetch_all(pool)
            .await;
        self.record_outcome(rows)
    }

    /// Deletes the heartbeat of a hub that stops, and ends its leases.
    ///
    /// # Errors
    /// When the store is unavailable: the row is forgotten later, and the leases expire.
    pub async fn leave(&self, boot: &str) -> Result<(), StoreError> {
        let Backend::Postgres(pool) = &self.backend else { return Ok(()) };
        sqlx::query(RELEASE_LEASES).bind(boot).execute(pool).await?;
        sqlx::query("DELETE FROM hubs WHERE boot = $1").bind(boot).execute(pool).await?;
        Ok(())
    }

    /// Deletes heartbeats older than `age_ms` milliseconds.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn forget_hubs(&self, age_ms: i64) -> Result<(), StoreError> {
        let Backend::Postgres(pool) = &self.backend else { return Ok(()) };
        self.record_outcome(sqlx::query(FORGET).bind(age_ms).execute(pool).await.map(drop))
    }

    /// Takes a lease for `ttl_ms` milliseconds, or renews it. Returns `None` while another hub
    /// holds it.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn take_lease(
        &self,
        name: &'static str,
        holder: &str,
        ttl_ms: i64,
    ) -> Result<Option<Fence>, StoreError> {
        let Backend::Postgres(pool) = &self.backend else {
            return Ok(Some(Fence::alone(name)));
        };
        // A lease that another hub holds is not written: only a failure counts.
        let token: Option<i64> = self.record_failure(
            sqlx::query_scalar(TAKE_LEASE)
                .bind(name)
                .bind(holder)
                .bind(ttl_ms)
                .fetch_optional(pool)
                .await,
        )?;
        Ok(token.map(|token| Fence { name, token: Some(token) }))
    }
}
