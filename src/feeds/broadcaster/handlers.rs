//! Message handlers of the broadcaster.

use std::collections::HashMap;

use actix::{Handler, MessageResult};

use super::{Broadcaster, SNAPSHOT_SHOWN_MAX};
use crate::{
    bus::ShowRemote,
    domain::inbox::ClientId,
    feeds::messages::{
        CountWatchers, Dismiss, DismissWatchers, Join, ListSubscriptions, Quit, ShowEvents,
        SignOut, Subscribe, Unsubscribe, WatchTarget,
    },
    protocol::{self, CloseCode},
    runtime::supervisor::Crash,
};

impl Handler<Join> for Broadcaster {
    type Result = MessageResult<Join>;

    fn handle(
        &mut self,
        Join { client, queue, close_address, user }: Join,
        _: &mut Self::Context,
    ) -> Self::Result {
        MessageResult(self.enter(client, &queue, close_address, user))
    }
}

impl Handler<Subscribe> for Broadcaster {
    type Result = MessageResult<Subscribe>;

    fn handle(
        &mut self,
        Subscribe { client, queue, target, filters }: Subscribe,
        _: &mut Self::Context,
    ) -> Self::Result {
        let lease = self.enter(client, &queue, None, None);
        if let WatchTarget::Feed(feed) = target
            && self.indexes[feed.0].has(client, &filters)
        {
            return MessageResult(lease);
        }
        // Queued messages match the previous filters.
        queue.forget(target.feed());
        match target {
            WatchTarget::All if self.all.contains(&client) => {}
            WatchTarget::All => self.all.push(client),
            WatchTarget::Feed(feed) => {
                let snapshot = self.snapshots[feed.0].of(&filters, SNAPSHOT_SHOWN_MAX);
                let encoded = snapshot.into_iter();
                let encoded = encoded.map(|(key, shown)| (key, protocol::shown(shown, true)));
                queue.put_snapshot(encoded.collect());
                self.indexes[feed.0].insert(client, filters);
                if self.feeds.is_retired(feed) {
                    self.remove_from_retired_feed(client, feed);
                }
            }
        }
        self.count();
        MessageResult(lease)
    }
}

impl Handler<Unsubscribe> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Unsubscribe { client, target }: Unsubscribe, _: &mut Self::Context) {
        match target {
            WatchTarget::All => self.all.retain(|known| *known != client),
            WatchTarget::Feed(feed) => {
                self.indexes[feed.0].remove(client);
            }
        }
        if let Some(queue) = self.watchers.get(&client).and_then(|watcher| watcher.queue.upgrade())
        {
            queue.forget(target.feed());
        }
        self.count();
    }
}

impl Handler<Quit> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Quit(client): Quit, _: &mut Self::Context) {
        self.exit(client);
    }
}

impl Handler<ShowEvents> for Broadcaster {
    type Result = ();

    fn handle(&mut self, ShowEvents(events): ShowEvents, _: &mut Self::Context) {
        for event in &events {
            self.show(event);
        }
    }
}

impl Handler<ShowRemote> for Broadcaster {
    type Result = ();

    fn handle(&mut self, ShowRemote(events): ShowRemote, _: &mut Self::Context) {
        for event in &events {
            self.show(event);
        }
    }
}

impl Handler<ListSubscriptions> for Broadcaster {
    type Result = MessageResult<ListSubscriptions>;

    fn handle(&mut self, _: ListSubscriptions, _: &mut Self::Context) -> Self::Result {
        let mut watched: HashMap<ClientId, Vec<String>> = HashMap::new();
        for client in &self.all {
            watched.entry(*client).or_default().push("all".to_owned());
        }
        for (feed, index) in self.feeds.all().iter().zip(&self.indexes) {
            for client in index.watchers() {
                watched.entry(client).or_default().push(feed.name.clone());
            }
        }
        MessageResult(watched)
    }
}

impl Handler<DismissWatchers> for Broadcaster {
    type Result = ();

    fn handle(&mut self, _: DismissWatchers, _: &mut Self::Context) {
        self.leaving = true;
        for close_address in
            self.watchers.values().filter_map(|watcher| watcher.close_address.as_ref())
        {
            // A watcher with a full mailbox is closed when the grace period ends.
            let _ = close_address.try_send(Dismiss(CloseCode::GoingAway));
        }
    }
}

impl Handler<SignOut> for Broadcaster {
    type Result = usize;

    fn handle(&mut self, SignOut(user): SignOut, _: &mut Self::Context) -> usize {
        let theirs = self.by_user.get(&user).into_iter().flatten();
        theirs
            .filter_map(|client| self.watchers.get(client)?.close_address.as_ref())
            .filter(|close_address| close_address.try_send(Dismiss(CloseCode::NotSignedIn)).is_ok())
            .count()
    }
}

impl Handler<CountWatchers> for Broadcaster {
    type Result = usize;

    fn handle(&mut self, _: CountWatchers, _: &mut Self::Context) -> usize {
        self.remove_dead();
        self.watchers.values().filter(|watcher| watcher.close_address.is_some()).count()
    }
}

impl Handler<Crash> for Broadcaster {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the broadcaster was asked to crash");
    }
}
