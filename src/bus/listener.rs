//! Listener actor: receives what other hubs have committed, and keeps the subscriptions.
//!
//! Messages are passed on without waiting, so that nothing piles up between Redis and the actors;
//! what does not fit is dropped, and found by comparing revisions. A lost connection is noticed
//! within two seconds, and restored with all subscriptions. It fails by panicking; the next one
//! subscribes again.

use std::{sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, WrapFuture as _};
use futures_util::StreamExt as _;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::{
    sync::mpsc,
    time::{Instant, interval, sleep, timeout},
};

use super::{
    Bus, BusChange, DeliverRemote, IncomingRequest, Received,
    channels::Channel,
    control::{Control, ControlContent},
    handle::Shared,
    message::ShowRemote,
    pending::Answer,
    wire::{self, Sender},
};
use crate::{
    clock,
    redis::RedisError,
    runtime::{
        MessageHandle,
        supervisor::{Crash, DropGuard},
    },
    telemetry::metric,
};

/// Pause before another attempt to connect.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);

/// Interval of pings, and time limit for their replies.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum number of channels in one command.
const SUBSCRIBE_CHUNK: usize = 1_000;

/// Maximum number of messages that are passed on together.
const CHUNK: usize = 256;

/// Receivers of what other hubs send.
#[derive(Clone)]
pub struct ListenerConfig {
    /// Receiver of changes of inboxes.
    pub changes: MessageHandle<DeliverRemote>,
    /// Receiver of events for live feeds.
    pub events: MessageHandle<ShowRemote>,
    /// Returns whether a feed here has an audience for events of a code.
    pub has_audience: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// Compares the revisions of connected users with the store: messages may have been lost.
    pub reconcile: Arc<dyn Fn() + Send + Sync>,
    /// Restores what Redis may have lost.
    pub connected: Arc<dyn Fn() + Send + Sync>,
    /// Receiver of questions of other hubs.
    pub requests: mpsc::Sender<IncomingRequest>,
}

/// Listener actor.
pub struct BusListener {
    bus: Bus,
    config: ListenerConfig,
    _guard: DropGuard,
}

impl BusListener {
    /// Creates a listener on `bus`.
    #[must_use]
    pub fn new(bus: Bus, config: ListenerConfig, guard: DropGuard) -> Self {
        Self { bus, config, _guard: guard }
    }
}

impl Actor for BusListener {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(shared) = self.bus.shared().map(Arc::clone) else { return };
        let config = self.config.clone();
        ctx.spawn(listen(shared, config).into_actor(self).map(|(), _, _| ()));
    }
}

/// Connects, and again whenever the connection is lost.
async fn listen(shared: Arc<Shared>, config: ListenerConfig) {
    loop {
        if let Err(error) = listen_once(&shared, &config).await {
            tracing::debug!(%error, "bus: not connected to Redis");
        }
        shared.listening.send_replace(false);
        sleep(RECONNECT_AFTER).await;
    }
}

async fn listen_once(shared: &Shared, config: &ListenerConfig) -> Result<(), RedisError> {
    let (mut sink, stream) = shared.redis.subscriber().await?.split();
    let channels = &shared.channels;
    let fixed = [channels.events(), channels.hubs(), channels.hub(&shared.boot)];
    subscribe(&mut sink, &fixed).await?;
    // Whoever asks for a subscription from now on waits for its confirmation.
    let wanted = shared.all_wanted();
    shared.listening.send_replace(true);
    for chunk in wanted.chunks(SUBSCRIBE_CHUNK) {
        let names: Vec<String> = chunk.iter().map(|user| channels.user(user)).collect();
        subscribe(&mut sink, &names).await?;
        shared.confirm(chunk);
    }
    (config.connected)();
    (config.reconcile)();
    tokio::select! {
        () = receive(shared, config, stream) => Ok(()),
        ended = maintain(shared, sink) => ended,
    }
}

async fn subscribe(sink: &mut PubSubSink, channels: &[String]) -> Result<(), RedisError> {
    within(sink.subscribe(channels)).await
}

/// Limits the time of a command.
async fn within<T>(command: impl Future<Output = redis::RedisResult<T>>) -> Result<T, RedisError> {
    match timeout(PING_INTERVAL, command).await {
        Ok(result) => result.map_err(crate::redis::unavailable),
        Err(_) => Err(RedisError::Unavailable("no reply within a second".to_owned())),
    }
}

/// Applies changes of the subscriptions, and checks the connection.
async fn maintain(shared: &Shared, mut sink: PubSubSink) -> Result<(), RedisError> {
    let mut ticks = interval(PING_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => within(sink.ping::<redis::Value>()).await.map(drop)?,
            () = shared.changed.notified() => {
                let changes = shared.take_changes();
                for chunk in changes.unsubscribe.chunks(SUBSCRIBE_CHUNK) {
                    let names: Vec<String> =
                        chunk.iter().map(|user| shared.channels.user(user)).collect();
                    within(sink.unsubscribe(&names)).await?;
                }
                for chunk in changes.subscribe.chunks(SUBSCRIBE_CHUNK) {
                    let names: Vec<String> =
                        chunk.iter().map(|user| shared.channels.user(user)).collect();
                    subscribe(&mut sink, &names).await?;
                    shared.confirm(chunk);
                }
            }
        }
    }
}

/// Passes messages on until the connection ends.
async fn receive(shared: &Shared, config: &ListenerConfig, stream: PubSubStream) {
    let mut stream = stream.ready_chunks(CHUNK);
    while let Some(messages) = stream.next().await {
        let at = Instant::now();
        let mut received = Batch::default();
        for message in &messages {
            sort(shared, config, message, at, &mut received);
        }
        metrics::counter!(metric::BUS_MESSAGES, "direction" => "in").increment(received.count);
        let passed = (received.changes.is_empty()
            || config.changes.offer(DeliverRemote(received.changes)))
            & (received.events.is_empty() || config.events.offer(ShowRemote(received.events)));
        if !passed || received.lost {
            (config.reconcile)();
        }
    }
}

/// Messages that were received together.
#[derive(Default)]
struct Batch {
    changes: Vec<Received<BusChange>>,
    events: Vec<Arc<crate::domain::event::Event>>,
    count: u64,
    /// True if another hub has lost messages.
    lost: bool,
}

fn sort(
    shared: &Shared,
    config: &ListenerConfig,
    message: &redis::Msg,
    at: Instant,
    batch: &mut Batch,
) {
    let payload = message.get_payload_bytes();
    let foreign = |sender: &Sender<'_>| sender.hub != shared.boot;
    match shared.channels.parse(message.get_channel_name()) {
        Some(Channel::User(user)) => {
            let decoded = wire::decode_change(user, payload);
            if let Some((sender, change)) = decoded.filter(|(sender, _)| foreign(sender)) {
                record_lag(&sender);
                batch.count += 1;
                batch.changes.push(Received { content: change, at });
            }
        }
        Some(Channel::Events) => {
            let wanted =
                |sender: &Sender<'_>, code: &str| foreign(sender) && (config.has_audience)(code);
            if let Some((sender, event)) = wire::decode_event(payload, wanted) {
                record_lag(&sender);
                batch.count += 1;
                batch.events.push(Arc::new(event));
            }
        }
        Some(Channel::Hubs | Channel::Own) => match serde_json::from_slice::<Control>(payload) {
            Ok(control) if control.hub != shared.boot => {
                batch.lost |= on_control(shared, config, control);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "bus: a malformed message of a hub was ignored"),
        },
        None => {}
    }
}

/// Handles a message of a hub. Returns true if that hub has lost messages.
fn on_control(shared: &Shared, config: &ListenerConfig, control: Control) -> bool {
    let Control { hub, content } = control;
    match content {
        ControlContent::Request { id, body } => {
            // A full queue means no answer: the hub that asks lists this one as incomplete.
            let _ = config.requests.try_send(IncomingRequest { id, hub, body });
        }
        ControlContent::Answer { id, instance, body } => {
            shared.requests.answered(id, Answer { boot: hub, instance, body });
        }
        ControlContent::WatchesAll { on: true } => shared.set_watched_elsewhere(true),
        // Another hub may still watch; the next heartbeat tells.
        ControlContent::WatchesAll { on: false } => {}
        ControlContent::Lost => return true,
    }
    false
}

#[expect(clippy::cast_precision_loss, reason = "a lag is far below the precision of a float")]
fn record_lag(sender: &Sender<'_>) {
    let lag = (clock::now_us() - sender.sent).max(0);
    metrics::histogram!(metric::BUS_LAG).record(lag as f64 / 1_000_000.0);
}

impl Handler<Crash> for BusListener {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the listener was asked to crash");
    }
}
