//! Session actor: one connection of one user.
//!
//! It owns its [`Connection`]. It attaches to the registry first, reads history second, and
//! forwards live pushes third, so no change is missed in between. Pushes are sent only in the order
//! of revisions, and gaps are filled from the store ([`catchup`]). The write queue is bounded.
//!
//! It ends through [`Connection::close`] with a [`CloseCode`], or because the peer disconnected.

mod catchup;
mod inbound;
mod lagging;

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, WrapFuture};
use bytes::Bytes;
use tokio::time::Instant;

use super::{Attach, Detach, RegistryHandle, TooManyConnections};
use crate::{
    clock,
    connection::{
        Connection, ConnectionActor, ConnectionDriver, Limits, Slot, Transport, going_away_after,
        sign_in::{self, SignIn, SignIns},
    },
    delivery::{ClientInfo, Push, SessionMessage, Signals},
    domain::{
        follow::Follower,
        inbox::{ClientId, InboxState, Since},
        user::{Identity, UserId},
    },
    feeds::{Dismiss, FeedSubscriber, FeedsHandle, Subscriptions, WatchTarget, unsubscribe},
    inbox::MarkHandle,
    protocol::{self, CloseCode},
    runtime::{Gone, MessageHandle, RuntimeSettings},
    store::{Page, Store},
    telemetry::metric,
};

/// Delay before the next attempt to attach, while there is no registry.
const REATTACH_AFTER: Duration = Duration::from_millis(50);

/// Starting point of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Its unread notifications.
    Fresh,
    /// The changes after its position.
    Since(Since),
    /// Only new changes.
    LiveOnly,
}

/// State shared by all sessions of this hub.
#[derive(Debug)]
pub struct SessionContext {
    /// Name of this hub.
    pub instance: String,
    /// Epoch of the store.
    pub epoch: Arc<str>,
    /// Store, for reads.
    pub store: Store,
    /// Registry of connected users.
    pub registry: RegistryHandle,
    /// Persistence, the only writer of inboxes.
    pub marks: MarkHandle,
    /// Limits of every connection.
    pub limits: Limits,
    /// Settings that may change at run time.
    pub settings: Arc<RuntimeSettings>,
    /// Live feeds.
    pub feeds_handle: FeedsHandle,
    /// Checker of sign-ins.
    pub sign_ins: SignIns,
}

impl SessionContext {
    /// Returns the current limits of every connection.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            client_messages_per_minute: self.settings.client_messages_per_minute(),
            ..self.limits
        }
    }
}

/// Session state.
enum Phase {
    /// Reading history; pushes are held meanwhile.
    CatchingUp(Held),
    /// Forwarding pushes.
    Live,
    /// Writing the last frames.
    Closing,
}

/// Pushes held while history is read.
#[derive(Default)]
struct Held {
    pushes: VecDeque<Push>,
    /// Size of the frames, in bytes.
    bytes: usize,
    /// True while a page is being read.
    reading: bool,
    /// True if some did not fit, and must be read from the store.
    dropped: bool,
}

/// Session actor.
pub struct Session {
    context: Arc<SessionContext>,
    info: Arc<ClientInfo>,
    start: Start,
    phase: Phase,
    /// Position of the client, when its queue is written.
    follower: Follower,
    /// State of the inbox at the client's position.
    counters: InboxState,
    /// Deferred replies to `sync.request`.
    deferred: Vec<Page>,
    /// Revision at the beginning of the last catch-up: later notifications are new to the client.
    caught_up_from: i64,
    /// True when `connected` has been sent, so `follower` is valid.
    opened: bool,
    connection: Connection,
    /// True if the user is known to be an administrator.
    is_admin: bool,
    /// Signals set by the registry.
    signals: Arc<Signals>,
    /// Number of attachments to registries; results of reads under an earlier one are ignored.
    attachment: u32,
    /// Time since which the queue is full; `None` while the client is up to date.
    lagging: Option<Instant>,
    latency: metrics::Histogram,
    /// Detaches from the registry when the session ends.
    membership: Option<Membership>,
    /// Subscriptions to live feeds, once there are any.
    watched: Option<Box<Subscriptions>>,
}

/// Entry of a session in the registry, removed when dropped, also by a panic. If the registry's
/// mailbox is full then, the registry finds the dead address itself.
struct Membership {
    registry: MessageHandle<Detach>,
    user_id: UserId,
    client: ClientId,
}

impl Drop for Membership {
    fn drop(&mut self) {
        let _ = self.registry.offer(Detach { user_id: self.user_id.clone(), client: self.client });
    }
}

impl Session {
    /// Creates a session on a new connection.
    #[must_use]
    pub fn new(
        context: Arc<SessionContext>,
        identity: Identity,
        client: ClientId,
        start: Start,
        transport: Transport,
        slot: Slot,
    ) -> Self {
        let connection = Connection::new(transport, slot);
        let is_admin = identity.is_admin();
        let info = ClientInfo {
            client,
            client_id: uuid::Uuid::new_v4().to_string(),
            identity,
            connected_at: clock::now(),
            transport: connection.transport(),
        };
        Self {
            context,
            info: Arc::new(info),
            start,
            phase: Phase::CatchingUp(Held { reading: true, ..Held::default() }),
            follower: Follower::default(),
            counters: InboxState::default(),
            deferred: Vec::new(),
            caught_up_from: 0,
            opened: false,
            connection,
            is_admin,
            signals: Arc::default(),
            attachment: 0,
            lagging: None,
            latency: metrics::histogram!(metric::DELIVERY_LATENCY),
            membership: None,
            watched: None,
        }
    }

    /// Returns the user.
    fn user_id(&self) -> &UserId {
        &self.info.identity.user_id
    }

    /// Queues a message of the history. Pages have a bounded size, and each follows when the
    /// previous one is written, so no further limit is needed.
    fn enqueue_history(&mut self, frame: Bytes, position: Option<i64>) {
        self.connection.enqueue(frame, position);
    }

    /// Attaches to the registry, then reads history.
    fn attach(&mut self, ctx: &mut Context<Self>) {
        let attach = Attach {
            info: Arc::clone(&self.info),
            address: ctx.address().recipient(),
            signals: Arc::clone(&self.signals),
        };
        let registry = self.context.registry.clone();
        // Created before the entry, so that the entry is removed if the session dies in between.
        self.membership = Some(Membership {
            registry: registry.detach.clone(),
            user_id: self.user_id().clone(),
            client: self.info.client,
        });
        let attached = async move { registry.attach.send(attach).await };
        ctx.spawn(attached.into_actor(self).map(|attached, session, ctx| {
            match attached {
                Ok(Ok(lease)) => {
                    // The lease never sends; it ends when the registry is gone.
                    let ended = async move { lease.await.is_err() };
                    ctx.spawn(
                        ended.into_actor(session).map(|_, session, ctx| session.reattach(ctx)),
                    );
                    session.begin(ctx);
                }
                Ok(Err(TooManyConnections)) => session.close(CloseCode::TooManyConnections),
                Err(Gone) => {
                    ctx.run_later(REATTACH_AFTER, Self::attach);
                }
            }
            session.connection.wake();
        }));
    }

    /// Checks the sign-in again if it may end, or lose a role, without notice.
    fn check_sign_in(&mut self, ctx: &mut Context<Self>) {
        let watches_all =
            self.watched.as_ref().is_some_and(|watched| watched.watches(WatchTarget::All));
        if self.info.identity.session.is_none() && !watches_all {
            return;
        }
        let (sign_ins, info) = (self.context.sign_ins.clone(), Arc::clone(&self.info));
        let checked = async move { sign_ins.check(&info.identity).await };
        ctx.spawn(checked.into_actor(self).map(|state, session, ctx| {
            match state {
                SignIn::Ended => session.close(CloseCode::NotSignedIn),
                SignIn::Valid { is_admin } => {
                    session.is_admin = is_admin;
                    let watches_all = session
                        .watched
                        .as_ref()
                        .is_some_and(|watched| watched.watches(WatchTarget::All));
                    if watches_all && !is_admin {
                        unsubscribe(session, WatchTarget::All, protocol::unsubscribed(None), ctx);
                    }
                }
            }
            session.connection.wake();
        }));
    }

    /// Attaches again after the registry is gone. Missed changes are in the store.
    fn reattach(&mut self, ctx: &mut Context<Self>) {
        if self.connection.is_closing() {
            return;
        }
        self.phase = Phase::CatchingUp(Held { reading: true, ..Held::default() });
        self.caught_up_from = self.follower.revision();
        self.attachment += 1;
        // Its entry is gone with the registry.
        self.membership = None;
        self.attach(ctx);
    }
}

impl ConnectionActor for Session {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn limits(&self) -> Limits {
        self.context.limits()
    }

    fn close(&mut self, code: CloseCode) {
        if self.connection.close(code) {
            self.phase = Phase::Closing;
        }
    }

    fn on_wake(&mut self, ctx: &mut Context<Self>) {
        if self.signals.overflow.swap(false, Ordering::Relaxed) {
            self.lag(ctx);
        }
        if self.signals.revoked.swap(false, Ordering::Relaxed) {
            self.close(CloseCode::NotSignedIn);
        }
    }

    fn expires_at(&self) -> Option<i64> {
        self.info.identity.expires_at
    }

    fn is_open(&self) -> bool {
        self.opened
    }

    fn on_text(&mut self, text: &[u8], ctx: &mut Context<Self>) {
        self.handle_message(text, ctx);
    }

    fn on_written(&mut self, ctx: &mut Context<Self>) {
        self.lagging = None;
        self.read_next_page(ctx);
    }
}

impl FeedSubscriber for Session {
    fn watched(&mut self) -> &mut Subscriptions {
        let (feeds_handle, client) = (&self.context.feeds_handle, self.info.client);
        let most = self.context.limits.outbound_queue;
        self.watched.get_or_insert_with(|| {
            Box::new(Subscriptions::new(feeds_handle.clone(), client, None, most))
        })
    }

    /// Sessions are notified by the registry.
    fn close_address(&self, _: &Context<Self>) -> Option<Recipient<Dismiss>> {
        None
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Mailbox and queue have the same capacity.
        ctx.set_mailbox_capacity(self.context.limits.outbound_queue);
        ctx.spawn(ConnectionDriver::default());
        self.watch_heartbeat(ctx);
        self.watch_expiry(ctx);
        ctx.run_interval(sign_in::INTERVAL.min(self.context.limits.heartbeat), Self::check_sign_in);
        self.attach(ctx);
    }
}

impl Handler<SessionMessage> for Session {
    type Result = ();

    fn handle(&mut self, message: SessionMessage, ctx: &mut Self::Context) {
        match message {
            SessionMessage::Push(push) => {
                self.signals.mailbox_bytes.fetch_sub(push.frame.len(), Ordering::Relaxed);
                self.on_push(push, ctx);
            }
            SessionMessage::Behind { revision } => match &mut self.phase {
                Phase::Live if self.follower.revision() < revision => self.catch_up(ctx),
                // The page that is being read may be from before that revision.
                Phase::CatchingUp(held) => held.dropped = true,
                Phase::Live | Phase::Closing => {}
            },
            // The driver checks the signals after every message.
            SessionMessage::Wake => {}
            SessionMessage::Leave => {
                self.answer(protocol::going_away(going_away_after()));
                self.close(CloseCode::GoingAway);
            }
            SessionMessage::Crash => panic!("the session was asked to crash"),
        }
    }
}

#[cfg(test)]
mod tests;
