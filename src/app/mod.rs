//! Hub: builds all parts from the configuration, and stops them.

mod build;
mod check;
mod reload;
mod sources;
mod start_error;
mod threads;
mod totals;

pub use build::instance;
pub use check::{Checked, check, check_values};
pub use start_error::StartError;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix::{Actor, Addr, Arbiter};
use futures_util::future::join_all;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout, timeout_at},
};

use build::Parts;

use crate::{
    activity::ActivityWriter,
    auth::Authenticator,
    bus::{Bus, BusConfig, BusListener, BusPublisher, PublisherHandle},
    channels::{ChannelSet, Dispatcher},
    clock,
    cluster::{Cluster, Leases, Membership},
    config::{self, Loaded},
    delivery::{CountSessions, DismissAll, Registry},
    domain::feed::Feeds,
    feeds::{Broadcaster, CountWatchers, DismissWatchers, FeedsHandle},
    http::{self, Serving},
    inbox::{Persistence, Sweeper},
    ingest::{EventSource, Scheduler, Subscriber},
    pipeline::{
        Pipeline,
        catalog::{CatalogRefresher, SharedCatalog, Sources},
    },
    redis::Redis,
    runtime::{
        Handle, RuntimeSettings,
        supervisor::{Shutdown, Supervisor},
    },
    store::{Kind, Store, StoreError, StoreLock},
    telemetry::{DeliveryTrace, Health, History, PartState},
};

/// Time to wait for an unavailable store at the start.
const STORE_START_TIMEOUT: Duration = Duration::from_secs(30);

/// Time limit for writing the last responses.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

/// Time limit for closing the store's connections.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Capacity of the queue of questions of other hubs; further ones are not answered.
const HUB_REQUESTS_MAX: usize = 64;

/// Time to wait for the bus at the start.
const BUS_START_TIMEOUT: Duration = Duration::from_millis(500);

/// Interval of checks of Redis.
const REDIS_CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Delay between attempts.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// Running hub.
pub struct Hub {
    /// HTTP server.
    pub serving: Serving,
    /// Actors, for tests that kill one.
    pub handles: Handles,
    /// State of each part.
    pub health: Health,
    store: Store,
    event_sources: Vec<Arc<dyn EventSource>>,
    _lock: StoreLock,
    supervisor: Addr<Supervisor>,
    arbiters: Vec<Arbiter>,
    grace: Duration,
    in_flight: http::InFlight,
    totals: (Arc<History>, PrometheusHandle),
    activity: Arc<ActivityWriter>,
    reloader: config::Reloader,
    /// ID of this process among the hubs of the store.
    boot: String,
}

/// Handles of the long-lived actors.
#[derive(Debug, Clone, Default)]
pub struct Handles {
    /// Registry of connected users.
    pub registry: Handle<Registry>,
    /// Persistence, the only writer of inboxes.
    pub persistence: Handle<Persistence>,
    /// Pipeline.
    pub pipeline: Handle<Pipeline>,
    /// Broadcaster of live feeds.
    pub broadcaster: Handle<Broadcaster>,
    /// Subscribers, by the name of their event source.
    pub subscribers: BTreeMap<&'static str, Handle<Subscriber>>,
    /// Catalog actor.
    pub catalog: Handle<CatalogRefresher>,
    /// Sweeper.
    pub sweeper: Handle<Sweeper>,
    /// Scheduler.
    pub scheduler: Handle<Scheduler>,
    /// Heartbeat, and leases.
    pub membership: Handle<Membership>,
    /// Sender of messages to other hubs.
    pub bus_publisher: Handle<BusPublisher>,
    /// Receiver of messages of other hubs.
    pub bus_listener: Handle<BusListener>,
    /// Dispatcher of deliveries.
    pub dispatcher: Handle<Dispatcher>,
}

impl Hub {
    /// Starts a hub: store, catalog, actors, and last the HTTP server.
    ///
    /// # Errors
    /// When the store stays unavailable, or the address cannot be used.
    pub async fn start(loaded: Loaded, metrics: PrometheusHandle) -> Result<Self, StartError> {
        let health = Health::default();
        let store = Store::open(loaded.config.store.url.reveal()).await?;
        let store = match loaded.config.store.replica_url.reveal() {
            "" => store,
            replica => store.with_replica(replica)?,
        };
        let lock = store.lock()?;
        wait_for_schema(&store, loaded.config.store.partitions).await?;
        health.set("store", PartState::Ok);
        let redis = match loaded.config.redis.url.reveal() {
            "" => None,
            url => Some(Redis::open(url)?),
        };
        let auth = Authenticator::new(&loaded.config.auth, redis.as_ref())?;

        store.write_config_types(&loaded.types, clock::now()).await?;
        let epoch = store.epoch().await?;
        let boot = uuid::Uuid::new_v4().to_string();
        let (bus, publisher) = bus(redis.clone(), &store, &boot, &epoch);
        let parts = Arc::new(parts(loaded, &store, &health, boot, (bus, publisher)).await?);
        let supervisor = Supervisor::new(health.clone()).start();
        let arbiters = parts.start_actors(&supervisor).await;
        // A normal start is no disturbance of the bus; without it the hub starts too.
        let _ = timeout(BUS_START_TIMEOUT, parts.bus.connected()).await;
        let activity = Arc::clone(&parts.activity);
        actix_rt::spawn(async move { activity.run().await });
        watch_redis(redis, parts.bus.clone(), health.clone());

        let (reloader, reloads) = config::Reloader::new();
        let grace = Duration::from_secs(parts.loaded.config.server.shutdown_grace_seconds);
        let listen = parts.loaded.config.server.listen.clone();
        let tls = match &parts.loaded.config.server.tls {
            Some(tls) => Some(
                http::Tls::load(tls, parts.loaded.folder())
                    .map_err(|(key, message)| StartError::Tls(key, message))?,
            ),
            None => None,
        };
        let state = parts.state(epoch, metrics.clone(), auth, (reloader.clone(), tls));
        http::answer_hubs(state.clone(), parts.take_requests());
        http::run_jobs(state.clone());
        let in_flight = state.in_flight.clone();
        let totals = (Arc::clone(&state.history), metrics);
        let serving = http::serve(&listen, state.clone(), grace)?;
        let handles = parts.handles.clone();
        let boot = parts.cluster.boot().to_owned();
        let event_sources = parts.event_sources.clone();
        let activity = Arc::clone(&parts.activity);
        reload::watch(parts, state, reloads);
        Ok(Self {
            serving,
            handles,
            health,
            store,
            event_sources,
            _lock: lock,
            supervisor,
            arbiters,
            grace,
            in_flight,
            totals,
            activity,
            reloader,
            boot,
        })
    }

    /// Reloads config.toml and the templates, even if that removes types.
    pub fn reload(&self) {
        // The end is not awaited.
        drop(self.reloader.ask());
    }

    /// Returns the number of connections that are not closed yet.
    async fn connected(&self) -> usize {
        let sessions = self.handles.registry.send(CountSessions).await.unwrap_or(0);
        sessions + self.handles.broadcaster.send(CountWatchers).await.unwrap_or(0)
    }

    /// Stops the hub: not ready first, then all clients are notified, then requests in progress
    /// finish, within the grace period.
    pub async fn stop(self) {
        let deadline = Instant::now() + self.grace;
        self.health.set("hub", PartState::Down("stopping".to_owned()));
        // Other hubs take over at once, and what is in progress is acknowledged.
        join_all(self.event_sources.iter().map(|source| source.stop())).await;
        // A dead supervisor restarts no actor either.
        let _ = self.supervisor.send(Shutdown).await;
        let _ = self.handles.registry.send(DismissAll).await;
        // A busy broadcaster closes them later.
        let _ = timeout_at(deadline, self.handles.broadcaster.send(DismissWatchers)).await;
        while timeout_at(deadline, self.connected()).await.is_ok_and(|connected| connected > 0) {
            if Instant::now() >= deadline {
                tracing::warn!("shutdown: some clients were not closed in time");
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        // Requests in progress get the rest of the time, and at least a second for a commit.
        let deadline = deadline.max(Instant::now() + Duration::from_secs(1));
        while self.in_flight.count() > 0 && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        // Responses in progress get a moment more; idle connections do not.
        if timeout(FLUSH_TIMEOUT, self.serving.handle.stop(true)).await.is_err() {
            let _ = timeout(Duration::from_secs(1), self.serving.handle.stop(false)).await;
        }
        self.activity.flush().await;
        let (history, metrics) = &self.totals;
        if timeout(CLOSE_TIMEOUT, totals::save_totals(history, &self.store, metrics)).await.is_err()
        {
            tracing::debug!("shutdown: the latest events are missing in the totals");
        }
        // A kill has the same effect a little later: the heartbeat and the leases expire.
        let left = async {
            // Jobs continue at another hub, or here after the restart.
            let _ = self.store.release_jobs(&self.boot).await;
            self.store.leave(&self.boot).await
        };
        if timeout(CLOSE_TIMEOUT, left).await.is_err() {
            tracing::debug!("shutdown: the heartbeat was not deleted in time");
        }
        // Closed while the arbiters run: listeners of the store return their connections now.
        if timeout(CLOSE_TIMEOUT, self.store.close()).await.is_err() {
            tracing::debug!("shutdown: some connections to the store were not closed in time");
        }
        for arbiter in self.arbiters {
            arbiter.stop();
        }
        tracing::info!("lonceng stopped");
    }
}

/// Loads the first catalog, and creates the state that actors share.
async fn parts(
    loaded: Loaded,
    store: &Store,
    health: &Health,
    boot: String,
    (bus, bus_publisher): (Bus, Handle<BusPublisher>),
) -> Result<Parts, StartError> {
    let local = config::local_templates(&loaded.templates).unwrap_or_else(|error| {
        tracing::warn!(%error, folder = %loaded.templates.display(), "the locale folders cannot \
        be read");
        Vec::new()
    });
    let configuration = Arc::new(config::LiveConfig::new(&loaded, local, clock::now()));
    let sources = Sources { store: store.clone(), configuration: Arc::clone(&configuration) };
    let catalog = SharedCatalog::default();
    let types = sources.load(&catalog, health).await?;
    let instance = build::instance(&loaded.config.server.instance_id);
    let event_sources = sources::event_sources(&loaded.config, store, &instance);
    let subscribers =
        event_sources.iter().map(|source| (source.name(), Handle::default())).collect();
    let handles = Handles { subscribers, bus_publisher, ..Handles::default() };
    let (requests, incoming) = mpsc::channel(HUB_REQUESTS_MAX);
    let templates = (loaded.templates.as_path(), &*loaded.config.templates.default_locale);
    let channels =
        ChannelSet::open(&loaded.config.channels, store, &catalog, templates, loaded.folder())
            .await?;
    store.release_deliveries().await?;
    let trace = Arc::new(DeliveryTrace::new(reload::trace_limits(&loaded.config), clock::now()));
    Ok(Parts {
        channels,
        activity: Arc::new(ActivityWriter::new(
            Arc::clone(&trace),
            store.clone(),
            instance.clone(),
        )),
        settings: RuntimeSettings::new(reload::settings(&loaded.config)),
        unknown_types: Arc::default(),
        trace,
        feeds_handle: FeedsHandle::new(
            Feeds::new(loaded.config.feeds()),
            handles.broadcaster.clone(),
            bus.clone(),
        ),
        cluster: Cluster::new(boot, instance, clock::now()),
        leases: match store.kind() {
            Kind::Sqlite => Leases::alone(),
            Kind::Postgres => Leases::shared(),
        },
        connections: Arc::default(),
        reconcile_pending: Arc::default(),
        bus,
        requests,
        incoming: Mutex::new(Some(incoming)),
        loaded,
        store: store.clone(),
        health: health.clone(),
        handles,
        event_sources,
        configuration,
        catalog,
        sources,
        types,
    })
}

/// Applies the migrations; waits for a server that is still starting.
async fn wait_for_schema(store: &Store, partitions: u32) -> Result<(), StoreError> {
    let deadline = Instant::now() + STORE_START_TIMEOUT;
    let mut warned = false;
    loop {
        match store.migrate_partitioned(partitions).await {
            Err(error) if error.is_transient() && Instant::now() < deadline => {
                if !warned {
                    tracing::warn!(%error, "store: unavailable; waiting for it");
                    warned = true;
                }
                sleep(STORE_RETRY).await;
            }
            other => return other,
        }
    }
}

/// Creates the bus, if there is a Redis and a store that hubs can share. `boot` is new at every
/// start.
fn bus(
    redis: Option<Redis>,
    store: &Store,
    boot: &str,
    epoch: &str,
) -> (Bus, Handle<BusPublisher>) {
    let publisher = Handle::default();
    let bus = match (redis, store.kind()) {
        (Some(redis), Kind::Postgres) => {
            let config = BusConfig { redis, boot: boot.to_owned(), epoch: epoch.to_owned() };
            Bus::new(config, PublisherHandle::from(&publisher))
        }
        _ => Bus::default(),
    };
    (bus, publisher)
}

/// Checks Redis at intervals, while the hub runs.
fn watch_redis(redis: Option<Redis>, bus: Bus, health: Health) {
    let Some(redis) = redis else {
        health.set("redis", PartState::Off);
        return;
    };
    actix_rt::spawn(async move {
        loop {
            health.set(
                "redis",
                match redis.ping().await {
                    Ok(()) if !bus.is_on() || bus.is_connected() => PartState::Ok,
                    Ok(()) => PartState::Degraded(
                        "pushes between hubs are late until Redis is connected".to_owned(),
                    ),
                    Err(error) => PartState::Degraded(error.to_string()),
                },
            );
            sleep(REDIS_CHECK_INTERVAL).await;
        }
    });
}
