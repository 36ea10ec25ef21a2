//! First request of a connection, read before the HTTP server sees the socket.
//!
//! A request for a WebSocket or an event stream leaves the HTTP server's path here: its socket goes
//! to a session, without the two buffers of 8 KiB that the server keeps for as long as a response
//! lasts. Every other connection is handed to the server together with the bytes that were read, so
//! the server sees exactly what the client sent.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use actix_http::RequestHead;
use actix_web::http::{
    Method, Uri,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::stream_paths::{is_stream, is_web_socket};
use crate::connection::ClientIo;

/// Maximum size of a request head that is taken over, in bytes. The HTTP server answers a longer
/// one.
const HEAD_MAX_BYTES: usize = 16 * 1024;

/// Maximum number of headers of a request that is taken over.
const HEADERS_MAX: usize = 96;

/// Use of a socket that leaves the HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A WebSocket, of a user's inbox or a live feed.
    WebSocket,
    /// Server-Sent Events.
    Events,
}

/// First request of a connection.
pub(super) enum FirstRequest {
    /// A request for a WebSocket or an event stream. `rest` is what the client sent after it.
    Upgrade { kind: Kind, head: Box<RequestHead>, rest: Vec<u8>, io: ClientIo },
    /// Any other request, for the HTTP server.
    Http(Rewound),
}

impl FirstRequest {
    /// Reads the first request of a connection.
    ///
    /// # Errors
    /// When the socket fails.
    pub(super) async fn read(mut io: ClientIo, peer: Option<SocketAddr>) -> io::Result<Self> {
        let mut read = Vec::with_capacity(1024);
        loop {
            let length = match Head::parse(&read, peer) {
                Head::Upgrade { kind, head, length } => {
                    let rest = read.split_off(length);
                    return Ok(Self::Upgrade { kind, head, rest, io });
                }
                Head::Other => return Ok(Self::Http(Rewound { io, prefix: read, given: 0 })),
                Head::Incomplete => read.len(),
            };
            if io.read_buf(&mut read).await? == 0 || length >= HEAD_MAX_BYTES {
                return Ok(Self::Http(Rewound { io, prefix: read, given: 0 }));
            }
        }
    }
}

/// Result of parsing the bytes read so far.
enum Head {
    Upgrade { kind: Kind, head: Box<RequestHead>, length: usize },
    Other,
    Incomplete,
}

impl Head {
    fn parse(bytes: &[u8], peer: Option<SocketAddr>) -> Self {
        if !may_be_upgrade(bytes) {
            return Self::Other;
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => match upgrade_of(&request, peer) {
                Some((kind, head)) => Self::Upgrade { kind, head: Box::new(head), length },
                None => Self::Other,
            },
            Ok(httparse::Status::Partial) => Self::Incomplete,
            // The server answers a malformed request.
            Err(_) => Self::Other,
        }
    }
}

/// Returns whether bytes may be the beginning of a request that is taken over. Every other request
/// is handed on at once.
fn may_be_upgrade(bytes: &[u8]) -> bool {
    [&b"GET /ws"[..], b"GET /api/v1/stream", b"GET /api/v1/feeds/"].iter().any(|prefix| {
        let length = bytes.len().min(prefix.len());
        bytes[..length] == prefix[..length]
    })
}

/// Returns the head of a complete request, if the request is taken over.
fn upgrade_of(
    request: &httparse::Request<'_, '_>,
    peer: Option<SocketAddr>,
) -> Option<(Kind, RequestHead)> {
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for header in request.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    let uri: Uri = request.path?.parse().ok()?;
    let has_body = headers.contains_key(header::CONTENT_LENGTH)
        || headers.contains_key(header::TRANSFER_ENCODING);
    let kind = match headers.contains_key(header::UPGRADE) {
        true if is_web_socket(uri.path()) => Kind::WebSocket,
        false if is_stream(uri.path()) => Kind::Events,
        _ => return None,
    };
    // Proxies ask for event streams with HTTP/1.0, which has no upgrade.
    let is_known = match kind {
        Kind::WebSocket => request.version == Some(1),
        Kind::Events => request.version.is_some(),
    };
    if has_body || !is_known || request.method != Some("GET") {
        return None;
    }
    let mut head = RequestHead::default();
    (head.method, head.uri, head.headers, head.peer_addr) = (Method::GET, uri, headers, peer);
    Some((kind, head))
}

/// Socket whose first bytes were read already, and are read again.
pub(super) struct Rewound {
    io: ClientIo,
    prefix: Vec<u8>,
    /// Number of bytes of the prefix that were read again.
    given: usize,
}

impl Rewound {
    /// Returns the socket. Everything that was read must have been read again.
    pub(super) fn into_inner(self) -> ClientIo {
        self.io
    }
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let rest = &self.prefix[self.given..];
        let fits = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..fits]);
        self.given += fits;
        if self.given == self.prefix.len() {
            self.prefix = Vec::new();
            self.given = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
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
        io::AsyncWriteExt as _,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    fn kind(bytes: &[u8]) -> Option<Kind> {
        match Head::parse(bytes, None) {
            Head::Upgrade { kind, .. } => Some(kind),
            Head::Other | Head::Incomplete => None,
        }
    }

    #[test]
    fn streams_and_web_sockets_are_taken_over_and_nothing_else() {
        let events = b"GET /api/v1/stream?user_id=budi HTTP/1.1\r\nhost: x\r\n\r\n";
        assert_eq!(kind(events), Some(Kind::Events));
        assert_eq!(kind(b"GET /api/v1/feeds/seats HTTP/1.1\n\n"), Some(Kind::Events));
        assert_eq!(kind(b"GET /api/v1/stream HTTP/1.0\r\n\r\n"), Some(Kind::Events));
        let web_socket = b"GET /ws/seats HTTP/1.1\r\nUpgrade: websocket\r\n\r\nrest";
        assert_eq!(kind(web_socket), Some(Kind::WebSocket));
        let others: [&[u8]; 10] = [
            b"GET /api/v1/streams HTTP/1.1\r\nhost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
            b"GET /api/v1/feeds/ HTTP/1.1\r\nhost: x\r\n\r\n",
            b"GET /ws HTTP/1.0\r\nUpgrade: websocket\r\n\r\n",
            b"GET /api/v1/stream HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
            b"GET /api/v1/stream HTTP/1.1\r\nTransfer-encoding: chunked\r\n\r\n",
            b"GET /api/v1/stream HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            b"GET /ws HTTP/1.1\r\nhost: x\r\n\r\n",
            b"POST /api/v1/stream HTTP/1.1\r\n\r\n",
            b"\r\n\r\n",
        ];
        for other in others {
            let parsed = Head::parse(other, None);
            assert!(matches!(parsed, Head::Other), "{}", String::from_utf8_lossy(other));
        }
        let partial = Head::parse(b"GET /api/v1/stream HTTP/1.1\r\nhost: x\r\n", None);
        assert!(matches!(partial, Head::Incomplete));
        assert!(matches!(Head::parse(b"GE", None), Head::Incomplete));
    }

    async fn first_of(pieces: &[&[u8]]) -> FirstRequest {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let mut client = client.expect("listening");
        let writing = async move {
            for piece in pieces {
                client.write_all(piece).await.expect("open");
                client.flush().await.expect("open");
                tokio::task::yield_now().await;
            }
            client
        };
        let read = FirstRequest::read(ClientIo::Left(accepted.expect("connected").0), None);
        let (_client, first) = tokio::join!(writing, read);
        first.expect("a request")
    }

    #[tokio::test]
    async fn bytes_after_an_upgrade_are_kept() {
        let first =
            first_of(&[&b"GET /ws HT"[..], b"TP/1.1\r\nupgrade: websocket\r\n\r\nxyz"]).await;
        let FirstRequest::Upgrade { kind, head, rest, mut io } = first else {
            panic!("taken over");
        };
        assert_eq!((kind, head.uri.path()), (Kind::WebSocket, "/ws"));
        let mut all = rest;
        while all.len() < 3 {
            io.read_buf(&mut all).await.expect("open");
        }
        assert_eq!(all, b"xyz");
    }

    #[tokio::test]
    async fn other_requests_are_read_again_from_the_first_byte() {
        let post: &[u8] = b"POST /api/v1/events HTTP/1.1\r\ncontent-length: 33\r\n\r\n";
        let body: &[u8] = b"GET /api/v1/stream?x HTTP/1.1\r\n\r\n";
        let FirstRequest::Http(mut rewound) = first_of(&[post, body]).await else {
            panic!("for the HTTP server");
        };
        let mut read: Vec<u8> = Vec::new();
        while read.len() < post.len() + body.len() {
            let mut some = [0; 16];
            let count = rewound.read(&mut some).await.expect("open");
            read.extend(&some[..count]);
        }
        assert_eq!(read, [post, body].concat());
    }
}
