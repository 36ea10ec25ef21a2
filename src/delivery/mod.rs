//! From a committed change to a socket: the registry of connected users and a session for each connection.

mod messages;
mod registry;
pub mod session;
mod user_sessions;

pub use messages::*;
pub use registry::{CrashSessions, Registry, RegistryConfig};
