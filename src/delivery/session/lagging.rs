//! Clients that read too slowly.

use std::time::Duration;

use actix::{AsyncContext, Context};
use tokio::time::Instant;

use super::{Phase, Session};
use crate::{connection::ConnectionActor as _, protocol::CloseCode};

/// Time for which a client may have more than a full queue before it is closed as too slow. A burst
/// fills the queue of the fastest client for a moment; the rest is read from the store.
const LAG_PATIENCE: Duration = Duration::from_secs(1);

impl Session {
    /// Handles a full queue. The rest is read from the store when there is room; a client that does
    /// not catch up in time is closed, and resumes with its revision.
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
        }
        self.catch_up(ctx);
    }
}
