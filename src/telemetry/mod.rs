//! Telemetry: log, metrics, health, and delivery trace.

mod activity;
mod health;
pub mod history;
mod log_limit;
mod logging;
pub mod metric;
pub mod spans;
pub mod trace;
pub mod unknown_types;

pub use activity::{ActivityQueue, EventCount, Pending};
pub use health::{Health, PartState};
pub use history::History;
pub use log_limit::LogLimit;
pub use logging::start_logging;
pub use trace::{DeliveryTrace, TraceLimits};
pub use unknown_types::UnknownTypes;
