//! Delivery channels besides the bell: their names, and when types use them.

mod duration;
mod schedule;

pub use duration::{parse_age, parse_duration};
pub use schedule::{Digest, ESCALATIONS_MAX, Escalation, UnlessState};

/// Name of the channel of the bell.
pub const WEB: &str = "web";

/// Name of the channel of e-mail.
pub const EMAIL: &str = "email";

/// Name of the channel of Web Push.
pub const PUSH: &str = "push";

/// Prefix of the names of webhooks.
pub const WEBHOOK_PREFIX: &str = "webhook:";

/// Returns whether a type can name this channel.
#[must_use]
pub fn is_channel(channel: &str) -> bool {
    matches!(channel, WEB | EMAIL | PUSH)
        || channel.strip_prefix(WEBHOOK_PREFIX).is_some_and(|name| !name.is_empty())
}

/// Returns whether a channel reaches one person, not a service.
#[must_use]
pub fn is_personal(channel: &str) -> bool {
    !channel.starts_with(WEBHOOK_PREFIX)
}
