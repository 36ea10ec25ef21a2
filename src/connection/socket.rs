//! Socket of a connection: reads messages within limits, and writes queued frames together.
//!
//! An idle connection needs no memory but the socket: the read buffer is released when it is empty,
//! and queued frames are shared bytes.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::frames::{Broken, FrameReader, Received};

/// Size of the read buffer on the stack, in bytes.
const READ_CHUNK: usize = 4 * 1024;

/// Maximum number of reads discarded per poll.
const DISCARDS_AT_ONCE: usize = 16;

/// Maximum number of frames per write.
const WRITE_SLICES: usize = 64;

/// Connection of a client, with or without TLS.
pub type ClientIo = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Byte stream below a socket.
pub struct RawIo(Either<ClientIo, DuplexStream>);

/// From a socket taken over from the HTTP server.
impl From<ClientIo> for RawIo {
    fn from(socket: ClientIo) -> Self {
        Self(Either::Left(socket))
    }
}

/// From a pipe whose other end is the body of a response.
impl From<DuplexStream> for RawIo {
    fn from(pipe: DuplexStream) -> Self {
        Self(Either::Right(pipe))
    }
}

/// Socket owned by an actor.
pub struct Socket {
    io: Either<ClientIo, DuplexStream>,
    reader: FrameReader,
    waiting: VecDeque<Bytes>,
    /// Size of the queue, in bytes.
    waiting_bytes: usize,
    /// Number of bytes of the first frame that are written.
    written: usize,
    /// Deadline for writing the last frames; set when the connection closes.
    deadline: Option<Pin<Box<Sleep>>>,
    waker: Option<Waker>,
}

impl Socket {
    /// Takes over a socket, with the bytes that were read beyond the request.
    #[must_use]
    pub fn new(io: RawIo, read_ahead: &[u8], max_message: usize) -> Self {
        Self {
            io: io.0,
            reader: FrameReader::new(read_ahead, max_message),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            written: 0,
            deadline: None,
            waker: None,
        }
    }

    /// Returns the number of queued messages.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns the size of queued messages, in bytes.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub(super) fn enqueue(&mut self, frame: Bytes) {
        self.waiting_bytes += frame.len();
        self.waiting.push_back(frame);
    }

    /// Drops the queue, except for a partly written frame.
    pub(super) fn drop_waiting(&mut self) {
        self.waiting.truncate(usize::from(self.written > 0));
        self.waiting_bytes = self.waiting.iter().map(Bytes::len).sum();
    }

    /// Sets the deadline for writing the queue.
    pub(super) fn set_close_timeout(&mut self, timeout: Duration) {
        self.deadline = Some(Box::pin(sleep_until(Instant::now() + timeout)));
    }

    /// Wakes the driver, after something was queued outside a message handler.
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    pub(super) fn register_waker(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }

    /// Ready when the deadline has passed.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.deadline {
            Some(deadline) => deadline.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// Reads the next message.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Broken>> {
        loop {
            if let Some(received) = self.reader.read()? {
                return Poll::Ready(Ok(received));
            }
            let mut chunk = [MaybeUninit::uninit(); READ_CHUNK];
            let mut buffer = ReadBuf::uninit(&mut chunk);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)) {
                Ok(()) if buffer.filled().is_empty() => return Poll::Ready(Err(Broken::Gone)),
                Ok(()) => self.reader.push(buffer.filled()),
                Err(_) => return Poll::Ready(Err(Broken::Gone)),
            }
        }
    }

    /// Writes the queue, as much at once as the socket takes; ready when it is empty.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let mut used = 0;
            for (slice, frame) in slices.iter_mut().zip(&self.waiting) {
                let skip = if used == 0 { self.written } else { 0 };
                *slice = IoSlice::new(&frame[skip..]);
                used += 1;
            }
            let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..used]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        // TLS keeps what the socket did not take.
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        // Release the memory that a burst needed.
        if self.waiting.capacity() > WRITE_SLICES {
            self.waiting = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.waiting.front() {
            let left = first.len() - self.written;
            if written < left {
                self.written += written;
                return;
            }
            written -= left;
            self.written = 0;
            self.waiting_bytes -= first.len();
            self.waiting.pop_front();
        }
    }

    /// Discards input; ready when the peer has disconnected.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.reader.forget();
        let mut chunk = [MaybeUninit::uninit(); READ_CHUNK];
        for _ in 0..DISCARDS_AT_ONCE {
            let mut buffer = ReadBuf::uninit(&mut chunk);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Shuts down the write side.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
