//! Persistence between a pipeline and a registry that records.

use std::time::Duration;

use actix::{Actor as _, Addr, Handler, Message, dev::ToEnvelope};
use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use super::{
    Commit, CommitOutcome, DeliverChanges, MarkAll, MarkOne, Persistence, PersistenceConfig,
    Reconcile, Sweep, SweepTask,
};
use crate::{
    clock,
    domain::{
        inbox::{BulkMark, ChangeKind, Mark, SweepKind},
        notification::Timestamp,
    },
    runtime::{
        MessageHandle,
        supervisor::{Crash, DropGuard},
    },
    store::{Fence, MarkOutcome, Planned, StoreError},
    telemetry::Health,
    testing::{Recorded, TestStore, planned, recording, reply, until, user},
};

struct Fixture {
    persistence: Addr<Persistence>,
    store: TestStore,
    published: Recorded<DeliverChanges>,
    reconciled: Recorded<Reconcile>,
    health: Health,
}

impl Fixture {
    async fn start() -> Self {
        let (deliver, published) = recording();
        let mut fixture = Self::start_with(deliver, Duration::ZERO).await;
        fixture.published = published;
        fixture
    }

    async fn start_with(deliver: MessageHandle<DeliverChanges>, batch_wait: Duration) -> Self {
        let store = TestStore::open().await;
        let (reconcile, reconciled) = recording();
        let health = Health::default();
        let persistence = Persistence::new(
            store.store.clone(),
            (deliver, reconcile),
            health.clone(),
            PersistenceConfig {
                batch_max: 500,
                batch_wait,
                due: std::sync::Arc::default(),
                closes_pushes: false,
            },
            DropGuard::detached(),
        );
        let persistence = persistence.start();
        Self { persistence, store, published: Recorded::default(), reconciled, health }
    }

    fn send<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Persistence: Handler<M>,
        <Persistence as actix::Actor>::Context: ToEnvelope<Persistence, M>,
    {
        self.persistence.try_send(message).expect("the mailbox has room");
    }

    fn commit(&self, events: Vec<Planned>) -> oneshot::Receiver<Vec<CommitOutcome>> {
        let (reply, outcomes) = oneshot::channel();
        self.send(Commit { events, atomic: false, received: Instant::now(), reply });
        outcomes
    }

    fn mark(&self, id: Uuid, mark: Mark) -> oneshot::Receiver<Result<MarkOutcome, StoreError>> {
        let (reply, outcome) = oneshot::channel();
        let origin = Some(7);
        self.send(MarkOne { user_id: user("budi"), id, mark, origin, reply });
        outcome
    }

    /// Commits one notification of budi's, and returns its ID.
    async fn one(&self) -> Uuid {
        let event = planned(None, &["budi"]);
        let id = event.drafts[0].0;
        reply(self.commit(vec![event])).await.expect("a reply");
        self.published.take_all();
        id
    }
}

fn is_stored(outcome: &CommitOutcome) -> bool {
    matches!(outcome, CommitOutcome::Stored(_))
}

#[actix::test]
async fn committed_changes_are_published_before_the_reply() {
    let fixture = Fixture::start().await;
    let outcomes = reply(fixture.commit(vec![planned(Some("a"), &["budi", "sari"])])).await;
    assert!(is_stored(&outcomes.expect("a reply")[0]));
    let published = fixture.published.take_all();
    assert_eq!(published.len(), 1);
    let changes = &published[0].changes;
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|change| matches!(change.kind, ChangeKind::New { .. })));
    assert!(changes.iter().all(|change| change.step.revision == 1));
    let inbox = fixture.store.store.inbox(&user("budi")).await.expect("it reads");
    assert_eq!((inbox.revision, inbox.unread), (1, 1));
}

#[actix::test]
async fn known_identity_is_a_duplicate_and_publishes_nothing() {
    let fixture = Fixture::start().await;
    reply(fixture.commit(vec![planned(Some("a"), &["budi"])])).await.expect("a reply");
    fixture.published.take_all();
    let outcomes = reply(fixture.commit(vec![planned(Some("a"), &["budi"])])).await;
    assert_eq!(outcomes.expect("a reply"), [CommitOutcome::Duplicate]);
    assert_eq!(fixture.published.len(), 0);
}

#[actix::test]
async fn commit_succeeds_while_the_registry_is_gone() {
    let fixture = Fixture::start_with(MessageHandle::gone(), Duration::ZERO).await;
    let outcomes = reply(fixture.commit(vec![planned(Some("a"), &["budi"])])).await;
    assert!(is_stored(&outcomes.expect("a reply")[0]));
    let inbox = fixture.store.store.inbox(&user("budi")).await.expect("it reads");
    assert_eq!(inbox.unread, 1, "its sessions catch up from the store");
}

#[actix::test]
async fn events_waiting_together_are_committed_in_one_batch() {
    let (deliver, published) = recording();
    let fixture = Fixture::start_with(deliver, Duration::from_millis(20)).await;
    let replies = [
        fixture.commit(vec![planned(Some("a"), &["budi"])]),
        fixture.commit(vec![planned(Some("b"), &["budi"])]),
    ];
    for outcomes in replies {
        assert!(is_stored(&reply(outcomes).await.expect("a reply")[0]));
    }
    let revisions: Vec<i64> = published
        .take_all()
        .iter()
        .flat_map(|message| &message.changes)
        .map(|change| change.step.revision)
        .collect();
    assert_eq!(revisions, [1, 2], "in the order of their arrival");
}

#[actix::test]
async fn full_queue_answers_overloaded() {
    let fixture = Fixture::start_with(MessageHandle::gone(), Duration::from_mins(1)).await;
    let users: Vec<String> = (0..50_000).map(|n| format!("u{n}")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    // The first batch is in progress; what is queued behind it fills the queue.
    let first = fixture.commit(vec![planned(None, &["budi"])]);
    let queued = fixture.commit(vec![planned(None, &users)]);
    let refused = fixture.commit(vec![planned(None, &["budi"])]);
    assert_eq!(reply(refused).await.expect("a reply"), [CommitOutcome::Overloaded]);
    let mark = fixture.mark(Uuid::nil(), Mark::Read);
    assert!(matches!(reply(mark).await, Some(Err(StoreError::Overloaded))));
    drop((first, queued));
}

#[actix::test]
async fn mark_is_published_with_its_origin() {
    let fixture = Fixture::start().await;
    let id = fixture.one().await;
    let outcome = reply(fixture.mark(id, Mark::Read)).await.expect("a reply");
    assert!(matches!(outcome, Ok(MarkOutcome::Done(_))), "{outcome:?}");
    let published = fixture.published.take_all();
    let change = &published[0].changes[0];
    assert_eq!((change.origin, change.step.revision, change.step.unread), (Some(7), 2, 0));
}

#[actix::test]
async fn mark_of_an_unknown_notification_is_not_found_and_publishes_nothing() {
    let fixture = Fixture::start().await;
    fixture.one().await;
    let outcome = reply(fixture.mark(Uuid::now_v7(), Mark::Read)).await.expect("a reply");
    assert!(matches!(outcome, Ok(MarkOutcome::NotFound)), "{outcome:?}");
    assert_eq!(fixture.published.len(), 0);
}

#[actix::test]
async fn bulk_mark_takes_a_revision_for_each_notification() {
    let fixture = Fixture::start().await;
    fixture.one().await;
    fixture.one().await;
    let (sender, outcome) = oneshot::channel();
    let (user_id, mark) = (user("budi"), BulkMark::Read);
    fixture.send(MarkAll { user_id, mark, up_to: None, origin: None, reply: sender });
    let Some(Ok(MarkOutcome::Done(change))) = reply(outcome).await else {
        panic!("it is not done");
    };
    assert_eq!((change.step.previous_revision, change.step.revision), (2, 4));
    assert_eq!(change.step.unread, 0);
}

#[actix::test]
async fn sweep_publishes_what_expired() {
    let fixture = Fixture::start().await;
    let mut event = planned(None, &["budi"]);
    event.drafts[0].1.expires_at = Some(Timestamp(clock::now().0 - 1));
    reply(fixture.commit(vec![event])).await.expect("a reply");
    fixture.published.take_all();
    let (sender, swept) = oneshot::channel();
    let task = SweepTask::By(SweepKind::Expire, clock::now());
    fixture.send(Sweep { task, limit: 10, fence: Fence::alone("sweeper"), reply: sender });
    assert_eq!(reply(swept).await.expect("a reply").expect("it sweeps").count, 1);
    let published = fixture.published.take_all();
    assert!(matches!(published[0].changes[0].kind, ChangeKind::Swept(SweepKind::Expire)));
}

#[actix::test]
async fn start_asks_the_registry_to_reconcile() {
    let fixture = Fixture::start().await;
    until("it asks", || fixture.reconciled.len() == 1).await;
}

#[actix::test]
async fn panic_drops_the_replies_of_waiting_events() {
    let fixture = Fixture::start_with(MessageHandle::gone(), Duration::from_mins(1)).await;
    let outcomes = fixture.commit(vec![planned(Some("a"), &["budi"])]);
    fixture.send(Crash);
    assert!(reply(outcomes).await.is_none(), "its sender takes it as: try again");
    assert!(!fixture.persistence.connected());
}

#[actix::test]
async fn unavailable_store_is_reported_and_the_event_can_be_retried() {
    let fixture = Fixture::start().await;
    // A store whose folder is gone cannot begin a transaction.
    fixture.store.store.close().await;
    let outcomes = reply(fixture.commit(vec![planned(Some("a"), &["budi"])])).await;
    let outcomes = outcomes.expect("a reply");
    assert!(matches!(&outcomes[..], [CommitOutcome::Unavailable(_)]), "{outcomes:?}");
    until("readiness shows it", || fixture.health.is_down("store")).await;
    assert_eq!(fixture.published.len(), 0);
}
