//! Every way a session ends: asked to, too slow, silent, expired.

use std::time::Duration;

use actix::{AsyncContext, Context};
use tokio::time::Instant;

use super::{Phase, Session};
use crate::{domain::protocol::CloseCode, telemetry::metric};

/// How long a close frame may take to reach a client that does not read.
const LINGER: Duration = Duration::from_secs(10);

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
        if self.lagging.is_none() && self.socket.waiting() > 0 {
            let since = Instant::now();
            self.lagging = Some(since);
            ctx.run_later(LAG_PATIENCE, move |session, _| {
                if session.lagging == Some(since) {
                    session.close_as_too_slow();
                    session.socket.wake();
                }
            });
        }
        self.catch_up(ctx);
    }

    pub(super) fn close_as_too_slow(&mut self) {
        if !matches!(self.phase, Phase::Closing) {
            metrics::counter!(metric::SLOW_CLIENTS).increment(1);
            self.close(CloseCode::TooSlow);
        }
    }

    /// Ends the session: what waits is dropped where the code says so, the close frame goes out, and the socket follows.
    pub(super) fn close(&mut self, code: CloseCode) {
        if matches!(self.phase, Phase::Closing) {
            return;
        }
        self.phase = Phase::Closing;
        match code {
            // The rest of what waits would only delay it.
            CloseCode::TooSlow | CloseCode::TooBig | CloseCode::Protocol | CloseCode::Internal => {
                self.socket.drop_waiting();
            }
            CloseCode::Normal
            | CloseCode::GoingAway
            | CloseCode::NotText
            | CloseCode::NotSignedIn
            | CloseCode::Forbidden
            | CloseCode::TooManyConnections
            | CloseCode::TooManyMessages => {}
        }
        self.socket.finish(code, LINGER);
    }

    pub(super) fn watch_heartbeat(&self, ctx: &mut Context<Self>) {
        ctx.run_interval(self.hub.heartbeat, |session, ctx| {
            if session.pinged.is_some() || matches!(session.phase, Phase::Closing) {
                return;
            }
            let sent = Instant::now();
            let answers = session.socket.ping();
            session.socket.wake();
            if !answers {
                return;
            }
            session.pinged = Some(sent);
            ctx.run_later(session.hub.heartbeat_timeout, move |session, _| {
                // Another ping may be out by now; only this one's time is over.
                if session.pinged == Some(sent) {
                    session.close(CloseCode::GoingAway);
                    session.socket.wake();
                }
            });
        });
    }

    pub(super) fn watch_expiry(&self, ctx: &mut Context<Self>) {
        let Some(expires_at) = self.info.identity.expires_at else { return };
        let left = expires_at.saturating_mul(1_000).saturating_sub(crate::clock::now().0);
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        ctx.run_later(left, |session, _| {
            session.close(CloseCode::NotSignedIn);
            session.socket.wake();
        });
    }
}
