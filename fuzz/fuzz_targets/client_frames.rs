//! `scripts/fuzz 60 client_frames`: no bytes of a WebSocket client make the reader panic, or hold
//! more than a message may have.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lonceng::{
    connection::{FrameReader, Received},
    protocol::ClientMessage,
};

const MAX: usize = 1_024;

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let mut reader = FrameReader::new(&[], MAX);
    // In pieces, as a network delivers them.
    for piece in bytes.chunks(usize::from(cut).max(1)) {
        reader.push(piece);
        loop {
            match reader.read() {
                Ok(Some(Received::Text(text))) => {
                    assert!(text.len() <= MAX);
                    let _ = ClientMessage::parse(&text);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});
