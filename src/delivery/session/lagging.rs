//! Clients that read too slowly.

use std::time::Duration;

use actix::{ActorFutureExt as _, AsyncContext, Context, WrapFuture as _};
use tokio::time::Instant;

use super::{Phase, Session};
use crate::{
    connection::ConnectionActor as _,
    protocol::{self, CloseCode},
};

/// Time for which a client may have a full queue before it is told. A burst fills the queue of the
/// fastest client for a moment; the rest is read from the store.
const BEHIND_AFTER: Duration = Duration::from_millis(500);

/// Time for which a client may have a full queue before it is closed as too slow.
const LAG_PATIENCE: Duration = Duration::from_secs(10);

impl Session {
    /// Handles a full queue. The client is told how far behind it is, in place of every message,
    /// and the rest is read from the store when there is room. A client that does not read its
    /// queue in time is closed, and resumes with its revision.
    pub(super) fn lag(&mut self, ctx: &mut Context<Self>) {
        if let Phase::CatchingUp(held) = &mut self.phase {
            held.dropped = true;
        }
        // With an empty write queue the client is not the slow part.
        if self.lagging.is_none() && self.connection.waiting() > 0 {
            let since = Instant::now();
            self.lagging = Some(since);
            ctx.run_later(LAG_PATIENCE, move |session, _| {
                if session.lagging == Some(since) {
                    session.close(CloseCode::TooSlow);
                    session.connection.wake();
                }
            });
            ctx.run_later(BEHIND_AFTER, move |session, ctx| session.tell_behind(since, ctx));
        }
        self.catch_up(ctx);
    }

    /// Sends `notifications.behind`, unless the client has caught up meanwhile.
    fn tell_behind(&self, since: Instant, ctx: &mut Context<Self>) {
        if self.lagging != Some(since) {
            return;
        }
        let (store, user) = (self.context.store.clone(), self.user_id().clone());
        let read = async move { store.inbox(&user).await };
        ctx.spawn(read.into_actor(self).map(move |inbox, session, _| {
            // Without the store, the client is told nothing, and is closed if it stays behind.
            if let Ok(inbox) = inbox
                && session.lagging == Some(since)
                && !session.connection.is_closing()
            {
                session.connection.enqueue(protocol::behind(inbox), None);
                session.connection.wake();
            }
        }));
    }
}
