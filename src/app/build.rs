//! The parts of a hub that its actors and its HTTP side are made of.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use actix::{Actor, Addr, Arbiter};
use arc_swap::{ArcSwap, ArcSwapOption};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::sleep;

use super::Handles;
use crate::{
    auth::Authenticator,
    config::{self, Loaded},
    connection::{self, sign_in::SignIns},
    delivery::{self, Registry, session},
    domain::catalog::TypeRow,
    feeds::{Broadcaster, Feeding},
    http,
    inbox::{self, Persistence, Sweeper},
    ingest::{Consumer, EventSource, Scheduler, Subscriber, nats::NatsSource},
    pipeline::{
        Pipeline,
        catalog::{self, CatalogRefresher, Sources},
    },
    runtime::{
        Handle, MessageHandle, RuntimeSettings,
        supervisor::{DropGuard, Supervise, Supervisor},
    },
    store::Store,
    telemetry::{self, DeliveryTrace, Health, History, PartState, UnknownTypes},
};

/// What building the actors needs.
pub(super) struct Parts {
    pub(super) loaded: Loaded,
    pub(super) store: Store,
    pub(super) health: Health,
    pub(super) handles: Handles,
    pub(super) feeding: Feeding,
    pub(super) configuration: Arc<config::Live>,
    pub(super) dials: Arc<RuntimeSettings>,
    pub(super) trail: Arc<DeliveryTrace>,
    pub(super) unknown_types: Arc<UnknownTypes>,
}

impl Parts {
    /// Hands every long-lived actor to the supervisor. The pipeline renders in a thread of its own; the others mostly
    /// wait, and share one.
    pub(super) async fn adopt(
        &self,
        supervisor: &Addr<Supervisor>,
        sources: Sources,
        shared: catalog::Shared,
        rows: Vec<TypeRow>,
    ) -> Vec<Arbiter> {
        let (rendering, core, showing) = (Arbiter::new(), Arbiter::new(), Arbiter::new());
        let Self { store, health, handles, loaded, feeding, dials, trail, unknown_types, .. } = self;
        let config = &loaded.config;

        let (dialled, followed) = (Arc::clone(dials), Arc::clone(trail));
        let max_per_user = config.server.max_connections_per_user;
        let settings = delivery::Settings { max_per_user, dials: dialled, trail: followed };
        let (handle, of) = (handles.registry.clone(), store.clone());
        adopt(supervisor, "registry", &core, handle, move |tether| Registry::new(of.clone(), settings.clone(), tether))
            .await;

        let settings = inbox::Settings {
            batch_max: config.store.batch_max,
            batch_wait: Duration::from_millis(config.store.batch_wait_ms),
        };
        let (of, registry, well) = (store.clone(), handles.registry.clone(), health.clone());
        let changes = (MessageHandle::from(&registry), MessageHandle::from(&registry));
        adopt(supervisor, "persistence", &core, handles.persistence.clone(), move |tether| {
            Persistence::new(of.clone(), changes.clone(), well.clone(), settings.clone(), tether)
        })
        .await;

        let shown = feeding.clone();
        let most = config.server.max_connections_per_user;
        adopt(supervisor, "broadcaster", &showing, handles.broadcaster.clone(), move |tether| {
            Broadcaster::new(shown.clone(), most, tether)
        })
        .await;

        let (of, types, persistence) = (store.clone(), shared.clone(), MessageHandle::from(&handles.persistence));
        let (shown, followed) = (feeding.clone(), (Arc::clone(trail), Arc::clone(unknown_types)));
        adopt(supervisor, "pipeline", &rendering, handles.pipeline.clone(), move |tether| {
            Pipeline::new(of.clone(), types.clone(), persistence.clone(), shown.clone(), followed.clone(), tether)
        })
        .await;

        let (well, types) = (health.clone(), shared.clone());
        adopt(supervisor, "catalog", &core, handles.catalog.clone(), move |tether| {
            CatalogRefresher::new(sources.clone(), types.clone(), well.clone(), rows.clone(), tether)
        })
        .await;

        let (of, persistence) = (store.clone(), MessageHandle::from(&handles.persistence));
        let archive = Arc::clone(dials);
        adopt(supervisor, "sweeper", &core, handles.sweeper.clone(), move |tether| {
            Sweeper::new(of.clone(), persistence.clone(), Arc::clone(&archive), tether)
        })
        .await;

        let (of, types, pipeline) = (store.clone(), shared, MessageHandle::from(&handles.pipeline));
        adopt(supervisor, "scheduler", &core, handles.scheduler.clone(), move |tether| {
            Scheduler::new(of.clone(), types.clone(), pipeline.clone(), tether)
        })
        .await;

        if config.nats.url.is_empty() {
            health.set("nats", PartState::Off);
        }
        for source in self.sources() {
            let consumer = Consumer {
                source: source.name(),
                max_event_bytes: config.server.max_event_bytes,
                max_deliver: config.nats.max_deliver,
                backoff_seconds: config.nats.backoff_seconds.clone(),
                pipeline: MessageHandle::from(&handles.pipeline),
                store: store.clone(),
                health: health.clone(),
            };
            adopt(supervisor, "subscriber", &rendering, handles.subscriber.clone(), move |guard| {
                Subscriber::new(Arc::clone(&source), consumer.clone(), guard)
            })
            .await;
        }
        vec![rendering, core, showing]
    }

    /// Event sources that the configuration switches on.
    fn sources(&self) -> Vec<Arc<dyn EventSource>> {
        let nats = &self.loaded.config.nats;
        let mut sources: Vec<Arc<dyn EventSource>> = Vec::new();
        if !nats.url.is_empty() {
            sources.push(Arc::new(NatsSource::new(nats.clone())));
        }
        sources
    }

    pub(super) fn state(
        &self,
        epoch: String,
        metrics: PrometheusHandle,
        auth: Authenticator,
        catalog: catalog::Shared,
        reloader: config::Reloader,
    ) -> http::Shared {
        let Self { store, health, handles, loaded, feeding, configuration, dials, trail, unknown_types } = self;
        let config = &loaded.config;
        let hub = session::Hub {
            instance: instance(&config.server.instance_id),
            epoch: epoch.into(),
            store: store.clone(),
            registry: handles.registry.clone(),
            persistence: handles.persistence.clone(),
            limits: connection::Limits {
                heartbeat: Duration::from_secs(config.server.heartbeat_seconds),
                heartbeat_timeout: Duration::from_secs(config.server.heartbeat_timeout_seconds),
                outbound_queue: config.server.outbound_queue,
                client_messages_per_minute: config.limits.client_messages_per_minute,
            },
            dials: Arc::clone(dials),
            feeding: feeding.clone(),
            sign_ins: SignIns::new(store.clone(), auth.sessions()),
        };
        http::Shared::new(http::State {
            server: ArcSwap::from_pointee(config.server.clone()),
            nats_required: config.nats.required,
            publish_limit: ArcSwapOption::from_pointee(http::PublishLimit::new(config.limits.publish_per_minute)),
            boot: uuid::Uuid::new_v4().to_string(),
            catalog,
            auth,
            newcomers: http::SignInCache::default(),
            refused_origins: http::RefusedOrigins::default(),
            store: store.clone(),
            pipeline: handles.pipeline.clone(),
            persistence: handles.persistence.clone(),
            health: health.clone(),
            types: handles.catalog.clone(),
            configuration: Arc::clone(configuration),
            trail: Arc::clone(trail),
            unknown_types: Arc::clone(unknown_types),
            reloader,
            nats_optional: !config.nats.required && !config.nats.url.is_empty(),
            stored: http::StoredNotifications::default(),
            history: keep_history(store, &metrics),
            metrics,
            hub: Arc::new(hub),
            connections: Arc::new(AtomicUsize::new(0)),
            addresses: http::Addresses::new(
                config.limits.feed_connections_per_address,
                config.server.trusted_proxies.clone(),
            ),
            jobs: http::Jobs::default(),
            under_way: http::InFlight::default(),
            next_client: 1.into(),
        })
    }
}

/// Has the supervisor start an actor on an arbiter, now and whenever it has died.
async fn adopt<A, F>(supervisor: &Addr<Supervisor>, name: &'static str, on: &Arbiter, handle: Handle<A>, make: F)
where
    A: Actor<Context = actix::Context<A>> + Send,
    F: Fn(DropGuard) -> A + Clone + Send + 'static,
{
    let arbiter = on.handle();
    let start = Box::new(move |tether| {
        let make = make.clone();
        handle.fill(A::start_in_arbiter(&arbiter, move |_| make(tether)));
    });
    // The supervisor has just been started, and never panics.
    let _ = supervisor.send(Supervise { name, start }).await;
}

/// Takes a sample of the metrics now and then, as long as the hub runs, and adds to the totals of the store.
fn keep_history(store: &Store, metrics: &PrometheusHandle) -> Arc<History> {
    let history = Arc::new(History::default());
    let (kept, sampled) = (Arc::clone(&history), metrics.clone());
    actix_rt::spawn(async move {
        loop {
            kept.sample(&sampled);
            sleep(telemetry::history::INTERVAL).await;
        }
    });
    let (kept, metrics, store) = (Arc::clone(&history), metrics.clone(), store.clone());
    actix_rt::spawn(async move {
        loop {
            sleep(telemetry::history::INTERVAL).await;
            save_totals(&kept, &store, &metrics).await;
        }
    });
    history
}

/// Adds what this process has counted to the totals of the store. What cannot be added now is added the next time.
pub(super) async fn save_totals(history: &History, store: &Store, metrics: &PrometheusHandle) {
    let events = history.events_unsaved(metrics);
    if events > 0 && store.add_events(events).await.is_ok() {
        history.events_saved(events);
    }
}

/// The hub's name: as configured, else the host's.
fn instance(configured: &str) -> String {
    if configured.is_empty() {
        gethostname::gethostname().to_string_lossy().into_owned()
    } else {
        configured.to_owned()
    }
}
