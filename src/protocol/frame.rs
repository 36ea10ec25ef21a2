//! Encoding of WebSocket frames (RFC 6455, section 5.2), from the server: never masked, never
//! fragmented.
//!
//! A frame is encoded once, and its bytes are shared by all receivers.

use bytes::{BufMut, Bytes, BytesMut};

use super::CloseCode;

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// Encodes a text frame.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    encode(TEXT, payload)
}

/// Encodes a ping with a payload of at most 125 bytes.
#[must_use]
pub fn ping(payload: &[u8]) -> Bytes {
    if payload.is_empty() {
        return Bytes::from_static(&[FIN | PING, 0]);
    }
    encode(PING, payload)
}

/// Encodes a pong with the payload of a ping.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    encode(PONG, payload)
}

/// Encodes a close frame.
#[must_use]
pub fn close(code: CloseCode) -> Bytes {
    let mut payload = BytesMut::with_capacity(64);
    payload.put_u16(code.code());
    payload.put_slice(code.reason().as_bytes());
    encode(CLOSE, &payload)
}

fn encode(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(FIN | opcode);
    // The casts do not truncate: each branch has checked the length.
    #[expect(clippy::cast_possible_truncation, reason = "each branch has checked the length")]
    match payload.len() {
        length @ 0..=125 => frame.put_u8(length as u8),
        length @ 126..=65_535 => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        length => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
    frame.put_slice(payload);
    frame.freeze()
}

/// Returns the payload of a frame encoded by [`text`].
#[must_use]
pub fn payload(frame: &[u8]) -> &[u8] {
    let header = match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    frame.get(header..).unwrap_or_default()
}

/// Header of a client's frame, as far as the size check needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Payload length in bytes.
    pub length: u64,
}

/// Parses the header of the next frame; `None` until it is complete.
#[must_use]
pub fn parse_header(buffer: &[u8]) -> Option<FrameHeader> {
    let length = match buffer.get(1)? & 0x7F {
        126 => u64::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?)),
        127 => u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?),
        short => u64::from(short),
    };
    Some(FrameHeader { length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_shortest_form_and_read_back() {
        for (length, header) in [(0_usize, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let frame = text(&vec![b'x'; length]);
            assert_eq!(frame.len(), header + length);
            assert_eq!(payload(&frame).len(), length);
            assert_eq!(
                parse_header(&frame).map(|parse_header| parse_header.length),
                u64::try_from(length).ok()
            );
            assert_eq!(parse_header(&frame[..header - 1]), None);
        }
    }

    #[test]
    fn a_close_frame_has_its_code_and_a_reason_within_a_control_frame() {
        for code in CloseCode::ALL {
            let frame = close(code);
            assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), code.code());
            assert!(frame.len() <= 127, "{code:?}");
        }
    }
}
