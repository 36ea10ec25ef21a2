//! The pump: moves frames between the socket and the session, inside the actor's own task.
//!
//! actix polls it after every message the actor has handled, so whatever a burst of messages queued is written in one go.

use std::{
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context as TaskContext, Poll},
};

use actix::{ActorFuture, Context};

use super::{
    Phase, Session,
    frames::{Broken, Received},
    stop,
};
use crate::domain::{frame, protocol::CloseCode};

/// Frames taken before others get their turn: a client that floods must not hold the thread.
const FRAMES_AT_ONCE: usize = 32;

/// Requests of one client under way at once; beyond it nothing more is read, and TCP slows the client down.
const IN_FLIGHT_MAX: usize = 32;

/// The pump.
#[derive(Default)]
pub(super) struct Pump {
    /// The last frame is written and the write side is shut; what the peer still sends is thrown away.
    drained: bool,
}

impl ActorFuture<Session> for Pump {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        session: &mut Session,
        ctx: &mut Context<Session>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        session.socket.remember(cx.waker());
        if session.signals.overflow.swap(false, Ordering::Relaxed) {
            session.lag(ctx);
        }
        if session.signals.revoked.swap(false, Ordering::Relaxed) {
            session.close(CloseCode::NotSignedIn);
        }
        if !matches!(session.phase, Phase::Closing) && Self::receive(session, ctx, cx) == Peer::Gone {
            stop(ctx);
            return Poll::Ready(());
        }
        let flushed = session.socket.poll_flush(cx);
        if let Poll::Ready(Err(_)) = flushed {
            stop(ctx);
            return Poll::Ready(());
        }
        if !matches!(session.phase, Phase::Closing) {
            if flushed.is_ready() {
                session.lagging = None;
                session.read_on(ctx);
            }
            return Poll::Pending;
        }
        self.finish(session, ctx, cx, flushed.is_ready())
    }
}

#[derive(PartialEq, Eq)]
enum Peer {
    There,
    Gone,
}

impl Pump {
    fn receive(session: &mut Session, ctx: &mut Context<Session>, cx: &mut TaskContext<'_>) -> Peer {
        for _ in 0..FRAMES_AT_ONCE {
            if session.in_flight >= IN_FLIGHT_MAX || matches!(session.phase, Phase::Closing) {
                return Peer::There;
            }
            match session.socket.poll_receive(cx) {
                Poll::Pending => return Peer::There,
                Poll::Ready(Ok(received)) => {
                    session.pinged = None;
                    match received {
                        Received::Text(text) => session.on_text(&text, ctx),
                        Received::Binary => session.on_binary(),
                        Received::Ping(payload) => session.enqueue(frame::pong(&payload)),
                        Received::Pong => {}
                        Received::Close => session.close(CloseCode::Normal),
                    }
                }
                Poll::Ready(Err(Broken::Gone)) => return Peer::Gone,
                Poll::Ready(Err(Broken::TooBig)) => session.close(CloseCode::TooBig),
                Poll::Ready(Err(Broken::Protocol)) => session.close(CloseCode::Protocol),
            }
        }
        // There may be more; others first.
        cx.waker().wake_by_ref();
        Peer::There
    }

    /// Sees the last frame out, waits for the peer to hang up, and ends the session.
    fn finish(
        mut self: Pin<&mut Self>,
        session: &mut Session,
        ctx: &mut Context<Session>,
        cx: &mut TaskContext<'_>,
        flushed: bool,
    ) -> Poll<()> {
        if flushed && !self.drained {
            self.drained = match session.socket.poll_shutdown(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => {
                    stop(ctx);
                    return Poll::Ready(());
                }
                Poll::Pending => false,
            };
        }
        // A socket that is dropped with unread input resets the connection, and the close frame may be lost with it; so
        // what the peer still sends is read and thrown away, until it hangs up or its time is over.
        let gone = self.drained && session.socket.poll_discard(cx).is_ready();
        if gone || session.socket.poll_deadline(cx).is_ready() {
            stop(ctx);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
