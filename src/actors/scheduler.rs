//! The scheduler: has types that come by the clock come.
//!
//! It looks at the catalog every second, and gives what is due to the pipeline as an event. Every hub does: the event's identity is
//! the type and the moment it was due, so that exactly one of them makes notifications, whichever is first. It notes how far it
//! has come only after that; one that dies in between does it again, and finds a duplicate.

use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use serde_json::{Map, json};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Handle, Outcome,
    catalog::Shared,
    pipeline::{Ingest, Pipeline},
    supervisor::{Crash, Tether},
};
use crate::{
    clock,
    domain::{
        event::{Event, Identity},
        notification::Timestamp,
        schedule::{Due, Schedule},
    },
    store::{Store, StoreError},
};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long what is counted has to be committed, in milliseconds: what was made before the moment must not come after the count.
const SETTLE_MS: i64 = 2_000;

/// The actor.
pub struct Scheduler {
    store: Store,
    catalog: Shared,
    pipeline: Handle<Pipeline>,
    _tether: Tether,
}

impl Scheduler {
    /// Has the types of `catalog` come through `pipeline`.
    #[must_use]
    pub fn new(store: Store, catalog: Shared, pipeline: Handle<Pipeline>, tether: Tether) -> Self {
        Self { store, catalog, pipeline, _tether: tether }
    }

    fn look(&self, ctx: &mut Context<Self>) {
        let (store, catalog, pipeline) = (self.store.clone(), self.catalog.current(), self.pipeline.clone());
        let looked = async move {
            for (kind, schedule) in catalog.scheduled().filter(|(kind, _)| kind.is_active) {
                // The store's own watch says that it is away; then the next look finds the same due.
                if let Err(error) = look_at(&store, &pipeline, &kind.code, schedule).await {
                    tracing::debug!(%error, code = kind.code, "what is due waits for the store");
                }
            }
        };
        ctx.spawn(looked.into_actor(self).map(|(), _, ctx| {
            ctx.run_later(INTERVAL, |scheduler, ctx| scheduler.look(ctx));
        }));
    }
}

async fn look_at(
    store: &Store,
    pipeline: &Handle<Pipeline>,
    code: &str,
    schedule: &Schedule,
) -> Result<(), StoreError> {
    let now = clock::now();
    let last = store.schedule_run(code, &schedule.text(), now).await?;
    let settled = if schedule.count().is_some() { Timestamp(now.0 - SETTLE_MS) } else { now };
    let Some(Due { at, skipped }) = schedule.due(last, settled) else { return Ok(()) };
    if skipped {
        tracing::info!(code, due = at.to_rfc3339(), "this run was missed and is left, as its schedule says");
    } else {
        let count = match schedule.count() {
            Some(counted) => Some(store.count_made(counted, last, at).await?),
            None => None,
        };
        // Nothing to tell is not told.
        if count != Some(0) && !run(pipeline, event(code, last, at, count)).await {
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
        direct: None,
    }
}

/// Takes the event through the pipeline; says whether that is over.
async fn run(pipeline: &Handle<Pipeline>, event: Event) -> bool {
    let (reply, answer) = oneshot::channel();
    let code = event.code.clone();
    let ingest = Ingest { events: vec![event], atomic: false, source: "schedule", received: Instant::now(), reply };
    if pipeline.send(ingest).await.is_err() {
        return false;
    }
    match answer.await.ok().and_then(|outcomes| outcomes.into_iter().next()) {
        Some(Outcome::Accepted(_) | Outcome::Duplicate | Outcome::Skipped(_)) => true,
        Some(Outcome::Rejected(rejected)) => {
            // It would be as bad the next second; the next time it is due, its template may be mended.
            tracing::error!(code, reason = %rejected, "what came by the clock could not be rendered, and is left");
            true
        }
        Some(Outcome::Failed(reason)) => {
            tracing::error!(code, reason, "what came by the clock failed; it is tried again");
            false
        }
        Some(Outcome::Unavailable(_)) | None => false,
    }
}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<Crash> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the scheduler was asked to crash");
    }
}
