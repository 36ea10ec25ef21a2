//! Construction of the actors and of the HTTP state.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::{Actor, Addr, Arbiter};

use arc_swap::{ArcSwap, ArcSwapOption};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::mpsc;

use super::sources::{self, SOURCES};
use super::threads::Threads;
use super::{Handles, totals};
use crate::{
    activity::ActivityWriter,
    auth::Authenticator,
    bus::{Bus, BusListener, BusPublisher, IncomingRequest, ListenerConfig, Requests},
    channels::{ChannelSet, Dispatcher, DispatcherConfig},
    cluster::{Cluster, Condition, Leases, Membership, MembershipConfig},
    config::{self, Loaded},
    connection::{self, sign_in::SignIns},
    delivery::{Registry, RegistryConfig, RegistryHandle, RestoreCounts, session},
    domain::catalog::TypeRow,
    feeds::{Broadcaster, FeedsHandle},
    http,
    inbox::{MarkHandle, Persistence, PersistenceConfig, Reconcile, Sweeper},
    ingest::{Consumer, EventSource, Scheduler, Subscriber},
    pipeline::{
        Pipeline,
        catalog::{CatalogRefresher, SharedCatalog, Sources},
    },
    redis::Sessions,
    runtime::{
        Handle, MessageHandle, RuntimeSettings,
        supervisor::{ChildName, DropGuard, Supervise, Supervisor},
    },
    store::Store,
    telemetry::{DeliveryTrace, Health, PartState, UnknownTypes},
};

/// Everything that the actors and the HTTP state are built from.
pub(super) struct Parts {
    pub(super) loaded: Loaded,
    pub(super) store: Store,
    pub(super) health: Health,
    pub(super) handles: Handles,
    pub(super) event_sources: Vec<Arc<dyn EventSource>>,
    pub(super) feeds_handle: FeedsHandle,
    pub(super) configuration: Arc<config::LiveConfig>,
    pub(super) settings: Arc<RuntimeSettings>,
    pub(super) cluster: Cluster,
    pub(super) leases: Leases,
    pub(super) bus: Bus,
    /// True if revisions are to be compared, and the registry had no room for the request.
    pub(super) reconcile_pending: Arc<AtomicBool>,
    /// Number of open connections, those that only watch feeds included.
    pub(super) connections: Arc<AtomicUsize>,
    /// Queue of questions of other hubs, and its receiver until the HTTP state is built.
    pub(super) requests: mpsc::Sender<IncomingRequest>,
    pub(super) incoming: Mutex<Option<mpsc::Receiver<IncomingRequest>>>,
    pub(super) trace: Arc<DeliveryTrace>,
    pub(super) activity: Arc<ActivityWriter>,
    pub(super) unknown_types: Arc<UnknownTypes>,
    pub(super) catalog: SharedCatalog,
    pub(super) channels: ChannelSet,
    pub(super) sources: Sources,
    /// Rows that the first catalog was built from.
    pub(super) types: Vec<TypeRow>,
}

impl Parts {
    /// Starts every long-lived actor under the supervisor. Returns their threads.
    pub(super) async fn start_actors(
        self: &Arc<Self>,
        supervisor: &Addr<Supervisor>,
    ) -> Vec<Arbiter> {
        let threads = Threads::new();
        let handles = &self.handles;
        let start = Starter { parts: self, supervisor };
        start.actor("registry", threads.core(), &handles.registry, Self::registry).await;
        start
            .actor("persistence", threads.commits(), &handles.persistence, Self::persistence)
            .await;
        start.actor("broadcaster", threads.feeds(), &handles.broadcaster, Self::broadcaster).await;
        start.actor("pipeline", threads.rendering(), &handles.pipeline, Self::pipeline).await;
        start.actor("catalog", threads.core(), &handles.catalog, Self::catalog_refresher).await;
        start.actor("sweeper", threads.core(), &handles.sweeper, Self::sweeper).await;
        start.actor("scheduler", threads.core(), &handles.scheduler, Self::scheduler).await;
        start.actor("dispatcher", threads.feeds(), &handles.dispatcher, Self::dispatcher).await;
        start.actor("membership", threads.core(), &handles.membership, Self::membership).await;
        if self.bus.is_on() {
            let publisher = &handles.bus_publisher;
            start.actor("bus_publisher", threads.core(), publisher, Self::bus_publisher).await;
            let listener = &handles.bus_listener;
            start.actor("bus_listener", threads.core(), listener, Self::bus_listener).await;
        }
        for name in SOURCES {
            if !self.event_sources.iter().any(|source| source.name() == name) {
                self.health.set(name, PartState::Off);
            }
        }
        for source in &self.event_sources {
            let Some(handle) = handles.subscribers.get(source.name()) else { continue };
            self.health.set_connecting(source.name());
            let child = ChildName { actor: "subscriber", instance: source.name() };
            let source = Arc::clone(source);
            let make = move |parts: &Self, guard| {
                Subscriber::new(Arc::clone(&source), parts.consumer(&*source), guard)
            };
            start.child(child, threads.rendering(), handle, make).await;
        }
        threads.all()
    }

    fn consumer(&self, source: &dyn EventSource) -> Consumer {
        Consumer {
            source: source.name(),
            max_event_bytes: self.loaded.config.server.max_event_bytes,
            retries: source.retries(),
            pipeline: MessageHandle::from(&self.handles.pipeline),
            store: self.store.clone(),
            health: self.health.clone(),
            trace: Arc::clone(&self.trace),
        }
    }

    fn registry(&self, guard: DropGuard) -> Registry {
        let config = RegistryConfig {
            max_per_user: self.loaded.config.server.max_connections_per_user,
            settings: Arc::clone(&self.settings),
            trace: Arc::clone(&self.trace),
            bus: self.bus.clone(),
        };
        Registry::new(self.store.clone(), config, guard)
    }

    fn persistence(&self, guard: DropGuard) -> Persistence {
        let config = PersistenceConfig {
            batch_max: self.loaded.config.store.batch_max,
            batch_wait: Duration::from_millis(self.loaded.config.store.batch_wait_ms),
            due: Arc::clone(&self.channels.due),
            closes_pushes: self.channels.vapid.is_some(),
        };
        let registry = &self.handles.registry;
        let changes = (MessageHandle::from(registry), MessageHandle::from(registry));
        Persistence::new(self.store.clone(), changes, self.health.clone(), config, guard)
    }

    fn broadcaster(&self, guard: DropGuard) -> Broadcaster {
        Broadcaster::new(
            self.feeds_handle.clone(),
            self.loaded.config.server.max_connections_per_user,
            guard,
        )
    }

    fn pipeline(&self, guard: DropGuard) -> Pipeline {
        let persistence = MessageHandle::from(&self.handles.persistence);
        let records = (Arc::clone(&self.trace), Arc::clone(&self.unknown_types));
        Pipeline::new(
            self.store.clone(),
            self.catalog.clone(),
            persistence,
            self.feeds_handle.clone(),
            records,
            guard,
        )
    }

    fn catalog_refresher(&self, guard: DropGuard) -> CatalogRefresher {
        let (sources, catalog, health) =
            (self.sources.clone(), self.catalog.clone(), self.health.clone());
        CatalogRefresher::new(sources, catalog, health, self.types.clone(), guard)
    }

    fn sweeper(&self, guard: DropGuard) -> Sweeper {
        let persistence = MessageHandle::from(&self.handles.persistence);
        let settings = Arc::clone(&self.settings);
        let (leases, trace) = (self.leases.clone(), Arc::clone(&self.trace));
        Sweeper::new(self.store.clone(), persistence, (settings, trace), leases, guard)
    }

    fn scheduler(&self, guard: DropGuard) -> Scheduler {
        let pipeline = MessageHandle::from(&self.handles.pipeline);
        let (store, leases) = (self.store.clone(), self.leases.clone());
        Scheduler::new(store, self.catalog.clone(), pipeline, leases, guard)
    }

    fn dispatcher(&self, guard: DropGuard) -> Dispatcher {
        let config = DispatcherConfig {
            store: self.store.clone(),
            catalog: self.catalog.clone(),
            channels: self.channels.channels.clone(),
            retry: self.loaded.config.channels.retry.clone(),
            due: Arc::clone(&self.channels.due),
            unreached: self.channels.unreached.clone(),
            health: self.health.clone(),
            leases: self.leases.clone(),
        };
        Dispatcher::new(config, guard)
    }

    fn membership(&self, guard: DropGuard) -> Membership {
        let (connections, health, feeds, bus) = (
            Arc::clone(&self.connections),
            self.health.clone(),
            self.feeds_handle.clone(),
            self.bus.clone(),
        );
        let (stopping, pending) = (self.health.clone(), Arc::clone(&self.reconcile_pending));
        let condition = move || Condition {
            connections: connections.load(Ordering::Relaxed),
            ready: !["hub", "store", "actors"].iter().any(|part| health.is_down(part)),
            bus: bus.is_connected(),
            watches_all: feeds.subscriber_counts().is_watching_all(),
        };
        let config = MembershipConfig {
            cluster: self.cluster.clone(),
            leases: self.leases.clone(),
            store: self.store.clone(),
            bus: self.bus.clone(),
            reconcile: self.reconcile(),
            condition: Arc::new(condition),
            is_stopping: Arc::new(move || stopping.is_down("hub")),
            is_pending: Arc::new(move || pending.swap(false, Ordering::Relaxed)),
        };
        Membership::new(config, guard)
    }

    /// Returns a function that has the registry compare revisions with the store.
    fn reconcile(&self) -> Arc<dyn Fn() + Send + Sync> {
        let registry = self.handles.registry.clone();
        let pending = Arc::clone(&self.reconcile_pending);
        // A registry with a full mailbox is asked again at the next heartbeat.
        Arc::new(move || {
            if !registry.offer(Reconcile::Here) {
                pending.store(true, Ordering::Relaxed);
            }
        })
    }

    fn bus_publisher(&self, guard: DropGuard) -> BusPublisher {
        BusPublisher::new(self.bus.clone(), guard)
    }

    fn bus_listener(&self, guard: DropGuard) -> BusListener {
        let (feeds, registry) = (self.feeds_handle.clone(), self.handles.registry.clone());
        let config = ListenerConfig {
            changes: MessageHandle::from(&self.handles.registry),
            events: MessageHandle::from(&self.handles.broadcaster),
            has_audience: Arc::new(move |code| feeds.subscriber_counts().has_audience(code)),
            reconcile: self.reconcile(),
            connected: Arc::new(move || _ = registry.offer(RestoreCounts)),
            requests: self.requests.clone(),
        };
        BusListener::new(self.bus.clone(), config, guard)
    }

    /// Takes the receiver of questions of other hubs; `None` the second time.
    pub(super) fn take_requests(&self) -> Option<mpsc::Receiver<IncomingRequest>> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn session_context(
        &self,
        epoch: String,
        sessions: Option<Sessions>,
    ) -> session::SessionContext {
        let config = &self.loaded.config;
        session::SessionContext {
            instance: self.cluster.instance().to_owned(),
            epoch: epoch.into(),
            store: self.store.clone(),
            registry: RegistryHandle::from(&self.handles.registry),
            marks: MarkHandle::from(&self.handles.persistence),
            limits: connection::Limits {
                heartbeat: Duration::from_secs(config.server.heartbeat_seconds),
                heartbeat_timeout: Duration::from_secs(config.server.heartbeat_timeout_seconds),
                outbound_queue: config.server.outbound_queue,
                client_messages_per_minute: config.limits.client_messages_per_minute,
            },
            settings: Arc::clone(&self.settings),
            feeds_handle: self.feeds_handle.clone(),
            sign_ins: SignIns::new(self.store.clone(), sessions),
        }
    }

    /// Creates the state of the HTTP interface.
    pub(super) fn state(
        &self,
        epoch: String,
        metrics: PrometheusHandle,
        auth: Authenticator,
        (reloader, tls): (config::Reloader, Option<Arc<http::Tls>>),
    ) -> http::SharedState {
        let Self { store, health, handles, loaded, configuration, .. } = self;
        let Self { trace, activity, unknown_types, .. } = self;
        let config = &loaded.config;
        let sessions = Arc::new(self.session_context(epoch, auth.sessions()));
        http::SharedState::new(http::State {
            server: ArcSwap::from_pointee(config.server.clone()),
            tls,
            required_sources: sources::required(config),
            publish_limit: ArcSwapOption::from_pointee(http::PublishLimit::new(
                config.limits.publish_per_minute,
            )),
            boot: self.cluster.boot().to_owned(),
            catalog: self.catalog.clone(),
            channels: self.channels.clone(),
            auth,
            sign_ins: http::SignInDirectory::default(),
            refused_origins: http::RefusedOrigins::default(),
            store: store.clone(),
            pipeline: handles.pipeline.clone(),
            persistence: handles.persistence.clone(),
            registry: handles.registry.clone(),
            health: health.clone(),
            types: handles.catalog.clone(),
            configuration: Arc::clone(configuration),
            trace: Arc::clone(trace),
            activity: Arc::clone(activity),
            unknown_types: Arc::clone(unknown_types),
            reloader,
            optional_sources: sources::optional(config),
            overview: http::OverviewTotals::default(),
            stored: http::StoredNotifications::default(),
            history: totals::keep_history(store, &metrics),
            metrics,
            sessions,
            connections: Arc::clone(&self.connections),
            job_begun: tokio::sync::Notify::new(),
            cluster: self.cluster.clone(),
            hubs: Requests::new(self.bus.clone()),
            arrivals: http::ArrivalPace::new(config.server.connections_per_second),
            addresses: http::Addresses::new(
                config.limits.feed_connections_per_address,
                config.server.trusted_proxies.clone(),
            ),
            in_flight: http::InFlight::default(),
            next_client: 1.into(),
        })
    }
}

/// Starts actors under a supervisor.
struct Starter<'a> {
    parts: &'a Arc<Parts>,
    supervisor: &'a Addr<Supervisor>,
}

impl Starter<'_> {
    /// Starts an actor on a thread, and again whenever it has died; `handle` gets the address of
    /// each new one.
    async fn actor<A, F>(&self, actor: &'static str, thread: &Arbiter, handle: &Handle<A>, make: F)
    where
        A: Actor<Context = actix::Context<A>> + Send,
        F: Fn(&Parts, DropGuard) -> A + Clone + Send + 'static,
    {
        self.child(ChildName { actor, instance: "" }, thread, handle, make).await;
    }

    /// Starts one of several actors of a kind.
    async fn child<A, F>(&self, child: ChildName, thread: &Arbiter, handle: &Handle<A>, make: F)
    where
        A: Actor<Context = actix::Context<A>> + Send,
        F: Fn(&Parts, DropGuard) -> A + Clone + Send + 'static,
    {
        let (thread, handle, parts) = (thread.handle(), handle.clone(), Arc::clone(self.parts));
        let start = Box::new(move |guard| {
            let (make, parts) = (make.clone(), Arc::clone(&parts));
            handle.fill(A::start_in_arbiter(&thread, move |_| make(&parts, guard)));
        });
        // The supervisor has just been started, and never panics.
        let _ = self.supervisor.send(Supervise { child, start }).await;
    }
}

/// Returns the name of the hub: as configured, else the host name.
#[must_use]
pub fn instance(configured: &str) -> String {
    if configured.is_empty() {
        gethostname::gethostname().to_string_lossy().into_owned()
    } else {
        configured.to_owned()
    }
}
