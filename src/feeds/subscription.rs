//! Subscriptions of a connection, kept across restarts of the broadcaster.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix::{ActorFutureExt as _, AsyncContext as _, Context, Recipient, WrapFuture as _};
use arc_swap::ArcSwap;
use bytes::Bytes;

use super::{
    Broadcaster, Dismiss, Join, Quit, Subscribe, SubscriberCounts, Unsubscribe, WatchTarget,
};
use crate::{
    bus::Bus,
    connection::{ConflatingQueue, ConnectionActor},
    domain::{
        feed::{Feeds, Filters},
        inbox::ClientId,
        user::UserId,
    },
    protocol::ErrorCode,
    runtime::{Gone, Handle, Lease},
};

/// Delay before the next attempt to join, while there is no broadcaster.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// Handle to the live feeds: definitions, counts and broadcaster.
#[derive(Debug, Clone)]
pub struct FeedsHandle {
    /// Current feeds and counts, replaced by the broadcaster.
    now: Arc<ArcSwap<SubscriberCounts>>,
    /// Broadcaster.
    pub broadcaster: Handle<Broadcaster>,
    /// Bus to the feeds of other hubs.
    pub bus: Bus,
}

impl FeedsHandle {
    /// Creates the handle of these feeds.
    #[must_use]
    pub fn new(feeds: Feeds, broadcaster: Handle<Broadcaster>, bus: Bus) -> Self {
        let now = Arc::new(ArcSwap::from_pointee(SubscriberCounts::new(feeds)));
        Self { now, broadcaster, bus }
    }

    /// Returns whether another hub may have an audience for events of this code.
    #[must_use]
    pub fn has_audience_elsewhere(&self, code: &str) -> bool {
        self.bus.is_shared()
            && (self.bus.is_watched_elsewhere() || self.subscriber_counts().is_shown(code))
    }

    /// Returns the current feeds.
    #[must_use]
    pub fn feeds(&self) -> Arc<Feeds> {
        Arc::clone(self.now.load().feeds())
    }

    /// Returns the current counts.
    #[must_use]
    pub fn subscriber_counts(&self) -> Arc<SubscriberCounts> {
        self.now.load_full()
    }

    pub(crate) fn set(&self, counts: &Arc<SubscriberCounts>) {
        self.now.store(Arc::clone(counts));
    }
}

/// Subscriptions of a connection; dropping them removes the connection from the broadcaster.
pub struct Subscriptions {
    feeds_handle: FeedsHandle,
    client: ClientId,
    queue: Arc<ConflatingQueue>,
    /// User, if the feed requires an identity.
    user: Option<UserId>,
    wanted: BTreeMap<WatchTarget, Filters>,
    lease: Option<Lease>,
}

impl Subscriptions {
    /// Creates the subscriptions of a connection, with a queue of `most` messages.
    #[must_use]
    pub fn new(
        feeds_handle: FeedsHandle,
        client: ClientId,
        user: Option<UserId>,
        most: usize,
    ) -> Self {
        Self {
            feeds_handle,
            client,
            user,
            queue: ConflatingQueue::new(most),
            wanted: BTreeMap::new(),
            lease: None,
        }
    }

    /// Returns whether it watches a target, or has asked to.
    #[must_use]
    pub fn watches(&self, target: WatchTarget) -> bool {
        self.wanted.contains_key(&target)
    }

    /// Returns the queue of its messages.
    pub(crate) fn queue(&self) -> Arc<ConflatingQueue> {
        Arc::clone(&self.queue)
    }

    /// Subscribes before the actor is started.
    ///
    /// # Errors
    /// [`Gone`] when the broadcaster is not there.
    pub async fn begin(&mut self, target: WatchTarget, filters: Filters) -> Result<(), Gone> {
        self.lease = self.watch(target, filters).await?;
        Ok(())
    }

    /// Subscribes; the future borrows nothing.
    fn watch(
        &mut self,
        target: WatchTarget,
        filters: Filters,
    ) -> impl Future<Output = Result<Option<Lease>, Gone>> + use<> {
        self.wanted.insert(target, filters.clone());
        let (broadcaster, client, queue) =
            (self.feeds_handle.broadcaster.clone(), self.client, self.queue());
        async move { broadcaster.send(Subscribe { client, queue, target, filters }).await }
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        // With a full mailbox the broadcaster finds the dropped queue itself.
        self.feeds_handle.broadcaster.offer(Quit(self.client));
    }
}

/// Actor whose connection may watch feeds.
pub(crate) trait FeedSubscriber: ConnectionActor {
    /// Returns the subscriptions, created on first use.
    fn watched(&mut self) -> &mut Subscriptions;

    /// Returns the address for closing it, if only the broadcaster can.
    fn close_address(&self, ctx: &Context<Self>) -> Option<Recipient<Dismiss>>;
}

/// Joins the broadcaster with all subscriptions, and again after each restart.
pub(crate) fn join<C: FeedSubscriber>(client: &mut C, ctx: &mut Context<C>) {
    let close_address = client.close_address(ctx);
    let watched = client.watched();
    let (broadcaster, id, queue) =
        (watched.feeds_handle.broadcaster.clone(), watched.client, watched.queue());
    let (had, user) = (watched.lease.take(), watched.user.clone());
    client.connection().attach_queue(Arc::clone(&queue));
    let entered =
        async move { broadcaster.send(Join { client: id, queue, close_address, user }).await };
    ctx.spawn(entered.into_actor(client).map(|lease, client, ctx| match (lease, had) {
        // Subscribed before the actor was started.
        (Ok(None), Some(had)) => hold_lease(Some(had), ctx),
        (Ok(lease), _) => {
            hold_lease(lease, ctx);
            resubscribe(client, ctx);
        }
        (Err(Gone), _) => {
            ctx.run_later(RETRY_DELAY, join::<C>);
        }
    }));
}

/// Subscribes again at a new broadcaster; repetitions change nothing.
fn resubscribe<C: FeedSubscriber>(client: &mut C, ctx: &mut Context<C>) {
    for (target, filters) in client.watched().wanted.clone() {
        let asked = client.watched().watch(target, filters);
        // If it is gone again, the lease has ended, and joining starts again.
        ctx.spawn(
            asked.into_actor(client).map(|lease, _, ctx| hold_lease(lease.ok().flatten(), ctx)),
        );
    }
}

/// Holds a lease, and joins again when it ends.
fn hold_lease<C: FeedSubscriber>(lease: Option<Lease>, ctx: &mut Context<C>) {
    let Some(lease) = lease else { return };
    // The lease never sends; it ends when the broadcaster is gone.
    let ended = async move { lease.await.is_err() };
    ctx.spawn(actix::fut::wrap_future::<_, C>(ended).map(|_, client, ctx| join(client, ctx)));
}

/// Subscribes, and sends the reply before any message of the subscription.
pub(crate) fn subscribe<C: FeedSubscriber>(
    client: &mut C,
    target: WatchTarget,
    filters: Filters,
    answer: Bytes,
    ctx: &mut Context<C>,
) {
    let watched = client.watched();
    let (queue, asked) = (watched.queue(), watched.watch(target, filters));
    client.connection().attach_queue(queue);
    ask(client, target, asked, answer, ctx);
}

/// Unsubscribes, and replies.
pub(crate) fn unsubscribe<C: FeedSubscriber>(
    client: &mut C,
    target: WatchTarget,
    answer: Bytes,
    ctx: &mut Context<C>,
) {
    if client.connection().drain.is_none() {
        client.answer(answer);
        return;
    }
    let watched = client.watched();
    watched.wanted.remove(&target);
    let (broadcaster, id) = (watched.feeds_handle.broadcaster.clone(), watched.client);
    let asked =
        async move { broadcaster.send(Unsubscribe { client: id, target }).await.map(|()| None) };
    ask(client, target, asked, answer, ctx);
}

fn ask<C: FeedSubscriber>(
    client: &mut C,
    target: WatchTarget,
    asked: impl Future<Output = Result<Option<Lease>, Gone>> + 'static,
    answer: Bytes,
    ctx: &mut Context<C>,
) {
    client.connection().in_flight += 1;
    hold_messages(client, 1);
    ctx.spawn(asked.into_actor(client).map(move |done, client, ctx| {
        client.connection().in_flight -= 1;
        hold_messages(client, -1);
        if let Ok(lease) = done {
            client.answer(answer);
            hold_lease(lease, ctx);
        } else {
            // The error says that it is not subscribed.
            client.watched().wanted.remove(&target);
            client.send_error(ErrorCode::Unavailable, "live feeds are restarting; try again");
        }
        client.connection().wake();
    }));
}

fn hold_messages<C: FeedSubscriber>(client: &mut C, by: isize) {
    if let Some(drain) = &mut client.connection().drain {
        drain.held = drain.held.saturating_add_signed(by);
    }
}
