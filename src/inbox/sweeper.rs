//! Sweeper actor: expiry, archiving, retention and purging, in small batches that delay commits
//! only briefly.
//!
//! It only watches the clock. Persistence makes the changes of inboxes, a bounded number at a time;
//! the next batch follows at once only while more is due. Identities, keys and tombstones are
//! purged directly.

use std::{sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use tokio::sync::oneshot;

use super::{Sweep, SweepTask, Swept};
use crate::{
    clock,
    cluster::{Leases, SWEEPER},
    domain::{inbox::SweepKind, notification::Timestamp},
    runtime::{
        MessageHandle, RuntimeSettings,
        supervisor::{Crash, DropGuard},
    },
    store::{ANSWER_KEPT_MS, Fence, IDENTITY_KEPT_MS, RetentionCursor, Store, TOMBSTONE_KEPT_MS},
    telemetry::{DeliveryTrace, metric},
};

/// Interval of checks for expired notifications; five seconds are promised.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// Interval of checks for old notifications and records.
const AGE_INTERVAL: Duration = Duration::from_mins(1);

/// Interval of checks for activity beyond its limits.
const ACTIVITY_INTERVAL: Duration = Duration::from_secs(10);

/// Pause between batches while more is due.
const BUSY_INTERVAL: Duration = Duration::from_millis(50);

/// Maximum number of notifications per batch: some milliseconds of the store's time.
const BATCH: i64 = 200;

/// Maximum number of records deleted at once.
const FORGET_BATCH: i64 = 2_000;

/// Number of inboxes that are verified every minute.
const VERIFIED: i64 = 100;

/// Retention of deliveries that have ended, in milliseconds: 30 days.
const DELIVERY_KEPT_MS: i64 = 30 * DAY_MS;

/// Milliseconds in a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Sweeper actor.
pub struct Sweeper {
    store: Store,
    persistence: MessageHandle<Sweep>,
    settings: Arc<RuntimeSettings>,
    trace: Arc<DeliveryTrace>,
    leases: Leases,
    _guard: DropGuard,
}

/// Task of the sweeper.
#[derive(Debug, Clone)]
enum Task {
    Expire,
    Wake,
    Archive,
    Discard,
    Delete,
    Retain(RetentionCursor),
    Forget,
    /// Delete activity beyond the limits of the delivery trace.
    Activity,
    /// Verify the inboxes after this user.
    Verify(String),
}

impl Sweeper {
    /// Creates a sweeper of `store` that changes inboxes through `persistence`, with the ages of
    /// `settings` and the limits of the delivery trace.
    #[must_use]
    pub fn new(
        store: Store,
        persistence: MessageHandle<Sweep>,
        (settings, trace): (Arc<RuntimeSettings>, Arc<DeliveryTrace>),
        leases: Leases,
        guard: DropGuard,
    ) -> Self {
        Self { store, persistence, settings, trace, leases, _guard: guard }
    }

    fn run(&self, task: Task, ctx: &mut Context<Self>) {
        let Some(fence) = self.leases.fence(SWEEPER) else {
            ctx.run_later(EXPIRY_INTERVAL, |sweeper, ctx| sweeper.run(task, ctx));
            return;
        };
        let (store, persistence) = (self.store.clone(), self.persistence.clone());
        let (archive_days, delete_days) =
            (self.settings.archive_after_days(), self.settings.delete_after_days());
        let (stored_events, stored_days) = self.trace.stored_limits();
        let now = clock::now();
        let step = async move {
            match task {
                Task::Expire => {
                    let swept =
                        sweep(&persistence, SweepTask::By(SweepKind::Expire, now), fence).await;
                    (Task::Expire, pause(is_more(swept.as_ref()), EXPIRY_INTERVAL))
                }
                Task::Wake => {
                    let swept =
                        sweep(&persistence, SweepTask::By(SweepKind::Wake, now), fence).await;
                    (Task::Wake, pause(is_more(swept.as_ref()), EXPIRY_INTERVAL))
                }
                Task::Archive => {
                    let before = days_before(now, archive_days);
                    let swept =
                        sweep(&persistence, SweepTask::By(SweepKind::Archive, before), fence).await;
                    (Task::Archive, pause(is_more(swept.as_ref()), AGE_INTERVAL))
                }
                Task::Discard => {
                    let swept =
                        sweep(&persistence, SweepTask::By(SweepKind::Discard, now), fence).await;
                    (Task::Discard, pause(is_more(swept.as_ref()), AGE_INTERVAL))
                }
                Task::Delete if delete_days == 0 => (Task::Delete, AGE_INTERVAL),
                Task::Delete => {
                    let before = days_before(now, delete_days);
                    let swept =
                        sweep(&persistence, SweepTask::By(SweepKind::Delete, before), fence).await;
                    (Task::Delete, pause(is_more(swept.as_ref()), AGE_INTERVAL))
                }
                Task::Retain(cursor) => {
                    match sweep(&persistence, SweepTask::Retention(cursor.clone()), fence).await {
                        Some(Swept { next: Some(next), .. }) => (Task::Retain(next), BUSY_INTERVAL),
                        Some(Swept { next: None, .. }) => {
                            (Task::Retain(RetentionCursor::default()), AGE_INTERVAL)
                        }
                        None => (Task::Retain(cursor), AGE_INTERVAL),
                    }
                }
                Task::Verify(after) => (Task::Verify(verify(&store, after).await), AGE_INTERVAL),
                Task::Activity => {
                    let before = days_before(now, stored_days);
                    let purged = store
                        .purge_activity(before, stored_events, FORGET_BATCH, now, &fence)
                        .await;
                    let more = purged.is_ok_and(is_full);
                    (Task::Activity, pause(more, ACTIVITY_INTERVAL))
                }
                Task::Forget => {
                    let more = forget(&store, now, delete_days).await;
                    (Task::Forget, pause(more, AGE_INTERVAL))
                }
            }
        };
        ctx.spawn(step.into_actor(self).map(|(task, pause), _, ctx| {
            ctx.run_later(pause, move |sweeper, ctx| sweeper.run(task, ctx));
        }));
    }
}

/// Returns the time some days ago.
fn days_before(now: Timestamp, days: i64) -> Timestamp {
    Timestamp(now.0.saturating_sub(days.saturating_mul(DAY_MS)))
}

/// Deletes a batch of old records of each kind. Returns whether there are more.
async fn forget(store: &Store, now: Timestamp, delete_days: i64) -> bool {
    let before = |kept: i64| now.0 - kept;
    let identities = store.purge_identities(before(IDENTITY_KEPT_MS), FORGET_BATCH).await;
    let keys = store.purge_idempotency_keys(before(ANSWER_KEPT_MS), FORGET_BATCH).await;
    let begun = store.purge_fan_outs(before(IDENTITY_KEPT_MS), FORGET_BATCH).await;
    let kept = match delete_days {
        0 => TOMBSTONE_KEPT_MS,
        days => TOMBSTONE_KEPT_MS.min(days.saturating_mul(DAY_MS)),
    };
    let tombstones = store.purge_tombstones(Timestamp(before(kept)), FORGET_BATCH).await;
    let attempts = store.purge_failed_attempts(before(IDENTITY_KEPT_MS), FORGET_BATCH).await;
    let deliveries =
        store.purge_deliveries(Timestamp(before(DELIVERY_KEPT_MS)), FORGET_BATCH).await;
    // The next round retries.
    let _ = store.shrink_log().await;
    [identities, keys, begun, tombstones, attempts, deliveries]
        .into_iter()
        .any(|forgotten| forgotten.is_ok_and(is_full))
}

/// Returns whether as many records were deleted as are at once.
fn is_full(rows: u64) -> bool {
    rows >= FORGET_BATCH.unsigned_abs()
}

/// Verifies the inboxes after a user, and with the last ones the deliveries. Returns the last user;
/// empty to start over.
async fn verify(store: &Store, after: String) -> String {
    // A store that is unavailable is asked again.
    let Ok(mut verified) = store.verify_inboxes(&after, VERIFIED).await else { return after };
    if verified.next.is_none() {
        let Ok(findings) = store.verify_deliveries().await else { return after };
        verified.findings.extend(findings);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most some hundreds")]
    let found = verified.findings.len() as f64;
    metrics::gauge!(metric::STORE_DRIFT).increment(found);
    for finding in &verified.findings {
        tracing::error!(finding, "store: inconsistent; run `lonceng verify`");
    }
    verified.next.unwrap_or_default()
}

/// Runs a sweep. Returns `None` while persistence or the store is unavailable: the next check
/// retries.
async fn sweep(persistence: &MessageHandle<Sweep>, task: SweepTask, fence: Fence) -> Option<Swept> {
    let (reply, answer) = oneshot::channel();
    persistence.send(Sweep { task, limit: BATCH, fence, reply }).await.ok()?;
    answer.await.ok()?.ok()
}

fn is_more(swept: Option<&Swept>) -> bool {
    swept.is_some_and(|swept| i64::try_from(swept.count).is_ok_and(|count| count >= BATCH))
}

fn pause(more: bool, otherwise: Duration) -> Duration {
    if more { BUSY_INTERVAL } else { otherwise }
}

impl Actor for Sweeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let all = [
            Task::Expire,
            Task::Wake,
            Task::Archive,
            Task::Discard,
            Task::Delete,
            Task::Retain(RetentionCursor::default()),
            Task::Forget,
            Task::Activity,
            Task::Verify(String::new()),
        ];
        for task in all {
            ctx.run_later(BUSY_INTERVAL, |sweeper, ctx| sweeper.run(task, ctx));
        }
    }
}

impl Handler<Crash> for Sweeper {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the sweeper was asked to crash");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ManualClock, Recorded, TestStore, settings, until};

    #[actix::test]
    async fn deletion_follows_a_reload_of_its_age() {
        let clock = ManualClock::pause();
        let test = TestStore::open().await;
        let tasks = Recorded::<SweepTask>::default();
        let recorded = tasks.clone();
        let persistence = MessageHandle::stub(move |sweep: Sweep| {
            recorded.push(sweep.task);
            let _ = sweep.reply.send(Ok(Swept { count: 0, next: None }));
            Some(())
        });
        let settings = settings();
        let values = |delete_after_days| crate::runtime::settings::SettingValues {
            live_per_minute: 0,
            client_messages_per_minute: 0,
            archive_after_days: 90,
            delete_after_days,
            history: 100,
        };
        settings.set(values(0));
        let (store, shared) = (test.store.clone(), Arc::clone(&settings));
        let guard = DropGuard::detached();
        let trace = Arc::<DeliveryTrace>::default();
        Sweeper::new(store, persistence, (shared, trace), Leases::alone(), guard).start();
        let deletes = || {
            let before = |task: &SweepTask| match task {
                SweepTask::By(SweepKind::Delete, before) => Some(*before),
                _ => None,
            };
            tasks.take_all().iter().filter_map(before).collect::<Vec<_>>()
        };
        for _ in 0..3 {
            clock.advance(AGE_INTERVAL).await;
        }
        until("the other sweeps run", || tasks.len() > 3).await;
        assert_eq!(deletes(), [], "0 is for never");

        settings.set(values(30));
        let mut before = Vec::new();
        for _ in 0..10 {
            clock.advance(AGE_INTERVAL).await;
            before.extend(deletes());
        }
        let age = clock::now().0 - before[0].0;
        assert!((30 * DAY_MS..31 * DAY_MS).contains(&age), "{age}");
        // A connection that is in use when the runtime ends would panic.
        test.store.close().await;
    }
}
