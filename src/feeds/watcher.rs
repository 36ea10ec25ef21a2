//! A watcher: a connection of whoever looks at one live feed, signed in or not.
//!
//! It has no inbox and asks the store for nothing. What it watches is the broadcaster's to know; what waits for it, is left at its
//! doorstep.

use std::sync::Arc;

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, Recipient, WrapFuture as _};

use super::{Dismiss, Watched, Watches, What, attend, subscribe, unsubscribe};
use crate::{
    clock,
    connection::{
        self, Client, Connection, ConnectionDriver, Limits, Slot, Transport,
        sign_in::{self, SignIn, SignIns},
    },
    domain::{
        feed::{FeedId, Feeds, Filters},
        user::Identity,
    },
    protocol::{self, ClientMessage, CloseCode, ErrorCode, Scope},
};

/// The actor.
pub struct Watcher {
    feeds: Arc<Feeds>,
    feed: FeedId,
    limits: Limits,
    /// Sign-in that a feed which is not public asked for, and what is known about sign-ins.
    sign_in: Option<(Identity, SignIns)>,
    connection: Connection,
    watched: Watched,
    _place: AddressPlace,
}

/// A place among the connections of one address; given back when dropped.
pub type AddressPlace = Option<Box<dyn std::any::Any + Send>>;

/// A watcher's feed, and what it keeps to.
pub struct Watching {
    /// The feeds there are.
    pub feeds: Arc<Feeds>,
    /// The one it is for.
    pub feed: FeedId,
    /// What its connection keeps to.
    pub limits: Limits,
    /// Sign-in of a feed that is not public, and what is known about sign-ins.
    pub sign_in: Option<(Identity, SignIns)>,
}

impl Watcher {
    /// A watcher on a connection that begins.
    #[must_use]
    pub fn new(watching: Watching, watched: Watched, wire: Transport, slot: Slot, place: AddressPlace) -> Self {
        let Watching { feeds, feed, limits, sign_in } = watching;
        Self { feeds, feed, limits, sign_in, connection: Connection::new(wire, slot), watched, _place: place }
    }

    /// Closes the connection when its cookie session has ended.
    fn check_sign_in(&mut self, ctx: &mut Context<Self>) {
        let Some((identity, sign_ins)) = self.sign_in.clone().filter(|(identity, _)| identity.session.is_some()) else {
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

    /// The feed that the message is about, if it is this connection's.
    fn own(&mut self, scope: &Scope) -> Option<What> {
        let name = &self.feeds.get(self.feed).name;
        match scope {
            Scope::Own => return Some(What::Feed(self.feed)),
            Scope::Feed(asked) if asked == name => return Some(What::Feed(self.feed)),
            Scope::Feed(_) => {
                let message = format!("this connection is for the feed {name}; connect to the other one's address");
                self.complain(ErrorCode::NotFound, &message);
            }
            Scope::All => self.complain(ErrorCode::Forbidden, "everything is for administrators, on /ws"),
        }
        None
    }
}

impl Client for Watcher {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn expires_at(&self) -> Option<i64> {
        self.sign_in.as_ref().and_then(|(identity, _)| identity.expires_at)
    }

    fn on_wake(&mut self, _: &mut Context<Self>) {}

    fn on_text(&mut self, text: &[u8], ctx: &mut Context<Self>) {
        match ClientMessage::parse(text) {
            Ok(ClientMessage::Subscribe { scope, filters: wanted }) => {
                let Some(what) = self.own(&scope) else { return };
                let feed = self.feeds.get(self.feed);
                match Filters::of_json(feed, &wanted) {
                    Ok(filters) => {
                        let answer = protocol::subscribed(Some(&feed.name), &wanted);
                        subscribe(self, what, filters, answer, ctx);
                    }
                    Err(error) => self.complain(error.kind.into(), &error.detail),
                }
            }
            Ok(ClientMessage::Unsubscribe(scope)) => {
                let Some(what) = self.own(&scope) else { return };
                let answer = protocol::unsubscribed(Some(&self.feeds.get(self.feed).name));
                unsubscribe(self, what, answer, ctx);
            }
            Ok(ClientMessage::Ping) => self.answer(protocol::pong(clock::now())),
            Ok(_) => self.complain(ErrorCode::Forbidden, "this connection is for a live feed; an inbox is on /ws"),
            Err(error) => self.answer(protocol::error(&error)),
        }
    }

    fn on_written(&mut self, _: &mut Context<Self>) {}
}

impl Watches for Watcher {
    fn watched(&mut self) -> &mut Watched {
        &mut self.watched
    }

    fn farewell(&self, ctx: &Context<Self>) -> Option<Recipient<Dismiss>> {
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
        attend(self, ctx);
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
