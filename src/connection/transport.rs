//! What a connection speaks: WebSocket frames (RFC 6455) or Server-Sent Events (HTML standard, section 9.2), on the same socket.

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

/// How long a browser waits before it connects to an event stream again, in milliseconds.
const RETRY_MS: u32 = 2_000;

/// A socket, and what is spoken on it.
pub struct Transport {
    socket: Socket,
    format: Format,
}

enum Format {
    /// Both ways.
    WebSocket,
    /// Outwards only. With a revision the store's epoch is a message's `id`.
    Events { epoch: Arc<str> },
}

impl Transport {
    /// A WebSocket whose handshake is answered.
    #[must_use]
    pub fn web_socket(socket: Socket) -> Self {
        Self { socket, format: Format::WebSocket }
    }

    /// An event stream whose answer has begun.
    #[must_use]
    pub fn events(mut socket: Socket, epoch: Arc<str>) -> Self {
        socket.enqueue(Bytes::from(format!("retry: {RETRY_MS}\n\n")));
        Self { socket, format: Format::Events { epoch } }
    }

    /// The word in the list of clients.
    pub(crate) fn name(&self) -> &'static str {
        match self.format {
            Format::WebSocket => "websocket",
            Format::Events { .. } => "sse",
        }
    }

    /// Whether its client answers pings.
    pub(crate) fn answers(&self) -> bool {
        matches!(self.format, Format::WebSocket)
    }

    /// Queues bytes as they are.
    pub(crate) fn enqueue_raw(&mut self, bytes: Bytes) {
        self.socket.enqueue(bytes);
    }

    /// Messages that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.socket.waiting()
    }

    /// Size of what waits to be written, in bytes.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.socket.waiting_bytes()
    }

    /// Queues a message's frame. With it the client stands at `revision`. An event is the frame's payload, whose JSON has no
    /// line break.
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

    /// Where the client stands, whatever it was sent; a WebSocket's client knows.
    pub(crate) fn set_position(&mut self, revision: i64) {
        if let Format::Events { epoch } = &self.format {
            self.socket.enqueue(Bytes::from(format!("id: {epoch}.{revision}\n\n")));
        }
    }

    /// Asks whether the peer is there; says whether it answers. A comment in an event stream keeps proxies from giving up, and
    /// the kernel finds out that nobody takes it any more.
    pub(crate) fn ping(&mut self) -> bool {
        match self.format {
            Format::WebSocket => self.socket.enqueue(frame::ping(&[])),
            Format::Events { .. } => self.socket.enqueue(Bytes::from_static(b": ping\n\n")),
        }
        self.answers()
    }

    /// Drops what waits.
    pub(crate) fn drop_waiting(&mut self) {
        self.socket.drop_waiting();
    }

    /// Queues the last word, and gives the client `set_close_timeout` to read it.
    pub(crate) fn finish(&mut self, code: CloseCode, set_close_timeout: Duration) {
        match self.format {
            Format::WebSocket => self.socket.enqueue(frame::close(code)),
            Format::Events { .. } => self.enqueue(protocol::closed(code), None),
        }
        self.socket.set_close_timeout(set_close_timeout);
    }

    /// Has the pump look, after something was queued outside a message's handler.
    pub(crate) fn wake(&self) {
        self.socket.wake();
    }

    pub(crate) fn register_waker(&mut self, waker: &Waker) {
        self.socket.register_waker(waker);
    }

    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Broken>> {
        match self.format {
            Format::WebSocket => self.socket.poll_receive(cx),
            // There is nothing to say on an event stream, and a client that says something does no harm.
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
            // Nothing is expected of this client, so nothing more is waited for.
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
    async fn messages_come_out_as_events_with_their_place() {
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
            "retry: 2000\n\ndata: {\"type\":\"connected\"}\n\nid: q7.17\ndata: {\"type\":\"notification.push\"}\n\n\
             id: q7.18\n\n: ping\n\ndata: {\"type\":\"closed\",\"data\":{\"code\":4001,\"reason\":\"not signed in any more\"}}\n\n"
        );
    }

    #[tokio::test]
    async fn whoever_hangs_up_is_gone() {
        let (ours, theirs) = tokio::io::duplex(16);
        let mut transport = Transport::events(Socket::new(ours.into(), &[], 100), Arc::from("q7"));
        drop(theirs);
        assert_eq!(poll_fn(|cx| transport.poll_receive(cx)).await, Err(Broken::Gone));
    }
}
