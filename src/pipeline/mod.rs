//! From an event to rendered notifications.

mod actor;
mod batch;
pub mod catalog;
mod context;
mod fan_out;
mod fan_out_limiter;
mod fan_out_report;
mod lookups;
mod outcome;
mod owed;
mod plan;
mod recipients;
mod reply;
mod resolve;
mod spans;
mod trace;

pub use actor::{Ingest, Pipeline};
pub use outcome::{Outcome, Stored};

#[cfg(test)]
mod tests;
