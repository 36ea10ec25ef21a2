//! Delivery channels besides the bell: e-mail, Web Push and webhooks.
//!
//! The store has an outbox, written with each notification ([`crate::store::Delivery`]). The
//! dispatcher claims what is due, decides whether it is still wanted
//! ([`crate::domain::deliveries::decide`]), sends it through a [`Channel`] and records the outcome.
//! A crash between sending and recording repeats a message, with the same ID.
//!
//! A new kind of channel implements [`Channel`] and is registered in [`configured`].

mod attempt_log;
mod breaker;
mod dispatcher;
mod email;
mod guard;
mod outcome;
mod prepare;
mod reply;
mod set;
mod unreached;
mod web_push;
mod webhook;
mod worker;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use uuid::Uuid;

pub use dispatcher::{Dispatcher, DispatcherConfig};
pub use email::{
    EmailTemplates, MailFailure, Rendered, Unsubscribe, check_email, test_email_server,
};
pub use set::{ChannelSet, ChannelsError};
pub use unreached::Unreached;
pub use web_push::{VapidKeys, generate_vapid, is_browser_key};
pub use webhook::check_webhook;

use crate::{
    config::Channels,
    domain::{
        notification::{Notification, Timestamp},
        trace_context::TraceContext,
        user::Person,
    },
    pipeline::catalog::SharedCatalog,
    store::{PushSubscription, Store},
};

/// Message to send on a channel.
#[derive(Debug, Clone)]
pub struct Message {
    /// ID of the delivery; the same for every attempt.
    pub id: Uuid,
    /// Recipient; `None` if it stands for all recipients of an event.
    pub recipient: Option<Person>,
    /// Notifications: one, or those of a digest, oldest first.
    pub items: Vec<Arc<Notification>>,
    /// True if it is a digest.
    pub digest: bool,
    /// True if it closes an earlier push.
    pub closes: bool,
    /// True if the recipient cannot mute the type of the first notification.
    pub mandatory: bool,
    /// Number of recipients that it stands for.
    pub recipients: i64,
    /// Browsers of the recipient that have not confirmed it.
    pub browsers: Vec<PushSubscription>,
    /// Time of the delivery; the same for every attempt.
    pub created_at: Timestamp,
    /// Time of the attempt.
    pub now: Timestamp,
    /// Trace of the event.
    pub trace: Option<Arc<TraceContext>>,
}

/// Acceptance by the other side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Reply of the other side.
    pub reply: String,
    /// Browsers that have confirmed it.
    pub confirmed: Vec<String>,
}

/// Failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendError {
    /// Kind of failure.
    pub kind: SendErrorKind,
    /// Reason, with the code of the other side.
    pub reason: String,
    /// Browsers that have confirmed it nevertheless.
    pub confirmed: Vec<String>,
}

/// Kind of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// The hub cannot make the message, or may not send it there: it is not tried.
    Invalid,
    /// The other side refuses the message: it is not tried again.
    Refused,
    /// The other side cannot take the message now; with the pause that it asked for.
    Later(Option<Duration>),
    /// The other side was not reached. Such failures open the breaker.
    Unreachable,
    /// There is nobody to send it to.
    Nobody,
}

impl SendErrorKind {
    /// Returns the name, for the attribute `error.type` of spans.
    fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Later(_) => "later",
            Self::Unreachable => "unreachable",
            Self::Nobody => "nobody",
        }
    }
}

impl SendError {
    fn new(kind: SendErrorKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), confirmed: Vec::new() }
    }
}

/// Way to send messages.
pub trait Channel: Send + Sync {
    /// Returns the name, as types name it.
    fn name(&self) -> &str;

    /// Returns the maximum number of attempts at the same time.
    fn concurrency(&self) -> usize {
        16
    }

    /// Returns the endpoints that the channel leaves alone because they are not reached, if it has
    /// several. The dispatcher does so for the channel as a whole.
    fn unreached(&self) -> Vec<String> {
        Vec::new()
    }

    /// Sends a message. The dispatcher limits the time.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Sent, SendError>>;

    /// Sends a test to an address, for administrators: `mail` if the channel sends e-mails, else a
    /// fixed text. Returns the reply of the other side.
    fn test<'a>(
        &'a self,
        to: &'a str,
        mail: Option<Rendered>,
    ) -> BoxFuture<'a, Result<String, SendError>>;
}

/// Shared parts of the channels.
#[derive(Clone)]
pub struct ChannelContext {
    /// Store, for subscriptions and shared keys.
    pub store: Store,
    /// Templates of e-mails.
    pub templates: Arc<arc_swap::ArcSwap<EmailTemplates>>,
    /// Types with the texts of e-mails in the table.
    pub catalog: SharedCatalog,
    /// Unsubscribe links.
    pub unsubscribe: Unsubscribe,
    /// Keys of Web Push.
    pub vapid: Option<Arc<VapidKeys>>,
}

/// Returns the configured channels. A new kind of channel is registered here.
///
/// # Errors
/// A description of an invalid setting.
pub fn configured(
    config: &Channels,
    context: &ChannelContext,
) -> Result<Vec<Arc<dyn Channel>>, String> {
    let mut channels: Vec<Arc<dyn Channel>> = Vec::new();
    let timeout = Duration::from_secs(config.retry.timeout_seconds);
    if !config.email.url.is_empty() {
        channels.push(Arc::new(email::Email::new(&config.email, timeout, context)?));
    }
    if let Some(keys) = &context.vapid {
        let backoff = config.retry.backoff_seconds.iter().copied().map(Duration::from_secs);
        let limits = (timeout, backoff.collect());
        channels.push(Arc::new(web_push::WebPush::new(&config.push, keys, limits, context)?));
    }
    for webhook in &config.webhooks {
        channels.push(Arc::new(webhook::Webhook::new(webhook, &config.email.public_url, timeout)?));
    }
    Ok(channels)
}
