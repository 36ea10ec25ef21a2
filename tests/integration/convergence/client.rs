//! Client that reads, marks, loses its connection and connects again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::watch};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::mirror::{Mirror, Next, is_ack};
use crate::support::wait::PATIENCE;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Work that all clients share.
#[derive(Clone)]
pub(crate) struct Plan {
    /// URLs of the hubs' `/ws`, up to the query; each connection chooses one.
    pub(crate) urls: Arc<Vec<String>>,
    /// Disconnects that are still to be made.
    pub(crate) cuts_left: Arc<AtomicUsize>,
    /// Marks that are still to be acknowledged.
    pub(crate) marks_left: Arc<AtomicUsize>,
    /// Number of clients that have connected once.
    pub(crate) connected: Arc<AtomicUsize>,
    /// True when the clients shall synchronize a last time and stop.
    pub(crate) finish: watch::Receiver<bool>,
}

/// Client of one user.
pub(crate) struct TestClient {
    plan: Plan,
    user: usize,
    random: StdRng,
    mirror: Mirror,
    socket: Socket,
    /// True while a `sync.request` is not answered.
    is_syncing: bool,
    /// True while a mark is not acknowledged.
    is_marking: bool,
    /// True when the last `sync.request` was sent on this connection.
    is_last: bool,
}

/// Decrements a counter unless it is zero.
fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

/// Position of a mirror, as in the query parameter `since`.
fn position(mirror: &Mirror) -> String {
    format!("{}.{}", mirror.epoch, mirror.revision)
}

async fn connect(plan: &Plan, user: usize, mirror: &Mirror, random: &mut StdRng) -> Socket {
    let since = match mirror.revision {
        ..0 => String::new(),
        0.. => format!("&since={}", position(mirror)),
    };
    let connecting = async {
        loop {
            let hub = &plan.urls[random.random_range(0..plan.urls.len())];
            let url = format!("{hub}user_id=u{user}{since}");
            if let Ok((socket, _)) = connect_async(&url).await {
                return socket;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Not `until`, whose future is not `Send`.
    tokio::time::timeout(PATIENCE * 2, connecting).await.expect("the hub accepts the connection")
}

/// Returns a mark of a notification that the client knows, or of all.
fn random_mark(random: &mut StdRng, mirror: &Mirror) -> Value {
    // Deletion and marks of all are rare, so that the inboxes stay filled.
    let kind = match random.random_range(0..60) {
        0 => "read_all",
        1 => "seen_all",
        2..5 => "delete",
        n => ["read", "unread", "seen", "archive", "unarchive"][n % 5],
    };
    let is_listed = |(_, (_, status)): &(&String, &(i64, String))| status != "deleted";
    let known: Vec<&String> = mirror.items.iter().filter(is_listed).map(|(id, _)| id).collect();
    match known.get(random.random_range(0..known.len().max(1))) {
        Some(id) if !kind.ends_with("_all") => {
            json!({ "type": format!("notification.{kind}"), "notification_id": id })
        }
        _ if kind == "read_all" => json!({ "type": "notification.read_all" }),
        _ => json!({ "type": "notification.seen_all" }),
    }
}

impl TestClient {
    /// Connects a client with an empty inbox.
    pub(crate) async fn connect(plan: Plan, user: usize, seed: u64) -> Self {
        let mirror = Mirror { revision: -1, ..Mirror::default() };
        let mut random = StdRng::seed_from_u64(seed);
        let socket = connect(&plan, user, &mirror, &mut random).await;
        let (is_syncing, is_marking, is_last) = (false, false, false);
        Self { plan, user, random, mirror, socket, is_syncing, is_marking, is_last }
    }

    /// Runs until the plan is finished, and returns the client's inbox.
    pub(crate) async fn run(mut self) -> Mirror {
        let mut finish = self.plan.finish.clone();
        let interval = Duration::from_millis(self.random.random_range(15..40));
        let mut tick = tokio::time::interval(interval);
        loop {
            let is_finishing = *finish.borrow();
            if is_finishing && !self.is_last {
                // Whatever was missed shows in the answer.
                self.is_last = true;
                self.request_sync(json!({})).await;
            }
            tokio::select! {
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        if self.handle(&text, is_finishing).await {
                            return self.mirror;
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => {
                        self.is_last = false;
                        self.reconnect().await;
                    }
                },
                _ = tick.tick(), if !is_finishing => self.act().await,
                changed = finish.changed(), if !is_finishing => changed.expect("the test runs"),
            }
        }
    }

    /// Handles a message; true if it answers the last `sync.request` completely.
    async fn handle(&mut self, text: &str, is_finishing: bool) -> bool {
        let message: Value = serde_json::from_str(text).expect("messages are JSON");
        let kind = message["type"].as_str().expect("a type");
        self.is_marking &= kind != "error" && !is_ack(kind);
        if is_ack(kind) {
            let of = |name: &str| message["data"][name].as_u64().unwrap_or(0);
            for _ in of("previous_revision")..of("revision") {
                take_one(&self.plan.marks_left);
            }
        }
        if kind == "connected" && self.mirror.revision < 0 {
            self.plan.connected.fetch_add(1, Ordering::Relaxed);
        }
        self.is_syncing &= !matches!(kind, "sync.response" | "connected");
        let next = self.mirror.apply(&message);
        if next == Next::Sync && !self.is_syncing {
            self.request_sync(json!({ "limit": 200 })).await;
        }
        kind == "sync.response" && is_finishing && next == Next::Nothing
    }

    async fn request_sync(&mut self, mut request: Value) {
        self.is_syncing = true;
        request["type"] = json!("sync.request");
        request["since"] = json!(position(&self.mirror));
        // A failure shows when the socket is read.
        let _ = self.socket.send(Message::text(request.to_string())).await;
    }

    /// Marks a notification if none is being marked, and sometimes cuts the connection.
    async fn act(&mut self) {
        let are_marks_left = self.plan.marks_left.load(Ordering::Relaxed) > 0;
        if !self.is_marking && are_marks_left && !self.mirror.items.is_empty() {
            self.is_marking = true;
            let mark = random_mark(&mut self.random, &self.mirror);
            let _ = self.socket.send(Message::text(mark.to_string())).await;
        }
        if self.random.random_range(0..8) == 0 && take_one(&self.plan.cuts_left) {
            self.cut().await;
            self.reconnect().await;
        }
    }

    /// Ends the connection as a closed page, a broken network or a sleeping laptop does.
    async fn cut(&mut self) {
        match self.random.random_range(0..3) {
            0 => {
                let _ = self.socket.close(None).await;
            }
            1 => {
                if let MaybeTlsStream::Plain(tcp) = self.socket.get_ref() {
                    // Dropped without lingering, it is reset.
                    let _ = tcp.set_zero_linger();
                }
            }
            _ => {
                let asleep = self.random.random_range(50..400);
                tokio::time::sleep(Duration::from_millis(asleep)).await;
            }
        }
    }

    async fn reconnect(&mut self) {
        self.socket = connect(&self.plan, self.user, &self.mirror, &mut self.random).await;
        (self.is_syncing, self.is_marking) = (false, false);
    }
}
