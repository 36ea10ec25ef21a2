//! A connection's side of watching: what it has asked for, through a broadcaster that may be replaced.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix::{ActorFutureExt as _, AsyncContext as _, Context, Recipient, WrapFuture as _};
use arc_swap::ArcSwap;
use bytes::Bytes;

use super::{Broadcaster, Dismiss, Enter, Exit, Lease, SubscriberCounts, Unwatch, Watch, What};
use crate::{
    connection::{Client, ConflatingQueue},
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
pub struct Feeding {
    /// The feeds there are, and what is wanted of them; the broadcaster puts others in their place.
    now: Arc<ArcSwap<SubscriberCounts>>,
    /// Who brings it.
    pub broadcaster: Handle<Broadcaster>,
}

impl Feeding {
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
    pub fn demand(&self) -> Arc<SubscriberCounts> {
        self.now.load_full()
    }

    pub(crate) fn set(&self, demand: &Arc<SubscriberCounts>) {
        self.now.store(Arc::clone(demand));
    }
}

/// What a connection watches. Dropped with the connection, it takes it out.
pub struct Watched {
    feeding: Feeding,
    client: ClientId,
    doorstep: Arc<ConflatingQueue>,
    /// Who it is, where the feed asked.
    user: Option<UserId>,
    wanted: BTreeMap<What, Filters>,
    lease: Option<Lease>,
}

impl Watched {
    /// A connection that watches nothing yet. `most` messages may wait for it.
    #[must_use]
    pub fn new(feeding: Feeding, client: ClientId, user: Option<UserId>, most: usize) -> Self {
        Self { feeding, client, user, doorstep: ConflatingQueue::new(most), wanted: BTreeMap::new(), lease: None }
    }

    /// Whether it watches this, or will.
    #[must_use]
    pub fn watches(&self, what: What) -> bool {
        self.wanted.contains_key(&what)
    }

    /// Where its messages wait.
    pub(crate) fn doorstep(&self) -> Arc<ConflatingQueue> {
        Arc::clone(&self.doorstep)
    }

    /// Watches before there is an actor to do it.
    ///
    /// # Errors
    /// When the broadcaster is not there.
    pub async fn begin(&mut self, what: What, filters: Filters) -> Result<(), Gone> {
        self.lease = self.watch(what, filters).await?;
        Ok(())
    }

    /// Watches; the future borrows nothing.
    fn watch(&mut self, what: What, filters: Filters) -> impl Future<Output = Result<Option<Lease>, Gone>> + use<> {
        self.wanted.insert(what, filters.clone());
        let (broadcaster, client, doorstep) = (self.feeding.broadcaster.clone(), self.client, self.doorstep());
        async move { broadcaster.send(Watch { client, doorstep, what, filters }).await }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Should its mailbox be full just now, the broadcaster finds the empty doorstep by itself.
        self.feeding.broadcaster.offer(Exit(self.client));
    }
}

/// An actor whose connection may watch.
pub(crate) trait Watches: Client {
    /// What it watches, made when it is first asked for.
    fn watched(&mut self) -> &mut Watched;

    /// How it is told that the hub stops, where nobody else tells it.
    fn farewell(&self, ctx: &Context<Self>) -> Option<Recipient<Dismiss>>;
}

/// Enters the broadcaster, with everything the connection watches; again whenever there is a new one.
pub(crate) fn attend<C: Watches>(client: &mut C, ctx: &mut Context<C>) {
    let farewell = client.farewell(ctx);
    let watched = client.watched();
    let (broadcaster, id, doorstep) = (watched.feeding.broadcaster.clone(), watched.client, watched.doorstep());
    let (had, user) = (watched.lease.take(), watched.user.clone());
    client.connection().let_out_from(Arc::clone(&doorstep));
    let entered = async move { broadcaster.send(Enter { client: id, doorstep, farewell, user }).await };
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
fn watch_again<C: Watches>(client: &mut C, ctx: &mut Context<C>) {
    for (what, filters) in client.watched().wanted.clone() {
        let asked = client.watched().watch(what, filters);
        // Should it be gone again, the lease has ended, and all of this begins anew.
        ctx.spawn(asked.into_actor(client).map(|lease, _, ctx| keep(lease.ok().flatten(), ctx)));
    }
}

/// Holds a lease, and enters again when it ends.
fn keep<C: Watches>(lease: Option<Lease>, ctx: &mut Context<C>) {
    let Some(lease) = lease else { return };
    // Ends only when the broadcaster is gone: it never sends.
    let ended = async move { lease.await.is_err() };
    ctx.spawn(actix::fut::wrap_future::<_, C>(ended).map(|_, client, ctx| attend(client, ctx)));
}

/// Watches, and answers once it does; nothing else of it goes out before that.
pub(crate) fn subscribe<C: Watches>(client: &mut C, what: What, filters: Filters, answer: Bytes, ctx: &mut Context<C>) {
    let watched = client.watched();
    let (doorstep, asked) = (watched.doorstep(), watched.watch(what, filters));
    client.connection().let_out_from(doorstep);
    ask(client, what, asked, answer, ctx);
}

/// Watches no longer, and answers.
pub(crate) fn unsubscribe<C: Watches>(client: &mut C, what: What, answer: Bytes, ctx: &mut Context<C>) {
    if client.connection().outlet.is_none() {
        client.answer(answer);
        return;
    }
    let watched = client.watched();
    watched.wanted.remove(&what);
    let (broadcaster, id) = (watched.feeding.broadcaster.clone(), watched.client);
    let asked = async move { broadcaster.send(Unwatch { client: id, what }).await.map(|()| None) };
    ask(client, what, asked, answer, ctx);
}

fn ask<C: Watches>(
    client: &mut C,
    what: What,
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
            client.complain(ErrorCode::Unavailable, "live feeds are restarting; try again");
        }
        client.connection().wake();
    }));
}

fn hold<C: Watches>(client: &mut C, by: isize) {
    if let Some(outlet) = &mut client.connection().outlet {
        outlet.held = outlet.held.saturating_add_signed(by);
    }
}
