//! Scheduler actor: publishes an event for each notification type whose cron schedule is due.
//!
//! The catalog is checked every second, at the hub that holds the lease. The identity of the event
//! is the type and the time at which it was due: if a hub that has just lost the lease publishes it
//! too, one of both is a duplicate. The run is recorded after that; a hub that dies in between
//! repeats it, and finds a duplicate.

use std::{collections::HashSet, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use serde_json::{Map, json};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    clock,
    cluster::{Leases, SCHEDULER},
    domain::{
        catalog::NotificationType,
        event::{Event, Identity},
        notification::Timestamp,
        schedule::{DueRun, Schedule},
    },
    pipeline::{Ingest, Outcome, catalog::SharedCatalog},
    runtime::{
        MessageHandle,
        supervisor::{Crash, DropGuard},
    },
    store::{ScheduleRun, Store, StoreError},
};

/// Interval of checks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Time for commits to settle before a count, in milliseconds: a notification from before the run
/// must not be committed after the count.
const SETTLE_MS: i64 = 2_000;

/// Tolerance for a last run in the future, in milliseconds: the clocks of several hubs differ a
/// little.
const AHEAD_MS: i64 = 60_000;

/// Scheduler actor.
pub struct Scheduler {
    store: Store,
    catalog: SharedCatalog,
    pipeline: MessageHandle<Ingest>,
    leases: Leases,
    /// Types with a run in progress: a large fan-out must not delay other types.
    in_flight: HashSet<String>,
    _guard: DropGuard,
}

impl Scheduler {
    /// Creates a scheduler of the types in `catalog` that publishes to `pipeline`.
    #[must_use]
    pub fn new(
        store: Store,
        catalog: SharedCatalog,
        pipeline: MessageHandle<Ingest>,
        leases: Leases,
        guard: DropGuard,
    ) -> Self {
        Self { store, catalog, pipeline, leases, in_flight: HashSet::new(), _guard: guard }
    }

    fn poll(&self, ctx: &mut Context<Self>) {
        if self.leases.fence(SCHEDULER).is_none() {
            ctx.run_later(INTERVAL, |scheduler, ctx| scheduler.poll(ctx));
            return;
        }
        let store = self.store.clone();
        let runs = async move { store.schedule_runs().await };
        ctx.spawn(runs.into_actor(self).map(|runs, scheduler, ctx| {
            // The store reports its state itself; the next check finds the same runs.
            if let Ok(runs) = runs {
                scheduler.start_due_runs(&runs, ctx);
            }
            ctx.run_later(INTERVAL, |scheduler, ctx| scheduler.poll(ctx));
        }));
    }

    fn start_due_runs(&mut self, runs: &[ScheduleRun], ctx: &mut Context<Self>) {
        let (catalog, now) = (self.catalog.current(), clock::now());
        let active = || catalog.scheduled().filter(|(kind, _)| kind.is_active);
        for (kind, schedule) in active() {
            if self.in_flight.contains(&kind.code) {
                continue;
            }
            let known =
                runs.iter().find(|run| run.code == kind.code && run.schedule == schedule.when());
            // The clock was ahead for a moment: no run would be due until then.
            let ahead = known.filter(|run| run.at.0 > now.0 + AHEAD_MS);
            if let Some(run) = ahead {
                let (code, last_run) = (&kind.code, run.at.to_rfc3339());
                tracing::warn!(
                    code,
                    last_run,
                    "scheduler: the last run is in the future; restarting the schedule"
                );
            }
            let due =
                known.and_then(|run| Some((run.at, schedule.due(run.at, settled(schedule, now))?)));
            let step = match (known, due) {
                _ if ahead.is_some() => ScheduleStep::Restart(now),
                (Some(_), None) => continue,
                (None, _) => ScheduleStep::Begin(now),
                (Some(_), Some((last, due))) => ScheduleStep::Run(last, due),
            };
            self.in_flight.insert(kind.code.clone());
            let done = advance(
                self.store.clone(),
                self.pipeline.clone(),
                Arc::clone(kind),
                schedule.clone(),
                step,
            );
            let code = kind.code.clone();
            ctx.spawn(done.into_actor(self).map(move |_, scheduler, _| {
                scheduler.in_flight.remove(&code);
            }));
        }
        // An inactive type, or one without a schedule, begins anew later.
        let gone = runs.iter().filter(|run| !active().any(|(kind, _)| kind.code == run.code));
        for run in gone {
            let (store, code) = (self.store.clone(), run.code.clone());
            ctx.spawn(async move { drop(store.forget_schedule(&code).await) }.into_actor(self));
        }
    }
}

/// Next step of a schedule.
enum ScheduleStep {
    /// A new schedule begins at this time.
    Begin(Timestamp),
    /// The last run is in the future: the schedule begins anew at this time.
    Restart(Timestamp),
    /// A run, after the last one at this time.
    Run(Timestamp, DueRun),
}

/// Returns the time up to which runs are due.
fn settled(schedule: &Schedule, now: Timestamp) -> Timestamp {
    if schedule.count().is_some() { Timestamp(now.0 - SETTLE_MS) } else { now }
}

async fn advance(
    store: Store,
    pipeline: MessageHandle<Ingest>,
    kind: Arc<NotificationType>,
    schedule: Schedule,
    step: ScheduleStep,
) -> Result<(), StoreError> {
    let code = &kind.code;
    let (last, DueRun { at, skipped }) = match step {
        ScheduleStep::Begin(now) => return store.begin_schedule(code, &schedule.when(), now).await,
        ScheduleStep::Restart(now) => return store.restart_schedule(code, now).await,
        ScheduleStep::Run(last, due) => (last, due),
    };
    if skipped {
        tracing::info!(code, due = at.to_rfc3339(), "scheduler: missed run skipped, as configured");
    } else {
        let count = match schedule.count() {
            Some(counted) => Some(store.count_made(counted, last, at).await?),
            None => None,
        };
        // A count of zero makes no notification.
        if count != Some(0) && !run(&pipeline, event(code, last, at, count)).await {
            return Ok(());
        }
    }
    store.schedule_has_run(code, at).await
}

fn event(code: &str, last: Timestamp, at: Timestamp, count: Option<i64>) -> Event {
    let mut data = Map::new();
    data.insert("since".to_owned(), json!(last));
    if let Some(count) = count {
        data.insert("count".to_owned(), json!(count));
    }
    let identity = Identity::schedule(code, at.0);
    Event {
        id: identity.to_string(),
        identity: Some(identity),
        name: code.to_owned(),
        code: code.to_owned(),
        source: Some("schedule".to_owned()),
        user_id: None,
        actor_id: None,
        recipients: Vec::new(),
        time: at,
        data,
        bytes: 0,
        publisher: None,
        direct: None,
        trace: None,
        destination: None,
    }
}

/// Publishes an event. Returns whether the run is finished.
async fn run(pipeline: &MessageHandle<Ingest>, event: Event) -> bool {
    let (reply, answer) = oneshot::channel();
    let code = event.code.clone();
    let ingest = Ingest {
        events: vec![event],
        atomic: false,
        strict: false,
        waits: true,
        source: "schedule",
        received: Instant::now(),
        reply,
    };
    if pipeline.post(ingest).await.is_err() {
        return false;
    }
    match answer.await.ok().and_then(|outcomes| outcomes.into_iter().next()) {
        // `InProgress` is only for sources that do not wait.
        Some(
            Outcome::Accepted(_)
            | Outcome::Duplicate
            | Outcome::Skipped(_)
            | Outcome::InProgress(_),
        ) => true,
        Some(Outcome::Rejected(rejected)) => {
            // A retry would fail again; by the next run its template may be fixed.
            tracing::error!(code, reason = %rejected, "scheduler: rendering failed; the run is \
            skipped");
            true
        }
        Some(Outcome::Failed(reason)) => {
            tracing::error!(code, reason, "scheduler: the run failed; retrying");
            false
        }
        Some(Outcome::Unavailable(_) | Outcome::Overloaded | Outcome::Interrupted { .. })
        | None => false,
    }
}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.poll(ctx);
    }
}

impl Handler<Crash> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the scheduler was asked to crash");
    }
}
