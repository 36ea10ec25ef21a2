//! From an event to rendered notifications.

mod actor;
mod batch;
pub mod catalog;
mod fan_out;
mod outcome;
mod trace;

pub use actor::{Ingest, Pipeline};
pub use outcome::{Outcome, Stored};
