//! Watcher actor: a connection to one live feed, signed in or not.
//!
//! It has no inbox and does not use the store. The broadcaster has its subscription, and its
//! messages wait in its queue.

use std::sync::Arc;

use actix::{
    Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, Recipient, WrapFuture as _,
};

use super::{Dismiss, FeedSubscriber, Subscriptions, WatchTarget, join, subscribe, unsubscribe};
use crate::{
    clock,
    connection::{
        self, AddressSlot, Connection, ConnectionActor, ConnectionDriver, Limits, Slot, Transport,
        sign_in::{self, SignIn, SignIns},
    },
    domain::{
        feed::{FeedId, Feeds, Filters},
        user::Identity,
    },
    protocol::{self, ClientMessage, CloseCode, ErrorCode, Scope},
    runtime::RuntimeSettings,
};

/// Watcher actor.
pub struct Watcher {
    feeds: Arc<Feeds>,
    feed: FeedId,
    limits: Limits,
    settings: Arc<RuntimeSettings>,
    /// Sign-in required by a feed that is not public, and its checker.
    sign_in: Option<(Identity, SignIns)>,
    connection: Connection,
    watched: Subscriptions,
    _address_slot: Option<AddressSlot>,
}

/// Configuration of a watcher.
pub struct WatcherConfig {
    /// Feeds.
    pub feeds: Arc<Feeds>,
    /// Feed of this connection.
    pub feed: FeedId,
    /// Limits of the connection.
    pub limits: Limits,
    /// Settings that may change at run time.
    pub settings: Arc<RuntimeSettings>,
    /// Sign-in required by a feed that is not public, and its checker.
    pub sign_in: Option<(Identity, SignIns)>,
}

impl Watcher {
    /// Creates a watcher on a new connection.
    #[must_use]
    pub fn new(
        watching: WatcherConfig,
        watched: Subscriptions,
        transport: Transport,
        slot: Slot,
        address_slot: Option<AddressSlot>,
    ) -> Self {
        let WatcherConfig { feeds, feed, limits, settings, sign_in } = watching;
        Self {
            feeds,
            feed,
            limits,
            settings,
            sign_in,
            connection: Connection::new(transport, slot),
            watched,
            _address_slot: address_slot,
        }
    }

    /// Closes the connection if its cookie session has ended.
    fn check_sign_in(&mut self, ctx: &mut Context<Self>) {
        let Some((identity, sign_ins)) =
            self.sign_in.clone().filter(|(identity, _)| identity.session.is_some())
        else {
            return;
        };
        let checked = async move { sign_ins.check(&identity).await };
        ctx.spawn(checked.into_actor(self).map(|state, watcher, _| {
            if state == SignIn::Ended {
                watcher.close(CloseCode::NotSignedIn);
                watcher.connection.wake();
            }
        }));
    }

    /// Returns the target of a message, if it is this connection's feed.
    fn resolve_target(&mut self, scope: &Scope) -> Option<WatchTarget> {
        let name = &self.feeds.get(self.feed).name;
        match scope {
            Scope::Own => return Some(WatchTarget::Feed(self.feed)),
            Scope::Feed(asked) if asked == name => return Some(WatchTarget::Feed(self.feed)),
            Scope::Feed(_) => {
                let message = format!(
                    "this connection is for the feed {name}; connect to the other one's address"
                );
                self.send_error(ErrorCode::NotFound, &message);
            }
            Scope::All => {
                self.send_error(ErrorCode::Forbidden, "everything is for administrators, on /ws");
            }
        }
        None
    }
}

impl ConnectionActor for Watcher {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn limits(&self) -> Limits {
        Limits {
            client_messages_per_minute: self.settings.client_messages_per_minute(),
            ..self.limits
        }
    }

    fn expires_at(&self) -> Option<i64> {
        self.sign_in.as_ref().and_then(|(identity, _)| identity.expires_at)
    }

    fn on_wake(&mut self, _: &mut Context<Self>) {}

    fn on_text(&mut self, text: &[u8], ctx: &mut Context<Self>) {
        match ClientMessage::parse(text) {
            Ok(ClientMessage::Subscribe { scope, filters: wanted }) => {
                let Some(target) = self.resolve_target(&scope) else { return };
                let feed = self.feeds.get(self.feed);
                match Filters::of_json(feed, &wanted) {
                    Ok(filters) => {
                        let answer = protocol::subscribed(Some(&feed.name), &wanted);
                        subscribe(self, target, filters, answer, ctx);
                    }
                    Err(error) => self.send_error(error.kind.into(), &error.detail),
                }
            }
            Ok(ClientMessage::Unsubscribe(scope)) => {
                let Some(target) = self.resolve_target(&scope) else { return };
                let answer = protocol::unsubscribed(Some(&self.feeds.get(self.feed).name));
                unsubscribe(self, target, answer, ctx);
            }
            Ok(ClientMessage::Ping) => self.answer(protocol::pong(clock::now())),
            Ok(_) => self.send_error(
                ErrorCode::Forbidden,
                "this connection is for a live feed; an inbox is on /ws",
            ),
            Err(error) => self.answer(protocol::error(&error)),
        }
    }

    fn on_written(&mut self, _: &mut Context<Self>) {}
}

impl FeedSubscriber for Watcher {
    fn watched(&mut self) -> &mut Subscriptions {
        &mut self.watched
    }

    fn close_address(&self, ctx: &Context<Self>) -> Option<Recipient<Dismiss>> {
        Some(ctx.address().recipient())
    }
}

impl Actor for Watcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(ConnectionDriver::default());
        self.watch_heartbeat(ctx);
        self.watch_expiry(ctx);
        ctx.run_interval(sign_in::INTERVAL.min(self.limits.heartbeat), Self::check_sign_in);
        join(self, ctx);
    }
}

impl Handler<Dismiss> for Watcher {
    type Result = ();

    fn handle(&mut self, Dismiss(code): Dismiss, _: &mut Self::Context) {
        if code == CloseCode::GoingAway {
            self.answer(protocol::going_away(connection::going_away_after()));
        }
        self.close(code);
    }
}
