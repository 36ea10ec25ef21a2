//! Decisions as pure functions over values.
//!
//! **Invariant:** nothing here does I/O, spawns a task, or reads a clock. `now` and every fresh ID
//! are arguments. `tests/integration/architecture` checks the imports.

pub mod catalog;
pub mod channel;
pub mod deliveries;
pub mod directory;
pub mod event;
pub mod feed;
pub mod follow;
pub mod group;
pub mod inbox;
pub mod language;
pub mod limits;
pub mod link;
pub mod markup;
pub mod message_code;
pub mod monotonic;
pub mod notification;
pub mod objects;
pub mod plan;
pub mod preferences;
pub mod presentation;
pub mod rate_limit;
pub mod regroup;
pub mod rejected;
pub mod schedule;
pub mod skipped;
pub mod template;
pub mod trace_context;
mod transition;
pub mod user;
