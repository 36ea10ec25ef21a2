//! Foundations of all actors: supervision, addresses that survive a restart, and settings that
//! change at run time.

pub mod handle;
pub mod settings;
pub mod supervisor;

pub use handle::{Gone, Handle, Lease, MessageHandle};
pub use settings::RuntimeSettings;
