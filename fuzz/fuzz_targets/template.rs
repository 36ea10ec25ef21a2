//! `scripts/fuzz 60 template`: no template makes the hub panic, overflow its stack, or write more
//! than it may.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use lonceng::domain::{
    event::{RawEvent, decode},
    notification::Timestamp,
    template::{EventScope, Templates},
    user::{Person, UserId},
};

/// Maximum size of a rendered text, in bytes.
const OUTPUT_MAX_BYTES: usize = 64 * 1024;

fuzz_target!(|source: &str| {
    let mut templates = Templates::default();
    if templates.add("t".to_owned(), source).is_err() {
        return;
    }
    let incoming = RawEvent {
        payload: br#"{"type":"T","user_id":"u","a":1,"b":"text","c":[1,2,{"d":"e"}],"x":null}"#,
        headers: &[],
        subject: None,
        broker_identity: None,
        now: Timestamp(0),
        max_event_bytes: 4_096,
    };
    let Ok(decoded) = decode(&incoming) else { return };
    let Some(event) = decoded.events.into_iter().next() else { return };
    let Ok(user) = UserId::parse("u") else { return };
    let scope = EventScope::new(&Arc::new(event), None, None).for_recipient(Person::unknown(user));
    if let Ok(text) = templates.render("t", &scope) {
        assert!(text.len() <= OUTPUT_MAX_BYTES);
    }
});
