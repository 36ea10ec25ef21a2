//! The pipeline between a source and a persistence actor that records.

use std::sync::Arc;

use actix::{Actor as _, Addr};
use tokio::{sync::oneshot, time::Instant};

use super::{Ingest, Outcome, Pipeline, catalog::SharedCatalog};
use crate::{
    domain::{
        catalog::{Catalog, tests::row},
        event::Event,
        notification::Timestamp,
        skipped::Skipped,
    },
    feeds::FeedsHandle,
    inbox::{Commit, CommitOutcome},
    runtime::{
        Handle, MessageHandle,
        supervisor::{Crash, DropGuard},
    },
    telemetry::{DeliveryTrace, TraceLimits, UnknownTypes},
    testing::{Recorded, TestStore, event, recording, reply, settle, user},
};

/// Pipeline with the type NOTE, for the event's user.
struct Fixture {
    pipeline: Addr<Pipeline>,
    store: TestStore,
    trace: Arc<DeliveryTrace>,
    unknown_types: Arc<UnknownTypes>,
}

impl Fixture {
    async fn start(persistence: MessageHandle<Commit>) -> Self {
        let store = TestStore::open().await;
        let catalog = SharedCatalog::default();
        let (types, bad) = Catalog::build(&[row("NOTE", "{title}", "SELF")], &[], "en");
        assert_eq!(bad, []);
        catalog.publish(types);
        let trace = Arc::new(DeliveryTrace::new(
            TraceLimits { events: 100, minutes: 10, days: 1 },
            Timestamp(0),
        ));
        let unknown_types = Arc::<UnknownTypes>::default();
        let pipeline = Pipeline::new(
            store.store.clone(),
            catalog,
            persistence,
            FeedsHandle::new(
                crate::domain::feed::Feeds::default(),
                Handle::default(),
                crate::bus::Bus::default(),
            ),
            (Arc::clone(&trace), Arc::clone(&unknown_types)),
            DropGuard::detached(),
        );
        Self { pipeline: pipeline.start(), store, trace, unknown_types }
    }

    fn ingest(&self, events: Vec<Event>) -> oneshot::Receiver<Vec<Outcome>> {
        self.ingest_as(events, false, false)
    }

    fn ingest_as(
        &self,
        events: Vec<Event>,
        atomic: bool,
        strict: bool,
    ) -> oneshot::Receiver<Vec<Outcome>> {
        let (reply, outcomes) = oneshot::channel();
        let ingest = Ingest {
            events,
            atomic,
            strict,
            waits: true,
            source: "test",
            received: Instant::now(),
            reply,
        };
        self.pipeline.try_send(ingest).expect("the mailbox has room");
        outcomes
    }
}

/// Persistence that records commits and stores nothing; each event is answered with `outcome`.
fn persistence(outcome: CommitOutcome) -> (MessageHandle<Commit>, Recorded<Vec<String>>) {
    let recorded = Recorded::default();
    let messages = recorded.clone();
    let handle = MessageHandle::stub(move |commit: Commit| {
        let drafts = commit.events.iter().flat_map(|event| &event.drafts);
        messages.push(drafts.map(|(_, draft)| draft.message.clone()).collect());
        let _ = commit.reply.send(vec![outcome.clone(); commit.events.len()]);
        Some(())
    });
    (handle, recorded)
}

fn stored() -> CommitOutcome {
    CommitOutcome::Stored(vec![(user("budi"), uuid::Uuid::nil())])
}

#[actix::test]
async fn event_is_rendered_committed_and_accepted() {
    let (handle, commits) = persistence(stored());
    let fixture = Fixture::start(handle).await;
    let outcomes = reply(fixture.ingest(vec![event("e1", "budi")])).await.expect("a reply");
    assert!(matches!(&outcomes[..], [Outcome::Accepted(stored)] if stored.notifications == 1));
    assert_eq!(commits.take_all(), [["title of e1"]]);
}

#[actix::test]
async fn outcomes_are_in_the_order_of_the_events() {
    let (handle, commits) = persistence(stored());
    let fixture = Fixture::start(handle).await;
    let mut unknown = event("e2", "budi");
    unknown.code = "NOTES".to_owned();
    let events = vec![event("e1", "budi"), unknown, event("e3", "budi")];
    let outcomes = reply(fixture.ingest(events)).await.expect("a reply");
    assert!(
        matches!(
            &outcomes[..],
            [Outcome::Accepted(_), Outcome::Skipped(Skipped::NoType), Outcome::Accepted(_)]
        ),
        "{outcomes:?}"
    );
    assert_eq!(commits.take_all().concat(), ["title of e1", "title of e3"]);
    assert_eq!(fixture.unknown_types.latest(10).len(), 1);
}

#[actix::test]
async fn strict_event_without_a_type_is_rejected_and_nothing_is_committed() {
    let (handle, commits) = persistence(stored());
    let fixture = Fixture::start(handle).await;
    let mut unknown = event("e2", "budi");
    unknown.code = "NOTES".to_owned();
    let events = vec![event("e1", "budi"), unknown];
    let outcomes = reply(fixture.ingest_as(events, true, true)).await.expect("a reply");
    assert!(matches!(outcomes[1], Outcome::Rejected(_)), "{outcomes:?}");
    assert!(!matches!(outcomes[0], Outcome::Accepted(_)), "{outcomes:?}");
    assert_eq!(commits.len(), 0);
}

#[actix::test]
async fn event_that_cannot_be_rendered_is_rejected_beside_a_valid_one() {
    let (handle, commits) = persistence(stored());
    let fixture = Fixture::start(handle).await;
    let mut untitled = event("e1", "budi");
    untitled.data.clear();
    let outcomes =
        reply(fixture.ingest(vec![untitled, event("e2", "budi")])).await.expect("a reply");
    assert!(matches!(&outcomes[..], [Outcome::Rejected(_), Outcome::Accepted(_)]), "{outcomes:?}");
    assert_eq!(commits.take_all().concat(), ["title of e2"]);
}

#[actix::test]
async fn duplicate_is_reported_as_a_duplicate() {
    let (handle, _) = persistence(CommitOutcome::Duplicate);
    let fixture = Fixture::start(handle).await;
    let outcomes = reply(fixture.ingest(vec![event("e1", "budi")])).await.expect("a reply");
    assert!(matches!(&outcomes[..], [Outcome::Duplicate]), "{outcomes:?}");
}

#[actix::test]
async fn event_can_be_retried_while_persistence_is_restarting() {
    let fixture = Fixture::start(MessageHandle::gone()).await;
    let outcomes = reply(fixture.ingest(vec![event("e1", "budi")])).await.expect("a reply");
    assert!(matches!(&outcomes[..], [Outcome::Unavailable(_)]), "{outcomes:?}");
}

#[actix::test]
async fn event_can_be_retried_when_persistence_dies_with_it() {
    // The message is accepted, and its reply is dropped.
    let fixture = Fixture::start(MessageHandle::stub(|_| Some(()))).await;
    let outcomes = reply(fixture.ingest(vec![event("e1", "budi")])).await.expect("a reply");
    assert!(matches!(&outcomes[..], [Outcome::Unavailable(_)]), "{outcomes:?}");
}

#[actix::test]
async fn full_queue_of_persistence_is_passed_on_as_overloaded() {
    let (handle, _) = persistence(CommitOutcome::Overloaded);
    let fixture = Fixture::start(handle).await;
    let outcomes = reply(fixture.ingest(vec![event("e1", "budi")])).await.expect("a reply");
    assert!(matches!(&outcomes[..], [Outcome::Overloaded]), "{outcomes:?}");
}

#[actix::test]
async fn full_queue_answers_overloaded_at_once() {
    let (handle, _) = recording::<Commit>();
    let fixture = Fixture::start(handle).await;
    let mut large = event("large", "budi");
    large.bytes = 64 * 1024 * 1024;
    // The first batch is processed while the second fills the queue.
    let held = [fixture.ingest(vec![large.clone()]), fixture.ingest(vec![large])];
    let refused = fixture.ingest(vec![event("e1", "budi"), event("e2", "budi")]);
    let outcomes = reply(refused).await.expect("a reply");
    assert!(matches!(&outcomes[..], [Outcome::Overloaded, Outcome::Overloaded]), "{outcomes:?}");
    drop(held);
}

#[actix::test]
async fn muted_recipient_gets_no_draft() {
    let (handle, commits) = persistence(CommitOutcome::Stored(Vec::new()));
    let fixture = Fixture::start(handle).await;
    let preferences = serde_json::from_str(r#"{"muted_types":["NOTE"]}"#).expect("preferences");
    let store = &fixture.store.store;
    store.put_preferences(&user("budi"), &preferences, Timestamp(0)).await.expect("it writes");
    let outcomes = reply(fixture.ingest(vec![event("e1", "budi")])).await.expect("a reply");
    assert!(matches!(&outcomes[..], [Outcome::Skipped(_) | Outcome::Accepted(_)]), "{outcomes:?}");
    assert!(commits.take_all().concat().is_empty());
}

#[actix::test]
async fn trace_records_the_way_of_an_event() {
    let (handle, _) = persistence(stored());
    let fixture = Fixture::start(handle).await;
    reply(fixture.ingest(vec![event("e1", "budi")])).await.expect("a reply");
    let traces = fixture.trace.of_event("e1", 10);
    assert_eq!(traces.len(), 1);
    assert!(traces[0].concerns(&user("budi")));
}

#[actix::test]
async fn panic_drops_the_replies_of_waiting_events() {
    let (handle, _) = recording::<Commit>();
    let fixture = Fixture::start(handle).await;
    let first = fixture.ingest(vec![event("e1", "budi")]);
    settle().await;
    let second = fixture.ingest(vec![event("e2", "budi")]);
    fixture.pipeline.try_send(Crash).expect("the mailbox has room");
    assert!(reply(second).await.is_none(), "its source takes it as: try again");
    drop(first);
    assert!(!fixture.pipeline.connected());
}
