//! Transport of a connection: WebSocket frames (RFC 6455) or Server-Sent Events (HTML standard,
//! section 9.2), on the same socket.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{
    frames::{Broken, Received},
    socket::Socket,
};
use crate::protocol::{self, CloseCode, frame};

/// Delay after which a browser reconnects to an event stream, in milliseconds.
const RETRY_MS: u32 = 2_000;

/// Socket with its message format.
pub struct Transport {
    socket: Socket,
    format: Format,
}

enum Format {
    /// Bidirectional.
    WebSocket,
    /// Server to client only. Epoch and revision are the `id` of a message.
    Events { epoch: Arc<str> },
}

impl Transport {
    /// Creates a WebSocket transport, after the handshake.
    #[must_use]
    pub fn web_socket(socket: Socket) -> Self {
        Self { socket, format: Format::WebSocket }
    }

    /// Creates an event stream, after the response head.
    #[must_use]
    pub fn events(mut socket: Socket, epoch: Arc<str>) -> Self {
        socket.enqueue(Bytes::from(format!("retry: {RETRY_MS}\n\n")));
        Self { socket, format: Format::Events { epoch } }
    }

    /// Returns the name in the list of clients.
    pub(crate) fn name(&self) -> &'static str {
        match self.format {
            Format::WebSocket => "websocket",
            Format::Events { .. } => "sse",
        }
    }

    /// Returns whether the client answers pings.
    pub(crate) fn answers(&self) -> bool {
        matches!(self.format, Format::WebSocket)
    }

    /// Queues bytes without encoding.
    pub(crate) fn enqueue_raw(&mut self, bytes: Bytes) {
        self.socket.enqueue(bytes);
    }

    /// Returns the number of queued messages.
    pub(crate) fn waiting(&self) -> usize {
        self.socket.waiting()
    }

    /// Returns the size of queued messages, in bytes.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.socket.waiting_bytes()
    }

    /// Queues a message; `revision` is the client's position after it. The data of an event is the
    /// payload of the frame, whose JSON has no line break.
    pub(crate) fn enqueue(&mut self, message: Bytes, revision: Option<i64>) {
        let Format::Events { epoch } = &self.format else {
            self.socket.enqueue(message);
            return;
        };
        let payload = frame::payload(&message);
        let mut event = BytesMut::with_capacity(payload.len() + 48);
        if let Some(revision) = revision {
            event.put_slice(format!("id: {epoch}.{revision}\n").as_bytes());
        }
        event.put_slice(b"data: ");
        event.put_slice(payload);
        event.put_slice(b"\n\n");
        self.socket.enqueue(event.freeze());
    }

    /// Sets the client's position on an event stream.
    pub(crate) fn set_position(&mut self, revision: i64) {
        if let Format::Events { epoch } = &self.format {
            self.socket.enqueue(Bytes::from(format!("id: {epoch}.{revision}\n\n")));
        }
    }

    /// Sends a ping. Returns whether the peer answers it. A comment in an event stream keeps
    /// proxies from closing it, and lets the kernel detect a dead peer.
    pub(crate) fn ping(&mut self) -> bool {
        match self.format {
            Format::WebSocket => self.socket.enqueue(frame::ping(&[])),
            Format::Events { .. } => self.socket.enqueue(Bytes::from_static(b": ping\n\n")),
        }
        self.answers()
    }

    /// Drops the queue.
    pub(crate) fn drop_waiting(&mut self) {
        self.socket.drop_waiting();
    }

    /// Queues the close message, with a time limit for writing it.
    pub(crate) fn finish(&mut self, code: CloseCode, timeout: Duration) {
        match self.format {
            Format::WebSocket => self.socket.enqueue(frame::close(code)),
            Format::Events { .. } => self.enqueue(protocol::closed(code), None),
        }
        self.socket.set_close_timeout(timeout);
    }

    /// Wakes the driver, after something was queued outside a message handler.
    pub(crate) fn wake(&self) {
        self.socket.wake();
    }

    pub(crate) fn register_waker(&mut self, waker: &Waker) {
        self.socket.register_waker(waker);
    }

    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Broken>> {
        match self.format {
            Format::WebSocket => self.socket.poll_receive(cx),
            // Input on an event stream is ignored.
            Format::Events { .. } => self.socket.poll_discard(cx).map(|()| Err(Broken::Gone)),
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush(cx)
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_shutdown(cx)
    }

    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.format {
            Format::WebSocket => self.socket.poll_discard(cx),
            // This client sends nothing, so there is nothing to wait for.
            Format::Events { .. } => {
                let _ = self.socket.poll_discard(cx);
                Poll::Ready(())
            }
        }
    }

    pub(crate) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_deadline(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn messages_are_written_as_events_with_their_position() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut transport = Transport::events(Socket::new(ours.into(), &[], 100), Arc::from("q7"));
        transport.enqueue(frame::text(br#"{"type":"connected"}"#), None);
        transport.enqueue(frame::text(br#"{"type":"notification.push"}"#), Some(17));
        transport.set_position(18);
        assert!(!transport.ping(), "nobody answers on an event stream");
        assert_eq!(transport.waiting(), 5);
        transport.finish(CloseCode::NotSignedIn, Duration::from_secs(1));
        let mut text = String::new();
        let written = async move {
            poll_fn(|cx| transport.poll_flush(cx)).await?;
            poll_fn(|cx| transport.poll_shutdown(cx)).await
        };
        let (written, read) = tokio::join!(written, theirs.read_to_string(&mut text));
        assert!(written.is_ok() && read.is_ok());
        assert_eq!(
            text,
            "retry: 2000\n\ndata: {\"type\":\"connected\"}\n\nid: q7.17\ndata: \
             {\"type\":\"notification.push\"}\n\n\
             id: q7.18\n\n: ping\n\ndata: \
             {\"type\":\"closed\",\"data\":{\"code\":4001,\"reason\":\"not signed in any \
             more\"}}\n\n"
        );
    }

    #[tokio::test]
    async fn disconnected_peer_is_detected() {
        let (ours, theirs) = tokio::io::duplex(16);
        let mut transport = Transport::events(Socket::new(ours.into(), &[], 100), Arc::from("q7"));
        drop(theirs);
        assert_eq!(poll_fn(|cx| transport.poll_receive(cx)).await, Err(Broken::Gone));
    }
}
