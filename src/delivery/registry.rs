//! The registry: who is connected, and who is told of a change.
//!
//! It encodes a change once and hands the bytes to every session of the user. It never waits: a session whose mailbox is
//! full is told so through a flag, and reads what it missed from the store. It fails by panicking; then every session's lease ends,
//! and the sessions attach to the next registry and catch up from the store.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult, WrapFuture};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Attach, ClientInfo, CountSessions, Detach, DismissAll, ListClients, Revoke, SessionMessage, TooMany, Whose,
    user_sessions::{Attached, Told, UserSessions},
};
use crate::{
    clock,
    domain::{inbox::Change, notification::Timestamp, user::UserId},
    inbox::{Publish, Reconcile},
    runtime::{
        RuntimeSettings,
        supervisor::{Crash, DropGuard},
    },
    store::Store,
    telemetry::{DeliveryTrace, trace},
};

/// Batches of changes in the mailbox; persistence waits when it is full.
const MAILBOX: usize = 1_024;

/// How often the connected users' revisions are compared with the store: the net under everything that may be dropped.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(30);

/// Users compared with one question to the store.
const RECONCILE_CHUNK: usize = 500;

/// How long what is over a user's live limit is gathered before it is told together. Ten seconds are promised.
const SUMMARY_AFTER: Duration = Duration::from_secs(5);

/// The actor.
pub struct Registry {
    users: HashMap<UserId, UserSessions>,
    sessions: usize,
    store: Store,
    settings: Settings,
    _tether: DropGuard,
}

/// What the registry needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Most connections of one user.
    pub max_per_user: usize,
    /// What may change.
    pub dials: Arc<RuntimeSettings>,
    /// Where it is written down who was told.
    pub trail: Arc<DeliveryTrace>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(store: Store, settings: Settings, tether: DropGuard) -> Self {
        Self { users: HashMap::new(), sessions: 0, store, settings, _tether: tether }
    }

    /// Tells those who are there; says how, where anybody asks for that.
    fn publish(
        &mut self,
        change: &Change,
        received: Instant,
        now: Timestamp,
        ctx: &mut Context<Self>,
    ) -> Option<trace::Told> {
        // Nobody is there: nothing is encoded.
        let present = self.users.get_mut(&change.user_id)?;
        let how = present.tell(change, received, self.settings.dials.live_per_minute());
        let told = self.settings.trail.is_on().then(|| present.trail_of(change, how, now)).flatten();
        match how {
            Told::Live { dead: true } => self.bury(),
            Told::Held => {
                let user = change.user_id.clone();
                ctx.run_later(SUMMARY_AFTER, move |registry, _| registry.sum_up(&user));
            }
            Told::Live { dead: false } | Told::HeldToo => {}
        }
        told
    }

    fn sum_up(&mut self, user: &UserId) {
        if self.users.get_mut(user).is_some_and(UserSessions::sum_up) {
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
            let _ = session.address.try_send(SessionMessage::Behind { revision });
        }
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(RECONCILE_INTERVAL, Self::reconcile_tick);
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
        let Attach { info, address, signals } = attach;
        let present = self.users.entry(info.identity.user_id.clone()).or_default();
        if present.sessions.len() >= self.settings.max_per_user {
            return MessageResult(Err(TooMany));
        }
        let (keep, lease) = oneshot::channel();
        present.sessions.push(Attached { info, address, signals, _lease: keep });
        self.sessions += 1;
        MessageResult(Ok(lease))
    }
}

impl Handler<Detach> for Registry {
    type Result = ();

    fn handle(&mut self, Detach { user_id, client }: Detach, _: &mut Self::Context) {
        let Some(present) = self.users.get_mut(&user_id) else { return };
        let before = present.sessions.len();
        present.sessions.retain(|session| session.info.client != client);
        self.sessions -= before - present.sessions.len();
        if present.sessions.is_empty() {
            self.users.remove(&user_id);
        }
    }
}

impl Handler<Publish> for Registry {
    type Result = ();

    fn handle(&mut self, Publish { changes, received }: Publish, ctx: &mut Self::Context) {
        let now = clock::now();
        let told = changes.iter().filter_map(|change| self.publish(change, received, now, ctx)).collect();
        self.settings.trail.told(told);
    }
}

impl Handler<ListClients> for Registry {
    type Result = MessageResult<ListClients>;

    fn handle(&mut self, _: ListClients, _: &mut Self::Context) -> Self::Result {
        let sessions = self.users.values().flat_map(|present| &present.sessions);
        MessageResult(sessions.map(|session| Arc::clone(&session.info)).collect())
    }
}

impl Handler<Revoke> for Registry {
    type Result = usize;

    fn handle(&mut self, Revoke(whose): Revoke, _: &mut Self::Context) -> usize {
        let meant = |info: &ClientInfo| match &whose {
            Whose::User(user) => info.identity.user_id == *user,
            Whose::Client(client_id) => info.client_id == *client_id,
        };
        let sessions = self.users.values().flat_map(|present| &present.sessions);
        let revoked = sessions.filter(|session| meant(&session.info));
        revoked.inspect(|session| session.revoke()).count()
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
            let _ = session.address.try_send(SessionMessage::Leave);
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
            let _ = session.address.try_send(SessionMessage::Crash);
        }
    }
}
