//! What the tests share: stores, servers, a hub as a process, and clients.
//!
//! Servers come from the environment that `scripts/test` sets up. Without them a test that needs
//! one says so and passes, unless `LONCENG_TEST_REQUIRE=1`: then it fails.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod client;
pub mod hub;
pub mod nats;
pub mod stores;
pub mod stream;
pub mod tokens;
pub mod wait;

/// Returns whether a missing server is a failure.
pub fn required() -> bool {
    std::env::var("LONCENG_TEST_REQUIRE").is_ok_and(|value| value == "1")
}

/// Says that a test cannot run here, or fails when it must.
pub fn missing(what: &str) {
    assert!(!required(), "{what} is needed by this test");
    eprintln!("not run: {what} is needed; scripts/test provides it");
}
