//! Lonceng, a self-hosted, real-time notification hub: the path of one event.
//!
//! An event arrives as bytes, from a broker ([`sources::nats`]) or over HTTP ([`http`]).
//! [`domain::event::decode()`] tells its shape and its [`Identity`](domain::event::Identity). It is
//! sent as [`Ingest`](actors::pipeline::Ingest) to the [`pipeline`](actors::pipeline), which finds
//! its type in the [`Catalog`](domain::catalog::Catalog), asks [`domain::plan::audience`] whom it
//! concerns, looks them up, and has a [`domain::plan::Planner`] render a draft for each.
//!
//! The drafts go as [`Commit`](actors::persistence::Commit) to
//! [`persistence`](actors::persistence), the only actor that changes an inbox.
//! [`Store::commit`](store::Store::commit) gives each its revision and stores it, in one
//! transaction. Only then is the event acknowledged; and only then does the
//! [`registry`](actors::registry) hear of the [`Change`](domain::inbox::Change), encode it once
//! ([`domain::protocol`]) and hand the bytes to every [`session`](actors::session) of the user,
//! which writes them to its socket.
//!
//! A client that was away says which revision it saw last ([`domain::inbox::Since`]) and gets
//! everything after it from [`Store::changed_since`](store::Store::changed_since), then what is
//! live, without a gap or a repeat.
//!
//! [`hub::Hub`] builds all of it from a [`config`]; the [`supervisor`](actors::supervisor) starts
//! again what panics. **What may surprise:** everything after the commit may be lost, on purpose,
//! because the store has it.
pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connection;
pub mod delivery;
pub mod domain;
pub mod feeds;
pub mod http;
pub mod inbox;
pub mod ingest;
pub mod pipeline;
pub mod protocol;
pub mod redis;
pub mod runtime;
pub mod store;
pub mod telemetry;
