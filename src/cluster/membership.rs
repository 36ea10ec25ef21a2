//! Membership actor: the heartbeat of this hub, and what it knows of the others.
//!
//! Failure: a panic; the next actor goes on with the next heartbeat.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, WrapFuture as _};
use arc_swap::ArcSwap;
use tokio::time::{Instant, timeout};

use super::Leases;
use crate::{
    bus::Bus,
    domain::notification::Timestamp,
    runtime::supervisor::{Crash, DropGuard},
    store::{HubRow, Kind, Store},
};

/// Interval of heartbeats.
const INTERVAL: Duration = Duration::from_secs(1);

/// Age of a heartbeat from which a hub counts as dead, in milliseconds.
const DEAD_MS: i64 = 10_000;

/// Age of a heartbeat from which messages of a hub may be missing, in milliseconds.
const SUSPECT_MS: i64 = 3_000;

/// Age at which the row of a dead hub is deleted, in milliseconds.
const FORGET_MS: i64 = 3_600_000;

/// Time for which revisions are compared after the set of hubs has changed, or this hub was silent:
/// the others may not publish to it yet.
const SETTLING: Duration = Duration::from_secs(3);

/// Time limit for a heartbeat and for the renewal of the leases: the network may lose a connection
/// without a word.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Number of heartbeats between two renewals of the leases.
const RENEW_EVERY: u64 = 3;

/// Number of heartbeats between two deletions of old rows.
const FORGET_EVERY: u64 = 600;

/// Hubs of this store, cheap to clone.
#[derive(Debug, Clone)]
pub struct Cluster(Arc<State>);

#[derive(Debug)]
struct State {
    boot: String,
    instance: String,
    started_at: Timestamp,
    others: ArcSwap<Vec<HubRow>>,
}

impl Cluster {
    /// Creates the cluster of a hub that knows no other yet. `boot` is the ID of the process.
    #[must_use]
    pub fn new(boot: String, instance: String, started_at: Timestamp) -> Self {
        let others = ArcSwap::default();
        Self(Arc::new(State { boot, instance, started_at, others }))
    }

    /// Returns the ID of this process.
    #[must_use]
    pub fn boot(&self) -> &str {
        &self.0.boot
    }

    /// Returns the name of this hub.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.0.instance
    }

    /// Returns the other hubs that are alive, by their last heartbeats.
    #[must_use]
    pub fn others(&self) -> Arc<Vec<HubRow>> {
        self.0.others.load_full()
    }

    /// Describes this hub; the database sets the time of the heartbeat.
    #[must_use]
    pub fn this(&self, condition: Condition) -> HubRow {
        HubRow {
            boot: self.0.boot.clone(),
            instance: self.0.instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.0.started_at.0,
            last_seen: crate::clock::now().0,
            connections: i64::try_from(condition.connections).unwrap_or(i64::MAX),
            ready: condition.ready,
            bus: condition.bus,
            watches_all: condition.watches_all,
            age_ms: 0,
        }
    }
}

/// Condition of this hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Condition {
    /// Number of connections.
    pub connections: usize,
    /// True if it is ready.
    pub ready: bool,
    /// True if it can publish to other hubs.
    pub bus: bool,
    /// True if an administrator watches all events here.
    pub watches_all: bool,
}

/// Parts that the membership actor works with.
#[derive(Clone)]
pub struct MembershipConfig {
    /// Hubs of this store.
    pub cluster: Cluster,
    /// Leases of this hub.
    pub leases: Leases,
    /// Store.
    pub store: Store,
    /// Bus.
    pub bus: Bus,
    /// Compares the revisions of connected users with the store.
    pub reconcile: Arc<dyn Fn() + Send + Sync>,
    /// Returns the condition of this hub.
    pub condition: Arc<dyn Fn() -> Condition + Send + Sync>,
    /// Returns whether this hub is stopping: it has left then.
    pub is_stopping: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Returns whether a comparison was asked for that the registry had no room for.
    pub is_pending: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for MembershipConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MembershipConfig")
    }
}

/// Membership actor.
pub struct Membership {
    config: MembershipConfig,
    beats: u64,
    /// IDs of the other hubs at the last heartbeat.
    known: BTreeSet<String>,
    /// True if the log has said that other hubs are there and no bus.
    warned: bool,
    /// Time of the last successful heartbeat.
    beaten_at: Instant,
    /// Time until which revisions are compared at every heartbeat.
    settling_until: Instant,
    _guard: DropGuard,
}

impl Membership {
    /// Creates a membership actor.
    #[must_use]
    pub fn new(config: MembershipConfig, guard: DropGuard) -> Self {
        let now = Instant::now();
        Self {
            config,
            beats: 0,
            known: BTreeSet::new(),
            warned: false,
            beaten_at: now,
            settling_until: now + SETTLING,
            _guard: guard,
        }
    }

    fn beat(&mut self, ctx: &mut Context<Self>) {
        if (self.config.is_stopping)() {
            return;
        }
        let MembershipConfig { cluster, leases, store, condition, .. } = self.config.clone();
        let beats = self.beats;
        self.beats += 1;
        let beaten = async move {
            let others = if store.kind() == Kind::Sqlite {
                None
            } else {
                let this = cluster.this(condition());
                let beaten = timeout(TIMEOUT, store.heartbeat(&this, DEAD_MS)).await;
                beaten.ok().and_then(Result::ok)
            };
            if beats.is_multiple_of(RENEW_EVERY) {
                // A lease that could not be renewed expires.
                let _ = timeout(TIMEOUT, leases.renew(&store, cluster.boot())).await;
            }
            if beats.is_multiple_of(FORGET_EVERY) {
                // The next time retries.
                let _ = timeout(TIMEOUT, store.forget_hubs(FORGET_MS)).await;
            }
            others
        };
        ctx.spawn(beaten.into_actor(self).map(|others, membership, ctx| {
            if let Some(others) = others {
                if membership.beaten_at.elapsed() > SETTLING {
                    membership.settling_until = Instant::now() + SETTLING;
                }
                membership.beaten_at = Instant::now();
                membership.on_others(others);
            }
            membership.compare_without_bus();
            ctx.run_later(INTERVAL, Self::beat);
        }));
    }

    fn on_others(&mut self, others: Vec<HubRow>) {
        let boots: HashSet<String> = others.iter().map(|hub| hub.boot.clone()).collect();
        self.config.bus.set_others(boots, others.iter().any(|hub| hub.watches_all));
        let now: BTreeSet<String> = others.iter().map(|hub| hub.boot.clone()).collect();
        for hub in others.iter().filter(|hub| !self.known.contains(&hub.boot)) {
            tracing::info!(hub = hub.instance, "cluster: another hub uses this store");
        }
        let before = self.config.cluster.0.others.load();
        for hub in before.iter().filter(|hub| !now.contains(&hub.boot)) {
            tracing::info!(hub = hub.instance, "cluster: a hub has left");
        }
        if !others.is_empty() && !self.config.bus.is_on() && !self.warned {
            self.warned = true;
            tracing::warn!(
                "cluster: other hubs use this store, and redis.url is not set: changes that they \
                make reach the connections of this hub late"
            );
        }
        if self.known != now {
            self.known = now;
            // The last messages of a hub that left may be missing, and the first of a new one.
            self.settling_until = Instant::now() + SETTLING;
        }
        self.config.cluster.0.others.store(Arc::new(others));
    }

    /// Compares the revisions of connected users with the store while messages of other hubs may
    /// be missing.
    fn compare_without_bus(&self) {
        let others = self.config.cluster.others();
        let missing = |hub: &HubRow| !hub.bus || hub.age_ms > SUSPECT_MS;
        let untrusted =
            !others.is_empty() && (!self.config.bus.is_connected() || others.iter().any(missing));
        let settling =
            self.config.store.kind() != Kind::Sqlite && Instant::now() < self.settling_until;
        if untrusted || settling || (self.config.is_pending)() {
            (self.config.reconcile)();
        }
    }
}

impl Actor for Membership {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.beat(ctx);
    }
}

impl Handler<Crash> for Membership {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the membership actor was asked to crash");
    }
}
