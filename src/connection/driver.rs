//! The pump: moves frames between a connection's socket and its actor, inside the actor's own task.
//!
//! actix polls it after every message the actor has handled, so whatever a burst of messages queued is written in one go.

use std::{
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use actix::{ActorContext as _, ActorFuture, Context};

use super::{
    ConnectionActor, WAITING_BYTES_MAX,
    frames::{Broken, Received},
};
use crate::protocol::{CloseCode, frame};

/// Frames taken before others get their turn: a client that floods must not hold the thread.
const FRAMES_AT_ONCE: usize = 32;

/// Requests of one client under way at once; beyond it nothing more is read, and TCP slows the client down.
const IN_FLIGHT_MAX: usize = 32;

/// The pump.
#[derive(Default)]
pub(crate) struct ConnectionDriver {
    /// The last frame is written and the write side is shut; what the peer still sends is thrown away.
    drained: bool,
}

impl<C: ConnectionActor> ActorFuture<C> for ConnectionDriver {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        client: &mut C,
        ctx: &mut Context<C>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        client.connection().register_waker(cx.waker());
        client.on_wake(ctx);
        let is_read = client.is_open() && !client.connection().is_closing();
        if is_read && Self::receive(client, ctx, cx) == Peer::Gone {
            ctx.stop();
            return Poll::Ready(());
        }
        let mut held_back = client.connection().waiting_bytes() > WAITING_BYTES_MAX;
        loop {
            let flushed = client.connection().transport.poll_flush(cx);
            if let Poll::Ready(Err(_)) = flushed {
                ctx.stop();
                return Poll::Ready(());
            }
            if client.connection().is_closing() {
                return self.finish(client, ctx, cx, flushed.is_ready());
            }
            if flushed.is_pending() {
                return Poll::Pending;
            }
            if std::mem::take(&mut held_back) {
                cx.waker().wake_by_ref();
            }
            client.on_written(ctx);
            super::drain_queue(client, ctx);
            // What that has queued is written too.
            if client.connection().waiting() == 0 && !client.connection().is_closing() {
                return Poll::Pending;
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Peer {
    There,
    Gone,
}

impl ConnectionDriver {
    fn receive<C: ConnectionActor>(
        client: &mut C,
        ctx: &mut Context<C>,
        cx: &mut TaskContext<'_>,
    ) -> Peer {
        for _ in 0..FRAMES_AT_ONCE {
            let connection = client.connection();
            // A client that does not read its answers is not asked for more; when they are written, it is.
            if connection.in_flight >= IN_FLIGHT_MAX
                || connection.waiting_bytes() > WAITING_BYTES_MAX
                || connection.is_closing()
            {
                return Peer::There;
            }
            match connection.transport.poll_receive(cx) {
                Poll::Pending => return Peer::There,
                Poll::Ready(Ok(received)) => {
                    connection.pinged = None;
                    match received {
                        Received::Text(text) => super::on_text(client, &text, ctx),
                        Received::Binary => super::on_binary(client),
                        Received::Ping(payload) => client.answer(frame::pong(&payload)),
                        Received::Pong(payload) => connection.answered(&payload),
                        Received::Close => client.close(CloseCode::Normal),
                    }
                }
                Poll::Ready(Err(Broken::Gone)) => return Peer::Gone,
                Poll::Ready(Err(Broken::TooBig)) => client.close(CloseCode::TooBig),
                Poll::Ready(Err(Broken::Protocol)) => client.close(CloseCode::Protocol),
            }
        }
        // There may be more; others first.
        cx.waker().wake_by_ref();
        Peer::There
    }

    /// Sees the last frame out, waits for the peer to hang up, and ends the actor.
    fn finish<C: ConnectionActor>(
        mut self: Pin<&mut Self>,
        client: &mut C,
        ctx: &mut Context<C>,
        cx: &mut TaskContext<'_>,
        flushed: bool,
    ) -> Poll<()> {
        let transport = &mut client.connection().transport;
        if flushed && !self.drained {
            self.drained = match transport.poll_shutdown(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => {
                    ctx.stop();
                    return Poll::Ready(());
                }
                Poll::Pending => false,
            };
        }
        // A socket that is dropped with unread input resets the connection, and the close frame may be lost with it; so
        // what the peer still sends is read and thrown away, until it hangs up or its time is over.
        let gone = self.drained && transport.poll_discard(cx).is_ready();
        if gone || transport.poll_deadline(cx).is_ready() {
            ctx.stop();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
