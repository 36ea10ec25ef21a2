//! The socket below the HTTP server, and a way out of it for event streams.
//!
//! The server keeps two buffers of 8 KiB for a connection as long as an answer lasts. That is nothing for a page and most of what
//! an event stream costs, so its socket is handed over as a WebSocket's is. The server hands over what asks for a WebSocket and
//! nothing else; so a request for a stream is made to look like one on its way in, and is told apart again by its path.
//!
//! **Security invariant:** nothing is added to a request unless everything the connection brought before it was whole requests
//! without a body, each in a read of its own. What begins a read is then known to begin a request. Were it the middle of a body,
//! the added bytes would push the body's end out, and a proxy that shares the connection among its clients would take that for
//! somebody's next request. Where it is not known, the stream is answered as any other request.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What makes the server hand a request over.
const ASKING: &[u8] = b"connection: upgrade\r\nupgrade: websocket\r\n";

/// Headers that say that a body follows, or that the request asks for something else already.
const NOT_OURS: [&[u8]; 3] = [b"\ncontent-length", b"\ntransfer-encoding", b"\nupgrade"];

/// A socket that the HTTP server reads from.
pub(super) struct Incoming {
    io: TcpStream,
    /// The next read begins a request.
    aligned: bool,
    /// Read, and not yet passed on.
    rest: Vec<u8>,
}

impl Incoming {
    pub(super) fn new(io: TcpStream) -> Self {
        Self { io, aligned: true, rest: Vec::new() }
    }

    /// The socket, for good.
    pub(super) fn into_inner(self) -> TcpStream {
        self.io
    }
}

/// What one read brought.
#[derive(Debug, PartialEq, Eq)]
enum Chunk {
    /// One whole request without a body.
    Request,
    /// One for an event stream; its first line has this many bytes.
    Stream(usize),
    /// Anything else.
    Other,
}

fn look(chunk: &[u8]) -> Chunk {
    let blank = |at: usize| chunk[at..].starts_with(b"\n\n") || chunk[at..].starts_with(b"\n\r\n");
    let end = (0..chunk.len()).find(|at| blank(*at));
    let whole = end.is_some_and(|end| matches!(&chunk[end..], b"\n\n" | b"\n\r\n"));
    let lower = chunk.to_ascii_lowercase();
    let has = |name: &&[u8]| lower.windows(name.len()).any(|window| window == *name);
    if !whole || !chunk.starts_with(b"GET ") || NOT_OURS.iter().any(has) {
        return Chunk::Other;
    }
    let line = chunk.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let target =
        chunk[4..line].split(|byte| matches!(byte, b' ' | b'?')).next().unwrap_or_default();
    let feed = target
        .strip_prefix(b"/api/v1/feeds/")
        .is_some_and(|name| !name.is_empty() && !name.contains(&b'/'));
    if target == b"/api/v1/stream" || feed {
        return Chunk::Stream(line);
    }
    Chunk::Request
}

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
            let chunk = &buf.filled()[before..];
            if !self.aligned || chunk.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let Chunk::Stream(line) = look(chunk) else {
                self.aligned = look(chunk) == Chunk::Request;
                return Poll::Ready(Ok(()));
            };
            self.aligned = false;
            self.rest = [&chunk[..line], ASKING, &chunk[line..]].concat();
            buf.set_filled(before);
        }
        let fits = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..fits]);
        self.rest.drain(..fits);
        if self.rest.is_empty() {
            self.rest = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Incoming {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn only_whole_requests_without_a_body_are_touched() {
        let stream = b"GET /api/v1/stream?user_id=budi HTTP/1.1\r\nhost: x\r\n\r\n";
        assert_eq!(look(stream), Chunk::Stream(42));
        assert_eq!(look(b"GET /api/v1/feeds/seats HTTP/1.1\n\n"), Chunk::Stream(33));
        assert_eq!(look(b"GET /api/v1/streams HTTP/1.1\r\nhost: x\r\n\r\n"), Chunk::Request);
        assert_eq!(look(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"), Chunk::Request);
        assert_eq!(look(b"GET /api/v1/feeds/ HTTP/1.1\r\nhost: x\r\n\r\n"), Chunk::Request);
        let others: [&[u8]; 9] = [
            b"GET /api/v1/stream HTTP/1.1\r\nhost: x\r\n",
            b"GET /api/v1/stream HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\n\nGET / HTTP/1.1\r\n\r\n",
            b"GET /api/v1/stream HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
            b"GET /api/v1/stream HTTP/1.1\r\nTransfer-encoding: chunked\r\n\r\n",
            b"GET /api/v1/stream HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            b"POST /api/v1/stream HTTP/1.1\r\n\r\n",
            b"\r\n\r\n",
            b"",
        ];
        for other in others {
            assert_eq!(look(other), Chunk::Other, "{}", String::from_utf8_lossy(other));
        }
    }

    /// What the server reads of what a client writes, each piece in a read of its own.
    async fn read_of(pieces: &[&[u8]]) -> Vec<u8> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (mut client, mut incoming) =
            (client.expect("it listens"), Incoming::new(accepted.expect("it connects").0));
        let mut read = Vec::new();
        for piece in pieces {
            client.write_all(piece).await.expect("it reads");
            let mut left = piece.len();
            while left > 0 {
                // Less than what is added: the rest must come with the next reads.
                let mut some = [0; 16];
                let count = incoming.read(&mut some).await.expect("something comes");
                read.extend(&some[..count]);
                left = if incoming.rest.is_empty() { left.saturating_sub(count) } else { left };
            }
        }
        read
    }

    #[tokio::test]
    async fn what_looks_like_a_request_within_a_body_is_left_alone() {
        let body: &[u8] = b"GET /api/v1/stream?x HTTP/1.1\r\n\r\n";
        let post: &[u8] = b"POST /api/v1/events HTTP/1.1\r\ncontent-length: 33\r\n\r\n";
        assert_eq!(read_of(&[post, body]).await, [post, body].concat());
    }
}
