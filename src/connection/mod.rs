//! Connections: transport, heartbeat, rate limit and close, for every actor that owns one.
//!
//! An actor that owns a [`Connection`] implements [`ConnectionActor`] and runs the
//! [`ConnectionDriver`]: a [`Session`](crate::delivery::session::Session) for an inbox, a
//! [`Watcher`](crate::feeds::watcher::Watcher) for a feed.

mod address_slots;
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

pub use address_slots::{AddressSlot, AddressSlots};
pub(crate) use driver::ConnectionDriver;
pub use frames::{Broken, FrameReader, Received};
pub use queue::ConflatingQueue;
use queue::QueueDrain;
pub use socket::{ClientIo, RawIo, Socket};
pub use transport::Transport;

use crate::{
    clock,
    domain::rate_limit::Bucket,
    protocol::{self, ClientError, CloseCode, ErrorCode},
    telemetry::metric,
};
use sign_in::has_expired;

/// Time limit for writing the close frame to a client that does not read.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of the pushes queued for one connection, in bytes. A single message may be larger.
pub(crate) const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// Maximum size of the replies queued for one connection, in bytes: a client that requests and does
/// not read is closed.
const ANSWERS_BYTES_MAX: usize = 8 * WAITING_BYTES_MAX;

/// Bounds of the number of messages that a client may have in flight when it is warned.
const EXCESS_MIN: u32 = 2;
const EXCESS_MAX: u32 = 20;

/// Limits of every connection of this hub.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Interval of pings.
    pub heartbeat: Duration,
    /// Time limit for a pong.
    pub heartbeat_timeout: Duration,
    /// Maximum number of messages queued for one connection.
    pub outbound_queue: usize,
    /// Maximum number of messages per minute from one client; 0 for no limit.
    pub client_messages_per_minute: u32,
}

/// Slot among `server.max_connections`, released when dropped.
#[derive(Debug)]
pub struct Slot(pub Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Connection of a client.
pub struct Connection {
    transport: Transport,
    /// True while the close frame is being written.
    closing: bool,
    /// Time of the last ping, until anything is received.
    pinged: Option<Instant>,
    /// Number of the client's requests in progress.
    pub(crate) in_flight: usize,
    /// Number of replies queued since the queue was last empty.
    replies: usize,
    /// Rate limit of the client's messages.
    rate_limit: Bucket,
    /// Number of messages beyond the limit since the warning.
    excess: u32,
    /// Drain of the feed queue, once the client watches a feed.
    pub(crate) drain: Option<Box<QueueDrain>>,
    /// Slot held while the connection lives.
    _slot: Slot,
    _counted: Counted,
}

/// Counts a connection in `websocket_connections` while it lives.
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
    /// Creates a connection that holds a slot.
    #[must_use]
    pub fn new(transport: Transport, slot: Slot) -> Self {
        Self {
            transport,
            closing: false,
            pinged: None,
            in_flight: 0,
            replies: 0,
            rate_limit: Bucket::default(),
            excess: 0,
            drain: None,
            _slot: slot,
            _counted: Counted::new(),
        }
    }

    /// Attaches the queue of feed messages.
    pub(crate) fn attach_queue(&mut self, queue: Arc<ConflatingQueue>) -> &mut QueueDrain {
        self.drain.get_or_insert_with(|| Box::new(QueueDrain::new(queue)))
    }

    fn register_waker(&mut self, waker: &Waker) {
        self.transport.register_waker(waker);
        if let Some(drain) = &self.drain {
            drain.register(waker);
        }
    }

    /// Records that the queue is written: the client has been given every reply.
    fn on_flushed(&mut self) {
        self.replies = 0;
    }

    fn answered(&mut self, payload: &[u8]) {
        if let Some(drain) = &mut self.drain {
            drain.answered(payload, clock::monotonic());
        }
    }

    /// Returns `websocket` or `sse`.
    pub(crate) fn transport(&self) -> &'static str {
        self.transport.name()
    }

    /// Returns whether the close frame is being written.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Returns the number of queued messages.
    pub(crate) fn waiting(&self) -> usize {
        self.transport.waiting()
    }

    /// Returns the size of queued messages, in bytes.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.transport.waiting_bytes()
    }

    /// Returns whether a message of this size fits into the queue of at most `max_messages`.
    pub(crate) fn has_room(&self, bytes: usize, max_messages: usize) -> bool {
        let waiting = self.waiting();
        waiting < max_messages
            && (waiting == 0 || self.waiting_bytes() + bytes <= WAITING_BYTES_MAX)
    }

    /// Queues a message, unless the connection is closing. `revision` is the client's position
    /// after it.
    pub(crate) fn enqueue(&mut self, frame: Bytes, revision: Option<i64>) {
        if !self.closing {
            self.transport.enqueue(frame, revision);
        }
    }

    /// Sets the client's position.
    pub(crate) fn set_position(&mut self, revision: i64) {
        if !self.closing {
            self.transport.set_position(revision);
        }
    }

    /// Wakes the driver, after something was queued outside a message handler.
    pub(crate) fn wake(&self) {
        self.transport.wake();
    }

    /// Closes the connection: drops the queue if the code says so, writes the close frame, and then
    /// closes the socket. Returns false if it was closing already.
    pub(crate) fn close(&mut self, code: CloseCode) -> bool {
        if self.closing {
            return false;
        }
        match code {
            // The rest of the queue would only delay the close.
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

/// Actor that owns a connection.
pub(crate) trait ConnectionActor: Actor<Context = Context<Self>> + Sized {
    /// Returns the connection.
    fn connection(&mut self) -> &mut Connection;

    /// Returns the limits.
    fn limits(&self) -> Limits;

    /// Closes the connection.
    fn close(&mut self, code: CloseCode) {
        self.connection().close(code);
    }

    /// Handles a wake-up of the driver: signals beside the mailbox may be set.
    fn on_wake(&mut self, ctx: &mut Context<Self>);

    /// Returns the expiry of the sign-in, in seconds since 1970.
    fn expires_at(&self) -> Option<i64>;

    /// Returns whether requests may be read: they are answered only after `connected`.
    fn is_open(&self) -> bool {
        true
    }

    /// Handles a text message.
    fn on_text(&mut self, text: &[u8], ctx: &mut Context<Self>);

    /// Handles an empty queue.
    fn on_written(&mut self, ctx: &mut Context<Self>);

    /// Queues a reply. A client that requests and does not read is closed, so memory stays bounded.
    /// The driver may queue [`driver::REPLIES_AT_ONCE`] replies before it writes the first of them.
    fn answer(&mut self, frame: Bytes) {
        // Pushes have their own bound; replies come on top.
        let queue = self.limits().outbound_queue;
        let connection = self.connection();
        let too_many = connection.waiting() >= queue * 2
            && connection.replies >= queue.max(driver::REPLIES_AT_ONCE);
        if too_many || connection.waiting_bytes() >= ANSWERS_BYTES_MAX {
            self.close(CloseCode::TooSlow);
            return;
        }
        connection.replies += 1;
        connection.enqueue(frame, None);
    }

    /// Replies with an error; the connection stays open.
    fn send_error(&mut self, code: ErrorCode, message: &str) {
        self.answer(protocol::error(&ClientError::new(code, message)));
    }

    /// Starts the heartbeat. Called when the actor starts.
    fn watch_heartbeat(&self, ctx: &mut Context<Self>) {
        let Limits { heartbeat, heartbeat_timeout, .. } = self.limits();
        ctx.run_interval(heartbeat, move |client, ctx| {
            // Compare with the wall clock: timers stand still while the machine sleeps.
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
                // Only the timeout of this ping has ended; a later one may have been sent.
                if client.connection().pinged == Some(sent) {
                    client.close(CloseCode::GoingAway);
                    client.connection().wake();
                }
            });
        });
    }

    /// Closes the connection when the sign-in expires.
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

/// Sends queued feed messages, when everything before them is written.
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
    if exceeds_rate_limit(client) {
        return;
    }
    if std::str::from_utf8(text).is_err() {
        client.close(CloseCode::NotText);
        return;
    }
    client.on_text(text, ctx);
}

fn on_binary<C: ConnectionActor>(client: &mut C) {
    if !exceeds_rate_limit(client) {
        client.send_error(
            ErrorCode::BadMessage,
            "binary messages are not understood; send JSON as text",
        );
    }
}

/// Checks the rate limit. A client beyond it is warned once, and closed if it continues.
fn exceeds_rate_limit<C: ConnectionActor>(client: &mut C) -> bool {
    let limit = client.limits().client_messages_per_minute;
    let connection = client.connection();
    if connection.rate_limit.try_acquire(limit, clock::monotonic()) {
        connection.excess = 0;
        return false;
    }
    connection.excess += 1;
    let excess = connection.excess;
    if excess == 1 {
        let message = format!(
            "at most {limit} messages a minute are allowed; this one was ignored, and the \
             connection is closed if more follow"
        );
        client.send_error(ErrorCode::RateLimited, &message);
    } else if excess > (limit / 20).clamp(EXCESS_MIN, EXCESS_MAX) {
        client.close(CloseCode::TooManyMessages);
    }
    true
}

/// Returns the delay after which a client reconnects, in milliseconds: random within a second and a
/// half, so that the clients of a hub do not all reconnect at once.
pub(crate) fn going_away_after() -> u64 {
    500 + rand::random_range(0..1_500)
}
