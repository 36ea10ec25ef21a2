//! Consumer, subscriber and scheduler between a broker and a pipeline that records.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::Actor as _;
use futures_util::future::LocalBoxFuture;
use serde_json::json;
use tokio::sync::watch;

use super::{
    Consumer, Disposition, EventSource, Processed, Retries, Scheduler, SourceMessage, Subscriber,
};
use crate::{
    clock,
    cluster::Leases,
    domain::{
        catalog::{Catalog, TypeRow, tests::row},
        event::Identity,
        notification::Timestamp,
        rejected::Rejected,
        schedule::Schedule,
    },
    pipeline::{Ingest, Outcome, Stored, catalog::SharedCatalog},
    runtime::{
        Handle, MessageHandle,
        supervisor::{ChildName, Crash, DropGuard, Supervise, Supervisor},
    },
    telemetry::Health,
    testing::{ManualClock, Recorded, TestStore, settle, until},
};

/// Pipeline that records the codes of events, and answers each event with `outcome`.
fn pipeline(
    outcome: impl Fn() -> Outcome + Send + Sync + 'static,
) -> (MessageHandle<Ingest>, Recorded<Ingest>) {
    let recorded = Recorded::default();
    let messages = recorded.clone();
    let handle = MessageHandle::stub(move |mut ingest: Ingest| {
        let (unused, _) = tokio::sync::oneshot::channel();
        let reply = std::mem::replace(&mut ingest.reply, unused);
        let _ = reply.send(ingest.events.iter().map(|_| outcome()).collect());
        messages.push(ingest);
        Some(())
    });
    (handle, recorded)
}

fn accepted() -> Outcome {
    Outcome::Accepted(Stored::default())
}

fn consumer(store: &TestStore, pipeline: MessageHandle<Ingest>) -> Consumer {
    Consumer {
        source: "test",
        max_event_bytes: 1_000,
        retries: Retries { max_deliver: 3, backoff_seconds: vec![1, 5, 30] },
        pipeline,
        store: store.store.clone(),
        health: Health::default(),
        trace: Arc::default(),
    }
}

fn message(payload: &'static str, sequence: u64) -> SourceMessage {
    SourceMessage {
        subject: "events.note".to_owned(),
        headers: Vec::new(),
        payload: bytes::Bytes::from_static(payload.as_bytes()),
        identity: Some(Identity::stream("S", 1, sequence)),
        delivered: 1,
    }
}

const NOTE: &str = r#"{"type":"NOTE","user_id":"budi"}"#;

/// Runs messages through a consumer; none of them may be a large fan-out.
async fn process(consumer: &Consumer, messages: &[SourceMessage]) -> Vec<Disposition> {
    let processed = consumer.process(messages).await;
    let done = |processed| match processed {
        Processed::Done(disposition) => disposition,
        Processed::InProgress(_) => panic!("it is in progress"),
    };
    processed.into_iter().map(done).collect()
}

#[actix::test]
async fn message_is_acknowledged_after_its_event_is_accepted() {
    let store = TestStore::open().await;
    let (handle, ingested) = pipeline(accepted);
    let consumer = consumer(&store, handle);
    let dispositions = process(&consumer, &[message(NOTE, 1), message(NOTE, 2)]).await;
    assert_eq!(dispositions, [Disposition::Ack, Disposition::Ack]);
    let ingested = ingested.take_all();
    assert_eq!(ingested.len(), 1, "messages received together are processed together");
    assert_eq!(ingested[0].events.len(), 2);
    assert!(!ingested[0].events[0].id.is_empty(), "an event without an ID gets one");
}

#[actix::test]
async fn malformed_message_is_stored_as_a_dead_letter_and_blocks_nothing() {
    let store = TestStore::open().await;
    let (handle, _) = pipeline(accepted);
    let consumer = consumer(&store, handle);
    let dispositions = process(&consumer, &[message("{", 1), message(NOTE, 2)]).await;
    assert!(matches!(dispositions[..], [Disposition::Reject(_), Disposition::Ack]));
    let letters = store.store.dead_letters(10).await.expect("it reads");
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].subject.as_deref(), Some("events.note"));
}

#[actix::test]
async fn oversized_message_is_rejected() {
    let store = TestStore::open().await;
    let (handle, ingested) = pipeline(accepted);
    let large: &'static str = Box::leak(format!("{NOTE}{}", " ".repeat(1_000)).into_boxed_str());
    let dispositions = process(&consumer(&store, handle), &[message(large, 1)]).await;
    assert!(matches!(dispositions[..], [Disposition::Reject(_)]));
    assert_eq!(ingested.len(), 0);
}

#[actix::test]
async fn message_is_redelivered_while_the_pipeline_is_gone() {
    let store = TestStore::open().await;
    let consumer = consumer(&store, MessageHandle::gone());
    let dispositions = process(&consumer, &[message(NOTE, 1)]).await;
    let after = Duration::from_secs(1);
    assert_eq!(dispositions, [Disposition::Retry { after, unavailable: true }]);
    assert_eq!(store.store.dead_letters(10).await.expect("it reads").len(), 0);
}

#[actix::test]
async fn message_is_redelivered_when_the_pipeline_dies_with_it() {
    let store = TestStore::open().await;
    // The message is accepted, and its reply is dropped.
    let consumer = consumer(&store, MessageHandle::stub(|_| Some(())));
    let dispositions = process(&consumer, &[message(NOTE, 1)]).await;
    assert!(matches!(dispositions[..], [Disposition::Retry { unavailable: true, .. }]));
}

#[actix::test]
async fn message_that_keeps_failing_becomes_a_dead_letter_at_max_deliver() {
    let store = TestStore::open().await;
    let (handle, _) = pipeline(|| Outcome::Failed("refused".to_owned()));
    let consumer = consumer(&store, handle);
    let mut waits = Vec::new();
    for _ in 0..2 {
        match process(&consumer, &[message(NOTE, 1)]).await.remove(0) {
            Disposition::Retry { after, unavailable: false } => waits.push(after.as_secs()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(waits, [1, 5]);
    let last = process(&consumer, &[message(NOTE, 1)]).await.remove(0);
    assert!(matches!(&last, Disposition::Reject(rejected) if rejected.detail.contains('3')));
    assert_eq!(store.store.dead_letters(10).await.expect("it reads").len(), 1);
}

#[actix::test]
async fn failures_of_the_hub_as_a_whole_use_up_no_attempt() {
    let store = TestStore::open().await;
    let (handle, _) = pipeline(|| Outcome::Overloaded);
    let consumer = consumer(&store, handle);
    for _ in 0..10 {
        let disposition = process(&consumer, &[message(NOTE, 1)]).await.remove(0);
        assert!(matches!(disposition, Disposition::Retry { unavailable: true, .. }));
    }
    assert_eq!(store.store.dead_letters(10).await.expect("it reads").len(), 0);
}

#[actix::test]
async fn batch_is_ingested_by_itself_and_as_a_whole() {
    const BATCH: &str = r#"[
        {"specversion":"1.0","id":"1","source":"s","type":"note","data":{"user_id":"budi"}},
        {"specversion":"1.0","id":"2","source":"s","type":"note","data":{"user_id":"budi"}}
    ]"#;
    let store = TestStore::open().await;
    let (handle, ingested) = pipeline(accepted);
    let consumer = consumer(&store, handle);
    let mut batch = message(BATCH, 1);
    let kind = "application/cloudevents-batch+json".to_owned();
    batch.headers = vec![("content-type".to_owned(), kind)];
    process(&consumer, &[batch, message(NOTE, 2)]).await;
    let shapes: Vec<(usize, bool)> =
        ingested.take_all().iter().map(|ingest| (ingest.events.len(), ingest.atomic)).collect();
    assert_eq!(shapes, [(1, false), (2, true)]);
}

#[actix::test]
async fn large_fan_out_is_acknowledged_at_its_end() {
    let store = TestStore::open().await;
    let (sender, progress) = watch::channel(None);
    let (handle, _) = pipeline(move || Outcome::InProgress(progress.clone()));
    let consumer = consumer(&store, handle);
    let message = message(NOTE, 1);
    let processed = consumer.process(std::slice::from_ref(&message)).await.remove(0);
    let Processed::InProgress(progress) = processed else { panic!("it is done") };
    sender.send(Some(accepted())).expect("the consumer waits");
    assert_eq!(consumer.finish(&message, progress).await, Disposition::Ack);
}

#[actix::test]
async fn interrupted_fan_out_is_redelivered() {
    let store = TestStore::open().await;
    let (sender, progress) = watch::channel(None);
    let (handle, _) = pipeline(accepted);
    let consumer = consumer(&store, handle);
    // The pipeline dies.
    drop(sender);
    let disposition = consumer.finish(&message(NOTE, 1), progress).await;
    assert!(matches!(disposition, Disposition::Retry { unavailable: true, .. }));
}

/// Source that counts how often it was started, and never ends.
struct CountingSource(AtomicUsize);

impl EventSource for CountingSource {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn retries(&self) -> Retries {
        Retries { max_deliver: 3, backoff_seconds: vec![1, 5, 30] }
    }

    fn run(self: Arc<Self>, _: Consumer) -> LocalBoxFuture<'static, ()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::pending())
    }
}

#[actix::test]
async fn source_runs_again_after_its_subscriber_panics() {
    let store = TestStore::open().await;
    let source = Arc::new(CountingSource(AtomicUsize::new(0)));
    let (handle, consumer) =
        (Handle::<Subscriber>::default(), consumer(&store, MessageHandle::gone()));
    let supervisor = Supervisor::new(Health::default()).start();
    let (running, filled) = (Arc::clone(&source), handle.clone());
    let start = Box::new(move |guard| {
        let source: Arc<dyn EventSource> = Arc::clone(&running) as _;
        filled.fill(Subscriber::new(source, consumer.clone(), guard).start());
    });
    let child = ChildName { actor: "subscriber", instance: "counting" };
    supervisor.send(Supervise { child, start }).await.expect("it lives");
    until("it runs", || source.0.load(Ordering::SeqCst) == 1).await;
    let clock = ManualClock::pause();
    assert!(handle.send(Crash).await.is_err());
    clock.advance(Duration::from_millis(20)).await;
    until("it runs again", || source.0.load(Ordering::SeqCst) == 2).await;
}

/// Type that is due every minute, for everybody with a role.
fn scheduled(code: &str, schedule: serde_json::Value) -> TypeRow {
    let mut row = row(code, "report", "ROLE");
    row.target_role = Some("admin".to_owned());
    row.schedule = Some(schedule);
    row
}

struct ScheduleFixture {
    store: TestStore,
    catalog: SharedCatalog,
    schedule: Schedule,
}

impl ScheduleFixture {
    async fn new(schedule: serde_json::Value) -> Self {
        let catalog = SharedCatalog::default();
        let (types, bad) = Catalog::build(&[scheduled("REPORT", schedule.clone())], &[], "en");
        assert_eq!(bad, []);
        catalog.publish(types);
        let schedule = Schedule::parse(&schedule).expect("a schedule");
        Self { store: TestStore::open().await, catalog, schedule }
    }

    /// Records a run ten minutes ago.
    async fn ran_before(&self) -> Timestamp {
        let before = Timestamp(clock::now().0 - 10 * 60_000);
        let (store, when) = (&self.store.store, self.schedule.when());
        store.begin_schedule("REPORT", &when, before).await.expect("it writes");
        before
    }

    fn start(&self, pipeline: MessageHandle<Ingest>) -> actix::Addr<Scheduler> {
        let (store, catalog) = (self.store.store.clone(), self.catalog.clone());
        Scheduler::new(store, catalog, pipeline, Leases::alone(), DropGuard::detached()).start()
    }

    async fn last_run(&self) -> Option<Timestamp> {
        let runs = self.store.store.schedule_runs().await.expect("it reads");
        runs.first().map(|run| run.at)
    }

    /// Waits until the last run is after a time.
    async fn has_run_after(&self, before: Timestamp) {
        for _ in 0..2_000 {
            if self.last_run().await.is_some_and(|at| at > before) {
                return;
            }
            settle().await;
        }
        panic!("no run after {before:?}");
    }
}

#[actix::test]
async fn new_schedule_begins_without_a_run() {
    let fixture = ScheduleFixture::new(json!("* * * * *")).await;
    let (handle, ingested) = pipeline(accepted);
    let _scheduler = fixture.start(handle);
    fixture.has_run_after(Timestamp(0)).await;
    assert_eq!(ingested.len(), 0);
}

#[actix::test]
async fn due_run_is_published_with_the_identity_of_its_time_and_recorded() {
    let fixture = ScheduleFixture::new(json!("* * * * *")).await;
    let before = fixture.ran_before().await;
    let (handle, ingested) = pipeline(accepted);
    let _scheduler = fixture.start(handle);
    fixture.has_run_after(before).await;
    let ingest = ingested.next().await;
    assert_eq!((ingest.source, ingest.waits), ("schedule", true));
    let due = fixture.last_run().await.expect("it ran");
    assert_eq!(ingest.events[0].identity, Some(Identity::schedule("REPORT", due.0)));
    assert_eq!(ingested.len(), 0, "missed runs are made up for once");
}

#[actix::test]
async fn run_is_retried_while_the_pipeline_is_gone() {
    let clock = ManualClock::pause();
    let fixture = ScheduleFixture::new(json!("* * * * *")).await;
    let before = fixture.ran_before().await;
    let attempts = Recorded::default();
    let tried = attempts.clone();
    let handle = MessageHandle::stub(move |_: Ingest| {
        tried.push(());
        None
    });
    let _scheduler = fixture.start(handle);
    until("the first attempt", || attempts.len() == 1).await;
    for _ in 0..3 {
        settle().await;
        clock.advance(Duration::from_secs(2)).await;
    }
    until("a second attempt", || attempts.len() >= 2).await;
    assert_eq!(fixture.last_run().await, Some(before), "nothing is recorded");
}

#[actix::test]
async fn missed_run_is_only_recorded_when_the_type_skips_it() {
    let schedule = json!({ "cron": "* * * * *", "missed": "skip" });
    let fixture = ScheduleFixture::new(schedule).await;
    let before = fixture.ran_before().await;
    let (handle, ingested) = pipeline(accepted);
    let _scheduler = fixture.start(handle);
    fixture.has_run_after(before).await;
    let sent = ingested.take_all();
    assert!(sent.len() <= 1, "at most the run of a minute that has just begun");
}

#[actix::test]
async fn count_of_zero_makes_no_event_and_is_recorded() {
    let schedule = json!({ "cron": "* * * * *", "count": "NOTE" });
    let fixture = ScheduleFixture::new(schedule).await;
    let before = fixture.ran_before().await;
    let (handle, ingested) = pipeline(accepted);
    let _scheduler = fixture.start(handle);
    fixture.has_run_after(before).await;
    assert_eq!(ingested.len(), 0);
}

#[actix::test]
async fn rejected_run_is_recorded_and_not_retried() {
    let fixture = ScheduleFixture::new(json!("* * * * *")).await;
    let before = fixture.ran_before().await;
    let (handle, ingested) =
        pipeline(|| Outcome::Rejected(Rejected::missing("title", "the template needs it")));
    let _scheduler = fixture.start(handle);
    fixture.has_run_after(before).await;
    assert_eq!(ingested.len(), 1);
}
