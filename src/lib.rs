//! Lonceng, a self-hosted, real-time notification hub: the path of one event.
//!
//! 1. **Arrival.** An event arrives from a broker ([`ingest`]: an
//!    [`EventSource`](ingest::EventSource) passes messages to a [`Consumer`](ingest::Consumer)) or
//!    over HTTP ([`http`]). [`domain::event::decode()`] recognizes its shape and its
//!    [`Identity`](domain::event::Identity).
//! 2. **Rendering.** It is sent as [`Ingest`](pipeline::Ingest) to the
//!    [`Pipeline`](pipeline::Pipeline), which finds its type in the
//!    [`Catalog`](domain::catalog::Catalog), determines the recipients
//!    ([`domain::plan::decide`]), looks them up, and renders a
//!    [`Draft`](domain::plan::Draft) for each with a [`Planner`](domain::plan::Planner).
//! 3. **Commit.** The drafts go as [`Commit`](inbox::Commit) to
//!    [`Persistence`](inbox::Persistence), which makes every change of an inbox.
//!    [`Store::commit`](store::Store::commit) assigns each its revision and stores it, in one
//!    transaction. Then the event is acknowledged.
//! 4. **Delivery.** After the commit, the [`Registry`](delivery::Registry) receives the
//!    [`Change`](domain::inbox::Change)s as [`DeliverChanges`](inbox::DeliverChanges), encodes each
//!    once ([`protocol`]), and sends the bytes to every [`Session`](delivery::session::Session) of
//!    the user.
//! 5. **The socket.** The session checks that the change continues the revision of its client
//!    ([`domain::follow`]) and queues the frame on its [`Connection`](connection::Connection),
//!    whose driver writes it to the socket.
//!
//! Where several hubs share a store, the registry also gives the encoded changes to the [`bus`],
//! and receives those of other hubs from it; [`cluster`] tells which hubs there are.
//!
//! An event that a live feed shows is also passed to the [`Broadcaster`](feeds::Broadcaster) in
//! step 2; feeds store nothing.
//!
//! A client that was away sends the last revision it has ([`domain::inbox::Since`]), and gets
//! everything after it from [`Store::changed_since`](store::Store::changed_since), then live
//! changes, without a gap or a repeat. So everything after the commit may be lost: the store has
//! it.
//!
//! [`app::Hub`] builds all actors from a [`config`]; the
//! [`Supervisor`](runtime::supervisor::Supervisor) restarts those that panic.
pub mod activity;
pub mod app;
pub mod auth;
pub mod bus;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod cluster;
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
#[cfg(test)]
mod testing;
