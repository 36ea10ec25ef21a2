//! `scripts/fuzz 60 client_message`: no text of a WebSocket client makes the parser panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lonceng::protocol::ClientMessage;

fuzz_target!(|text: &[u8]| {
    let _ = ClientMessage::parse(text);
});
