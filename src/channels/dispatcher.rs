//! Dispatcher actor: runs a worker for each channel.

use std::{sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use tokio::sync::Notify;

use super::{
    Channel, Unreached,
    worker::{self, WorkerContext},
};
use crate::{
    clock,
    cluster::Leases,
    config::Retry,
    pipeline::catalog::SharedCatalog,
    runtime::supervisor::{Crash, DropGuard},
    store::{DELIVERY_STATES, Store},
    telemetry::{Health, PartState, metric},
};

/// Interval of the chores: deliveries of channels that do not exist, and the gauges.
const CHORES_INTERVAL: Duration = Duration::from_secs(5);

/// Configuration of the dispatcher.
#[derive(Clone)]
pub struct DispatcherConfig {
    /// Store.
    pub store: Store,
    /// Types.
    pub catalog: SharedCatalog,
    /// Channels.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Retries.
    pub retry: Retry,
    /// Notified when deliveries are committed.
    pub due: Arc<Notify>,
    /// Readiness.
    pub health: Health,
    /// Channels that are not reached.
    pub unreached: Unreached,
    /// Leases: one hub at a time sends digests.
    pub leases: Leases,
}

/// Dispatcher actor.
pub struct Dispatcher {
    config: DispatcherConfig,
    _guard: DropGuard,
}

impl Dispatcher {
    /// Creates the dispatcher.
    #[must_use]
    pub fn new(config: DispatcherConfig, guard: DropGuard) -> Self {
        Self { config, _guard: guard }
    }

    /// Skips deliveries of channels that are not configured, and counts the others.
    fn run_chores(&self, ctx: &mut Context<Self>) {
        let store = self.config.store.clone();
        let channels = self.config.channels.clone();
        let chores = async move {
            let known: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
            // The next round retries.
            let _ = store.skip_unknown_channels(&known, clock::now()).await;
            if known.is_empty() {
                return;
            }
            let Ok(counts) = store.delivery_counts().await else { return };
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            for (channel, state) in
                known.iter().flat_map(|name| DELIVERY_STATES.map(|state| (*name, state)))
            {
                let count = counts.iter().find(|(c, s, _)| c == channel && s == state);
                let number = count.map_or(0, |(_, _, number)| *number);
                let labels = [("channel", channel.to_owned()), ("state", state.to_owned())];
                metrics::gauge!(metric::DELIVERIES, &labels).set(number as f64);
            }
        };
        ctx.spawn(chores.into_actor(self).map(|(), _, ctx| {
            ctx.run_later(CHORES_INTERVAL, |dispatcher, ctx| dispatcher.run_chores(ctx));
        }));
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let DispatcherConfig { store, catalog, channels, retry, due, health, unreached, leases } =
            &self.config;
        let state = if channels.is_empty() { PartState::Off } else { PartState::Ok };
        health.set("channels", state);
        let context = WorkerContext {
            store: store.clone(),
            catalog: catalog.clone(),
            retry: retry.clone(),
            due: Arc::clone(due),
            leases: leases.clone(),
            health: health.clone(),
            unreached: unreached.clone(),
        };
        for channel in channels {
            let worker = worker::run(Arc::clone(channel), context.clone());
            ctx.spawn(worker.into_actor(self));
        }
        ctx.run_later(CHORES_INTERVAL, |dispatcher, ctx| dispatcher.run_chores(ctx));
    }
}

impl Handler<Crash> for Dispatcher {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the dispatcher was asked to crash");
    }
}
