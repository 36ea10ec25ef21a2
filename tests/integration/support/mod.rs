//! Fixtures of the tests: stores, servers, a hub as a process, and clients.
//!
//! Servers come from the environment that `scripts/test` sets up. A test whose server is missing
//! fails; with `LONCENG_TEST_OPTIONAL=1` it prints that it did not run.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod client;
pub mod hub;
pub mod kafka;
pub mod nats;
pub mod otlp;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod rabbitmq;
pub mod receivers;
pub mod redis;
pub mod stores;
pub mod stream;
pub mod tokens;
pub mod wait;

/// Fails because a test cannot run here, unless missing servers are allowed.
pub fn missing(server: &str) {
    let optional = std::env::var("LONCENG_TEST_OPTIONAL").is_ok_and(|value| value == "1");
    assert!(
        optional,
        "this test needs {server}: run scripts/test, or set LONCENG_TEST_OPTIONAL=1 to skip it"
    );
    eprintln!("not run: {server} is missing");
}
