//! The registry between persistence and sessions that record.

use std::sync::atomic::Ordering;

use actix::Addr;

use super::*;
use crate::{
    bus::{BusChange, DeliverRemote, Received},
    domain::{
        inbox::{ClientId, RevisionStep},
        user::Identity,
    },
    protocol,
    runtime::settings::SettingValues,
    testing::{ManualClock, Recorded, TestStore, commit, recipient, settings, settle, until, user},
};

struct Fixture {
    registry: Addr<Registry>,
    store: TestStore,
    settings: Arc<RuntimeSettings>,
}

/// Attached session.
struct Attached {
    messages: Recorded<SessionMessage>,
    signals: Arc<super::super::Signals>,
    lease: oneshot::Receiver<()>,
}

impl Fixture {
    async fn start() -> Self {
        let store = TestStore::open().await;
        let settings = settings();
        let config = RegistryConfig {
            bus: crate::bus::Bus::default(),
            max_per_user: 2,
            settings: Arc::clone(&settings),
            trace: Arc::new(DeliveryTrace::new(
                crate::telemetry::TraceLimits { events: 10, minutes: 10, days: 0 },
                Timestamp(0),
            )),
        };
        let registry = Registry::new(store.store.clone(), config, DropGuard::detached()).start();
        Self { registry, store, settings }
    }

    async fn attach(&self, id: &str, client: ClientId) -> Attached {
        self.try_attach(id, client, 100).await.expect("there is room")
    }

    async fn try_attach(
        &self,
        id: &str,
        client: ClientId,
        capacity: usize,
    ) -> Result<Attached, TooManyConnections> {
        let (address, messages) = recipient(capacity);
        let signals = Arc::<super::super::Signals>::default();
        let info = Arc::new(info(id, client));
        let attach = Attach { info, address, signals: Arc::clone(&signals) };
        let lease = self.registry.send(attach).await.expect("the registry lives")?;
        Ok(Attached { messages, signals, lease })
    }

    async fn publish(&self, changes: Vec<Change>) {
        let publish = DeliverChanges { changes, received: Instant::now() };
        self.registry.send(publish).await.expect("the registry lives");
        settle().await;
    }
}

fn info(id: &str, client: ClientId) -> ClientInfo {
    ClientInfo {
        client,
        client_id: format!("client-{client}"),
        identity: Identity {
            user_id: user(id),
            login: None,
            roles: Vec::new(),
            expires_at: None,
            session: None,
        },
        connected_at: Timestamp(0),
        transport: "websocket",
    }
}

/// Returns the revisions of the pushes among messages.
fn revisions(messages: &Recorded<SessionMessage>) -> Vec<i64> {
    let messages = messages.take_all();
    let pushes = messages.iter().filter_map(|message| match message {
        SessionMessage::Push(push) => Some(push.step.revision),
        _ => None,
    });
    pushes.collect()
}

#[actix::test]
async fn change_reaches_every_session_of_its_user_and_nobody_else() {
    let fixture = Fixture::start().await;
    let first = fixture.attach("budi", 1).await;
    let second = fixture.attach("budi", 2).await;
    let other = fixture.attach("sari", 3).await;
    fixture.publish(commit(&fixture.store.store, &["budi"]).await).await;
    assert_eq!(revisions(&first.messages), [1]);
    assert_eq!(revisions(&second.messages), [1]);
    assert_eq!(revisions(&other.messages), Vec::<i64>::new());
}

#[actix::test]
async fn connection_beyond_the_limit_of_a_user_is_refused() {
    let fixture = Fixture::start().await;
    let _first = fixture.attach("budi", 1).await;
    let _second = fixture.attach("budi", 2).await;
    assert!(fixture.try_attach("budi", 3, 1).await.is_err());
    assert!(fixture.try_attach("sari", 4, 1).await.is_ok());
    assert_eq!(fixture.registry.send(CountSessions).await.expect("it lives"), 3);
}

#[actix::test]
async fn detached_session_gets_nothing() {
    let fixture = Fixture::start().await;
    let session = fixture.attach("budi", 1).await;
    let detach = Detach { user_id: user("budi"), client: 1 };
    fixture.registry.send(detach).await.expect("the registry lives");
    fixture.publish(commit(&fixture.store.store, &["budi"]).await).await;
    assert_eq!(session.messages.len(), 0);
    assert_eq!(fixture.registry.send(CountSessions).await.expect("it lives"), 0);
}

#[actix::test]
async fn session_with_a_full_mailbox_is_signaled_and_others_are_served() {
    let fixture = Fixture::start().await;
    let slow = fixture.try_attach("budi", 1, 1).await.expect("there is room");
    let fast = fixture.attach("budi", 2).await;
    let mut changes = Vec::new();
    for _ in 0..10 {
        changes.extend(commit(&fixture.store.store, &["budi"]).await);
    }
    // All in one message: the slow session cannot empty its mailbox in between.
    fixture.publish(changes).await;
    assert!(slow.signals.overflow.load(Ordering::Relaxed));
    assert!(!fast.signals.overflow.load(Ordering::Relaxed));
    assert_eq!(revisions(&fast.messages), (1..=10).collect::<Vec<i64>>());
}

#[actix::test]
async fn notifications_beyond_the_live_limit_are_summarized_after_five_seconds() {
    let clock = ManualClock::pause();
    let fixture = Fixture::start().await;
    fixture.settings.set(SettingValues {
        live_per_minute: 2,
        client_messages_per_minute: 0,
        archive_after_days: 30,
        delete_after_days: 0,
        history: 50,
    });
    let session = fixture.attach("budi", 1).await;
    for _ in 0..5 {
        fixture.publish(commit(&fixture.store.store, &["budi"]).await).await;
    }
    assert_eq!(revisions(&session.messages), [1, 2]);
    clock.advance(Duration::from_millis(5_001)).await;
    let messages = session.messages.take_all();
    let [SessionMessage::Push(push)] = &messages[..] else { panic!("one summary is expected") };
    assert!(matches!(push.content, super::super::Content::Summary(3, _)));
    assert_eq!((push.step.previous_revision, push.step.revision), (2, 5));
}

#[actix::test]
async fn live_limit_continues_when_the_user_reconnects() {
    let fixture = Fixture::start().await;
    fixture.settings.set(SettingValues {
        live_per_minute: 2,
        client_messages_per_minute: 0,
        archive_after_days: 30,
        delete_after_days: 0,
        history: 50,
    });
    for (client, expected) in [(1, vec![1]), (2, vec![2]), (3, vec![])] {
        let session = fixture.attach("budi", client).await;
        fixture.publish(commit(&fixture.store.store, &["budi"]).await).await;
        assert_eq!(revisions(&session.messages), expected);
        let detach = Detach { user_id: user("budi"), client };
        fixture.registry.send(detach).await.expect("the registry lives");
    }
}

#[actix::test]
async fn summary_is_sent_before_a_change_that_is_not_limited() {
    let fixture = Fixture::start().await;
    fixture.settings.set(SettingValues {
        live_per_minute: 1,
        client_messages_per_minute: 0,
        archive_after_days: 30,
        delete_after_days: 0,
        history: 50,
    });
    let session = fixture.attach("budi", 1).await;
    for _ in 0..3 {
        fixture.publish(commit(&fixture.store.store, &["budi"]).await).await;
    }
    let mark = crate::domain::inbox::BulkMark::Read;
    let store = &fixture.store.store;
    let change = store.mark_all(&user("budi"), mark, None, None, clock::now()).await;
    fixture.publish(vec![change.expect("the store writes")]).await;
    assert_eq!(revisions(&session.messages), [1, 3, 6], "push, summary, mark");
}

#[actix::test]
async fn signing_out_a_user_signals_all_of_their_sessions() {
    let fixture = Fixture::start().await;
    let first = fixture.attach("budi", 1).await;
    let second = fixture.attach("budi", 2).await;
    let other = fixture.attach("sari", 3).await;
    let revoke = Revoke(SignOutTarget::User(user("budi")));
    assert_eq!(fixture.registry.send(revoke).await.expect("it lives"), 2);
    assert!(first.signals.revoked.load(Ordering::Relaxed));
    assert!(second.signals.revoked.load(Ordering::Relaxed));
    assert!(!other.signals.revoked.load(Ordering::Relaxed));
}

/// Creates a change that another hub has committed.
fn remote(id: &str, previous_revision: i64, limited: bool) -> Received<BusChange> {
    let revision = previous_revision + 1;
    let change = BusChange {
        user_id: user(id),
        step: RevisionStep { previous_revision, revision, unread: revision, unseen: revision },
        limited: limited.then(|| "NOTE_CREATED".to_owned()),
        created: None,
        trace: None,
        frame: protocol::frame::text(b"{}"),
    };
    Received { content: change, at: Instant::now() }
}

#[actix::test]
async fn change_of_another_hub_reaches_every_session_of_its_user() {
    let fixture = Fixture::start().await;
    let first = fixture.attach("budi", 1).await;
    let second = fixture.attach("budi", 2).await;
    let other = fixture.attach("sari", 3).await;
    let changes = vec![remote("budi", 0, false), remote("nobody", 0, false)];
    fixture.registry.send(DeliverRemote(changes)).await.expect("the registry lives");
    settle().await;
    assert_eq!(revisions(&first.messages), [1]);
    assert_eq!(revisions(&second.messages), [1]);
    assert_eq!(revisions(&other.messages), Vec::<i64>::new());
}

#[actix::test]
async fn summary_does_not_cover_a_change_of_another_hub_that_was_lost() {
    let clock = ManualClock::pause();
    let fixture = Fixture::start().await;
    fixture.settings.set(SettingValues {
        live_per_minute: 1,
        client_messages_per_minute: 0,
        archive_after_days: 30,
        delete_after_days: 0,
        history: 50,
    });
    let session = fixture.attach("budi", 1).await;
    // The change with the revision 4 is lost.
    let changes = [0, 1, 2, 4, 5].map(|previous| remote("budi", previous, true));
    fixture.registry.send(DeliverRemote(changes.to_vec())).await.expect("the registry lives");
    clock.advance(Duration::from_millis(5_001)).await;
    let messages = session.messages.take_all();
    let steps: Vec<(i64, i64)> = messages
        .iter()
        .filter_map(|message| match message {
            SessionMessage::Push(push) => Some((push.step.previous_revision, push.step.revision)),
            _ => None,
        })
        .collect();
    assert_eq!(steps, [(0, 1), (1, 3), (4, 6)], "push, two summaries with a gap between them");
}

#[actix::test]
async fn reconciliation_tells_sessions_of_changes_that_were_never_published() {
    let fixture = Fixture::start().await;
    let session = fixture.attach("budi", 1).await;
    // Committed by a persistence actor that died before it published.
    commit(&fixture.store.store, &["budi"]).await;
    fixture.registry.send(Reconcile::Here).await.expect("the registry lives");
    let message = session.messages.next().await;
    assert!(matches!(message, SessionMessage::Behind { revision: 1 }));
}

#[actix::test]
async fn panic_ends_the_lease_of_every_session() {
    let fixture = Fixture::start().await;
    let mut session = fixture.attach("budi", 1).await;
    assert!(fixture.registry.send(Crash).await.is_err());
    until("the lease ends", || {
        matches!(session.lease.try_recv(), Err(oneshot::error::TryRecvError::Closed))
    })
    .await;
}

#[actix::test]
async fn stopping_hub_asks_every_session_to_leave() {
    let fixture = Fixture::start().await;
    let session = fixture.attach("budi", 1).await;
    fixture.registry.send(DismissAll).await.expect("the registry lives");
    assert!(matches!(session.messages.next().await, SessionMessage::Leave));
}

#[actix::test]
async fn session_that_attaches_to_a_stopping_hub_is_asked_to_leave() {
    let fixture = Fixture::start().await;
    fixture.registry.send(DismissAll).await.expect("the registry lives");
    let session = fixture.attach("budi", 1).await;
    assert!(matches!(session.messages.next().await, SessionMessage::Leave));
}
