//! Handle to the bus, for the actors that publish and those that need subscriptions.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::timeout,
};

use super::{
    Enqueue, Publish, PublisherHandle, channels::Channels, connections::Connections,
    control::ControlContent, message::EnqueueControl, pending::Pending,
};
use crate::{domain::user::UserId, redis::Redis};

/// Time limit for a subscription: a new connection waits for it before it reads its history. Later
/// than this, its gaps are found by comparing revisions.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_millis(500);

/// Configuration of the bus.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// Redis.
    pub redis: Redis,
    /// ID of this process.
    pub boot: String,
    /// Epoch of the store, which keeps hubs of other stores apart.
    pub epoch: String,
}

/// Bus, cheap to clone. It is off without Redis; then nothing is published or received.
#[derive(Clone, Default)]
pub struct Bus(Option<Arc<Shared>>);

/// State shared by the handle, the publisher and the listener.
pub(super) struct Shared {
    pub(super) redis: Redis,
    pub(super) boot: String,
    pub(super) channels: Channels,
    pub(super) publisher: PublisherHandle,
    pub(super) connections: Connections,
    pub(super) requests: Pending,
    /// Users whose channels are wanted.
    users: Mutex<Users>,
    /// Notified when `users` changes.
    pub(super) changed: Notify,
    /// True while the listener is connected.
    pub(super) listening: watch::Sender<bool>,
    /// True while messages can be published.
    pub(super) publishing: AtomicBool,
    /// Number of messages that were dropped.
    pub(super) dropped: AtomicU64,
    /// Number of other hubs.
    others: AtomicUsize,
    /// Boot IDs of the other hubs.
    boots: ArcSwap<HashSet<String>>,
    /// True if an administrator watches all events at another hub.
    watched_elsewhere: AtomicBool,
}

/// Users whose channels are wanted, and how far the listener is.
#[derive(Default)]
struct Users {
    wanted: HashMap<UserId, Subscription>,
    /// Users whose state the listener has not applied yet.
    pending: Vec<UserId>,
}

/// Subscription to the channel of a user.
#[derive(Default)]
struct Subscription {
    /// Connections that wait for the confirmation.
    waiting: Vec<oneshot::Sender<()>>,
    /// True once the server has confirmed it.
    active: bool,
}

/// Changes of subscriptions for the listener.
#[derive(Default)]
pub(super) struct SubscriptionChanges {
    pub(super) subscribe: Vec<UserId>,
    pub(super) unsubscribe: Vec<UserId>,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Bus(on)" } else { "Bus(off)" })
    }
}

impl Bus {
    /// Creates a bus over Redis; it works once its actors have been started.
    #[must_use]
    pub fn new(config: BusConfig, publisher: PublisherHandle) -> Self {
        let BusConfig { redis, boot, epoch } = config;
        let channels = Channels::new(&epoch);
        Self(Some(Arc::new(Shared {
            connections: Connections::new(redis.clone(), channels.clone(), boot.clone()),
            requests: Pending::default(),
            redis,
            boot,
            channels,
            publisher,
            users: Mutex::default(),
            changed: Notify::new(),
            listening: watch::Sender::new(false),
            publishing: AtomicBool::new(true),
            dropped: AtomicU64::new(0),
            others: AtomicUsize::new(0),
            boots: ArcSwap::default(),
            watched_elsewhere: AtomicBool::new(false),
        })))
    }

    /// Returns whether Redis is configured.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Returns whether other hubs receive what this one publishes: nothing is encoded otherwise.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.others.load(Ordering::Relaxed) > 0)
    }

    /// Returns whether this hub can publish and receive.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| {
            *shared.listening.borrow() && shared.publishing.load(Ordering::Relaxed)
        })
    }

    /// Waits until messages of other hubs are received.
    pub async fn connected(&self) {
        if let Some(shared) = &self.0 {
            // The sender lives as long as the handle.
            let _ = shared.listening.subscribe().wait_for(|listening| *listening).await;
        }
    }

    /// Returns whether an administrator watches all events at another hub.
    #[must_use]
    pub fn is_watched_elsewhere(&self) -> bool {
        self.is_shared()
            && self
                .0
                .as_ref()
                .is_some_and(|shared| shared.watched_elsewhere.load(Ordering::Relaxed))
    }

    /// Sets the other hubs of this store, by the IDs of their processes.
    pub fn set_others(&self, boots: HashSet<String>, watched_elsewhere: bool) {
        if let Some(shared) = &self.0 {
            shared.others.store(boots.len(), Ordering::Relaxed);
            shared.watched_elsewhere.store(watched_elsewhere, Ordering::Relaxed);
            if **shared.boots.load() != boots {
                shared.boots.store(Arc::new(boots));
            }
        }
    }

    /// Publishes messages if other hubs are there. Messages that do not fit into the queue are
    /// dropped: their gaps are filled from the store.
    pub fn publish(&self, messages: Publish) {
        if let Some(shared) = self.0.as_ref().filter(|_| self.is_shared())
            && !shared.publisher.messages.offer(Enqueue(messages))
        {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Subscribes to the changes of a user's inbox that other hubs commit, and waits for the
    /// confirmation for a limited time. While the bus is disconnected, it does not wait.
    pub fn subscribe(&self, user: &UserId) -> impl Future<Output = ()> + use<> {
        let waiting = self.0.as_ref().and_then(|shared| shared.want(user));
        async move {
            if let Some(confirmed) = waiting {
                // Late or not at all: revisions are compared then.
                let _ = timeout(SUBSCRIBE_TIMEOUT, confirmed).await;
            }
        }
    }

    /// Tells all other hubs that changes of this one may not have been published.
    pub fn report_lost(&self) {
        if let Some(shared) = &self.0 {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
            // A full queue reports it with its next batch.
            let _ = shared.publisher.messages.offer(Enqueue(Publish::Changes(Vec::new())));
        }
    }

    /// Ends all subscriptions to users.
    pub fn unsubscribe_all(&self) {
        if let Some(shared) = &self.0 {
            let mut users = shared.users();
            let all: Vec<UserId> = users.wanted.drain().map(|(user, _)| user).collect();
            users.pending.extend(all);
            drop(users);
            shared.changed.notify_one();
        }
    }

    /// Ends the subscription to a user.
    pub fn unsubscribe(&self, user: &UserId) {
        if let Some(shared) = &self.0 {
            shared.unwant(user);
        }
    }

    /// Records the number of a user's connections at this hub. Returns their number at the other
    /// hubs, or 0 while Redis is unavailable.
    pub fn count_connections(
        &self,
        user: &UserId,
        here: usize,
    ) -> impl Future<Output = usize> + use<> {
        let counting = self
            .0
            .as_ref()
            .map(|shared| shared.connections.set(user.clone(), here, shared.boots.load_full()));
        async move {
            match counting {
                // Late: the connection is not held up, and not counted elsewhere.
                Some(counting) => timeout(SUBSCRIBE_TIMEOUT, counting).await.unwrap_or(0),
                None => 0,
            }
        }
    }

    /// Records the numbers of connections at this hub again: Redis may have lost them.
    pub async fn restore_counts(&self, counts: Vec<(UserId, usize)>) {
        if let Some(shared) = &self.0 {
            shared.connections.restore(counts).await;
        }
    }

    /// Tells all other hubs that an administrator watches all events here, or that none does.
    pub fn announce_watches_all(&self, on: bool) {
        if let Some(shared) = &self.0 {
            let content = ControlContent::WatchesAll { on };
            // The next heartbeat tells it too.
            let _ = shared.publisher.control.offer(EnqueueControl { to: None, content });
        }
    }

    pub(super) fn shared(&self) -> Option<&Arc<Shared>> {
        self.0.as_ref()
    }
}

impl Shared {
    fn users(&self) -> std::sync::MutexGuard<'_, Users> {
        // Nothing panics while it is held half changed.
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wants a user's channel. Returns what to wait for, unless it is active, or cannot be now.
    fn want(&self, user: &UserId) -> Option<oneshot::Receiver<()>> {
        let mut users = self.users();
        let known = users.wanted.contains_key(user);
        let subscription = users.wanted.entry(user.clone()).or_default();
        let waits = !subscription.active && *self.listening.borrow();
        let waiting = waits.then(|| {
            let (done, waiting) = oneshot::channel();
            subscription.waiting.push(done);
            waiting
        });
        if !known {
            users.pending.push(user.clone());
            drop(users);
            self.changed.notify_one();
        }
        waiting
    }

    fn unwant(&self, user: &UserId) {
        let mut users = self.users();
        if users.wanted.remove(user).is_some() {
            users.pending.push(user.clone());
            drop(users);
            self.changed.notify_one();
        }
    }

    /// Takes the changes since the last call.
    pub(super) fn take_changes(&self) -> SubscriptionChanges {
        let mut users = self.users();
        let pending: HashSet<UserId> = std::mem::take(&mut users.pending).into_iter().collect();
        let mut changes = SubscriptionChanges::default();
        for user in pending {
            if users.wanted.contains_key(&user) {
                changes.subscribe.push(user);
            } else {
                changes.unsubscribe.push(user);
            }
        }
        changes
    }

    /// Returns all wanted users, for a new connection to Redis.
    pub(super) fn all_wanted(&self) -> Vec<UserId> {
        let mut users = self.users();
        users.pending.clear();
        for subscription in users.wanted.values_mut() {
            subscription.active = false;
            // They would wait for a confirmation from the lost connection.
            subscription.waiting.clear();
        }
        users.wanted.keys().cloned().collect()
    }

    /// Records that the server has confirmed subscriptions.
    pub(super) fn confirm(&self, confirmed: &[UserId]) {
        let mut users = self.users();
        for user in confirmed {
            if let Some(subscription) = users.wanted.get_mut(user) {
                subscription.active = true;
                for waiting in subscription.waiting.drain(..) {
                    // The connection may have ended.
                    let _ = waiting.send(());
                }
            }
        }
    }

    /// Returns the IDs of the other hubs.
    pub(super) fn boots(&self) -> Arc<HashSet<String>> {
        self.boots.load_full()
    }

    /// Records that all events are watched at another hub.
    pub(super) fn set_watched_elsewhere(&self, on: bool) {
        self.watched_elsewhere.store(on, Ordering::Relaxed);
    }
}
