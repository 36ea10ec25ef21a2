//! One batch: commit, deliver, reply.

use tokio::time::Instant;

use super::{Operation, PersistenceConfig, spans::CommitSpans, take_out::take_out};
use crate::{
    clock,
    domain::inbox::{BulkMark, Change, ChangeKind, Mark, SweepKind},
    inbox::{
        Commit, CommitOutcome, DeliverChanges, MarkAll, MarkOne, Sweep, SweepTask, Swept, TakeOut,
    },
    runtime::MessageHandle,
    store::{Committed, MarkOutcome, Planned, Store, StoreError},
    telemetry::{PartState, metric},
};

/// Result for each event of a batch.
type Results = Vec<Result<Committed, StoreError>>;

/// Processes a batch. Returns the state of the store.
pub(super) async fn run(
    store: Store,
    registry: MessageHandle<DeliverChanges>,
    settings: PersistenceConfig,
    operations: Vec<Operation>,
) -> PartState {
    let mut state = PartState::Ok;
    let mut commits = Vec::new();
    for operation in operations {
        let result = match operation {
            Operation::Commit(commit) => {
                commits.push(commit);
                continue;
            }
            Operation::Mark(MarkOne { user_id, id, mark, origin, reply }) => {
                (store.mark(&user_id, id, mark, origin, clock::now()).await, reply)
            }
            Operation::MarkAll(MarkAll { user_id, mark, up_to, origin, reply }) => {
                let change = store.mark_all(&user_id, mark, up_to, origin, clock::now()).await;
                (change.map(MarkOutcome::Done), reply)
            }
            Operation::TakeOut(request) => {
                run_take_out(&store, &registry, &settings, request, &mut state).await;
                continue;
            }
            Operation::Sweep(sweep) => {
                run_sweep(&store, &registry, sweep, &mut state).await;
                continue;
            }
        };
        let (outcome, reply) = result;
        record_store_state(&mut state, outcome.as_ref().err());
        if let Ok(MarkOutcome::Done(change)) = &outcome {
            count_mark(change);
            if settings.closes_pushes && close_pushed(&store, change).await {
                settings.due.notify_waiters();
            }
            deliver(&registry, vec![change.clone()], Instant::now()).await;
        }
        // The caller may be gone, and needs no reply then.
        let _ = reply.send(outcome);
    }
    if !commits.is_empty() {
        let commits_deliveries =
            commits.iter().flat_map(|commit| &commit.events).any(Planned::has_deliveries);
        commit_all(&store, &registry, commits, &mut state).await;
        if commits_deliveries {
            settings.due.notify_waiters();
        }
    }
    state
}

/// Schedules pushes that close a notification on other devices when it was dealt with on one.
/// Returns whether there are any. A failure is not repeated: only the notification of the operating
/// system stays.
async fn close_pushed(store: &Store, change: &Change) -> bool {
    if let ChangeKind::All { mark: BulkMark::Read, from_revision, .. } = change.kind {
        let closed = store.close_read(&change.user_id, from_revision, clock::now());
        return closed.await.unwrap_or(false);
    }
    let Some(item) = &change.notification else { return false };
    // A push shows the message as it was; after a recall nobody should read it there.
    let dealt_with = matches!(
        change.kind,
        ChangeKind::Shrunk
            | ChangeKind::Marked(
                Mark::Read | Mark::Click(_) | Mark::Archive | Mark::Delete | Mark::Snooze(_)
            )
    );
    dealt_with && store.close_pushed(item, clock::now()).await.unwrap_or(false)
}

async fn run_take_out(
    store: &Store,
    registry: &MessageHandle<DeliverChanges>,
    settings: &PersistenceConfig,
    request: TakeOut,
    state: &mut PartState,
) {
    let taken = take_out(store, &request).await;
    record_store_state(state, taken.as_ref().err());
    let cancelled = match taken {
        Ok(Some((change, cancelled))) => {
            if settings.closes_pushes && close_pushed(store, &change).await {
                settings.due.notify_waiters();
            }
            deliver(registry, vec![change], Instant::now()).await;
            Ok(Some(cancelled))
        }
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    // The caller may be gone, and needs no reply then.
    let _ = request.reply.send(cancelled);
}

async fn run_sweep(
    store: &Store,
    registry: &MessageHandle<DeliverChanges>,
    sweep: Sweep,
    state: &mut PartState,
) {
    let Sweep { task, limit, fence, reply } = sweep;
    let swept = match task {
        SweepTask::By(kind, before) => {
            let swept = store.sweep(kind, before, limit, clock::now(), &fence).await;
            swept.map(|changes| (changes, None))
        }
        SweepTask::Retention(cursor) => {
            store.sweep_retention(&cursor, clock::now(), limit, &fence).await
        }
    };
    record_store_state(state, swept.as_ref().err());
    let swept = match swept {
        Ok((changes, next)) => {
            let cleared = |change: &&Change| {
                matches!(
                    change.kind,
                    ChangeKind::Swept(SweepKind::Expire | SweepKind::RetentionEnded)
                )
            };
            metrics::counter!(metric::AUTO_CLEARED)
                .increment(changes.iter().filter(cleared).count() as u64);
            let count = changes.len();
            deliver(registry, changes, Instant::now()).await;
            Ok(Swept { count, next })
        }
        Err(error) => Err(error),
    };
    // A restarted sweeper sweeps again.
    let _ = reply.send(swept);
}

async fn commit_all(
    store: &Store,
    registry: &MessageHandle<DeliverChanges>,
    commits: Vec<Commit>,
    state: &mut PartState,
) {
    let sizes: Vec<usize> = commits.iter().map(|commit| commit.events.len()).collect();
    let mut answers = Vec::with_capacity(commits.len());
    let (mut events, mut ends, mut atomic) = (Vec::new(), Vec::new(), Vec::new());
    for commit in commits {
        events.extend(commit.events);
        ends.push(events.len());
        atomic.push(commit.atomic);
        answers.push((commit.received, commit.reply));
    }
    let spans = CommitSpans::start(&events, store.kind());
    let mut results = match commit(store, &events).await {
        Ok(committed) => committed.into_iter().map(Ok).collect(),
        Err(error) if error.is_transient() => fail_all(&error, events.len()),
        // One refused event must not fail the others.
        Err(error) => isolate(store, &events, &ends, &atomic, error).await,
    };
    spans.finish(&mut results);
    for (size, (received, reply)) in sizes.into_iter().zip(answers) {
        let own: Results = results.drain(..size).collect();
        let mut changes = Vec::new();
        let outcomes = own
            .into_iter()
            .map(|result| {
                record_store_state(state, result.as_ref().err());
                outcome(result, &mut changes)
            })
            .collect();
        count_new(changes.len());
        deliver(registry, changes, received).await;
        let _ = reply.send(outcomes);
    }
}

/// Commits events in one transaction, with metrics.
async fn commit(store: &Store, events: &[Planned]) -> Result<Vec<Committed>, StoreError> {
    let started = Instant::now();
    let committed = store.commit(events, clock::now()).await?;
    let rows: usize = committed
        .iter()
        .map(|committed| match committed {
            Committed::Stored(changes) => changes.len(),
            Committed::Duplicate => 0,
        })
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
    metrics::histogram!(metric::BATCH_ROWS).record(rows as f64);
    metrics::histogram!(metric::BATCH_SECONDS).record(started.elapsed().as_secs_f64());
    Ok(committed)
}

/// Commits each message separately, and the events of one that is not atomic separately, after the
/// store refused all together.
async fn isolate(
    store: &Store,
    events: &[Planned],
    ends: &[usize],
    atomic: &[bool],
    error: StoreError,
) -> Results {
    if events.len() == 1 {
        return vec![Err(error)];
    }
    tracing::warn!(%error, events = events.len(), "store: batch refused; committing its events \
    one by one");
    let mut results: Results = Vec::with_capacity(events.len());
    let mut start = 0;
    for (end, atomic) in ends.iter().zip(atomic) {
        let operation = &events[start..*end];
        start = *end;
        let pieces: Vec<&[Planned]> =
            if *atomic { vec![operation] } else { operation.chunks(1).collect() };
        for piece in pieces {
            match commit(store, piece).await {
                Ok(committed) => results.extend(committed.into_iter().map(Ok)),
                Err(error) => results.extend(repeat_error(&error, piece.len())),
            }
        }
    }
    results
}

fn fail_all(error: &StoreError, count: usize) -> Results {
    (0..count).map(|_| Err(StoreError::Unavailable(error.to_string()))).collect()
}

fn repeat_error(error: &StoreError, count: usize) -> Results {
    let transient = error.is_transient();
    let text = error.to_string();
    let again = |_| {
        Err(if transient {
            StoreError::Unavailable(text.clone())
        } else {
            StoreError::Refused(text.clone())
        })
    };
    (0..count).map(again).collect()
}

fn outcome(result: Result<Committed, StoreError>, changes: &mut Vec<Change>) -> CommitOutcome {
    match result {
        Ok(Committed::Duplicate) => CommitOutcome::Duplicate,
        Ok(Committed::Stored(new)) => {
            let recipient_of = |change: &Change| {
                let notification = change.notification.as_ref()?;
                Some((change.user_id.clone(), notification.notification_id))
            };
            let accepted: Vec<_> = new.iter().filter_map(recipient_of).collect();
            changes.extend(new);
            CommitOutcome::Stored(accepted)
        }
        Err(error) => CommitOutcome::from(&error),
    }
}

/// Sends changes to the registry, and waits for room in its mailbox; the registry never waits for
/// persistence. When it is gone, its sessions attach to the next one and catch up from the store.
async fn deliver(
    registry: &MessageHandle<DeliverChanges>,
    changes: Vec<Change>,
    received: Instant,
) {
    if !changes.is_empty() {
        let _ = registry.post(DeliverChanges { changes, received }).await;
    }
}

fn record_store_state(state: &mut PartState, error: Option<&StoreError>) {
    match error {
        // A full queue, or a sweep that another hub does now, is not a failure of the store.
        None | Some(StoreError::Overloaded | StoreError::LeaseLost(_)) => {}
        Some(error) if error.is_transient() => *state = PartState::Down(error.to_string()),
        Some(error) => tracing::error!(%error, "store: statement refused"),
    }
}

fn count_new(rows: usize) {
    metrics::counter!(metric::SENT).increment(rows as u64);
}

fn count_mark(change: &Change) {
    let read = match change.kind {
        ChangeKind::Marked(Mark::Read) => 1,
        // Counted only if following the action also read it.
        ChangeKind::Marked(Mark::Click(_)) => i64::from(
            change.notification.as_ref().is_some_and(|item| item.read_at == item.clicked_at),
        ),
        ChangeKind::All { mark: BulkMark::Read, .. } => {
            change.step.revision - change.step.previous_revision
        }
        _ => 0,
    };
    metrics::counter!(metric::ACKED).increment(read.unsigned_abs());
}
