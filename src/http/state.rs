//! What the handlers share.

use std::sync::{Arc, atomic::AtomicUsize};

use arc_swap::{ArcSwap, ArcSwapOption};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    auth::Authenticator,
    config,
    delivery::session,
    http::{
        addresses::Addresses,
        admin,
        identity::{RefusedOrigins, SignInCache},
        in_flight::InFlight,
        publish::PublishLimit,
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

/// What the handlers share.
#[derive(Debug)]
pub struct State {
    /// `[server]`.
    pub server: ArcSwap<config::Server>,
    /// Whether readiness asks for NATS.
    pub nats_required: bool,
    /// What both publishing calls may do in a minute.
    pub publish_limit: ArcSwapOption<PublishLimit>,
    /// A word that only this process has.
    pub boot: String,
    /// The types there are.
    pub catalog: catalog::SharedCatalog,
    /// Decides who is asking.
    pub auth: Authenticator,
    /// Who has been entered into the directory already.
    pub newcomers: SignInCache,
    /// Origins that were refused.
    pub refused_origins: RefusedOrigins,
    /// The store, for reading.
    pub store: Store,
    /// Where events go.
    pub pipeline: Handle<Pipeline>,
    /// Where marks go.
    pub persistence: Handle<Persistence>,
    /// How each part is.
    pub health: Health,
    /// Who keeps the catalog.
    pub types: Handle<CatalogRefresher>,
    /// What is loaded, and what is wrong with what came after.
    pub configuration: Arc<config::LiveConfig>,
    /// Asks the hub to read its files again.
    pub reloader: config::Reloader,
    /// What became of the last events.
    pub trace: Arc<DeliveryTrace>,
    /// Codes of events that no type has.
    pub unknown_types: Arc<UnknownTypes>,
    /// Whether NATS is configured and the hub does without it.
    pub nats_optional: bool,
    /// Number of notifications in the store.
    pub stored: admin::StoredNotifications,
    /// The last hour.
    pub history: Arc<History>,
    /// What `/metrics` answers.
    pub metrics: PrometheusHandle,
    /// What sessions share.
    pub sessions: Arc<session::SessionContext>,
    /// WebSocket connections now.
    pub connections: Arc<AtomicUsize>,
    /// Connections of those who are not signed in, by address.
    pub addresses: Arc<Addresses>,
    /// Long work that administrators have begun.
    pub jobs: admin::jobs::Jobs,
    /// Requests now.
    pub in_flight: InFlight,
    /// The next connection's number.
    pub next_client: std::sync::atomic::AtomicU64,
}

/// The state, shared by all workers.
pub type SharedState = actix_web::web::Data<State>;
