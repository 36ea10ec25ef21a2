//! The registry: who is connected, and who is told of a change.
//!
//! It encodes a change once and hands the bytes to every session of the user. It never waits: a session whose mailbox is
//! full is told so through a flag, and reads what it missed from the store. It fails by panicking; then every session's lease ends,
//! and the sessions attach to the next registry and catch up from the store.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, MessageResult, WrapFuture};
use tokio::{sync::oneshot, time::Instant};

use super::{
    session::{Behind, Leave, Push, Session},
    supervisor::{Crash, Tether},
};
use crate::{
    domain::{
        inbox::{Change, ClientId},
        protocol::{self, Frames},
        user::UserId,
    },
    store::Store,
    telemetry::metric,
};

/// Batches of changes in the mailbox; persistence waits when it is full.
const MAILBOX: usize = 1_024;

/// How often the connected users' revisions are compared with the store: the net under everything that may be dropped.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(30);

/// Users compared with one question to the store.
const RECONCILE_CHUNK: usize = 500;

/// The actor.
pub struct Registry {
    users: HashMap<UserId, Present>,
    sessions: usize,
    store: Store,
    max_per_user: usize,
    _tether: Tether,
}

/// A user who is connected.
#[derive(Default)]
struct Present {
    sessions: Vec<Attached>,
    /// The last revision told to the sessions; `None` until the first.
    revision: Option<i64>,
}

struct Attached {
    client: ClientId,
    address: Addr<Session>,
    overflow: Arc<AtomicBool>,
    /// Dropped with the registry: so the session learns that it must attach again.
    _lease: oneshot::Sender<()>,
}

/// Ends when the registry that gave it is gone.
pub type Lease = oneshot::Receiver<()>;

/// The user has `server.max_connections_per_user` connections already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// From now on, tell this session what happens to this user's inbox.
#[derive(Message)]
#[rtype(result = "Result<Lease, TooMany>")]
pub struct Attach {
    /// Whose inbox.
    pub user_id: UserId,
    /// The connection.
    pub client: ClientId,
    /// Its session.
    pub address: Addr<Session>,
    /// Set when a push did not fit into the session's mailbox.
    pub overflow: Arc<AtomicBool>,
}

/// The session is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Detach {
    /// Whose inbox.
    pub user_id: UserId,
    /// The connection.
    pub client: ClientId,
}

/// These changes are committed: tell who is concerned.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Publish {
    /// In the order of their revisions.
    pub changes: Vec<Change>,
    /// When what caused them arrived.
    pub received: Instant,
}

/// Compare the connected users' revisions with the store.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reconcile;

/// The hub is stopping: let every session say good-bye.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DismissAll;

/// How many sessions are attached.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct CountSessions;

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(store: Store, max_per_user: usize, tether: Tether) -> Self {
        Self { users: HashMap::new(), sessions: 0, store, max_per_user, _tether: tether }
    }

    #[expect(clippy::cast_precision_loss, reason = "fewer connections than a float can count")]
    fn gauge(&self) {
        metrics::gauge!(metric::CONNECTIONS).set(self.sessions as f64);
    }

    fn publish(&mut self, change: &Change, received: Instant) {
        // Nobody is there: nothing is encoded.
        let Some(present) = self.users.get_mut(&change.user_id) else { return };
        present.revision = present.revision.max(Some(change.step.revision));
        let Frames { others, origin } = protocol::told(change);
        let mut dead = false;
        for session in &present.sessions {
            let asked = change.origin == Some(session.client);
            let Some(frame) = (if asked { origin.clone() } else { others.clone() }) else { continue };
            let push = Push { frame, step: change.step, ack: asked, received };
            if session.address.try_send(push).is_err() {
                session.overflow.store(true, Ordering::Relaxed);
                dead |= !session.address.connected();
            }
        }
        if dead {
            self.bury();
        }
    }

    /// Forgets sessions that died without saying so.
    fn bury(&mut self) {
        let mut left = 0;
        self.users.retain(|_, present| {
            present.sessions.retain(|session| session.address.connected());
            left += present.sessions.len();
            !present.sessions.is_empty()
        });
        self.sessions = left;
        self.gauge();
    }

    fn reconcile(&self, ctx: &mut Context<Self>) {
        let users: Vec<UserId> = self.users.keys().cloned().collect();
        let store = self.store.clone();
        let compared = async move {
            let mut found = Vec::with_capacity(users.len());
            for chunk in users.chunks(RECONCILE_CHUNK) {
                match store.inboxes(chunk).await {
                    Ok(inboxes) => found.extend(inboxes),
                    Err(error) => {
                        tracing::debug!(%error, "the connected users' revisions could not be compared");
                        break;
                    }
                }
            }
            found
        };
        ctx.spawn(compared.into_actor(self).map(|inboxes, registry, _| {
            for (user, counters) in inboxes {
                registry.catch_up(&user, counters.revision);
            }
        }));
    }

    fn catch_up(&mut self, user: &UserId, revision: i64) {
        let Some(present) = self.users.get_mut(user) else { return };
        if present.revision.is_some_and(|told| told >= revision) {
            return;
        }
        present.revision = Some(revision);
        for session in &present.sessions {
            // A session whose mailbox is full has more to worry about, and is compared again next time.
            let _ = session.address.try_send(Behind { revision });
        }
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(RECONCILE_INTERVAL, Self::reconcile_tick);
        self.gauge();
    }
}

impl Registry {
    fn reconcile_tick(&mut self, ctx: &mut Context<Self>) {
        self.bury();
        self.reconcile(ctx);
    }
}

impl Handler<Attach> for Registry {
    type Result = MessageResult<Attach>;

    fn handle(&mut self, attach: Attach, _: &mut Self::Context) -> Self::Result {
        let present = self.users.entry(attach.user_id).or_default();
        if present.sessions.len() >= self.max_per_user {
            return MessageResult(Err(TooMany));
        }
        let (keep, lease) = oneshot::channel();
        let Attach { client, address, overflow, .. } = attach;
        present.sessions.push(Attached { client, address, overflow, _lease: keep });
        self.sessions += 1;
        self.gauge();
        MessageResult(Ok(lease))
    }
}

impl Handler<Detach> for Registry {
    type Result = ();

    fn handle(&mut self, Detach { user_id, client }: Detach, _: &mut Self::Context) {
        let Some(present) = self.users.get_mut(&user_id) else { return };
        let before = present.sessions.len();
        present.sessions.retain(|session| session.client != client);
        self.sessions -= before - present.sessions.len();
        if present.sessions.is_empty() {
            self.users.remove(&user_id);
        }
        self.gauge();
    }
}

impl Handler<Publish> for Registry {
    type Result = ();

    fn handle(&mut self, Publish { changes, received }: Publish, _: &mut Self::Context) {
        for change in &changes {
            self.publish(change, received);
        }
    }
}

impl Handler<Reconcile> for Registry {
    type Result = ();

    fn handle(&mut self, _: Reconcile, ctx: &mut Self::Context) {
        self.reconcile(ctx);
    }
}

impl Handler<DismissAll> for Registry {
    type Result = ();

    fn handle(&mut self, _: DismissAll, _: &mut Self::Context) {
        for session in self.users.values().flat_map(|present| &present.sessions) {
            // One that is too slow to be told is cut off when the grace time ends.
            let _ = session.address.try_send(Leave);
        }
    }
}

impl Handler<CountSessions> for Registry {
    type Result = usize;

    fn handle(&mut self, _: CountSessions, _: &mut Self::Context) -> usize {
        self.sessions
    }
}

impl Handler<Crash> for Registry {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the registry was asked to crash");
    }
}

/// Have every session panic, for tests of what that costs.
#[doc(hidden)]
#[derive(Message)]
#[rtype(result = "()")]
pub struct CrashSessions;

impl Handler<CrashSessions> for Registry {
    type Result = ();

    fn handle(&mut self, _: CrashSessions, _: &mut Self::Context) {
        for session in self.users.values().flat_map(|present| &present.sessions) {
            let _ = session.address.try_send(Crash);
        }
    }
}
