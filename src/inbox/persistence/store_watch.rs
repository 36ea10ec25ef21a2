//! Monitor of the store, so that readiness changes before the next event.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::Persistence;
use crate::telemetry::PartState;

/// Interval of checks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Time limit of a check.
const TIMEOUT: Duration = Duration::from_secs(2);

impl Persistence {
    pub(super) fn watch_store(&self, ctx: &mut Context<Self>) {
        let store = self.store.clone();
        let check = async move {
            match tokio::time::timeout(TIMEOUT, store.ping()).await {
                Ok(Ok(())) => PartState::Ok,
                Ok(Err(error)) => PartState::Down(error.to_string()),
                Err(_) => PartState::Down("the store does not answer".to_owned()),
            }
        };
        let report = check.into_actor(self).map(|state, persistence, ctx| {
            persistence.health.set("store", state);
            ctx.run_later(INTERVAL, |persistence, ctx| persistence.watch_store(ctx));
        });
        ctx.spawn(report);
    }
}
