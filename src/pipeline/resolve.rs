//! First step of an event: its type and its recipients, before any user is looked up.

use std::sync::Arc;

use super::{Ingest, Outcome, Stored, context::BatchContext};
use crate::{
    clock,
    domain::{
        catalog::{Catalog, NotificationType},
        directory::patches,
        event::{Event, USERS_UPSERTED},
        notification::Timestamp,
        plan::{Decision, RecipientSet, decide},
        rejected::Rejected,
        skipped::Skipped,
        user::PersonPatch,
    },
    feeds::SubscriberCounts,
    store::Store,
    telemetry::unknown_types::Warning,
};

/// Result of the first step.
pub(super) enum Resolution {
    /// The event needs no further step.
    Done(Outcome),
    /// Its type and the users that get a notification.
    Notify(Arc<NotificationType>, RecipientSet),
    /// Users to write to the directory, if the rest of the batch is accepted.
    Merge(Vec<PersonPatch>),
}

/// Finds the type and the recipients of an event.
pub(super) fn resolve(
    event: &Event,
    strict: bool,
    context: &BatchContext,
    counts: &SubscriberCounts,
) -> Resolution {
    if event.code == USERS_UPSERTED {
        return match patches(event) {
            Err(rejected) => Resolution::Done(Outcome::Rejected(rejected)),
            Ok(patches) => Resolution::Merge(patches),
        };
    }
    match decide(event, &context.catalog) {
        Ok(Decision::Notify(kind, recipient_set)) => Resolution::Notify(kind, recipient_set),
        // An event that a feed shows has served its purpose.
        Ok(Decision::Skip(_)) if counts.is_shown(&event.code) => {
            Resolution::Done(Outcome::Accepted(Stored::default()))
        }
        Ok(Decision::Skip(reason)) => {
            if reason == Skipped::NoType {
                note_unknown(event, context);
            }
            Resolution::Done(skipped(event, reason, strict, &context.catalog))
        }
        Err(rejected) => Resolution::Done(Outcome::Rejected(rejected)),
    }
}

/// Outcome of an event that makes no notification.
pub(super) fn skipped(event: &Event, reason: Skipped, strict: bool, catalog: &Catalog) -> Outcome {
    if strict && reason.is_refused_when_strict() {
        let field = matches!(reason, Skipped::NoType | Skipped::InvalidType).then_some("type");
        return Outcome::Rejected(Rejected::unprocessable(
            field,
            catalog.why_skipped(&event.code, reason),
        ));
    }
    Outcome::Skipped(reason)
}

/// Counts an event whose code no type has, and logs a warning at most once in a while per code.
fn note_unknown(event: &Event, context: &BatchContext) {
    let code = event.code.as_str();
    match context.unknown_types.count(code, clock::now(), clock::monotonic()) {
        Some(Warning::Code(events)) => {
            let did_you_mean = context.catalog.similar(code);
            tracing::warn!(
                code,
                events,
                did_you_mean,
                trace_id = event.trace_id(),
                "events skipped: no notification type has their code"
            );
        }
        Some(Warning::TooMany) => {
            tracing::warn!(
                "more unknown codes than are logged; the console's Overview lists the latest"
            );
        }
        None => {}
    }
}

/// Writes users to the directory, before any user is looked up there. Several events that are
/// committed together leave theirs to [`Plan::Merge`](super::plan::Plan): whether one of them is
/// rejected is only known when all are rendered.
pub(super) async fn merge_users(
    store: &Store,
    ingest: &Ingest,
    resolutions: &mut [Resolution],
    now: Timestamp,
) {
    if ingest.atomic && ingest.events.len() > 1 {
        return;
    }
    for resolution in resolutions {
        let Resolution::Merge(patches) = resolution else { continue };
        *resolution = Resolution::Done(match store.merge_people(patches, now).await {
            Ok(()) => Outcome::Accepted(Stored::default()),
            Err(error) => Outcome::from(&error),
        });
    }
}
