//! Registry actor: connected users, and delivery of changes to their sessions.
//!
//! It encodes a change once and passes the bytes to every session of the user. It never waits: a
//! session with a full mailbox is signaled by a flag, and reads what it missed from the store. It
//! fails by panicking; then the lease of every session ends, and the sessions attach to the next
//! registry and catch up from the store.

mod remote;

use remote::push_span;

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult,
    ResponseActFuture, WrapFuture, fut::ready,
};
use futures_util::future::join;
use tokio::{sync::oneshot, time::Instant};

use super::{
    Attach, ClientInfo, CountSessions, Detach, DismissAll, ListClients, Revoke, SessionMessage,
    SignOutTarget, TooManyConnections,
    live_windows::LiveWindows,
    user_sessions::{AttachedSession, PushResult, UserSessions, created},
};
use crate::{
    bus::Bus,
    clock,
    domain::{
        inbox::{Change, ClientId},
        notification::Timestamp,
        user::UserId,
    },
    inbox::{DeliverChanges, Reconcile},
    protocol::Frames,
    runtime::{
        Lease, RuntimeSettings,
        supervisor::{Crash, DropGuard},
    },
    store::Store,
    telemetry::{DeliveryTrace, trace},
};

/// Capacity of the mailbox, in batches of changes; persistence waits when it is full.
const MAILBOX: usize = 1_024;

/// Interval at which the revisions of connected users are compared with the store, to recover
/// dropped messages.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(30);

/// Interval of writing the numbers of connections to Redis again.
const RECOUNT_INTERVAL: Duration = Duration::from_mins(5);

/// Number of users compared in one query.
const RECONCILE_CHUNK: usize = 500;

/// Time for which notifications beyond a user's live limit are gathered into one summary; ten
/// seconds are promised.
const SUMMARY_AFTER: Duration = Duration::from_secs(5);

/// Registry actor.
pub struct Registry {
    users: HashMap<UserId, UserSessions>,
    sessions: usize,
    live_windows: LiveWindows,
    /// True while the hub is stopping: new sessions are asked to leave at once.
    leaving: bool,
    store: Store,
    config: RegistryConfig,
    /// True while revisions are compared with the store.
    reconciling: bool,
    /// True if they are to be compared once more.
    reconcile_again: bool,
    _guard: DropGuard,
}

/// Configuration of the registry.
#[derive(Debug, Clone)]
pub struct RegistryConfig {
    /// Maximum number of connections of one user.
    pub max_per_user: usize,
    /// Settings that may change at run time.
    pub settings: Arc<RuntimeSettings>,
    /// Delivery trace.
    pub trace: Arc<DeliveryTrace>,
    /// Bus to the other hubs.
    pub bus: Bus,
}

impl Registry {
    /// Creates an empty registry.
    #[must_use]
    pub fn new(store: Store, config: RegistryConfig, guard: DropGuard) -> Self {
        Self {
            users: HashMap::new(),
            sessions: 0,
            live_windows: LiveWindows::default(),
            leaving: false,
            store,
            config,
            reconciling: false,
            reconcile_again: false,
            _guard: guard,
        }
    }

    /// Sends a change to the sessions of its user. Returns the record for the delivery trace, if
    /// that is on.
    fn publish(
        &mut self,
        change: &Change,
        frames: Option<Frames>,
        received: Instant,
        now: Timestamp,
        ctx: &mut Context<Self>,
    ) -> Option<trace::PushRecord> {
        // The user is not connected here: nothing is encoded.
        let user = self.users.get_mut(&change.user_id)?;
        let limit = self.config.settings.live_per_minute();
        let _span = push_span(change.trace.as_deref());
        let result = user.push(change, frames, received, limit);
        let record = created(change)
            .filter(|_| self.config.trace.is_on())
            .map(|id| user.push_record(id, result, now));
        self.pushed(&change.user_id, result, ctx);
        record
    }

    /// Completes a push.
    fn pushed(&mut self, user: &UserId, result: PushResult, ctx: &mut Context<Self>) {
        match result {
            PushResult::Sent { dead: true } => self.remove_dead(),
            PushResult::ThrottledFirst => {
                let user = user.clone();
                ctx.run_later(SUMMARY_AFTER, move |registry, _| registry.flush_summary(&user));
            }
            PushResult::Sent { dead: false } | PushResult::ThrottledMore => {}
        }
    }

    fn flush_summary(&mut self, user: &UserId) {
        if self.users.get_mut(user).is_some_and(UserSessions::flush_summary) {
            self.remove_dead();
        }
    }

    /// Removes sessions that ended without detaching.
    fn remove_dead(&mut self) {
        let mut left = 0;
        let (bus, windows, now) = (&self.config.bus, &mut self.live_windows, clock::monotonic());
        self.users.retain(|id, user| {
            let before = user.sessions.len();
            user.sessions.retain(|session| session.address.connected());
            left += user.sessions.len();
            if before != user.sessions.len() {
                Self::detached(bus, id, user.sessions.len());
            }
            if user.sessions.is_empty() {
                windows.keep(id.clone(), std::mem::take(&mut user.rate_limit), now);
            }
            !user.sessions.is_empty()
        });
        self.sessions = left;
    }

    /// Compares the revisions of connected users with the store, one comparison at a time.
    fn reconcile(&mut self, ctx: &mut Context<Self>) {
        if self.reconciling {
            self.reconcile_again = true;
            return;
        }
        self.reconciling = true;
        let users: Vec<UserId> = self.users.keys().cloned().collect();
        let store = self.store.clone();
        let compared = async move {
            let mut found = Vec::with_capacity(users.len());
            for chunk in users.chunks(RECONCILE_CHUNK) {
                match store.inboxes(chunk).await {
                    Ok(inboxes) => found.extend(inboxes),
                    Err(error) => {
                        tracing::debug!(%error, "registry: reconciliation with the store failed");
                        break;
                    }
                }
            }
            found
        };
        ctx.spawn(compared.into_actor(self).map(|inboxes, registry, ctx| {
            for (user, counters) in inboxes {
                registry.catch_up(&user, counters.revision);
            }
            registry.reconciling = false;
            if std::mem::take(&mut registry.reconcile_again) {
                registry.reconcile(ctx);
            }
        }));
    }

    fn catch_up(&mut self, user: &UserId, revision: i64) {
        let Some(user) = self.users.get_mut(user) else { return };
        if user.revision.is_some_and(|record| record >= revision) {
            return;
        }
        user.revision = Some(revision);
        for session in &user.sessions {
            // A session with a full mailbox reads the rest from the store when it is emptied.
            if session.address.try_send(SessionMessage::Behind { revision }).is_err() {
                session.signals.overflow.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(RECONCILE_INTERVAL, Self::reconcile_tick);
        ctx.run_interval(RECOUNT_INTERVAL, |registry, _| registry.restore_counts());
        // What an earlier registry had subscribed to and not sent is unknown.
        self.config.bus.unsubscribe_all();
        self.config.bus.report_lost();
    }
}

impl Registry {
    fn reconcile_tick(&mut self, ctx: &mut Context<Self>) {
        self.remove_dead();
        self.live_windows.remove_idle(clock::monotonic());
        self.reconcile(ctx);
    }
}

impl Handler<Attach> for Registry {
    type Result = ResponseActFuture<Self, Result<Lease, TooManyConnections>>;

    fn handle(&mut self, attach: Attach, _: &mut Self::Context) -> Self::Result {
        let Attach { info, address, signals } = attach;
        let (user_id, client) = (info.identity.user_id.clone(), info.client);
        let window = || UserSessions::new(self.live_windows.take(&user_id));
        let user = self.users.entry(user_id.clone()).or_insert_with(window);
        if user.sessions.len() >= self.config.max_per_user {
            return Box::pin(ready(Err(TooManyConnections)));
        }
        if self.leaving {
            let _ = address.try_send(SessionMessage::Leave);
        }
        let (keep, lease) = oneshot::channel();
        user.sessions.push(AttachedSession { info, address, signals, _lease: keep });
        self.sessions += 1;
        let bus = &self.config.bus;
        if !bus.is_on() {
            return Box::pin(ready(Ok(lease)));
        }
        // The session reads its history after this, so it misses no change of another hub.
        let subscribed = bus.subscribe(&user_id);
        let elsewhere = bus.count_connections(&user_id, user.sessions.len());
        let joined = async move { join(subscribed, elsewhere).await.1 };
        Box::pin(joined.into_actor(self).map(move |elsewhere, registry, _| {
            let here = registry.users.get(&user_id).map_or(0, |user| user.sessions.len());
            if here + elsewhere > registry.config.max_per_user {
                registry.detach(&user_id, client);
                return Err(TooManyConnections);
            }
            Ok(lease)
        }))
    }
}

impl Registry {
    fn detach(&mut self, user_id: &UserId, client: ClientId) {
        let Some(user) = self.users.get_mut(user_id) else { return };
        let before = user.sessions.len();
        user.sessions.retain(|session| session.info.client != client);
        let left = user.sessions.len();
        self.sessions -= before - left;
        if left == 0
            && let Some((id, user)) = self.users.remove_entry(user_id)
        {
            self.live_windows.keep(id, user.rate_limit, clock::monotonic());
        }
        if left < before {
            Self::detached(&self.config.bus, user_id, left);
        }
    }
}

impl Handler<Detach> for Registry {
    type Result = ();

    fn handle(&mut self, Detach { user_id, client }: Detach, _: &mut Self::Context) {
        self.detach(&user_id, client);
    }
}

impl Handler<DeliverChanges> for Registry {
    type Result = ();

    fn handle(
        &mut self,
        DeliverChanges { changes, received }: DeliverChanges,
        ctx: &mut Self::Context,
    ) {
        let now = clock::now();
        let mut frames = self.share(&changes).into_iter();
        let record = changes
            .iter()
            .filter_map(|change| self.publish(change, frames.next(), received, now, ctx))
            .collect();
        self.config.trace.record_pushes(record);
    }
}

impl Handler<ListClients> for Registry {
    type Result = MessageResult<ListClients>;

    fn handle(&mut self, _: ListClients, _: &mut Self::Context) -> Self::Result {
        let sessions = self.users.values().flat_map(|user| &user.sessions);
        MessageResult(sessions.map(|session| Arc::clone(&session.info)).collect())
    }
}

impl Handler<Revoke> for Registry {
    type Result = usize;

    fn handle(&mut self, Revoke(target): Revoke, _: &mut Self::Context) -> usize {
        let matches = |info: &ClientInfo| match &target {
            SignOutTarget::User(user) => info.identity.user_id == *user,
            SignOutTarget::Client(client_id) => info.client_id == *client_id,
        };
        let sessions = self.users.values().flat_map(|user| &user.sessions);
        let revoked = sessions.filter(|session| matches(&session.info));
        revoked.inspect(|session| session.revoke()).count()
    }
}

impl Handler<Reconcile> for Registry {
    type Result = ();

    fn handle(&mut self, reconcile: Reconcile, ctx: &mut Self::Context) {
        if reconcile == Reconcile::Everywhere {
            self.config.bus.report_lost();
        }
        self.reconcile(ctx);
    }
}

impl Handler<DismissAll> for Registry {
    type Result = ();

    fn handle(&mut self, _: DismissAll, _: &mut Self::Context) {
        self.leaving = true;
        for session in self.users.values().flat_map(|user| &user.sessions) {
            // A session with a full mailbox is closed when the grace period ends.
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

/// Makes every session panic, for tests.
#[doc(hidden)]
#[derive(Message)]
#[rtype(result = "()")]
pub struct CrashSessions;

impl Handler<CrashSessions> for Registry {
    type Result = ();

    fn handle(&mut self, _: CrashSessions, _: &mut Self::Context) {
        for session in self.users.values().flat_map(|user| &user.sessions) {
            let _ = session.address.try_send(SessionMessage::Crash);
        }
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
