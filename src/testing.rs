//! Support for the unit tests of actors: recording stubs, a clock under control, a store in a
//! temporary folder.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use actix::{Actor, Context, Handler, Message, Recipient};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    sync::oneshot,
};
use uuid::Uuid;

use crate::{
    clock,
    connection::{RawIo, Socket, Transport},
    domain::{
        event::{Event, Identity},
        inbox::Change,
        notification::{Priority, Timestamp},
        plan::Draft,
        presentation::Presentation,
        user::UserId,
    },
    runtime::{MessageHandle, RuntimeSettings, settings::SettingValues},
    store::{Committed, Planned, Store},
};

/// Real time after which a condition that does not hold fails the test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Messages received by a stub, in order.
pub(crate) struct Recorded<M>(Arc<Mutex<Vec<M>>>);

impl<M> Clone for Recorded<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> Default for Recorded<M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<M> Recorded<M> {
    pub(crate) fn push(&self, message: M) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    }

    /// Returns the number of messages.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Removes and returns all messages.
    pub(crate) fn take_all(&self) -> Vec<M> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for a message, and removes the first one.
    pub(crate) async fn next(&self) -> M {
        until("a message arrives", || self.len() > 0).await;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(0)
    }
}

/// Creates a handle that records its messages, and replies with the default.
pub(crate) fn recording<M>() -> (MessageHandle<M>, Recorded<M>)
where
    M: Message + Send + 'static,
    M::Result: Default + 'static,
{
    let recorded = Recorded::default();
    let messages = recorded.clone();
    let handle = MessageHandle::stub(move |message| {
        messages.push(message);
        Some(M::Result::default())
    });
    (handle, recorded)
}

/// Actor that records messages, for receivers that are a [`Recipient`].
struct Recorder<M>(Recorded<M>, usize);

impl<M: Unpin + 'static> Actor for Recorder<M> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.1);
    }
}

impl<M> Handler<M> for Recorder<M>
where
    M: Message<Result = ()> + Unpin + 'static,
{
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Self::Context) {
        self.0.push(message);
    }
}

/// Starts an actor that records its messages; its mailbox has room for `capacity`.
pub(crate) fn recipient<M>(capacity: usize) -> (Recipient<M>, Recorded<M>)
where
    M: Message<Result = ()> + Send + Unpin + 'static,
{
    let recorded = Recorded::default();
    let address = Recorder(recorded.clone(), capacity).start();
    (address.recipient(), recorded)
}

/// Waits until a condition holds, for a bounded real time; the runtime's clock may be paused.
#[expect(clippy::disallowed_methods, reason = "the runtime's clock may be paused")]
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        // Gives way to the runtime's other tasks, and to the threads of the store.
        std::thread::sleep(Duration::from_micros(200));
        tokio::task::yield_now().await;
    }
}

/// Lets everything run that can run without time passing.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Clock of the runtime, paused: time passes only in [`ManualClock::advance`].
///
/// A runtime with a paused clock jumps to the next timer when it is idle, also while a thread of
/// the store works. A blocking task that does not end keeps it from doing so.
pub(crate) struct ManualClock(#[expect(dead_code, reason = "held until drop")] mpsc::Sender<()>);

impl ManualClock {
    pub(crate) fn pause() -> Self {
        tokio::time::pause();
        let (sender, receiver) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || {
            // Ends when the clock is dropped.
            let _ = receiver.recv();
        });
        Self(sender)
    }

    /// Lets this much time pass.
    pub(crate) async fn advance(&self, by: Duration) {
        // Timers that are about to be set belong to the time before.
        settle().await;
        tokio::time::advance(by).await;
        settle().await;
    }
}

/// Store in a temporary folder, which is removed with it.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    _folder: TempDir,
}

impl TestStore {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let store = Store::open(&url).await.expect("the store opens");
        store.migrate().await.expect("the store migrates");
        Self { store, _folder: folder }
    }
}

/// Returns a user ID.
pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).expect("a user ID")
}

/// Returns settings without limits.
pub(crate) fn settings() -> Arc<RuntimeSettings> {
    RuntimeSettings::new(SettingValues {
        live_per_minute: 0,
        client_messages_per_minute: 0,
        archive_after_days: 30,
        delete_after_days: 0,
        history: 50,
    })
}

/// Returns an event of the type NOTE for one user.
pub(crate) fn event(id: &str, user_id: &str) -> Event {
    let mut data = serde_json::Map::new();
    data.insert("title".to_owned(), json!(format!("title of {id}")));
    Event {
        id: id.to_owned(),
        identity: Some(Identity::stream("TEST", 1, id.len() as u64)),
        name: "note".to_owned(),
        code: "NOTE".to_owned(),
        source: None,
        user_id: Some(user(user_id)),
        actor_id: None,
        recipients: Vec::new(),
        time: Timestamp(0),
        data,
        bytes: 100,
        publisher: None,
        direct: None,
        trace: None,
        destination: None,
    }
}

/// Returns a rendered notification.
pub(crate) fn draft(user_id: &str, message: &str) -> Draft {
    Draft {
        user_id: user(user_id),
        type_code: "NOTE".to_owned(),
        title: "Note".to_owned(),
        message: message.to_owned(),
        priority: Priority::Medium,
        source: None,
        actor_id: None,
        entity_type: None,
        entity_id: None,
        action_url: None,
        presentation: Presentation::default(),
        metadata: serde_json::value::RawValue::from_string("{}".to_owned())
            .expect("an object")
            .into(),
        created_at: Some(clock::now()),
        expires_at: None,
        keep_until: None,
        quiet: false,
        variant: None,
        event_id: None,
        publisher: None,
        group: None,
        deliveries: Vec::new(),
    }
}

/// Returns an event ready to be stored, with one notification for each user.
pub(crate) fn planned(identity: Option<&str>, users: &[&str]) -> Planned {
    let drafts = users.iter().map(|id| (Uuid::now_v7(), draft(id, "hello"))).collect();
    let identity = identity.map(Identity::key);
    Planned { identity, part: None, drafts, broadcasts: Vec::new(), trace: None }
}

/// Waits for a reply.
pub(crate) async fn reply<T>(mut receiver: oneshot::Receiver<T>) -> Option<T> {
    let mut result = None;
    until("a reply", || match receiver.try_recv() {
        Ok(value) => {
            result = Some(Some(value));
            true
        }
        Err(oneshot::error::TryRecvError::Closed) => {
            result = Some(None);
            true
        }
        Err(oneshot::error::TryRecvError::Empty) => false,
    })
    .await;
    result.flatten()
}

/// Commits one notification for each user, and returns the changes.
pub(crate) async fn commit(store: &Store, users: &[&str]) -> Vec<Change> {
    let committed = store.commit(&[planned(None, users)], clock::now()).await;
    match committed.expect("the store writes").remove(0) {
        Committed::Stored(changes) => changes,
        Committed::Duplicate => panic!("an event without an identity is never a duplicate"),
    }
}

/// Peer of a WebSocket: reads the frames of the hub, and sends masked text frames.
pub(crate) struct Peer {
    io: DuplexStream,
    buffer: Vec<u8>,
}

impl Peer {
    /// Creates a WebSocket with `capacity` bytes of buffer between the hub and its peer.
    pub(crate) fn connect(capacity: usize) -> (Transport, Self) {
        let (hub, io) = tokio::io::duplex(capacity);
        let socket = Socket::new(RawIo::from(hub), &[], 64 * 1024);
        (Transport::web_socket(socket), Self { io, buffer: Vec::new() })
    }

    /// Sends a JSON message.
    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_all(std::slice::from_ref(message)).await;
    }

    /// Sends JSON messages in one write.
    pub(crate) async fn send_all(&mut self, messages: &[Value]) {
        let mut frames = Vec::new();
        for text in messages.iter().map(Value::to_string) {
            frames.extend([0x81, 0xFE]);
            frames.extend(u16::try_from(text.len()).expect("a short message").to_be_bytes());
            frames.extend([0; 4]);
            frames.extend(text.as_bytes());
        }
        self.io.write_all(&frames).await.expect("the hub reads");
        settle().await;
    }

    /// Waits for the next text message, and skips pings.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                (0x1, payload) => return serde_json::from_slice(&payload).expect("JSON"),
                (0x9 | 0xA, _) => {}
                (opcode, payload) => panic!("frame {opcode:x}: {payload:?}"),
            }
        }
    }

    /// Waits for the close frame, and returns its code.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let (0x8, payload) = self.frame().await {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }

    /// Reads a frame of the hub, which is not masked (RFC 6455, section 5.1).
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let Some((end, frame)) = whole_frame(&self.buffer) {
                self.buffer.drain(..end);
                return frame;
            }
            let mut read = None;
            let mut chunk = [0; 4096];
            until("the hub writes a frame", || {
                read = self.io.read(&mut chunk).now_or_never();
                read.is_some()
            })
            .await;
            let count = read.expect("it was read").expect("the socket is open");
            assert!(count > 0, "the hub closed the socket");
            self.buffer.extend(&chunk[..count]);
        }
    }
}

/// Parses a frame at the beginning of a buffer. Returns its end, opcode and payload.
fn whole_frame(buffer: &[u8]) -> Option<(usize, (u8, Vec<u8>))> {
    let (start, length) = match *buffer.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?]))),
        127 => panic!("no test needs a frame of more than 64 KiB"),
        short => (2, usize::from(short)),
    };
    let payload = buffer.get(start..start + length)?;
    Some((start + length, (buffer[0] & 0x0F, payload.to_vec())))
}
