//! Publisher actor: sends what this hub has committed to the other hubs, many messages in one round
//! trip.
//!
//! The queue is bounded, and while Redis is unavailable messages are dropped: the receivers find
//! them by their revisions. When it works again, it tells all hubs that messages were lost. It
//! fails by panicking; then the messages in its queue are lost alike.

use std::collections::VecDeque;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};

use super::{
    Bus, Enqueue, Publish,
    control::{Control, ControlContent},
    handle::Shared,
    message::EnqueueControl,
    wire::{self, Sender},
};
use crate::{
    clock,
    runtime::supervisor::{Crash, DropGuard},
    telemetry::metric,
};
use std::sync::{Arc, atomic::Ordering};

/// Maximum number of queued messages, and their size in bytes.
const WAITING_MAX: usize = 20_000;
const WAITING_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Maximum number of messages in one round trip.
const BATCH: usize = 500;

/// Capacity of the mailbox. Each message is queued at once, so this only evens out bursts.
const MAILBOX: usize = 1_024;

/// Pause after a failure.
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_millis(250);

/// Publisher actor.
pub struct BusPublisher {
    bus: Bus,
    waiting: VecDeque<(String, Vec<u8>)>,
    waiting_bytes: usize,
    busy: bool,
    /// True if messages were lost, which the other hubs have not been told yet.
    lost: bool,
    _guard: DropGuard,
}

impl BusPublisher {
    /// Creates a publisher for `bus`.
    #[must_use]
    pub fn new(bus: Bus, guard: DropGuard) -> Self {
        Self {
            bus,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            busy: false,
            // An earlier actor may have died with a full queue.
            lost: true,
            _guard: guard,
        }
    }

    fn push(&mut self, channel: String, message: Vec<u8>) {
        if self.waiting.len() >= WAITING_MAX || self.waiting_bytes >= WAITING_MAX_BYTES {
            self.lost = true;
            return;
        }
        self.waiting_bytes += message.len();
        self.waiting.push_back((channel, message));
    }

    fn control(shared: &Shared, to: Option<&str>, content: ControlContent) -> (String, Vec<u8>) {
        let channel = to.map_or_else(|| shared.channels.hubs(), |boot| shared.channels.hub(boot));
        let control = Control { hub: shared.boot.clone(), content };
        // Types of this crate always serialize.
        (channel, serde_json::to_vec(&control).unwrap_or_default())
    }

    /// Sends a batch, then the next one.
    fn flush(&mut self, ctx: &mut Context<Self>) {
        let Some(shared) = self.bus.shared().map(Arc::clone) else { return };
        if shared.dropped.swap(0, Ordering::Relaxed) > 0 {
            self.lost = true;
        }
        if self.busy || (self.waiting.is_empty() && !self.lost) {
            return;
        }
        self.busy = true;
        let mut pipe = redis::pipe();
        let count = self.waiting.len().min(BATCH);
        for (channel, message) in self.waiting.drain(..count) {
            self.waiting_bytes -= message.len();
            pipe.publish(channel, message).ignore();
        }
        let told = self.lost;
        if told {
            let (channel, message) = Self::control(&shared, None, ControlContent::Lost);
            pipe.publish(channel, message).ignore();
        }
        let sent = async move { shared.redis.run::<()>(&pipe).await.map(|()| shared) };
        ctx.spawn(sent.into_actor(self).map(move |sent, publisher, ctx| match sent {
            Ok(shared) => {
                publisher.busy = false;
                publisher.lost &= !told;
                shared.publishing.store(true, Ordering::Relaxed);
                metrics::counter!(metric::BUS_MESSAGES, "direction" => "out")
                    .increment(count as u64);
                publisher.flush(ctx);
            }
            Err(error) => publisher.failed(&error, ctx),
        }));
    }

    /// Drops what waits, and tries again a little later.
    fn failed(&mut self, error: &crate::redis::RedisError, ctx: &mut Context<Self>) {
        tracing::debug!(%error, messages = self.waiting.len(), "bus: messages were not published; \
            their gaps are filled from the store");
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.lost = true;
        if let Some(shared) = self.bus.shared() {
            shared.publishing.store(false, Ordering::Relaxed);
        }
        ctx.run_later(RETRY_AFTER, |publisher, ctx| {
            publisher.busy = false;
            publisher.flush(ctx);
        });
    }
}

impl Actor for BusPublisher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.flush(ctx);
    }
}

impl Handler<Enqueue> for BusPublisher {
    type Result = ();

    fn handle(&mut self, Enqueue(messages): Enqueue, ctx: &mut Self::Context) {
        let Some(shared) = self.bus.shared().map(Arc::clone) else { return };
        let sender = Sender { hub: &shared.boot, sent: clock::now_us() };
        match messages {
            Publish::Changes(changes) => {
                for change in &changes {
                    let channel = shared.channels.user(&change.user_id);
                    self.push(channel, wire::encode_change(sender, change));
                }
            }
            Publish::Events(events) => {
                for event in &events {
                    self.push(shared.channels.events(), wire::encode_event(sender, event));
                }
            }
        }
        self.flush(ctx);
    }
}

impl Handler<EnqueueControl> for BusPublisher {
    type Result = ();

    fn handle(&mut self, EnqueueControl { to, content }: EnqueueControl, ctx: &mut Self::Context) {
        let Some(shared) = self.bus.shared().map(Arc::clone) else { return };
        let (channel, message) = Self::control(&shared, to.as_deref(), content);
        self.push(channel, message);
        self.flush(ctx);
    }
}

impl Handler<Crash> for BusPublisher {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the publisher was asked to crash");
    }
}
