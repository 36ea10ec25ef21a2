//! Operations for administrators. Those of the older API keep its format: IDs that are whole
//! numbers up to 2^53-1 are JSON numbers.

pub(super) mod activity;
pub(super) mod answers;
pub(super) mod audit;
pub(super) mod clients;
pub(super) mod configuration;
mod csv;
pub(super) mod dead_letters;
pub(super) mod deliveries;
pub(super) mod directory;
pub(super) mod directory_bulk;
mod directory_file;
pub(super) mod directory_import;
mod directory_replace;
pub(super) mod explain;
mod explain_deliveries;
mod explain_stored;
pub(super) mod history;
pub(super) mod hubs;
pub mod jobs;
pub(super) mod overview;
pub(super) mod preferences;
mod query;
mod remedies;
mod replay;
mod running_job;
pub(super) mod stats;
pub(super) mod types;

pub use overview::OverviewTotals;
pub use stats::StoredNotifications;
