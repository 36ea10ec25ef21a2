//! What the hub says about itself: the log, the metrics, and how each part is.

mod health;
mod logging;
pub mod metric;

pub use health::{Health, PartState};
pub use logging::start_logging;
