//! A session between a registry and a persistence actor that record, and the peer of its socket.

use std::sync::atomic::AtomicUsize;

use actix::{Addr, Message};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::*;
use crate::{
    delivery::{Content, RegistryHandle},
    domain::inbox::{Change, Mark},
    inbox::{MarkAll, MarkHandle, MarkOne},
    protocol::encode_change,
    runtime::{Handle, MessageHandle},
    store::{ArchivedRow, MarkOutcome},
    testing::{
        ManualClock, Peer, Recorded, TestStore, commit, recording, settings, settle, until, user,
    },
};

/// Session of budi, attached to a registry that records.
struct Fixture {
    session: Addr<Session>,
    peer: Peer,
    store: TestStore,
    attached: Recorded<Attach>,
    detached: Recorded<Detach>,
    /// Dropping one ends the lease, as the end of the registry does.
    leases: Recorded<oneshot::Sender<()>>,
    marks: Recorded<MarkOne>,
}

/// Parts that a test replaces.
struct Setup {
    attach: Option<MessageHandle<Attach>>,
    marks: Option<MessageHandle<MarkOne>>,
    start: Start,
    capacity: usize,
    outbound_queue: usize,
    expires_at: Option<i64>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            attach: None,
            marks: None,
            start: Start::Fresh,
            capacity: 64 * 1024,
            outbound_queue: 16,
            expires_at: None,
        }
    }
}

impl Fixture {
    async fn start() -> Self {
        Self::start_with(Setup::default(), TestStore::open().await)
    }

    fn start_with(setup: Setup, store: TestStore) -> Self {
        let (attached, leases) = (Recorded::default(), Recorded::default());
        let (recorded, kept) = (attached.clone(), leases.clone());
        let attach = setup.attach.unwrap_or_else(|| {
            MessageHandle::stub(move |attach: Attach| {
                let (sender, lease) = oneshot::channel();
                recorded.push(attach);
                kept.push(sender);
                Some(Ok(lease))
            })
        });
        let (detach, detached) = recording();
        let (one, marks) = recording();
        let (all, _) = recording::<MarkAll>();
        let context = SessionContext {
            instance: "test".to_owned(),
            epoch: "e1".into(),
            store: store.store.clone(),
            registry: RegistryHandle { attach, detach },
            marks: MarkHandle { one: setup.marks.unwrap_or(one), all },
            limits: Limits {
                heartbeat: Duration::from_secs(30),
                heartbeat_timeout: Duration::from_secs(10),
                outbound_queue: setup.outbound_queue,
                client_messages_per_minute: 0,
            },
            settings: settings(),
            feeds_handle: FeedsHandle::new(
                crate::domain::feed::Feeds::default(),
                Handle::default(),
                crate::bus::Bus::default(),
            ),
            sign_ins: SignIns::new(store.store.clone(), None),
        };
        let identity = Identity {
            user_id: user("budi"),
            login: None,
            roles: Vec::new(),
            expires_at: setup.expires_at,
            session: None,
        };
        let (transport, peer) = Peer::connect(setup.capacity);
        let slot = Slot(Arc::new(AtomicUsize::new(1)));
        let session =
            Session::new(Arc::new(context), identity, 7, setup.start, transport, slot).start();
        Self { session, peer, store, attached, detached, leases, marks }
    }

    /// Sends a change as the registry does.
    fn push(&self, change: &Change) {
        let frame = encode_change(change).others.expect("it is shown to others");
        let (content, received) = (Content::Change, Instant::now());
        self.tell(SessionMessage::Push(Push { frame, step: change.step, content, received }));
    }

    fn tell(&self, message: SessionMessage) {
        self.session.try_send(message).expect("the mailbox has room");
    }

    async fn commit(&self) -> Change {
        commit(&self.store.store, &["budi"]).await.remove(0)
    }
}

/// Revision of a message about a notification.
fn revision(message: &Value) -> i64 {
    message["data"]["revision"].as_i64().unwrap_or_else(|| panic!("{message}"))
}

#[actix::test]
async fn session_attaches_before_it_reads_and_sends_connected_first() {
    let store = TestStore::open().await;
    commit(&store.store, &["budi"]).await;
    let mut fixture = Fixture::start_with(Setup::default(), store);
    let connected = fixture.peer.next().await;
    assert_eq!((&connected["type"], revision(&connected)), (&json!("connected"), 1));
    let push = fixture.peer.next().await;
    assert_eq!((&push["type"], revision(&push)), (&json!("notification.push"), 1));
    assert_eq!(fixture.attached.len(), 1);
}

#[actix::test]
async fn push_that_continues_the_position_is_forwarded_once() {
    let mut fixture = Fixture::start().await;
    fixture.peer.next().await;
    let change = fixture.commit().await;
    fixture.push(&change);
    fixture.push(&change);
    assert_eq!(revision(&fixture.peer.next().await), 1);
    fixture.peer.send(&json!({ "type": "ping" })).await;
    assert_eq!(fixture.peer.next().await["type"], "pong", "the repetition was dropped");
}

#[actix::test]
async fn gap_before_a_push_is_read_from_the_store() {
    let mut fixture = Fixture::start().await;
    fixture.peer.next().await;
    // The first change is lost on its way.
    fixture.commit().await;
    let second = fixture.commit().await;
    fixture.push(&second);
    let messages = [fixture.peer.next().await, fixture.peer.next().await];
    assert_eq!(messages.each_ref().map(revision), [1, 2]);
    assert_eq!(messages[1]["data"]["previous_revision"], 1);
}

#[actix::test]
async fn reconciliation_reads_what_was_never_pushed() {
    let mut fixture = Fixture::start().await;
    fixture.peer.next().await;
    fixture.commit().await;
    fixture.tell(SessionMessage::Behind { revision: 1 });
    assert_eq!(revision(&fixture.peer.next().await), 1);
}

#[actix::test]
async fn client_starts_over_when_the_store_has_removed_what_it_displays() {
    let mut fixture = Fixture::start().await;
    fixture.peer.next().await;
    let change = fixture.commit().await;
    fixture.push(&change);
    assert_eq!(revision(&fixture.peer.next().await), 1);
    let removed = change.notification.as_deref().map(ArchivedRow::from).expect("a notification");
    assert_eq!(fixture.store.store.remove_archived(&[removed]).await.expect("it removes"), 1);
    let next = fixture.commit().await;
    fixture.push(&next);
    let messages = [fixture.peer.next().await, fixture.peer.next().await];
    assert_eq!(messages[0]["type"], "reset", "{}", messages[0]);
    assert_eq!(messages.each_ref().map(revision), [3, 3]);
    fixture.peer.send(&json!({ "type": "ping" })).await;
    assert_eq!(fixture.peer.next().await["type"], "pong", "the push is part of the new start");
}

#[actix::test]
async fn client_resumes_after_its_position() {
    let store = TestStore::open().await;
    for _ in 0..3 {
        commit(&store.store, &["budi"]).await;
    }
    let since = Since { epoch: Some("e1".to_owned()), revision: 1 };
    let setup = Setup { start: Start::Since(since), ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, store);
    assert_eq!(fixture.peer.next().await["type"], "connected");
    let messages = [fixture.peer.next().await, fixture.peer.next().await];
    assert_eq!(messages.each_ref().map(revision), [2, 3]);
}

#[actix::test]
async fn client_of_another_epoch_is_reset() {
    let store = TestStore::open().await;
    commit(&store.store, &["budi"]).await;
    let since = Since { epoch: Some("before".to_owned()), revision: 900 };
    let setup = Setup { start: Start::Since(since), ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, store);
    assert_eq!(fixture.peer.next().await["type"], "connected");
    assert_eq!(fixture.peer.next().await["type"], "reset");
    assert_eq!(revision(&fixture.peer.next().await), 1);
}

#[actix::test]
async fn session_attaches_again_and_catches_up_when_the_registry_is_gone() {
    let mut fixture = Fixture::start().await;
    fixture.peer.next().await;
    // Committed while no registry is there.
    fixture.commit().await;
    drop(fixture.leases.take_all());
    assert_eq!(revision(&fixture.peer.next().await), 1);
    assert_eq!(fixture.attached.len(), 2);
}

#[actix::test]
async fn session_retries_until_there_is_a_registry() {
    let clock = ManualClock::pause();
    let attempts = Recorded::default();
    let (tried, leases) = (attempts.clone(), Recorded::default());
    let attach = MessageHandle::stub(move |_: Attach| {
        tried.push(());
        (tried.len() > 2).then(|| {
            let (sender, lease) = oneshot::channel();
            leases.push(sender);
            Ok(lease)
        })
    });
    let setup = Setup { attach: Some(attach), ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, TestStore::open().await);
    for _ in 0..3 {
        clock.advance(Duration::from_millis(51)).await;
    }
    assert_eq!(fixture.peer.next().await["type"], "connected");
    assert_eq!(attempts.len(), 3);
}

#[actix::test]
async fn connection_beyond_the_limit_is_closed_with_4009() {
    let attach = MessageHandle::stub(|_: Attach| Some(Err(TooManyConnections)));
    let setup = Setup { attach: Some(attach), ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, TestStore::open().await);
    assert_eq!(fixture.peer.closed().await, 4009);
}

#[actix::test]
async fn mark_is_sent_to_persistence_with_the_origin() {
    let mut fixture = Fixture::start().await;
    fixture.peer.next().await;
    let id = uuid::Uuid::now_v7();
    fixture.peer.send(&json!({ "type": "notification.read", "notification_id": id })).await;
    let mark = fixture.marks.next().await;
    assert_eq!((mark.id, mark.mark, mark.origin), (id, Mark::Read, Some(7)));
    mark.reply.send(Ok(MarkOutcome::NotFound)).expect("the session waits");
    let answer = fixture.peer.next().await;
    assert_eq!((&answer["type"], &answer["data"]["code"]), (&json!("error"), &json!("not_found")));
}

#[actix::test]
async fn mark_is_answered_with_an_error_while_persistence_is_gone() {
    let setup = Setup { marks: Some(MessageHandle::gone()), ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, TestStore::open().await);
    fixture.peer.next().await;
    let id = uuid::Uuid::now_v7();
    fixture.peer.send(&json!({ "type": "notification.read", "notification_id": id })).await;
    assert_eq!(fixture.peer.next().await["data"]["code"], "unavailable");
}

#[actix::test]
async fn client_that_does_not_read_is_told_and_closed_with_4008_after_ten_seconds() {
    let clock = ManualClock::pause();
    let setup = Setup { capacity: 1024, ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, TestStore::open().await);
    fixture.peer.next().await;
    for _ in 0..40 {
        let change = fixture.commit().await;
        fixture.push(&change);
        settle().await;
    }
    clock.advance(Duration::from_millis(9_900)).await;
    assert!(fixture.session.connected());
    clock.advance(Duration::from_millis(200)).await;
    assert_eq!(fixture.peer.closed().await, 4008);
}

#[actix::test]
async fn client_that_reads_gets_every_reply_however_small_the_queue_is() {
    let store = TestStore::open().await;
    for _ in 0..20 {
        commit(&store.store, &["budi"]).await;
    }
    let setup = Setup { outbound_queue: 4, ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, store);
    fixture.peer.send_all(&vec![json!({ "type": "ping" }); 32]).await;
    let mut pongs = 0;
    for _ in 0..53 {
        pongs += usize::from(fixture.peer.next().await["type"] == "pong");
    }
    assert_eq!(pongs, 32, "beside connected and 20 notifications");
}

#[actix::test]
async fn client_that_asks_and_does_not_read_is_closed_with_4008() {
    let setup = Setup { capacity: 1024, ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, TestStore::open().await);
    fixture.peer.next().await;
    for _ in 0..90 {
        fixture.peer.send(&json!({ "type": "ping" })).await;
    }
    assert_eq!(fixture.peer.closed().await, 4008);
}

#[actix::test]
async fn client_that_reads_again_in_time_is_told_how_far_behind_it_is_and_gets_the_rest() {
    let clock = ManualClock::pause();
    let setup = Setup { capacity: 1024, ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, TestStore::open().await);
    fixture.peer.next().await;
    for _ in 0..40 {
        let change = fixture.commit().await;
        fixture.push(&change);
        settle().await;
    }
    clock.advance(Duration::from_secs(5)).await;
    let (mut revisions, mut behind) = (Vec::new(), Vec::new());
    while revisions.last() != Some(&40) {
        let message = fixture.peer.next().await;
        let data = &message["data"];
        match message["type"].as_str() {
            Some("notifications.behind") => behind.push(data["unread"].as_i64()),
            _ => revisions.extend(data["revision"].as_i64()),
        }
    }
    assert_eq!(revisions, (1..=40).collect::<Vec<i64>>());
    assert_eq!(behind.len(), 1, "{behind:?}");
    clock.advance(Duration::from_secs(6)).await;
    assert!(fixture.session.connected());
}

#[actix::test]
async fn expired_token_closes_the_connection_with_4001() {
    let clock = ManualClock::pause();
    let expires_at = Some(clock::now().0 / 1_000 + 60);
    let setup = Setup { expires_at, ..Setup::default() };
    let mut fixture = Fixture::start_with(setup, TestStore::open().await);
    fixture.peer.next().await;
    clock.advance(Duration::from_secs(61)).await;
    assert_eq!(fixture.peer.closed().await, 4001);
}

#[actix::test]
async fn peer_that_answers_no_ping_is_closed() {
    let clock = ManualClock::pause();
    let mut fixture = Fixture::start().await;
    fixture.peer.next().await;
    clock.advance(Duration::from_secs(31)).await;
    clock.advance(Duration::from_secs(11)).await;
    fixture.peer.closed().await;
}

#[actix::test]
async fn leaving_hub_says_when_to_reconnect() {
    let mut fixture = Fixture::start().await;
    fixture.peer.next().await;
    fixture.tell(SessionMessage::Leave);
    assert_eq!(fixture.peer.next().await["type"], "going_away");
    assert_eq!(fixture.peer.closed().await, CloseCode::GoingAway.code());
}

#[actix::test]
async fn session_that_panics_is_detached() {
    let mut fixture = Fixture::start().await;
    fixture.peer.next().await;
    fixture.tell(SessionMessage::Crash);
    until("it detaches", || fixture.detached.len() == 1).await;
    assert!(!fixture.session.connected());
}

/// Compile-time check: everything that a session is told is a message without a reply.
const _: fn() = || {
    fn is_message<M: Message<Result = ()>>() {}
    is_message::<SessionMessage>();
};
