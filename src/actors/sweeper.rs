//! The sweeper: forgets what is too old, in small batches that no commit waits long for.

use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};

use super::supervisor::{Crash, Tether};
use crate::{
    clock,
    store::{IDENTITY_KEPT_MS, Store},
};

/// Between sweeps when there is nothing left to sweep.
const INTERVAL: Duration = Duration::from_mins(1);

/// Between sweeps while there is.
const BUSY_INTERVAL: Duration = Duration::from_millis(200);

/// Most rows of one sweep.
const BATCH: i64 = 2_000;

/// The actor.
pub struct Sweeper {
    store: Store,
    _tether: Tether,
}

impl Sweeper {
    /// Sweeps `store`.
    #[must_use]
    pub fn new(store: Store, tether: Tether) -> Self {
        Self { store, _tether: tether }
    }

    fn sweep(&self, ctx: &mut Context<Self>) {
        let store = self.store.clone();
        let swept = async move { store.purge_identities(clock::now().0 - IDENTITY_KEPT_MS, BATCH).await };
        let next = swept.into_actor(self).map(|swept, _, ctx| {
            let more = swept.is_ok_and(|rows| rows >= BATCH.unsigned_abs());
            ctx.run_later(if more { BUSY_INTERVAL } else { INTERVAL }, |sweeper, ctx| sweeper.sweep(ctx));
        });
        ctx.spawn(next);
    }
}

impl Actor for Sweeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_later(BUSY_INTERVAL, |sweeper, ctx| sweeper.sweep(ctx));
    }
}

impl Handler<Crash> for Sweeper {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the sweeper was asked to crash");
    }
}
