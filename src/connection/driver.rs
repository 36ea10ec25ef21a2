//! Connection driver: moves frames between the socket and the actor, inside the actor's own task.
//!
//! actix polls it after every message that the actor has handled, so everything that a burst of
//! messages queued is written at once.

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

/// Maximum number of frames read per poll: a flooding client must not monopolize the thread.
const FRAMES_AT_ONCE: usize = 32;

/// Maximum number of a client's requests in progress; beyond it nothing is read, and TCP slows the
/// client down.
const IN_FLIGHT_MAX: usize = 32;

/// Maximum number of replies queued in one poll, before anything is written.
pub(super) const REPLIES_AT_ONCE: usize = FRAMES_AT_ONCE + IN_FLIGHT_MAX;

/// Driver of one connection.
#[derive(Default)]
pub(crate) struct ConnectionDriver {
    /// True when the last frame is written and the write side is shut; input is discarded from then
    /// on.
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
        let may_read = client.is_open() && !client.connection().is_closing();
        if may_read && Self::receive(client, ctx, cx) == Peer::Gone {
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
            client.connection().on_flushed();
            if std::mem::take(&mut held_back) {
                cx.waker().wake_by_ref();
            }
            client.on_written(ctx);
            super::drain_queue(client, ctx);
            // Write what was queued meanwhile.
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
            // Read no requests from a client that does not read the replies.
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
        // There may be more frames; yield to other tasks first.
        cx.waker().wake_by_ref();
        Peer::There
    }

    /// Writes the last frame, waits for the peer to disconnect, and stops the actor.
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
        // Dropping a socket with unread input resets the connection, and the close frame may be
        // lost with it; so input is discarded until the peer disconnects or the timeout ends.
        let gone = self.drained && transport.poll_discard(cx).is_ready();
        if gone || transport.poll_deadline(cx).is_ready() {
            ctx.stop();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
