//! Live feeds: events shown to watchers, and not stored.

mod broadcaster;
mod messages;
mod subscriber_counts;
mod subscription;
pub mod watcher;

pub use broadcaster::Broadcaster;
pub use messages::*;
pub use subscriber_counts::SubscriberCounts;
pub use subscription::*;

#[cfg(test)]
mod tests;
