//! What Lonceng decides, as pure functions over values.
//!
//! **Architecture invariant:** nothing here does I/O, spawns a task, or asks what time it is. `now` and every fresh
//! identifier are arguments. `tests/integration/architecture.rs` reads the `use` lines and keeps it so.

pub mod catalog;
pub mod directory;
pub mod event;
pub mod feed;
pub mod follow;
pub mod inbox;
pub mod limits;
pub mod link;
pub mod monotonic;
pub mod notification;
pub mod plan;
pub mod preferences;
pub mod rate_limit;
pub mod rejected;
pub mod schedule;
pub mod skipped;
pub mod template;
pub mod user;
