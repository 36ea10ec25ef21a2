//! Delivery from a committed change to the sockets: the registry of connected users, and a session
//! for each connection.

mod live_windows;
mod messages;
mod registry;
pub mod session;
mod user_sessions;

pub use messages::*;
pub use registry::{CrashSessions, Registry, RegistryConfig};
