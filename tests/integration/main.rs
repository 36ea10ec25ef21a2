//! Tests of the whole hub: the built binary over real sockets, against real servers and stores.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may fail, and measures real time"
)]

#[macro_use]
mod both_stores;
mod support;

mod access;
mod admin;
#[cfg(unix)]
mod administration;
mod api;
mod architecture;
mod cli;
mod convergence;
mod explain;
mod faults;
mod feeds;
mod hostile;
mod http;
mod inbox;
mod publishing;
mod recovery;
mod reload;
mod requests;
mod schedule;
mod store;
mod store_bounds;
mod websocket;
