//! The actors, and how they hold together.
//!
//! The [`supervisor`] starts every long-lived actor and starts it again, fresh, when it panics. Others reach it through a
//! [`Handle`], which the new one refills. What was in a dead actor's mailbox is lost, so whoever must not lose anything
//! acknowledges last.
//!
//! | actor | takes | tells |
//! | --- | --- | --- |
//! | [`subscriber`] | the broker's messages | pipeline: `Ingest`; the broker: ack, nak, term |
//! | [`pipeline`] | `Ingest` | persistence: `Commit`; broadcaster: `Show` |
//! | [`persistence`] | `Commit`, `MarkOne`, `MarkAll` | registry: `Publish` |
//! | [`registry`] | `Attach`, `Publish` | sessions: `Push`, `Behind` |
//! | [`session`] | a client's frames, `Push` | persistence: marks; the client: frames |
//! | [`broadcaster`] | `Watch`, `Show` | sessions and watchers: messages at their doorsteps |
//! | [`watcher`] | a client's frames | broadcaster: `Watch`; the client: frames |
//! | [`catalog`] | ticks | the shared snapshot of types |
//! | [`scheduler`] | ticks | pipeline: `Ingest` |
//!
//! Sessions and watchers own a [`connection`], which is no actor: what is spoken on the socket, how it stays alive, how it ends.
//!
//! **Architecture invariant:** nobody asks upstream, so sends never form a ring; only persistence changes an inbox.

pub mod broadcaster;
pub mod catalog;
pub mod connection;
pub mod dials;
pub mod handle;
pub mod outcome;
pub mod persistence;
pub mod pipeline;
pub mod registry;
pub mod scheduler;
pub mod session;
pub mod sign_in;
pub mod subscriber;
pub mod supervisor;
pub mod sweeper;
pub mod watcher;

pub use dials::Dials;
pub use handle::{Gone, Handle};
pub use outcome::{Outcome, Stored};
