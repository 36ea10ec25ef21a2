//! The subscriber actor: runs one event source.
//!
//! A message is acknowledged after its commit, so the broker delivers again whatever was in
//! progress when this actor fails. It fails by panicking; the supervisor starts it again, and the
//! source connects anew.

use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};

use super::{Consumer, EventSource};
use crate::runtime::supervisor::{Crash, DropGuard};

/// Subscriber to one [`EventSource`].
pub struct Subscriber {
    source: Arc<dyn EventSource>,
    consumer: Consumer,
    _guard: DropGuard,
}

impl Subscriber {
    /// Creates a subscriber that runs `source` for as long as it lives.
    #[must_use]
    pub fn new(source: Arc<dyn EventSource>, consumer: Consumer, guard: DropGuard) -> Self {
        Self { source, consumer, _guard: guard }
    }
}

impl Actor for Subscriber {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let running = Arc::clone(&self.source).run(self.consumer.clone());
        ctx.spawn(running.into_actor(self));
    }
}

impl Handler<Crash> for Subscriber {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the subscriber was asked to crash");
    }
}
