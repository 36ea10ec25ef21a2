//! The hub: builds everything from the configuration. The one place that knows all parts.

mod reload;

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use actix::{Actor, Addr, Arbiter};
use arc_swap::{ArcSwap, ArcSwapOption};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::{
    actors::{
        Dials, Handle,
        broadcaster::{Broadcaster, CountWatchers, DismissWatchers, Feeding},
        catalog::{self, CatalogKeeper, Sources},
        connection,
        persistence::{self, Persistence},
        pipeline::Pipeline,
        registry::{self, CountSessions, DismissAll, Registry},
        scheduler::Scheduler,
        session,
        subscriber::Subscriber,
        supervisor::{Adopt, Retire, Supervisor, Tether},
        sweeper::Sweeper,
    },
    auth::{Authenticator, KeyError},
    clock,
    config::{self, Loaded},
    domain::{catalog::TypeRow, feed::Feeds},
    http::{self, Serving},
    redis::{Redis, RedisError},
    sources::nats::Intake,
    store::{Store, StoreError},
    telemetry::{self, Health, History, PartState, Trail},
};

/// How long a store that is away at the start is waited for.
const STORE_PATIENCE: Duration = Duration::from_secs(30);

/// How long answers may take to be written when nothing else is left to do.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Between questions whether Redis answers.
const REDIS_WATCH: Duration = Duration::from_secs(2);

/// Between tries.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// A hub that runs.
pub struct Hub {
    /// Where it listens.
    pub serving: Serving,
    /// Its actors, for tests that take one away.
    pub handles: Handles,
    /// How each part is.
    pub health: Health,
    store: Store,
    supervisor: Addr<Supervisor>,
    arbiters: Vec<Arbiter>,
    grace: Duration,
    under_way: http::UnderWay,
    reloader: reload::Reloader,
}

/// The long-lived actors.
#[derive(Debug, Clone, Default)]
pub struct Handles {
    /// Who is connected.
    pub registry: Handle<Registry>,
    /// Who changes inboxes.
    pub persistence: Handle<Persistence>,
    /// Who plans.
    pub pipeline: Handle<Pipeline>,
    /// Who brings live feeds.
    pub broadcaster: Handle<Broadcaster>,
    /// Who brings the broker's messages.
    pub subscriber: Handle<Subscriber>,
    /// Who keeps the catalog.
    pub catalog: Handle<CatalogKeeper>,
    /// Who sweeps.
    pub sweeper: Handle<Sweeper>,
    /// Who has types come by the clock.
    pub scheduler: Handle<Scheduler>,
}

/// Why a hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address.
    #[error(transparent)]
    Listen(#[from] std::io::Error),
    /// A key that tokens are signed with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Redis's address.
    #[error(transparent)]
    Redis(#[from] RedisError),
}

impl Hub {
    /// Starts everything: the store, the catalog, the actors, and last the door.
    ///
    /// # Errors
    /// When the store does not come or the address cannot be listened on.
    pub async fn start(loaded: Loaded, metrics: PrometheusHandle) -> Result<Self, StartError> {
        let health = Health::default();
        let store = Store::open(loaded.config.store.url.reveal()).await?;
        wait_for_schema(&store).await?;
        health.set("store", PartState::Ok);
        let redis = match loaded.config.redis.url.reveal() {
            "" => None,
            url => Some(Redis::open(url)?),
        };
        watch_redis(redis.clone(), health.clone());
        let auth = Authenticator::new(&loaded.config.auth, redis.as_ref())?;

        let shared = catalog::Shared::default();
        store.write_config_types(&loaded.types, clock::now()).await?;
        let sources = Sources {
            store: store.clone(),
            templates: loaded.templates.clone(),
            default_locale: loaded.config.templates.default_locale.clone(),
        };
        let rows = sources.load(&shared, &health).await?;

        let handles = Handles::default();
        let feeding = Feeding::new(Feeds::new(loaded.config.feeds()), handles.broadcaster.clone());
        let configuration = Arc::new(config::Live::new(&loaded, clock::now()));
        let parts = Parts {
            dials: Dials::new(reload::settings(&loaded.config)),
            trail: Arc::new(Trail::new(loaded.config.explain.events, loaded.config.explain.minutes)),
            loaded,
            store: store.clone(),
            health: health.clone(),
            handles: handles.clone(),
            feeding,
            configuration,
        };
        let supervisor = Supervisor::new(health.clone()).start();
        let arbiters = parts.adopt(&supervisor, sources, shared.clone(), rows).await;

        let epoch = store.epoch().await?;
        let grace = Duration::from_secs(parts.loaded.config.server.shutdown_grace_seconds);
        let listen = parts.loaded.config.server.listen.clone();
        let state = parts.state(epoch, metrics, auth, shared);
        let under_way = state.under_way.clone();
        let serving = http::serve(&listen, state.clone(), grace)?;
        let reloader = reload::watch(parts, state);
        Ok(Self { serving, handles, health, store, supervisor, arbiters, grace, under_way, reloader })
    }

    /// Reads config.toml and the templates again, whether they have changed or not.
    pub fn reload(&self) {
        self.reloader.now();
    }

    /// Connections whose good-byes are not over.
    async fn connected(&self) -> usize {
        let sessions = self.handles.registry.send(CountSessions).await.unwrap_or(0);
        sessions + self.handles.broadcaster.send(CountWatchers).await.unwrap_or(0)
    }

    /// Stops: not ready first, then every client is told, then what is under way finishes, within the grace time.
    pub async fn stop(self) {
        let deadline = Instant::now() + self.grace;
        self.health.set("hub", PartState::Down("stopping".to_owned()));
        // A supervisor that is gone restarts nobody either.
        let _ = self.supervisor.send(Retire).await;
        let _ = self.handles.registry.send(DismissAll).await;
        // One that is too busy to hear it cuts them off.
        let _ = timeout_at(deadline, self.handles.broadcaster.send(DismissWatchers)).await;
        while timeout_at(deadline, self.connected()).await.is_ok_and(|connected| connected > 0) {
            if Instant::now() >= deadline {
                tracing::warn!("some clients did not say good-bye in time");
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        // Requests under way get what is left of the time; one second at least, for those that only wait for a commit.
        let deadline = deadline.max(Instant::now() + Duration::from_secs(1));
        while self.under_way.count() > 0 && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        // Answers that are being written have a moment more; connections that are merely open have not.
        if timeout(LAST_WORDS, self.serving.handle.stop(true)).await.is_err() {
            let _ = timeout(Duration::from_secs(1), self.serving.handle.stop(false)).await;
        }
        for arbiter in self.arbiters {
            arbiter.stop();
        }
        self.store.close().await;
        tracing::info!("stopped");
    }
}

/// What building the actors needs.
struct Parts {
    loaded: Loaded,
    store: Store,
    health: Health,
    handles: Handles,
    feeding: Feeding,
    configuration: Arc<config::Live>,
    dials: Arc<Dials>,
    trail: Arc<Trail>,
}

impl Parts {
    /// Hands every long-lived actor to the supervisor. The pipeline renders in a thread of its own; the others mostly
    /// wait, and share one.
    async fn adopt(
        &self,
        supervisor: &Addr<Supervisor>,
        sources: Sources,
        shared: catalog::Shared,
        rows: Vec<TypeRow>,
    ) -> Vec<Arbiter> {
        let (rendering, core, showing) = (Arbiter::new(), Arbiter::new(), Arbiter::new());
        let Self { store, health, handles, loaded, feeding, dials, trail, .. } = self;
        let config = &loaded.config;

        let (dialled, followed) = (Arc::clone(dials), Arc::clone(trail));
        let max_per_user = config.server.max_connections_per_user;
        let settings = registry::Settings { max_per_user, dials: dialled, trail: followed };
        let (handle, of) = (handles.registry.clone(), store.clone());
        adopt(supervisor, "registry", &core, handle, move |tether| Registry::new(of.clone(), settings.clone(), tether))
            .await;

        let settings = persistence::Settings {
            batch_max: config.store.batch_max,
            batch_wait: Duration::from_millis(config.store.batch_wait_ms),
        };
        let (of, registry, well) = (store.clone(), handles.registry.clone(), health.clone());
        adopt(supervisor, "persistence", &core, handles.persistence.clone(), move |tether| {
            Persistence::new(of.clone(), registry.clone(), well.clone(), settings.clone(), tether)
        })
        .await;

        let shown = feeding.clone();
        let most = config.server.max_connections_per_user;
        adopt(supervisor, "broadcaster", &showing, handles.broadcaster.clone(), move |tether| {
            Broadcaster::new(shown.clone(), most, tether)
        })
        .await;

        let (of, types, persistence) = (store.clone(), shared.clone(), handles.persistence.clone());
        let (shown, followed) = (feeding.clone(), Arc::clone(trail));
        adopt(supervisor, "pipeline", &rendering, handles.pipeline.clone(), move |tether| {
            Pipeline::new(of.clone(), types.clone(), persistence.clone(), shown.clone(), Arc::clone(&followed), tether)
        })
        .await;

        let (well, types) = (health.clone(), shared.clone());
        adopt(supervisor, "catalog", &core, handles.catalog.clone(), move |tether| {
            CatalogKeeper::new(sources.clone(), types.clone(), well.clone(), rows.clone(), tether)
        })
        .await;

        let (of, persistence) = (store.clone(), handles.persistence.clone());
        let archive = Arc::clone(dials);
        adopt(supervisor, "sweeper", &core, handles.sweeper.clone(), move |tether| {
            Sweeper::new(of.clone(), persistence.clone(), Arc::clone(&archive), tether)
        })
        .await;

        let (of, types, pipeline) = (store.clone(), shared, handles.pipeline.clone());
        adopt(supervisor, "scheduler", &core, handles.scheduler.clone(), move |tether| {
            Scheduler::new(of.clone(), types.clone(), pipeline.clone(), tether)
        })
        .await;

        if config.nats.url.is_empty() {
            health.set("nats", PartState::Off);
        } else {
            let intake = Intake {
                config: config.nats.clone(),
                max_event_bytes: config.server.max_event_bytes,
                pipeline: handles.pipeline.clone(),
                store: store.clone(),
                health: health.clone(),
            };
            adopt(supervisor, "subscriber", &rendering, handles.subscriber.clone(), move |tether| {
                Subscriber::new(intake.clone(), tether)
            })
            .await;
        }
        vec![rendering, core, showing]
    }

    fn state(
        &self,
        epoch: String,
        metrics: PrometheusHandle,
        auth: Authenticator,
        catalog: catalog::Shared,
    ) -> http::Shared {
        let Self { store, health, handles, loaded, feeding, configuration, dials, trail } = self;
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
        };
        http::Shared::new(http::State {
            server: ArcSwap::from_pointee(config.server.clone()),
            nats_required: config.nats.required,
            publish_limit: ArcSwapOption::from_pointee(http::PublishLimit::new(config.limits.publish_per_minute)),
            boot: uuid::Uuid::new_v4().to_string(),
            catalog,
            auth,
            newcomers: http::Newcomers::default(),
            store: store.clone(),
            pipeline: handles.pipeline.clone(),
            persistence: handles.persistence.clone(),
            health: health.clone(),
            types: handles.catalog.clone(),
            configuration: Arc::clone(configuration),
            trail: Arc::clone(trail),
            history: keep_history(&metrics),
            metrics,
            hub: Arc::new(hub),
            connections: Arc::new(AtomicUsize::new(0)),
            addresses: http::Addresses::new(
                config.limits.feed_connections_per_address,
                config.server.trusted_proxies.clone(),
            ),
            jobs: http::Jobs::default(),
            under_way: http::UnderWay::default(),
            next_client: 1.into(),
        })
    }
}

/// Has the supervisor start an actor on an arbiter, now and whenever it has died.
async fn adopt<A, F>(supervisor: &Addr<Supervisor>, name: &'static str, on: &Arbiter, handle: Handle<A>, make: F)
where
    A: Actor<Context = actix::Context<A>> + Send,
    F: Fn(Tether) -> A + Clone + Send + 'static,
{
    let arbiter = on.handle();
    let start = Box::new(move |tether| {
        let make = make.clone();
        handle.fill(A::start_in_arbiter(&arbiter, move |_| make(tether)));
    });
    // The supervisor has just been started, and never panics.
    let _ = supervisor.send(Adopt { name, start }).await;
}

/// Applies the migrations; a server that is still starting is waited for.
async fn wait_for_schema(store: &Store) -> Result<(), StoreError> {
    let deadline = Instant::now() + STORE_PATIENCE;
    let mut told = false;
    loop {
        match store.migrate().await {
            Err(error) if error.is_transient() && Instant::now() < deadline => {
                if !told {
                    tracing::warn!(%error, "the store is away; waiting for it");
                    told = true;
                }
                sleep(STORE_RETRY).await;
            }
            other => return other,
        }
    }
}

/// Asks Redis whether it answers, as long as the hub runs.
fn watch_redis(redis: Option<Redis>, health: Health) {
    let Some(redis) = redis else {
        health.set("redis", PartState::Off);
        return;
    };
    actix_rt::spawn(async move {
        loop {
            health.set(
                "redis",
                match redis.ping().await {
                    Ok(()) => PartState::Ok,
                    Err(error) => PartState::Down(error.to_string()),
                },
            );
            sleep(REDIS_WATCH).await;
        }
    });
}

/// Takes a sample of the metrics now and then, as long as the hub runs.
fn keep_history(metrics: &PrometheusHandle) -> Arc<History> {
    let history = Arc::new(History::default());
    let (kept, metrics) = (Arc::clone(&history), metrics.clone());
    actix_rt::spawn(async move {
        loop {
            kept.sample(&metrics);
            sleep(telemetry::history::INTERVAL).await;
        }
    });
    history
}

/// The hub's name: as configured, else the host's.
fn instance(configured: &str) -> String {
    if configured.is_empty() {
        gethostname::gethostname().to_string_lossy().into_owned()
    } else {
        configured.to_owned()
    }
}
