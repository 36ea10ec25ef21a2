//! One batch of events: resolve their types, look up their recipients, render, and hand the drafts
//! to persistence.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{
    Ingest, Outcome,
    context::BatchContext,
    lookups::Lookups,
    plan::{Conditions, Plan, plan},
    reply::{PendingReply, hand_over},
    resolve::{Resolution, merge_users, resolve},
    spans::EventSpans,
    trace::BatchTraces,
};
use crate::{
    bus::Publish,
    clock,
    domain::{
        event::Event,
        notification::Timestamp,
        user::{Person, PersonPatch},
    },
    feeds::{FeedsHandle, ShowEvents},
    store::{Store, StoreError},
    telemetry::spans::{Kind, Span},
};

/// Maximum time for which live feeds may delay a batch.
const SHOW_TIMEOUT: Duration = Duration::from_millis(250);

/// Events that are committed together, with everything that is left to do for them.
struct PlannedIngest {
    events: Vec<Arc<Event>>,
    plans: Vec<Plan>,
    /// Users for the directory, if the events are accepted.
    entering: Vec<Person>,
    pending: PendingReply,
}

/// Processes a batch up to handing it to persistence. The replies are sent after the commits,
/// without holding up the next batch.
pub(super) async fn run(context: BatchContext, batch: Vec<Ingest>) {
    let now = clock::now();
    let counts = context.feeds_handle.subscriber_counts();
    let mut resolved = Vec::with_capacity(batch.len());
    let mut spans = Vec::with_capacity(batch.len());
    for mut ingest in batch {
        spans.push(EventSpans::start(&mut ingest.events, ingest.source, ingest.received));
        let mut resolutions: Vec<Resolution> = ingest
            .events
            .iter()
            .map(|event| resolve(event, ingest.strict, &context, &counts))
            .collect();
        merge_users(&context.store, &ingest, &mut resolutions, now).await;
        resolved.push((ingest, resolutions));
    }
    let others: Vec<_> = resolved.iter().filter(|(_, all)| !writes_to_directory(all)).collect();
    let shared = Lookups::load(&context.store, &others).await;
    let enters = shared.as_ref().is_ok_and(Lookups::has_entering);
    let mut waiting = Vec::new();
    for (resolved, spans) in resolved.into_iter().zip(spans) {
        let planned = if writes_to_directory(&resolved.1) {
            // Its other events are rendered with the directory as it will be.
            let own = Lookups::load(&context.store, &[&resolved]).await;
            plan_ingest(&context, resolved, spans, &own, now).await
        } else {
            plan_ingest(&context, resolved, spans, &shared, now).await
        };
        if enters {
            waiting.push(planned);
        } else {
            finish(&context, planned, now).await;
        }
    }
    enter(&context.store, &mut waiting, now).await;
    for planned in waiting {
        finish(&context, planned, now).await;
    }
}

fn writes_to_directory(resolutions: &[Resolution]) -> bool {
    resolutions.iter().any(|resolution| matches!(resolution, Resolution::Merge(_)))
}

/// Renders the events of one ingest.
async fn plan_ingest(
    context: &BatchContext,
    (ingest, resolutions): (Ingest, Vec<Resolution>),
    spans: EventSpans,
    lookups: &Result<Lookups, StoreError>,
    now: Timestamp,
) -> PlannedIngest {
    let Ingest { events, atomic, strict, waits, source, received, reply } = ingest;
    let mut traces = BatchTraces::new(&context.trace, spans, &events, source, now);
    let events: Vec<Arc<Event>> = events.into_iter().map(Arc::new).collect();
    let mut entering = Vec::new();
    let plans: Vec<Plan> = match lookups {
        Err(error) => {
            let unavailable = |resolution| match resolution {
                Resolution::Done(outcome) => outcome,
                Resolution::Notify(..) | Resolution::Merge(_) => Outcome::from(error),
            };
            resolutions.into_iter().map(unavailable).map(Plan::Done).collect()
        }
        Ok(lookups) => {
            // An atomic batch is one transaction, so none of its events is committed in chunks.
            let conditions =
                Conditions { now, received, whole: atomic && events.len() > 1, strict };
            let mut plans = Vec::with_capacity(events.len());
            for (index, (event, resolution)) in events.iter().zip(resolutions).enumerate() {
                let rendering =
                    Span::start(|| "render".to_owned(), Kind::Internal, event.trace.as_deref());
                plans.push(match plan(event, resolution, lookups, context, conditions).await {
                    Ok((plan, muted)) => {
                        traces.planned(index, &plan, muted);
                        entering.extend(lookups.entering_with(event));
                        plan
                    }
                    Err(outcome) => Plan::Done(outcome),
                });
                drop(rendering);
            }
            plans
        }
    };
    let pending = PendingReply { atomic, waits, source, received, traces, reply };
    PlannedIngest { events, plans, entering, pending }
}

/// Adds the users whom accepted direct notifications bring along to the directory.
async fn enter(store: &Store, waiting: &mut [PlannedIngest], now: Timestamp) {
    let accepted = |planned: &&PlannedIngest| {
        !(planned.pending.atomic && planned.plans.iter().any(Plan::has_failed))
    };
    let people: Vec<Person> = waiting
        .iter()
        .filter(accepted)
        .flat_map(|planned| planned.entering.iter().cloned())
        .collect();
    if people.is_empty() {
        return;
    }
    if let Err(error) = store.enter_people(&people, now).await {
        for planned in waiting.iter_mut().filter(|planned| !planned.entering.is_empty()) {
            planned.fail(&error);
        }
    }
}

impl PlannedIngest {
    /// Replaces everything that is not finished by a failure of the store.
    fn fail(&mut self, error: &StoreError) {
        for plan in self.plans.iter_mut().filter(|plan| !matches!(plan, Plan::Done(_))) {
            *plan = Plan::Done(Outcome::from(error));
        }
    }

    /// Writes the users of the events to the directory, unless the events are rejected.
    async fn merge(&mut self, store: &Store, now: Timestamp) {
        let patches: Vec<PersonPatch> = self
            .plans
            .iter()
            .filter_map(|plan| if let Plan::Merge(patches) = plan { Some(patches) } else { None })
            .flatten()
            .cloned()
            .collect();
        if patches.is_empty() || self.plans.iter().any(Plan::has_failed) {
            return;
        }
        if let Err(error) = store.merge_people(&patches, now).await {
            self.fail(&error);
        }
    }
}

/// Writes to the directory, shows the events in live feeds, and hands them to persistence.
async fn finish(context: &BatchContext, mut planned: PlannedIngest, now: Timestamp) {
    planned.merge(&context.store, now).await;
    let PlannedIngest { events, plans, pending, .. } = planned;
    show_in_feeds(&context.feeds_handle, &events, pending.atomic, &plans).await;
    hand_over(&context.persistence, plans, pending).await;
}

/// Passes the valid events of a batch to the live feeds. They need not wait for the commit: they
/// store nothing, and deduplicate what the broker redelivers.
async fn show_in_feeds(
    feeds_handle: &FeedsHandle,
    events: &[Arc<Event>],
    atomic: bool,
    plans: &[Plan],
) {
    if atomic && plans.iter().any(Plan::has_failed) {
        return;
    }
    let counts = feeds_handle.subscriber_counts();
    let valid: Vec<&Arc<Event>> = events
        .iter()
        .zip(plans)
        .filter(|(event, plan)| !plan.has_failed() && !event.is_test())
        .map(|(event, _)| event)
        .collect();
    let select = |has_audience: &dyn Fn(&str) -> bool| -> Vec<Arc<Event>> {
        valid
            .iter()
            .filter(|event| has_audience(&event.code))
            .map(|event| Arc::clone(event))
            .collect()
    };
    let elsewhere = select(&|code| feeds_handle.has_audience_elsewhere(code));
    if !elsewhere.is_empty() {
        feeds_handle.bus.publish(Publish::Events(elsewhere));
    }
    let wanted = select(&|code| counts.has_audience(code));
    if !wanted.is_empty() {
        // Waiting keeps a flood of events from piling up in the broadcaster, but a feed must not
        // hold up notifications for long. A broadcaster that is restarting shows nothing.
        let _ = timeout(SHOW_TIMEOUT, feeds_handle.broadcaster.send(ShowEvents(wanted))).await;
    }
}
