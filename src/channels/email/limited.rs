//! Limit of what a mail server says at once.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Maximum length of a reply, in bytes. lettre parses all lines of a reply again with each further
/// line, without a pause, so a reply without an end would hold up the thread.
const REPLY_MAX_BYTES: usize = 16 * 1024;

/// Connection that fails when the other side says too much without having been asked.
#[derive(Debug)]
pub(super) struct Limited {
    stream: TcpStream,
    /// Number of bytes read since the last one was written.
    read: usize,
}

impl Limited {
    /// Wraps a connection.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, read: 0 }
    }
}

impl AsyncTokioStream for Limited {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Limited {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read > REPLY_MAX_BYTES {
            let text = format!("the reply of the server has more than {REPLY_MAX_BYTES} bytes");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.read += buffer.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Limited {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.read = 0;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn endless_greeting_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            while stream.write_all(b"220-hello\r\n").await.is_ok() {}
        });
        let stream = TcpStream::connect(address).await.expect("it listens");
        let mut limited = Limited::new(stream);
        let mut greeting = Vec::new();
        let error = limited.read_to_end(&mut greeting).await.expect_err("it never ends");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        drop(limited);
        server.await.expect("the server ends");
    }
}
