//! The subscriber: brings the broker's messages to the pipeline.
//!
//! The actor only holds the work together: what it does is in [`crate::sources::nats`]. A message is acknowledged after
//! its commit, so whatever happens to this actor, the broker sends again what was not. It fails by panicking, and is
//! started again with a new connection.

use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};

use super::supervisor::{Crash, Tether};
use crate::sources::nats::Intake;

/// The actor.
pub struct Subscriber {
    intake: Intake,
    _tether: Tether,
}

impl Subscriber {
    /// Runs `intake` for as long as it lives.
    #[must_use]
    pub fn new(intake: Intake, tether: Tether) -> Self {
        Self { intake, _tether: tether }
    }
}

impl Actor for Subscriber {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(self.intake.clone().run().into_actor(self));
    }
}

impl Handler<Crash> for Subscriber {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the subscriber was asked to crash");
    }
}
