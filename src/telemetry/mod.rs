//! What the hub says about itself: the log, the metrics, and how each part is.

mod health;
pub mod history;
mod logging;
pub mod metric;
pub mod trace;
pub mod unknown_types;

pub use health::{Health, PartState};
pub use history::History;
pub use logging::start_logging;
pub use trace::DeliveryTrace;
pub use unknown_types::UnknownTypes;
