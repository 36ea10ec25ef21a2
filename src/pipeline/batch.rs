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
    domain::event::Event,
    feeds::{FeedsHandle, ShowEvents},
    telemetry::spans::{Kind, Span},
};

/// Maximum time for which live feeds may delay a batch.
const SHOW_TIMEOUT: Duration = Duration::from_millis(250);

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
        merge_users(&context.store, ingest.atomic, &mut resolutions, now).await;
        resolved.push((ingest, resolutions));
    }
    let lookups = Lookups::load(&context.store, &resolved, now).await;
    for ((ingest, resolutions), spans) in resolved.into_iter().zip(spans) {
        let Ingest { events, atomic, strict, waits, source, received, reply } = ingest;
        let mut traces = BatchTraces::new(&context.trace, spans, &events, source, now);
        let events: Vec<Arc<Event>> = events.into_iter().map(Arc::new).collect();
        let plans: Vec<Plan> = match &lookups {
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
                    plans.push(
                        match plan(event, resolution, lookups, &context, conditions).await {
                            Ok((plan, muted)) => {
                                traces.planned(index, &plan, muted);
                                plan
                            }
                            Err(outcome) => Plan::Done(outcome),
                        },
                    );
                    drop(rendering);
                }
                plans
            }
        };
        show_in_feeds(&context.feeds_handle, &events, atomic, &plans).await;
        let pending = PendingReply { atomic, waits, source, received, traces, reply };
        hand_over(&context.persistence, plans, pending).await;
    }
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
