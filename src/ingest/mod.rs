//! Sources of events besides HTTP: brokers, behind [`EventSource`], and schedules.
//!
//! A source receives messages from its broker and passes them to a [`Consumer`], which decodes
//! them, runs them through the pipeline and returns a [`Disposition`] for each: acknowledge,
//! reject, or redeliver later. Everything that does not depend on the broker is in the consumer, so
//! all sources give the same guarantees: acknowledged after the commit, one identity per event,
//! dead letters that never block.

pub mod amqp;
mod consumer;
pub mod kafka;
mod message;
pub mod nats;
mod outbox;
mod scheduler;
mod settle;
mod stop;
mod subscriber;

use std::{future::ready, sync::Arc};

use futures_util::future::LocalBoxFuture;

pub use consumer::{Consumer, Processed, Retries};
pub use message::{Disposition, SourceMessage};
pub use outbox::OutboxSource;
pub use scheduler::Scheduler;
pub use subscriber::Subscriber;

/// A broker that events come from.
pub trait EventSource: Send + Sync {
    /// Name of the source: in the log, in `/health/ready`, and as the label `source` of
    /// `lonceng_events_total`.
    fn name(&self) -> &'static str;

    /// Retries of a message on which the hub failed.
    fn retries(&self) -> Retries;

    /// Receives messages for as long as the hub runs: connects, passes messages to `consumer`,
    /// carries out their [`Disposition`]s, and reconnects with backoff after any failure.
    ///
    /// The future is dropped when the hub stops. A message that was not acknowledged by then must
    /// be delivered again by the broker.
    fn run(self: Arc<Self>, consumer: Consumer) -> LocalBoxFuture<'static, ()>;

    /// Stops receiving when the hub stops: finishes what is in progress and hands over to other
    /// hubs, within some seconds. Without it the broker notices by itself that the hub is gone.
    fn stop(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

#[cfg(test)]
mod tests;
