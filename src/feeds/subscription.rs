//! A connection's side of watching: what it has asked for, through a broadcaster that may be replaced.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix::{ActorFutureExt as _, AsyncContext as _, Context, Recipient, WrapFuture as _};
use arc_swap::ArcSwap;
use bytes::Bytes;

use super::{
    Broadcaster, Dismiss, Join, Lease, Quit, Subscribe, SubscriberCounts, Unsubscribe, WatchTarget,
};
use crate::{
    connection::{ConflatingQueue, ConnectionActor},
    domain::{
        feed::{Feeds, Filters},
        inbox::ClientId,
        user::UserId,
    },
    protocol::ErrorCode,
    runtime::{Gone, Handle},
};

/// How long a connection that found no broadcaster waits before it looks again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What everybody needs to know of live feeds.
#[derive(Debug, Clone)]
pub struct FeedsHandle {
    /// The feeds there are, and what is wanted of them; the broadcaster puts others in their place.
    now: Arc<ArcSwap<SubscriberCounts>>,
    /// Who brings it.
    pub broadcaster: Handle<Broadcaster>,
}

impl FeedsHandle {
    /// These feeds, which nobody watches yet.
    #[must_use]
    pub fn new(feeds: Feeds, broadcaster: Handle<Broadcaster>) -> Self {
        Self { now: Arc::new(ArcSwap::from_pointee(SubscriberCounts::new(feeds))), broadcaster }
    }

    /// The feeds there are now.
    #[must_use]
    pub fn feeds(&self) -> Arc<Feeds> {
        Arc::clone(self.now.load().feeds())
    }

    /// What is wanted of them.
    #[must_use]
    pub fn subscriber_counts(&self) -> Arc<SubscriberCounts> {
        self.now.load_full()
    }

    pub(crate) fn set(&self, counts: &Arc<SubscriberCounts>) {
        self.now.store(Arc::clone(counts));
    }
}

/// What a connection watches. Dropped with the connection, it takes it out.
pub struct Subscriptions {
    feeding: FeedsHandle,
    client: ClientId,
    queue: Arc<ConflatingQueue>,
    /// Who it is, where the feed asked.
    user: Option<UserId>,
    wanted: BTreeMap<WatchTarget, Filters>,
    lease: Option<Lease>,
}

impl Subscriptions {
    /// A connection that watches nothing yet. `most` messages may wait for it.
    #[must_use]
    pub fn new(feeding: FeedsHandle, client: ClientId, user: Option<UserId>, most: usize) -> Self {
        Self {
            feeding,
            client,
            user,
            queue: ConflatingQueue::new(most),
            wanted: BTreeMap::new(),
            lease: None,
        }
    }

    /// Whether it watches this, or will.
    #[must_use]
    pub fn watches(&self, what: WatchTarget) -> bool {
        self.wanted.contains_key(&what)
    }

    /// Where its messages wait.
    pub(crate) fn queue(&self) -> Arc<ConflatingQueue> {
        Arc::clone(&self.queue)
    }

    /// Watches before there is an actor to do it.
    ///
    /// # Errors
    /// When the broadcaster is not there.
    pub async fn begin(&mut self, what: WatchTarget, filters: Filters) -> Result<(), Gone> {
        self.lease = self.watch(what, filters).await?;
        Ok(())
    }

    /// Watches; the future borrows nothing.
    fn watch(
        &mut self,
        what: WatchTarget,
        filters: Filters,
    ) -> impl Future<Output = Result<Option<Lease>, Gone>> + use<> {
        self.wanted.insert(what, filters.clone());
        let (broadcaster, client, queue) =
            (self.feeding.broadcaster.clone(), self.client, self.queue());
        async move { broadcaster.send(Subscribe { client, queue, what, filters }).await }
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        // Should its mailbox be full just now, the broadcaster finds the empty doorstep by itself.
        self.feeding.broadcaster.offer(Quit(self.client));
    }
}

/// An actor whose connection may watch.
pub(crate) trait FeedSubscriber: ConnectionActor {
    /// What it watches, made when it is first asked for.
    fn watched(&mut self) -> &mut Subscriptions;

    /// How it is told that the hub stops, where nobody else tells it.
    fn goodbye(&self, ctx: &Context<Self>) -> Option<Recipient<Dismiss>>;
}

/// Enters the broadcaster, with everything the connection watches; again whenever there is a new one.
pub(crate) fn attend<C: FeedSubscriber>(client: &mut C, ctx: &mut Context<C>) {
    let goodbye = client.goodbye(ctx);
    let watched = client.watched();
    let (broadcaster, id, queue) =
        (watched.feeding.broadcaster.clone(), watched.client, watched.queue());
    let (had, user) = (watched.lease.take(), watched.user.clone());
    client.connection().attach_queue(Arc::clone(&queue));
    let entered = async move { broadcaster.send(Join { client: id, queue, goodbye, user }).await };
    ctx.spawn(entered.into_actor(client).map(|lease, client, ctx| match (lease, had) {
        // Entered before there was an actor, it watches already.
        (Ok(None), Some(had)) => keep(Some(had), ctx),
        (Ok(lease), _) => {
            keep(lease, ctx);
            watch_again(client, ctx);
        }
        (Err(Gone), _) => {
            ctx.run_later(AGAIN_AFTER, attend::<C>);
        }
    }));
}

/// Tells a new broadcaster what is watched now; what it has been told already changes nothing.
fn watch_again<C: FeedSubscriber>(client: &mut C, ctx: &mut Context<C>) {
    for (what, filters) in client.watched().wanted.clone() {
        let asked = client.watched().watch(what, filters);
        // Should it be gone again, the lease has ended, and all of this begins anew.
        ctx.spawn(asked.into_actor(client).map(|lease, _, ctx| keep(lease.ok().flatten(), ctx)));
    }
}

/// Holds a lease, and enters again when it ends.
fn keep<C: FeedSubscriber>(lease: Option<Lease>, ctx: &mut Context<C>) {
    let Some(lease) = lease else { return };
    // Ends only when the broadcaster is gone: it never sends.
    let ended = async move { lease.await.is_err() };
    ctx.spawn(actix::fut::wrap_future::<_, C>(ended).map(|_, client, ctx| attend(client, ctx)));
}

/// Watches, and answers once it does; nothing else of it goes out before that.
pub(crate) fn subscribe<C: FeedSubscriber>(
    client: &mut C,
    what: WatchTarget,
    filters: Filters,
    answer: Bytes,
    ctx: &mut Context<C>,
) {
    let watched = client.watched();
    let (queue, asked) = (watched.queue(), watched.watch(what, filters));
    client.connection().attach_queue(queue);
    ask(client, what, asked, answer, ctx);
}

/// Watches no longer, and answers.
pub(crate) fn unsubscribe<C: FeedSubscriber>(
    client: &mut C,
    what: WatchTarget,
    answer: Bytes,
    ctx: &mut Context<C>,
) {
    if client.connection().drain.is_none() {
        client.answer(answer);
        return;
    }
    let watched = client.watched();
    watched.wanted.remove(&what);
    let (broadcaster, id) = (watched.feeding.broadcaster.clone(), watched.client);
    let asked =
        async move { broadcaster.send(Unsubscribe { client: id, what }).await.map(|()| None) };
    ask(client, what, asked, answer, ctx);
}

fn ask<C: FeedSubscriber>(
    client: &mut C,
    what: WatchTarget,
    asked: impl Future<Output = Result<Option<Lease>, Gone>> + 'static,
    answer: Bytes,
    ctx: &mut Context<C>,
) {
    client.connection().in_flight += 1;
    hold(client, 1);
    ctx.spawn(asked.into_actor(client).map(move |done, client, ctx| {
        client.connection().in_flight -= 1;
        hold(client, -1);
        if let Ok(lease) = done {
            client.answer(answer);
            keep(lease, ctx);
        } else {
            // What is said not to be watched is not.
            client.watched().wanted.remove(&what);
            client.send_error(ErrorCode::Unavailable, "live feeds are restarting; try again");
        }
        client.connection().wake();
    }));
}

fn hold<C: FeedSubscriber>(client: &mut C, by: isize) {
    if let Some(drain) = &mut client.connection().drain {
        drain.held = drain.held.saturating_add_signed(by);
    }
}
