//! A client that falls behind.

use std::time::Duration;

use actix::{AsyncContext, Context};
use tokio::time::Instant;

use super::{Phase, Session};
use crate::{connection::ConnectionActor as _, protocol::CloseCode};

/// How long a client may stay behind with more than a queue's worth before it is closed as too slow. A burst fills the
/// queue of the fastest client for a moment; the store has what did not fit.
const LAG_PATIENCE: Duration = Duration::from_secs(1);

impl Session {
    /// More waits for the client than its queue holds. What did not fit is read from the store when there is room; a client
    /// that has not caught up by then is closed, and comes back for the rest with the revision it has.
    pub(super) fn lag(&mut self, ctx: &mut Context<Self>) {
        if let Phase::CatchingUp(held) = &mut self.phase {
            held.dropped = true;
        }
        // While nothing waits for the socket, the client has taken all it was given: it is not the slow one.
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
