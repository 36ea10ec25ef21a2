//! A session: one connection of one user.
//!
//! A plain actor that owns its [`Connection`]. It attaches to the registry first, reads history second, and takes live
//! pushes third, so nothing falls between; what is pushed is taken only in the order of the revisions, and a gap is
//! filled from the store ([`catchup`]). What waits for the socket is bounded and written together.
//!
//! It ends, always, through [`Connection::close`] with a [`CloseCode`], or because the peer is gone.

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

use super::{Attach, Detach, Registry, TooManyConnections};
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
    inbox::Persistence,
    protocol::{self, CloseCode},
    runtime::{Gone, Handle, RuntimeSettings},
    store::{Page, Store},
    telemetry::metric,
};

/// How long a session that found no registry waits before it looks again.
const REATTACH_AFTER: Duration = Duration::from_millis(50);

/// Where a client wants to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With its unread notifications.
    Fresh,
    /// After what it has.
    Since(Since),
    /// With nothing but what comes.
    Nothing,
}

/// What every session of this hub shares.
#[derive(Debug)]
pub struct SessionContext {
    /// This hub's name.
    pub instance: String,
    /// The store's epoch.
    pub epoch: Arc<str>,
    /// The store, for reading.
    pub store: Store,
    /// Who is connected.
    pub registry: Handle<Registry>,
    /// Who changes inboxes.
    pub persistence: Handle<Persistence>,
    /// What every connection keeps to.
    pub limits: Limits,
    /// What may change while the hub runs.
    pub settings: Arc<RuntimeSettings>,
    /// The live feeds.
    pub feeding: FeedsHandle,
    /// What is known about sign-ins.
    pub sign_ins: SignIns,
}

impl SessionContext {
    /// What every connection keeps to, now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            client_messages_per_minute: self.settings.client_messages_per_minute(),
            ..self.limits
        }
    }
}

/// How far the session is.
enum Phase {
    /// Reading history; what is pushed meanwhile is held.
    CatchingUp(Held),
    /// Passing on what is pushed.
    Live,
    /// Writing its last frames.
    Closing,
}

/// Pushes that came while history was being read.
#[derive(Default)]
struct Held {
    pushes: VecDeque<Push>,
    /// Size of their frames, in bytes.
    bytes: usize,
    /// A page is being read right now.
    reading: bool,
    /// Some did not fit: the store has them.
    dropped: bool,
}

/// The actor.
pub struct Session {
    context: Arc<SessionContext>,
    info: Arc<ClientInfo>,
    start: Start,
    phase: Phase,
    /// What this client has, or will have once the queue is written.
    follower: Follower,
    /// Counts at the latest revision that the client was given.
    counters: InboxState,
    /// Answers to `sync.request` that wait until the client has been given everything before them.
    deferred: Vec<Page>,
    /// The revision the client had when the last catch-up began: what was made later is new to it.
    caught_up_from: i64,
    /// `connected` has been sent, so `follower` means something.
    opened: bool,
    connection: Connection,
    /// Whether the user may administer, as far as is known by now.
    is_admin: bool,
    /// Set by the registry.
    signals: Arc<Signals>,
    /// Counts the registries attached to: what was asked for under an earlier one is of no use any more.
    attachment: u32,
    /// Since when more waits for the client than its queue holds; `None` when it is up to date.
    lagging: Option<Instant>,
    latency: metrics::Histogram,
    /// Leaves the registry when the session ends, however it ends.
    membership: Option<Membership>,
    /// The live feeds it watches, once it does.
    watched: Option<Box<Subscriptions>>,
}

/// A session's entry in the registry. A panic drops it too; should the registry's mailbox be full just then, the registry
/// finds the dead address by itself.
struct Membership {
    registry: Handle<Registry>,
    user_id: UserId,
    client: ClientId,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.registry.offer(Detach { user_id: self.user_id.clone(), client: self.client });
    }
}

impl Session {
    /// A session on a connection that begins.
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

    /// Whose inbox.
    fn user_id(&self) -> &UserId {
        &self.info.identity.user_id
    }

    /// Queues a piece of history. It comes in pages of a bounded size, each after the one before is written, so it needs
    /// no limit of its own.
    fn enqueue_history(&mut self, frame: Bytes, position: Option<i64>) {
        self.connection.enqueue(frame, position);
    }

    /// Asks the registry to tell us of changes, then reads history.
    fn attach(&mut self, ctx: &mut Context<Self>) {
        let attach = Attach {
            info: Arc::clone(&self.info),
            address: ctx.address().recipient(),
            signals: Arc::clone(&self.signals),
        };
        let registry = self.context.registry.clone();
        // Made before the entry: should the session die in between, what takes the entry away is there already.
        self.membership = Some(Membership {
            registry: registry.clone(),
            user_id: self.user_id().clone(),
            client: self.info.client,
        });
        let attached = async move { registry.send(attach).await };
        ctx.spawn(attached.into_actor(self).map(|attached, session, ctx| {
            match attached {
                Ok(Ok(lease)) => {
                    // Ends only when the registry is gone: it never sends.
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

    /// Checks the sign-in again where it can end, or a role be taken away, without a word.
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

    /// The registry is gone. What it did not tell us is in the store.
    fn reattach(&mut self, ctx: &mut Context<Self>) {
        if self.connection.is_closing() {
            return;
        }
        self.phase = Phase::CatchingUp(Held { reading: true, ..Held::default() });
        self.caught_up_from = self.follower.revision();
        self.attachment += 1;
        // The entry it stood for is gone with the registry.
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
        self.take_message(text, ctx);
    }

    fn on_written(&mut self, ctx: &mut Context<Self>) {
        self.lagging = None;
        self.read_on(ctx);
    }
}

impl FeedSubscriber for Session {
    fn watched(&mut self) -> &mut Subscriptions {
        let (feeding, client) = (&self.context.feeding, self.info.client);
        let most = self.context.limits.outbound_queue;
        self.watched.get_or_insert_with(|| {
            Box::new(Subscriptions::new(feeding.clone(), client, None, most))
        })
    }

    /// The registry tells it.
    fn goodbye(&self, _: &Context<Self>) -> Option<Recipient<Dismiss>> {
        None
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // What fits into the queue fits into the mailbox: whichever is full first, the client is as slow.
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
                self.take(push, ctx);
            }
            SessionMessage::Behind { revision } => {
                if matches!(self.phase, Phase::Live) && self.follower.revision() < revision {
                    self.catch_up(ctx);
                }
            }
            // The pump looks at the signals after every message.
            SessionMessage::Wake => {}
            SessionMessage::Leave => {
                self.answer(protocol::going_away(going_away_after()));
                self.close(CloseCode::GoingAway);
            }
            SessionMessage::Crash => panic!("the session was asked to crash"),
        }
    }
}
