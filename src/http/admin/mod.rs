//! The administrators' calls. Those at the top of the older API keep its shapes: ids that are whole numbers are JSON numbers.

mod audit;
mod clients;
mod configuration;
pub(super) mod dead_letters;
pub(super) mod directory;
mod explain;
mod history;
pub mod jobs;
mod query;
mod stats;
pub(super) mod types;

pub(super) use clients::{clients, revoke_client, revoke_user, users};
pub(super) use configuration::{audit, config, reload};
pub(super) use explain::explain;
pub(super) use history::{history, pending};
pub use stats::StoredNotifications;
pub(super) use stats::stats;
