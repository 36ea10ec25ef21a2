//! `scripts/fuzz 60 event_decoder`: no bytes, headers or subject make the decoder panic, and what
//! it takes is whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lonceng::domain::{
    event::{RawEvent, decode},
    notification::Timestamp,
};

fuzz_target!(|input: (&[u8], bool, Option<String>, Vec<(String, String)>)| {
    let (payload, binary, subject, mut headers) = input;
    if binary {
        headers.push(("ce-specversion".to_owned(), "1.0".to_owned()));
    }
    let decoded = decode(&RawEvent {
        payload,
        headers: &headers,
        subject: subject.as_deref(),
        broker_identity: None,
        now: Timestamp(0),
        max_event_bytes: 4_096,
    });
    if let Ok(decoded) = decoded {
        assert!(!decoded.events.is_empty());
        assert!(decoded.batch || decoded.events.len() == 1);
    }
});
