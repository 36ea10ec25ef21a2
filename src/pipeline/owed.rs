//! Acknowledged events that an earlier run of this hub, or another hub, has left unfinished.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    context::BatchContext, fan_out::FanOut, reply::run_in_background, spans::EventSpans,
    trace::BatchTraces,
};
use crate::{
    clock,
    domain::event::Event,
    store::{OwedFanOut, StoreError},
    telemetry::LogLimit,
};

/// Interval at which unfinished events are looked for.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

/// Source of these events, in traces and metrics.
const SOURCE: &str = "store";

/// Limit of the log lines about events that cannot be continued.
static CANNOT_CONTINUE: LogLimit = LogLimit::new();

/// Continues unfinished events, each in a task of its own.
///
/// # Errors
/// When the store is unavailable: the next call tries again.
pub(super) async fn resume(context: &BatchContext) -> Result<(), StoreError> {
    while let Some(mut permit) = context.fan_outs.reserve() {
        let Some(owed) = context.store.claim_fan_out().await? else { break };
        let OwedFanOut { identity, recipients, event } = owed;
        if !permit.take(&identity) {
            // It waits for its turn here; claiming it again has renewed the claim.
            continue;
        }
        let mut event = match Event::from_stored(event.as_bytes()) {
            Ok(event) => Event { identity: Some(identity), ..event },
            Err(error) => {
                cannot_continue(identity.as_str(), &error.to_string());
                continue;
            }
        };
        // The claim expires, so an event whose type comes back is continued then.
        let Some(kind) = context.catalog.find(&event.code).filter(|kind| kind.is_active).cloned()
        else {
            cannot_continue(identity_of(&event), "its type is gone or inactive");
            continue;
        };
        tracing::info!(code = event.code, "pipeline: an acknowledged event is continued");
        let events = std::slice::from_mut(&mut event);
        let spans = EventSpans::start(events, SOURCE, Instant::now());
        let traces = BatchTraces::new(&context.trace, spans, events, SOURCE, clock::now());
        let fan_out = FanOut {
            store: context.store.clone(),
            catalog: Arc::clone(&context.catalog),
            persistence: context.persistence.clone(),
            permit,
            event: Arc::new(event),
            kind,
            recipient_set: recipients,
            received: Instant::now(),
            owed: true,
        };
        run_in_background(fan_out, traces, SOURCE);
    }
    Ok(())
}

fn identity_of(event: &Event) -> &str {
    event.identity.as_ref().map_or(event.id.as_str(), |identity| identity.as_str())
}

fn cannot_continue(identity: &str, reason: &str) {
    if let Some(suppressed) = CANNOT_CONTINUE.admit(clock::monotonic().0) {
        tracing::error!(
            identity,
            reason,
            suppressed,
            "pipeline: an acknowledged event for many \
            recipients cannot be continued; it stays in the table fan_outs and is tried again"
        );
    }
}
