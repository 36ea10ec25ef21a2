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
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Recipient, WrapFuture};
use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Dials, Handle,
    broadcaster::{Dismiss, Feeding, Watched, Watches},
    connection::{Client, Connection, Limits, Pump, Slot, Wire},
    persistence::Persistence,
    registry::{Attach, Detach, Registry, TooMany},
    supervisor::Crash,
};
use crate::{
    clock,
    domain::{
        follow::Follower,
        inbox::{ClientId, Since, Step},
        notification::Timestamp,
        protocol::{self, CloseCode},
        user::{Identity, UserId},
    },
    store::Store,
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
pub struct Hub {
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
    pub dials: Arc<Dials>,
    /// The live feeds.
    pub feeding: Feeding,
}

impl Hub {
    /// What every connection keeps to, now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { client_messages_per_minute: self.dials.client_messages_per_minute(), ..self.limits }
    }
}

/// A push, already encoded.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct Push {
    /// The frame.
    pub frame: Bytes,
    /// Its place in the inbox's history.
    pub step: Step,
    /// Whether it answers this session's own request; then it is sent even when it changes nothing.
    pub ack: bool,
    /// When what caused it arrived.
    pub received: Instant,
}

/// The inbox has reached this revision: see that you have it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Behind {
    /// The revision.
    pub revision: i64,
}

/// Look at your signals.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Nudge;

/// The hub is stopping.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Leave;

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
    /// A page is being read right now.
    reading: bool,
    /// Some did not fit: the store has them.
    dropped: bool,
}

/// A connection, as the list of clients shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its number in this hub.
    pub client: ClientId,
    /// Its id, as `connected` says it.
    pub client_id: String,
    /// Who it is.
    pub identity: Identity,
    /// Since when.
    pub connected_at: Timestamp,
    /// `websocket` or `sse`.
    pub transport: &'static str,
}

/// What the registry tells a session beside its mailbox, which may be full.
#[derive(Debug, Default)]
pub struct Signals {
    /// A push did not fit into the mailbox.
    pub overflow: AtomicBool,
    /// An administrator has signed the user out.
    pub revoked: AtomicBool,
}

/// The actor.
pub struct Session {
    hub: Arc<Hub>,
    info: Arc<ClientInfo>,
    start: Start,
    phase: Phase,
    /// What this client has, or will have once the queue is written.
    follower: Follower,
    /// The revision the client had when the last catch-up began: what was made later is new to it.
    caught_up_from: i64,
    /// `connected` has been sent, so `follower` means something.
    opened: bool,
    connection: Connection,
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
    watched: Option<Box<Watched>>,
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
    pub fn new(hub: Arc<Hub>, identity: Identity, client: ClientId, start: Start, wire: Wire, slot: Slot) -> Self {
        let connection = Connection::new(wire, slot);
        let info = ClientInfo {
            client,
            client_id: uuid::Uuid::new_v4().to_string(),
            identity,
            connected_at: clock::now(),
            transport: connection.transport(),
        };
        Self {
            hub,
            info: Arc::new(info),
            start,
            phase: Phase::CatchingUp(Held { reading: true, ..Held::default() }),
            follower: Follower::default(),
            caught_up_from: 0,
            opened: false,
            connection,
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
        let attach =
            Attach { info: Arc::clone(&self.info), address: ctx.address(), signals: Arc::clone(&self.signals) };
        let registry = self.hub.registry.clone();
        // Made before the entry: should the session die in between, what takes the entry away is there already.
        self.membership =
            Some(Membership { registry: registry.clone(), user_id: self.user_id().clone(), client: self.info.client });
        let attached = async move { registry.send(attach).await };
        ctx.spawn(attached.into_actor(self).map(|attached, session, ctx| {
            match attached {
                Ok(Ok(lease)) => {
                    // Ends only when the registry is gone: it never sends.
                    let ended = async move { lease.await.is_err() };
                    ctx.spawn(ended.into_actor(session).map(|_, session, ctx| session.reattach(ctx)));
                    session.begin(ctx);
                }
                Ok(Err(TooMany)) => session.close(CloseCode::TooManyConnections),
                Err(super::Gone) => {
                    ctx.run_later(REATTACH_AFTER, Self::attach);
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

impl Client for Session {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn limits(&self) -> Limits {
        self.hub.limits()
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

    fn on_text(&mut self, text: &[u8], ctx: &mut Context<Self>) {
        self.take_message(text, ctx);
    }

    fn on_written(&mut self, ctx: &mut Context<Self>) {
        self.lagging = None;
        self.read_on(ctx);
    }
}

impl Watches for Session {
    fn watched(&mut self) -> &mut Watched {
        let (feeding, client) = (&self.hub.feeding, self.info.client);
        let most = self.hub.limits.outbound_queue;
        self.watched.get_or_insert_with(|| Box::new(Watched::new(feeding.clone(), client, None, most)))
    }

    /// The registry tells it.
    fn farewell(&self, _: &Context<Self>) -> Option<Recipient<Dismiss>> {
        None
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // What fits into the queue fits into the mailbox: whichever is full first, the client is as slow.
        ctx.set_mailbox_capacity(self.hub.limits.outbound_queue);
        ctx.spawn(Pump::default());
        self.watch_heartbeat(ctx);
        self.watch_expiry(self.info.identity.expires_at, ctx);
        self.attach(ctx);
    }
}

impl Handler<Push> for Session {
    type Result = ();

    fn handle(&mut self, push: Push, ctx: &mut Self::Context) {
        self.take(push, ctx);
    }
}

impl Handler<Behind> for Session {
    type Result = ();

    fn handle(&mut self, Behind { revision }: Behind, ctx: &mut Self::Context) {
        if matches!(self.phase, Phase::Live) && self.follower.revision() < revision {
            self.catch_up(ctx);
        }
    }
}

impl Handler<Nudge> for Session {
    type Result = ();

    /// The pump looks at the signals after every message.
    fn handle(&mut self, _: Nudge, _: &mut Self::Context) {}
}

impl Handler<Leave> for Session {
    type Result = ();

    fn handle(&mut self, _: Leave, _: &mut Self::Context) {
        self.answer(protocol::going_away(going_away_after()));
        self.close(CloseCode::GoingAway);
    }
}

/// When a client shall come back, in milliseconds: spread over a second and a half, so that all clients of a hub do not come at
/// once.
pub(super) fn going_away_after() -> u64 {
    500 + rand::random_range(0..1_500)
}

impl Handler<Crash> for Session {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the session was asked to crash");
    }
}
