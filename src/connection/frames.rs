//! Reader of WebSocket messages, with limits (RFC 6455).

use actix_http::ws::{Codec, Frame, Item, ProtocolError};
use bytes::{Bytes, BytesMut};
use tokio_util::codec::Decoder as _;

use crate::protocol::frame::parse_header;

/// Maximum payload of a control frame in bytes (RFC 6455, section 5.5).
const CONTROL_MAX: u64 = 125;

/// Complete message or control frame of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(Bytes),
    /// Binary message, which the protocol does not use.
    Binary,
    /// A ping, to be answered.
    Ping(Bytes),
    /// A pong, with what its ping carried.
    Pong(Bytes),
    /// Close frame.
    Close,
}

/// Reason for which nothing more can be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Broken {
    /// The peer disconnected.
    Gone,
    /// A message exceeds the maximum size.
    TooBig,
    /// Violation of RFC 6455.
    Protocol,
}

/// Assembles frames into messages.
pub struct FrameReader {
    buffer: BytesMut,
    codec: Codec,
    max_message: usize,
    /// Fragments of a message so far.
    fragments: Option<Fragments>,
}

struct Fragments {
    text: bool,
    payload: BytesMut,
}

impl FrameReader {
    /// Creates a reader that begins with bytes read already, for messages of at most `max_message`
    /// bytes.
    #[must_use]
    pub fn new(read_ahead: &[u8], max_message: usize) -> Self {
        Self {
            buffer: BytesMut::from(read_ahead),
            codec: Codec::new().max_size(max_message),
            max_message,
            fragments: None,
        }
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Discards an incomplete message.
    pub fn forget(&mut self) {
        self.buffer = BytesMut::new();
    }

    /// Returns the next complete message.
    ///
    /// # Errors
    /// When nothing more can be read.
    pub fn read(&mut self) -> Result<Option<Received>, Broken> {
        while !self.buffer.is_empty() {
            self.check_length()?;
            match self.codec.decode(&mut self.buffer) {
                Ok(Some(frame)) => {
                    if let Some(received) = self.assemble(frame)? {
                        return Ok(Some(received));
                    }
                }
                Ok(None) => return Ok(None),
                Err(ProtocolError::Overflow) => return Err(Broken::TooBig),
                Err(_) => return Err(Broken::Protocol),
            }
        }
        // An idle connection keeps no buffer.
        self.buffer = BytesMut::new();
        Ok(None)
    }

    /// Checks the length in the frame header; the codec checks it only when the payload has
    /// arrived.
    fn check_length(&self) -> Result<(), Broken> {
        let Some(header) = parse_header(&self.buffer) else { return Ok(()) };
        let control = self.buffer.first().is_some_and(|first| first & 0x08 != 0);
        let so_far = self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len() as u64);
        if control && header.length > CONTROL_MAX {
            return Err(Broken::Protocol);
        }
        if !control && header.length.saturating_add(so_far) > self.max_message as u64 {
            return Err(Broken::TooBig);
        }
        Ok(())
    }

    fn assemble(&mut self, frame: Frame) -> Result<Option<Received>, Broken> {
        Ok(match frame {
            Frame::Text(text) => Some(Received::Text(text)),
            Frame::Binary(_) => Some(Received::Binary),
            Frame::Ping(payload) => Some(Received::Ping(payload)),
            Frame::Pong(payload) => Some(Received::Pong(payload)),
            Frame::Close(_) => Some(Received::Close),
            Frame::Continuation(Item::FirstText(piece)) => self.first_fragment(true, &piece),
            Frame::Continuation(Item::FirstBinary(piece)) => self.first_fragment(false, &piece),
            Frame::Continuation(Item::Continue(piece)) => {
                self.fragments.as_mut().ok_or(Broken::Protocol)?.payload.extend_from_slice(&piece);
                None
            }
            Frame::Continuation(Item::Last(piece)) => {
                let mut fragments = self.fragments.take().ok_or(Broken::Protocol)?;
                fragments.payload.extend_from_slice(&piece);
                Some(if fragments.text {
                    Received::Text(fragments.payload.freeze())
                } else {
                    Received::Binary
                })
            }
        })
    }

    fn first_fragment(&mut self, text: bool, piece: &[u8]) -> Option<Received> {
        self.fragments = Some(Fragments { text, payload: BytesMut::from(piece) });
        None
    }
}
