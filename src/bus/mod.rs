//! Bus between hubs that share a store: Redis Pub/Sub.
//!
//! A hub publishes what it has committed, and listens to the channels of its connected users. The
//! bus is only fast, never relied on: a message may be lost, repeated or reordered. A gap shows in
//! the revisions, and is filled from the store; while the bus is disconnected, the registry
//! compares revisions with the store instead (see [`cluster`](crate::cluster)).
//!
//! * [`BusPublisher`] sends messages, many in one round trip.
//! * [`BusListener`] receives them, and keeps the subscriptions.
//! * [`Requests`] asks all other hubs a question, such as for their connections.
//!
//! Without Redis the bus is off, and a hub serves its own connections only.

mod channels;
mod connections;
mod control;
mod handle;
mod listener;
mod message;
mod pending;
mod publisher;
mod requests;
mod wire;

pub use handle::{Bus, BusConfig};
pub use listener::{BusListener, ListenerConfig};
pub use message::{
    BusChange, DeliverRemote, Enqueue, Publish, PublisherHandle, Received, ShowRemote,
};
pub use pending::Answer;
pub use publisher::BusPublisher;
pub use requests::{IncomingRequest, Requests};
