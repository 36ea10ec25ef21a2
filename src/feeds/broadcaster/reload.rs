//! Replacement of the feed definitions at run time.

use std::sync::Arc;

use actix::Handler;

use super::{Broadcaster, Dismiss, SetFeeds, SubscriberCounts};
use crate::{
    domain::{
        feed::{Feed, FeedId, Index, Key, Snapshot},
        inbox::ClientId,
    },
    protocol::{self, CloseCode},
};

impl Broadcaster {
    /// Replaces the feeds. Watchers of a compatible feed keep watching it; others are told.
    fn set_feeds(&mut self, feeds: Vec<Feed>) {
        let before = Arc::clone(&self.feeds);
        self.counts = Arc::new(SubscriberCounts::new(before.succeeded_by(feeds)));
        self.feeds = Arc::clone(self.counts.feeds());
        self.indexes.resize_with(self.feeds.all().len(), Index::default);
        self.snapshots.resize_with(self.feeds.all().len(), Snapshot::default);
        let mut retired = Vec::new();
        for (at, feed) in before.all().iter().enumerate() {
            let id = FeedId(at);
            if *feed != *self.feeds.get(id) {
                // The snapshot was built with other rules.
                self.snapshots[at] = Snapshot::default();
            }
            if self.feeds.is_retired(id) && !before.is_retired(id) {
                self.snapshots[at] = Snapshot::default();
                SubscriberCounts::forget(&feed.name);
                retired.push(id);
            }
        }
        // Update the counts before they are shared.
        self.count();
        self.feeds_handle.set(&self.counts);
        // A watcher may subscribe again at once, and must find the new feeds then.
        for id in retired {
            for client in self.indexes[id.0].watchers().collect::<Vec<_>>() {
                self.remove_from_retired_feed(client, id);
            }
        }
    }

    /// Unsubscribes a connection from a removed feed; a connection for this feed alone is closed.
    pub(super) fn remove_from_retired_feed(&mut self, client: ClientId, from: FeedId) {
        self.indexes[from.0].remove(client);
        let Some(watcher) = self.watchers.get_mut(&client) else { return };
        watcher.feed_retired = true;
        if let Some(close_address) = &watcher.close_address {
            let _ = close_address.try_send(Dismiss(CloseCode::GoingAway));
        } else if let Some(queue) = watcher.queue.upgrade() {
            self.number += 1;
            queue.put(
                Key::unique(self.number),
                protocol::unsubscribed(Some(&self.feeds.get(from).name)),
            );
        }
    }
}

impl Handler<SetFeeds> for Broadcaster {
    type Result = ();

    fn handle(&mut self, SetFeeds(feeds): SetFeeds, _: &mut Self::Context) {
        self.set_feeds(feeds);
    }
}
