//! Broadcaster actor: watchers of live feeds, and the messages they see.
//!
//! It projects and encodes an event once, finds its watchers by the index, and puts the same bytes
//! into their queues. It never waits, and keeps nothing but the snapshots of feeds that ask for
//! them. It fails by panicking; then every watcher's lease ends, and they join the next broadcaster
//! with their subscriptions.

mod dedup;
mod handlers;
mod reload;

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use actix::{Actor, AsyncContext as _, Context, Recipient};
use tokio::sync::oneshot;

use dedup::DedupCache;

use super::{
    messages::{Dismiss, SetFeeds},
    subscriber_counts::SubscriberCounts,
    subscription::FeedsHandle,
};

use crate::{
    connection::ConflatingQueue,
    domain::{
        event::Event,
        feed::{FeedId, Feeds, Index, Key, Snapshot},
        inbox::ClientId,
        user::UserId,
    },
    protocol::{self, CloseCode},
    runtime::{Lease, supervisor::DropGuard},
    telemetry::metric,
};

/// Capacity of the mailbox, in batches of events; the pipeline waits when it is full.
const MAILBOX: usize = 1_024;

/// Maximum number of subjects in a snapshot.
const SNAPSHOT_MAX: usize = 10_000;

/// Maximum size of a snapshot, in bytes of the events it was taken from.
const SNAPSHOT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Maximum number of messages that a new watcher gets from a snapshot.
const SNAPSHOT_SHOWN_MAX: usize = 1_000;

/// Interval of removing watchers that ended without notice.
const CLEANUP_INTERVAL: std::time::Duration = std::time::Duration::from_secs(30);

/// Broadcaster actor.
pub struct Broadcaster {
    feeds_handle: FeedsHandle,
    feeds: Arc<Feeds>,
    counts: Arc<SubscriberCounts>,
    indexes: Vec<Index<ClientId>>,
    snapshots: Vec<Snapshot>,
    /// Administrators with `scope: all`.
    all: Vec<ClientId>,
    watchers: HashMap<ClientId, WatcherEntry>,
    /// Connections of users that only watch a feed.
    by_user: HashMap<UserId, Vec<ClientId>>,
    recent: DedupCache,
    /// True while the hub is stopping: new watchers are closed at once.
    leaving: bool,
    /// Maximum number of connections of one user.
    max_per_user: usize,
    /// Counter for unique keys.
    number: u64,
    _guard: DropGuard,
}

/// Connection that may watch feeds.
struct WatcherEntry {
    queue: Weak<ConflatingQueue>,
    /// User, if the feed requires an identity.
    user: Option<UserId>,
    /// Address for closing a connection that only watches a feed.
    close_address: Option<Recipient<Dismiss>>,
    /// True if a feed that it watched was removed.
    feed_retired: bool,
    /// Dropped with the broadcaster, so that the connection joins again.
    _lease: oneshot::Sender<()>,
}

impl Broadcaster {
    /// Creates a broadcaster; `max_per_user` limits the connections of a user that only watch.
    #[must_use]
    pub fn new(feeds_handle: FeedsHandle, max_per_user: usize, guard: DropGuard) -> Self {
        let (feeds, counts) = (feeds_handle.feeds(), feeds_handle.subscriber_counts());
        counts.clear();
        Self {
            indexes: feeds.all().iter().map(|_| Index::default()).collect(),
            snapshots: feeds.all().iter().map(|_| Snapshot::default()).collect(),
            all: Vec::new(),
            watchers: HashMap::new(),
            by_user: HashMap::new(),
            recent: DedupCache::default(),
            leaving: false,
            max_per_user,
            number: 0,
            feeds_handle,
            feeds,
            counts,
            _guard: guard,
        }
    }

    fn show(&mut self, event: &Event) {
        if event.identity.as_ref().is_some_and(|identity| !self.recent.is_new(identity)) {
            return; // The broker sent it again; by now there may be newer ones.
        }
        let feeds = Arc::clone(&self.feeds);
        for (id, rule) in feeds.showing(&event.code) {
            let feed = feeds.get(id);
            let values = feed.values(event);
            let mut watching = self.indexes[id.0].watching(&values).peekable();
            if watching.peek().is_none() && !feed.snapshot {
                continue;
            }
            let (key, shown) = (rule.key_of(id, event), feed.show(rule, event));
            let frame = protocol::shown(&shown, false);
            let mut count = 0;
            for client in watching {
                if let Some(queue) =
                    self.watchers.get(&client).and_then(|watcher| watcher.queue.upgrade())
                {
                    queue.put(key.clone(), frame.clone());
                    count += 1;
                }
            }
            metrics::counter!(metric::FEED_MESSAGES, "feed" => feed.name.clone()).increment(count);
            if feed.snapshot {
                self.snapshots[id.0].put(
                    key,
                    values,
                    shown,
                    event.bytes,
                    (SNAPSHOT_MAX, SNAPSHOT_MAX_BYTES),
                );
            }
        }
        if !self.all.is_empty() {
            let frame = protocol::whole(event);
            self.number += 1;
            for queue in
                self.all.iter().filter_map(|client| self.watchers.get(client)?.queue.upgrade())
            {
                queue.put_event(Key::unique(self.number), frame.clone());
            }
        }
    }

    fn enter(
        &mut self,
        client: ClientId,
        queue: &Arc<ConflatingQueue>,
        close_address: Option<Recipient<Dismiss>>,
        user: Option<UserId>,
    ) -> Option<Lease> {
        if self.leaving
            && let Some(close_address) = &close_address
        {
            let _ = close_address.try_send(Dismiss(CloseCode::GoingAway));
        }
        if let (Some(user), Some(close_address)) = (&user, &close_address) {
            let theirs = self.by_user.entry(user.clone()).or_default();
            if theirs.len() >= self.max_per_user {
                let _ = close_address.try_send(Dismiss(CloseCode::TooManyConnections));
            }
            theirs.push(client);
        }
        if let Some(known) = self.watchers.get_mut(&client) {
            known.user = user.or(known.user.take());
            if let Some(close_address) = close_address {
                // It subscribed before it gave its address, and the feed may be gone by now.
                if known.feed_retired {
                    let _ = close_address.try_send(Dismiss(CloseCode::GoingAway));
                }
                known.close_address = Some(close_address);
            }
            return None;
        }
        let (keep, lease) = oneshot::channel();
        self.watchers.insert(
            client,
            WatcherEntry {
                queue: Arc::downgrade(queue),
                user,
                close_address,
                feed_retired: false,
                _lease: keep,
            },
        );
        Some(lease)
    }

    fn exit(&mut self, client: ClientId) {
        let Some(watcher) = self.watchers.remove(&client) else { return };
        if let Some(user) = watcher.user
            && let Some(theirs) = self.by_user.get_mut(&user)
        {
            theirs.retain(|known| *known != client);
            if theirs.is_empty() {
                self.by_user.remove(&user);
            }
        }
        self.all.retain(|known| *known != client);
        for index in &mut self.indexes {
            index.remove(client);
        }
        self.count();
    }

    fn count(&self) {
        let watched_before = self.counts.set_all(self.all.len()) > 0;
        let is_watched = !self.all.is_empty();
        if is_watched != watched_before {
            self.feeds_handle.bus.announce_watches_all(is_watched);
        }
        for (at, index) in
            self.indexes.iter().enumerate().filter(|(at, _)| !self.feeds.is_retired(FeedId(*at)))
        {
            self.counts.set(FeedId(at), index.len());
        }
    }

    /// Removes connections that ended without notice.
    fn remove_dead(&mut self) {
        let gone: Vec<ClientId> = self
            .watchers
            .iter()
            .filter(|(_, watcher)| watcher.queue.strong_count() == 0)
            .map(|(client, _)| *client)
            .collect();
        for client in gone {
            self.exit(client);
        }
    }
}

impl Actor for Broadcaster {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(CLEANUP_INTERVAL, |broadcaster, _| broadcaster.remove_dead());
    }
}
