//! Clients that cost as little as possible: raw WebSockets that count frames, and a raw HTTP
//! connection.

use std::{io, time::Duration};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Opcode of a ping (RFC 6455, section 5.2).
const PING: u8 = 9;

/// Header of an empty masked pong with a mask of zeros.
const PONG: [u8; 2] = [0x8a, 0x80];

/// WebSocket that a server sends to.
pub struct WebSocket {
    stream: TcpStream,
    buffer: BytesMut,
}

impl WebSocket {
    /// Connects, and waits for the end of the handshake.
    pub async fn connect(port: u16, path: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: \
             websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \
             dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = BytesMut::with_capacity(512);
        let end = read_head(&mut stream, &mut buffer).await?;
        if !buffer.starts_with(b"HTTP/1.1 101") {
            return Err(io::Error::other(String::from_utf8_lossy(&buffer[..end]).into_owned()));
        }
        buffer.advance(end);
        Ok(Self { stream, buffer })
    }

    /// Connects, with a path of its own.
    pub async fn connect_owned(port: u16, path: String) -> io::Result<Self> {
        Self::connect(port, &path).await
    }

    /// Sends a text message, shorter than 126 bytes, with a mask of zeros.
    pub async fn send(&mut self, text: &str) -> io::Result<()> {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 126);
        let length = length.ok_or_else(|| io::Error::other("the message is too long"))?;
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame).await
    }

    /// Calls `on_message` with each message until the connection ends. Answers pings.
    pub async fn receive(mut self, mut on_message: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            while let Some((opcode, header, length)) = parse(&self.buffer) {
                if self.buffer.len() < header + length {
                    break;
                }
                let payload = &self.buffer[header..header + length];
                if opcode == PING {
                    let mut pong = PONG.to_vec();
                    pong[1] |= u8::try_from(length).unwrap_or(0);
                    pong.extend_from_slice(&[0; 4]);
                    pong.extend_from_slice(payload);
                    self.stream.write_all(&pong).await?;
                } else {
                    on_message(payload);
                }
                self.buffer.advance(header + length);
            }
            if self.buffer.is_empty() {
                // An idle client keeps no buffer: the load shares the machine with the server.
                self.buffer = BytesMut::new();
                self.stream.readable().await?;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(());
            }
        }
    }

    /// Returns the next message.
    pub async fn next(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some((_, header, length)) = parse(&self.buffer)
                && self.buffer.len() >= header + length
            {
                let message = self.buffer[header..header + length].to_vec();
                self.buffer.advance(header + length);
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Returns the number in a message.
pub fn number(message: &[u8]) -> Option<usize> {
    let at = message.windows(4).position(|window| window == br#""n":"#)? + 4;
    let digits = message[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

/// Returns opcode, length of the header and length of the payload of an unmasked frame.
fn parse(buffer: &[u8]) -> Option<(u8, usize, usize)> {
    let (opcode, short) = (buffer.first()? & 0x0f, usize::from(buffer.get(1)? & 0x7f));
    Some(match short {
        126 => (opcode, 4, usize::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?))),
        127 => {
            let length = u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?);
            (opcode, 10, usize::try_from(length).ok()?)
        }
        _ => (opcode, 2, short),
    })
}

/// Reads to the end of a head. Returns its length.
async fn read_head(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<usize> {
    loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(at + 4);
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// HTTP connection that is kept alive.
pub struct Http {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Http {
    /// Connects.
    pub async fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(4_096) })
    }

    /// Sends JSON. Returns the status and the body of the response.
    pub async fn post(&mut self, path: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let exchange = async {
            self.stream.write_all(request.as_bytes()).await?;
            let end = read_head(&mut self.stream, &mut self.buffer).await?;
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
            let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|length| length.trim().parse().ok())
                .unwrap_or(0);
            while self.buffer.len() < end + length {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let body = self.buffer[end..end + length].to_vec();
            self.buffer.advance(end + length);
            Ok((status, body))
        };
        tokio::time::timeout(Duration::from_secs(30), exchange)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}
