//! State shared by all handlers.

use std::sync::{Arc, atomic::AtomicUsize};

use arc_swap::{ArcSwap, ArcSwapOption};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    activity::ActivityWriter,
    auth::Authenticator,
    bus::Requests,
    channels::ChannelSet,
    cluster::Cluster,
    config,
    delivery::{Registry, session},
    http::{
        addresses::Addresses, admin, in_flight::InFlight, publish::PublishLimit,
        refused_origins::RefusedOrigins, sign_ins::SignInDirectory, tls::Tls,
    },
    inbox::Persistence,
    pipeline::{
        Pipeline,
        catalog::{self, CatalogRefresher},
    },
    runtime::Handle,
    store::Store,
    telemetry::{DeliveryTrace, Health, History, UnknownTypes},
};

/// State shared by all handlers.
#[derive(Debug)]
pub struct State {
    /// Section `[server]`.
    pub server: ArcSwap<config::Server>,
    /// Certificate, if the hub speaks TLS itself.
    pub tls: Option<Arc<Tls>>,
    /// Names of the event sources that readiness requires.
    pub required_sources: Vec<&'static str>,
    /// Rate limit of publishing.
    pub publish_limit: ArcSwapOption<PublishLimit>,
    /// Random ID of this process.
    pub boot: String,
    /// Current types.
    pub catalog: catalog::SharedCatalog,
    /// Channels.
    pub channels: ChannelSet,
    /// Authenticator of requests.
    pub auth: Authenticator,
    /// Users already written to the directory.
    pub sign_ins: SignInDirectory,
    /// Refused origins.
    pub refused_origins: RefusedOrigins,
    /// Store, for reads.
    pub store: Store,
    /// Receiver of events.
    pub pipeline: Handle<Pipeline>,
    /// Receiver of marks.
    pub persistence: Handle<Persistence>,
    /// Connected users.
    pub registry: Handle<Registry>,
    /// State of each part.
    pub health: Health,
    /// Catalog actor.
    pub types: Handle<CatalogRefresher>,
    /// Loaded configuration, and problems of later edits.
    pub configuration: Arc<config::LiveConfig>,
    /// Trigger of a reload.
    pub reloader: config::Reloader,
    /// Delivery trace.
    pub trace: Arc<DeliveryTrace>,
    /// Cached totals of the overview.
    pub overview: admin::OverviewTotals,
    /// Writer of traces to the store.
    pub activity: Arc<ActivityWriter>,
    /// Unknown codes of events.
    pub unknown_types: Arc<UnknownTypes>,
    /// Names of the event sources that are configured and optional.
    pub optional_sources: Vec<&'static str>,
    /// Number of notifications in the store.
    pub stored: admin::StoredNotifications,
    /// Metrics of the last hour.
    pub history: Arc<History>,
    /// Metrics for `/metrics`.
    pub metrics: PrometheusHandle,
    /// Notified when a background job has begun here.
    pub job_begun: tokio::sync::Notify,
    /// Hubs of this store.
    pub cluster: Cluster,
    /// Questions to the other hubs.
    pub hubs: Requests,
    /// State shared by sessions.
    pub sessions: Arc<session::SessionContext>,
    /// Number of connections.
    pub connections: Arc<AtomicUsize>,
    /// Pace at which connections are accepted.
    pub arrivals: super::ArrivalPace,
    /// Limit of anonymous connections per address.
    pub addresses: Arc<Addresses>,
    /// Requests in progress.
    pub in_flight: InFlight,
    /// Number of the next connection.
    pub next_client: std::sync::atomic::AtomicU64,
}

/// State, shared by all workers.
pub type SharedState = actix_web::web::Data<State>;
