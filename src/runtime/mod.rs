//! Foundations that every actor stands on: supervision, addresses that survive a restart, and settings that change while the hub
//! runs.

pub mod handle;
pub mod settings;
pub mod supervisor;

pub use handle::{Gone, Handle, MessageHandle};
pub use settings::RuntimeSettings;
