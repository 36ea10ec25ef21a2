//! What a session writes to: a WebSocket or an event stream.

use std::{
    io,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;

use super::{
    events::Events,
    frames::{Broken, Received},
    socket::Socket,
};
use crate::domain::{
    frame,
    protocol::{self, CloseCode},
};

/// A connection, whichever it is.
pub enum Wire {
    /// A WebSocket: both ways.
    WebSocket(Socket),
    /// Server-Sent Events: outwards only.
    Events(Events),
}

impl Wire {
    /// The word in the list of clients.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::WebSocket(_) => "websocket",
            Self::Events(_) => "sse",
        }
    }

    /// Messages that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        match self {
            Self::WebSocket(socket) => socket.waiting(),
            Self::Events(events) => events.waiting(),
        }
    }

    /// Queues a message's frame. With it the client stands at `revision`.
    pub(super) fn enqueue(&mut self, frame: Bytes, revision: Option<i64>) {
        match self {
            Self::WebSocket(socket) => socket.enqueue(frame),
            Self::Events(events) => events.enqueue(&frame, revision),
        }
    }

    /// Where the client stands, whatever it was sent; a WebSocket's client knows.
    pub(super) fn stand_at(&mut self, revision: i64) {
        if let Self::Events(events) = self {
            events.stand_at(revision);
        }
    }

    /// Asks whether the peer is there; says whether it answers.
    pub(super) fn ping(&mut self) -> bool {
        match self {
            Self::WebSocket(socket) => {
                socket.enqueue(frame::ping());
                true
            }
            Self::Events(events) => {
                events.ping();
                false
            }
        }
    }

    /// Drops what waits.
    pub(super) fn drop_waiting(&mut self) {
        match self {
            Self::WebSocket(socket) => socket.drop_waiting(),
            Self::Events(events) => events.drop_waiting(),
        }
    }

    /// Queues the last word, and gives the client `linger` to read it.
    pub(super) fn finish(&mut self, code: CloseCode, linger: Duration) {
        match self {
            Self::WebSocket(socket) => socket.finish(frame::close(code), linger),
            Self::Events(events) => events.finish(&protocol::closed(code), linger),
        }
    }

    /// Has the pump look, after something was queued outside a message's handler.
    pub(super) fn wake(&self) {
        match self {
            Self::WebSocket(socket) => socket.wake(),
            Self::Events(events) => events.wake(),
        }
    }

    pub(super) fn remember(&mut self, waker: &Waker) {
        match self {
            Self::WebSocket(socket) => socket.remember(waker),
            Self::Events(events) => events.remember(waker),
        }
    }

    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Broken>> {
        match self {
            Self::WebSocket(socket) => socket.poll_receive(cx),
            Self::Events(events) if events.is_gone() => Poll::Ready(Err(Broken::Gone)),
            Self::Events(_) => Poll::Pending,
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::WebSocket(socket) => socket.poll_flush(cx),
            Self::Events(events) => events.poll_flush().map(Ok),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::WebSocket(socket) => socket.poll_shutdown(cx),
            Self::Events(_) => Poll::Ready(Ok(())),
        }
    }

    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::WebSocket(socket) => socket.poll_discard(cx),
            // What was queued last has been taken.
            Self::Events(_) => Poll::Ready(()),
        }
    }

    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::WebSocket(socket) => socket.poll_deadline(cx),
            Self::Events(events) => events.poll_deadline(cx),
        }
    }
}
