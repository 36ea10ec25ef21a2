//! HTTP interface: operations, errors, and connections that become sessions.
//!
//! Each resource has a file with its handlers and its operations ([`api`]). Errors are problem
//! details (RFC 9457), and only [`problem`] chooses their status.

mod addresses;
mod admin;
mod admission;
mod api;
mod assets;
mod body;
mod conditional;
mod cors;
mod dry_run;
mod events;
mod feeds;
mod first_request;
mod grouping;
mod headers;
mod health;
mod idempotency;
mod identity;
mod in_flight;
mod metrics;
mod notifications;
mod notify;
mod operations;
mod preferences;
mod problem;
mod publish;
mod push;
mod recall;
mod refused_origins;
mod refused_sign_ins;
mod server;
mod sign_ins;
mod standard;
mod state;
mod stream;
mod stream_paths;
mod tls;
mod unsubscribe;
mod upgrade;

pub use addresses::Addresses;
pub use admin::{OverviewTotals, StoredNotifications, answers::answer_hubs, jobs::run_jobs};
pub use admission::ArrivalPace;
pub use in_flight::InFlight;
pub use problem::Problem;
pub use publish::PublishLimit;
pub use refused_origins::RefusedOrigins;
pub use server::{Serving, serve};
pub use sign_ins::SignInDirectory;
pub use state::{SharedState, State};
pub use tls::Tls;
