//! A connection, whoever holds it: what it speaks, how it stays alive, how much it may send, and how it ends.
//!
//! An actor that owns one implements [`ConnectionActor`], runs the [`ConnectionDriver`], and keeps to what only it knows: a
//! [`Session`](super::session::Session) its inbox, a [`Watcher`](super::watcher::Watcher) its feed.

mod driver;
mod frames;
mod queue;
pub mod sign_in;
mod socket;
mod transport;

use std::{
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering},
    task::Waker,
    time::Duration,
};

use actix::{Actor, AsyncContext as _, Context};
use bytes::Bytes;
use tokio::time::Instant;

pub(crate) use driver::ConnectionDriver;
pub use frames::{Broken, FrameReader, Received};
pub use queue::ConflatingQueue;
use queue::QueueDrain;
pub use socket::{RawIo, Socket};
pub use transport::Transport;

use crate::{
    clock,
    domain::rate_limit::Bucket,
    protocol::{self, ClientError, CloseCode, ErrorCode},
    telemetry::metric,
};
use sign_in::has_expired;

/// How long the last words may take to reach a client that does not read.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of the pushes that wait for one connection, in bytes. One message may be larger when it waits alone.
pub(crate) const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// Maximum size of the answers that wait for one connection, in bytes: a client that asks and does not read is closed.
const ANSWERS_BYTES_MAX: usize = 8 * WAITING_BYTES_MAX;

/// Messages beyond the limit that a client may have on their way when it is warned.
const EXCESS_LEAST: u32 = 2;
const EXCESS_MOST: u32 = 20;

/// What every connection of this hub keeps to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Between pings.
    pub heartbeat: Duration,
    /// For the pong.
    pub heartbeat_timeout: Duration,
    /// Messages that may wait for one connection.
    pub outbound_queue: usize,
    /// Messages that one client may send in a minute; 0: no limit.
    pub client_messages_per_minute: u32,
}

/// A place among `server.max_connections`; given back when dropped.
#[derive(Debug)]
pub struct Slot(pub Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection.
pub struct Connection {
    transport: Transport,
    /// Its last words are being written.
    closing: bool,
    /// When the ping that is out was sent; `None` once anything has come since.
    pinged: Option<Instant>,
    /// Requests to others under way.
    pub(crate) in_flight: usize,
    /// How much the client may send.
    rate_limit: Bucket,
    /// What it sent beyond that since it was warned.
    excess: u32,
    /// What feeds have left for it, once it watches any.
    pub(crate) drain: Option<Box<QueueDrain>>,
    /// Counted as long as the connection lives.
    _slot: Slot,
    _counted: Counted,
}

/// Counts a connection in `websocket_connections` as long as it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!(metric::CONNECTIONS).increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(metric::CONNECTIONS).decrement(1.0);
    }
}

impl Connection {
    /// A connection that holds a place.
    #[must_use]
    pub fn new(transport: Transport, slot: Slot) -> Self {
        Self {
            transport,
            closing: false,
            pinged: None,
            in_flight: 0,
            rate_limit: Bucket::default(),
            excess: 0,
            drain: None,
            _slot: slot,
            _counted: Counted::new(),
        }
    }

    /// From now on, what is left at this doorstep goes out.
    pub(crate) fn attach_queue(&mut self, queue: Arc<ConflatingQueue>) -> &mut QueueDrain {
        self.drain.get_or_insert_with(|| Box::new(QueueDrain::new(queue)))
    }

    fn register_waker(&mut self, waker: &Waker) {
        self.transport.register_waker(waker);
        if let Some(drain) = &self.drain {
            drain.register(waker);
        }
    }

    fn answered(&mut self, payload: &[u8]) {
        if let Some(drain) = &mut self.drain {
            drain.answered(payload, clock::monotonic());
        }
    }

    /// `websocket` or `sse`.
    pub(crate) fn transport(&self) -> &'static str {
        self.transport.name()
    }

    /// Whether its last words are being written.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Messages that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.transport.waiting()
    }

    /// Size of what waits to be written, in bytes.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.transport.waiting_bytes()
    }

    /// Whether a message of this size fits among at most `max_messages` that wait.
    pub(crate) fn has_room(&self, bytes: usize, max_messages: usize) -> bool {
        let waiting = self.waiting();
        waiting < max_messages
            && (waiting == 0 || self.waiting_bytes() + bytes <= WAITING_BYTES_MAX)
    }

    /// Queues a message's frame; nothing follows the last words. With it the client stands at `revision`.
    pub(crate) fn enqueue(&mut self, frame: Bytes, revision: Option<i64>) {
        if !self.closing {
            self.transport.enqueue(frame, revision);
        }
    }

    /// Where the client stands, whatever it was sent.
    pub(crate) fn set_position(&mut self, revision: i64) {
        if !self.closing {
            self.transport.set_position(revision);
        }
    }

    /// Has the pump look, after something was queued outside a message's handler.
    pub(crate) fn wake(&self) {
        self.transport.wake();
    }

    /// What waits is dropped where the code says so, the last words go out, and the socket follows. Says whether this is what
    /// ends it.
    pub(crate) fn close(&mut self, code: CloseCode) -> bool {
        if self.closing {
            return false;
        }
        match code {
            // The rest of what waits would only delay it.
            CloseCode::TooSlow | CloseCode::TooBig | CloseCode::Protocol | CloseCode::Internal => {
                self.transport.drop_waiting();
            }
            CloseCode::Normal
            | CloseCode::GoingAway
            | CloseCode::NotText
            | CloseCode::NotSignedIn
            | CloseCode::Forbidden
            | CloseCode::TooManyConnections
            | CloseCode::TooManyMessages => {}
        }
        if code == CloseCode::TooSlow {
            metrics::counter!(metric::SLOW_CLIENTS).increment(1);
        }
        self.transport.finish(code, CLOSE_TIMEOUT);
        self.closing = true;
        true
    }
}

/// An actor that holds a connection.
pub(crate) trait ConnectionActor: Actor<Context = Context<Self>> + Sized {
    /// Its connection.
    fn connection(&mut self) -> &mut Connection;

    /// What it keeps to.
    fn limits(&self) -> Limits;

    /// Ends it.
    fn close(&mut self, code: CloseCode) {
        self.connection().close(code);
    }

    /// The pump was woken: something may have been left outside the mailbox.
    fn on_wake(&mut self, ctx: &mut Context<Self>);

    /// End of its owner's sign-in, in seconds since 1970.
    fn expires_at(&self) -> Option<i64>;

    /// Whether the client may be read from: what it asks for is answered after `connected` only.
    fn is_open(&self) -> bool {
        true
    }

    /// The client sent this, within its limits.
    fn on_text(&mut self, text: &[u8], ctx: &mut Context<Self>);

    /// Everything that was queued is written.
    fn on_written(&mut self, ctx: &mut Context<Self>);

    /// Queues an answer. A client that asks and does not read is closed: memory stays bounded.
    fn answer(&mut self, frame: Bytes) {
        // What is pushed is bounded by itself, and answers come on top of it.
        let most = self.limits().outbound_queue * 2;
        let connection = self.connection();
        if connection.waiting() >= most || connection.waiting_bytes() >= ANSWERS_BYTES_MAX {
            self.close(CloseCode::TooSlow);
            return;
        }
        self.connection().enqueue(frame, None);
    }

    /// Answers with an error; the connection stays.
    fn send_error(&mut self, code: ErrorCode, message: &str) {
        self.answer(protocol::error(&ClientError::new(code, message)));
    }

    /// Keeps the connection alive, and finds out when it is not. To be called when the actor starts.
    fn watch_heartbeat(&self, ctx: &mut Context<Self>) {
        let Limits { heartbeat, heartbeat_timeout, .. } = self.limits();
        ctx.run_interval(heartbeat, move |client, ctx| {
            // By the wall clock: a timer stands still while the machine is asleep.
            if has_expired(client.expires_at()) {
                client.close(CloseCode::NotSignedIn);
                client.connection().wake();
            }
            let connection = client.connection();
            if connection.pinged.is_some() || connection.closing {
                return;
            }
            let sent = Instant::now();
            let answers = connection.transport.ping();
            connection.wake();
            if !answers {
                return;
            }
            connection.pinged = Some(sent);
            ctx.run_later(heartbeat_timeout, move |client, _| {
                // Another ping may be out by now; only this one's time is over.
                if client.connection().pinged == Some(sent) {
                    client.close(CloseCode::GoingAway);
                    client.connection().wake();
                }
            });
        });
    }

    /// Closes the connection when its owner's sign-in ends.
    fn watch_expiry(&self, ctx: &mut Context<Self>) {
        let Some(expires_at) = self.expires_at() else { return };
        let left = expires_at.saturating_mul(1_000).saturating_sub(clock::now().0);
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        ctx.run_later(left, |client, _| {
            client.close(CloseCode::NotSignedIn);
            client.connection().wake();
        });
    }
}

/// Lets out what feeds have left, once everything before it is written.
fn drain_queue<C: ConnectionActor>(client: &mut C, ctx: &mut Context<C>) {
    let Connection { transport, drain, closing: false, .. } = client.connection() else { return };
    let Some(drain) = drain else { return };
    if transport.waiting() > 0 {
        return;
    }
    if let Some(again) = drain.drain_queue(transport, clock::monotonic()) {
        ctx.run_later(again, |client, _| {
            if let Some(drain) = &mut client.connection().drain {
                drain.timer_is_over();
            }
            client.connection().wake();
        });
    }
}

fn on_text<C: ConnectionActor>(client: &mut C, text: &[u8], ctx: &mut Context<C>) {
    if is_over_its_limit(client) {
        return;
    }
    if std::str::from_utf8(text).is_err() {
        client.close(CloseCode::NotText);
        return;
    }
    client.on_text(text, ctx);
}

fn on_binary<C: ConnectionActor>(client: &mut C) {
    if !is_over_its_limit(client) {
        client.send_error(
            ErrorCode::BadMessage,
            "binary messages are not understood; send JSON as text",
        );
    }
}

/// Whether the client has sent too much. It is warned once; if it goes on it is closed.
fn is_over_its_limit<C: ConnectionActor>(client: &mut C) -> bool {
    let limit = client.limits().client_messages_per_minute;
    let connection = client.connection();
    if connection.rate_limit.take(limit, clock::monotonic()) {
        connection.excess = 0;
        return false;
    }
    connection.excess += 1;
    let excess = connection.excess;
    if excess == 1 {
        let message = format!(
            "at most {limit} messages a minute are taken; this one was not, and the connection is closed if more follow"
        );
        client.send_error(ErrorCode::RateLimited, &message);
    } else if excess > (limit / 20).clamp(EXCESS_LEAST, EXCESS_MOST) {
        client.close(CloseCode::TooManyMessages);
    }
    true
}

/// When a client shall come back, in milliseconds: spread over a second and a half, so that all clients of a hub do not come at
/// once.
pub(crate) fn going_away_after() -> u64 {
    500 + rand::random_range(0..1_500)
}
