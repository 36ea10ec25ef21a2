//! Second step of an event: its rendered notifications, once its recipients are known.

use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Outcome,
    context::BatchContext,
    fan_out::FanOut,
    lookups::Lookups,
    recipients::{CHUNK_SIZE, without_draft},
    resolve::{Resolution, skipped},
};
use crate::{
    domain::{
        catalog::NotificationType,
        deliveries,
        event::Event,
        notification::Timestamp,
        plan::{Draft, People, Planner, RecipientSet},
        rejected::Rejected,
        skipped::Skipped,
        user::{Person, PersonPatch, UserId},
    },
    store::Planned,
};

/// Remaining work for an event.
pub(super) enum Plan {
    /// Commit its notifications, together with those of other events.
    Commit(Planned),
    /// Commit its notifications in chunks.
    FanOut(Box<FanOut>),
    /// Write users to the directory.
    Merge(Vec<PersonPatch>),
    /// Finished, with this outcome.
    Done(Outcome),
}

impl Plan {
    /// Returns whether the event makes no notification because something is wrong.
    pub(super) fn has_failed(&self) -> bool {
        matches!(
            self,
            Self::Done(
                Outcome::Rejected(_)
                    | Outcome::Unavailable(_)
                    | Outcome::Overloaded
                    | Outcome::Interrupted { .. }
                    | Outcome::Failed(_)
            )
        )
    }
}

/// Conditions that the events of one ingest share.
#[derive(Clone, Copy)]
pub(super) struct Conditions {
    pub(super) now: Timestamp,
    pub(super) received: Instant,
    /// True if the event belongs to a transaction with others.
    pub(super) whole: bool,
    /// True if an event without a type or recipients is rejected rather than skipped.
    pub(super) strict: bool,
}

/// Plans an event. Returns the plan, and the recipients that muted its type.
pub(super) async fn plan(
    event: &Arc<Event>,
    resolution: Resolution,
    lookups: &Lookups,
    context: &BatchContext,
    conditions: Conditions,
) -> Result<(Plan, Vec<UserId>), Outcome> {
    let (kind, recipient_set) = match resolution {
        Resolution::Done(outcome) => return Err(outcome),
        Resolution::Notify(kind, recipient_set) => (kind, recipient_set),
        Resolution::Merge(patches) => return Ok((Plan::Merge(patches), Vec::new())),
    };
    let named: Vec<Person>;
    let recipients = match &recipient_set {
        RecipientSet::Users(users) => {
            named = users.iter().map(|user| lookups.people.get(user)).collect();
            &named
        }
        group => lookups.group(group),
    };
    // A fan-out that has begun continues in chunks, however few recipients are left.
    let begun = lookups.has_begun(event);
    if begun && conditions.whole {
        return Err(Outcome::Unavailable(
            "a large fan-out of an event of this batch is in progress".to_owned(),
        ));
    }
    let is_large =
        !matches!(recipient_set, RecipientSet::Users(_)) && recipients.len() > CHUNK_SIZE;
    if begun || is_large && !conditions.whole {
        return Ok((
            fan_out(event, kind, recipient_set, context, conditions.received)?,
            Vec::new(),
        ));
    }
    if recipients.is_empty() {
        return Err(skipped(event, Skipped::NoRecipient, conditions.strict, &context.catalog));
    }
    let drafts = render(event, &kind, recipients, &lookups.people, context, conditions.now).await;
    let drafts = drafts.map_err(Outcome::Rejected)?;
    let muted = without_draft(recipients, &drafts);
    if drafts.is_empty() {
        return Ok((Plan::Done(Outcome::Skipped(Skipped::Muted)), muted));
    }
    let seed = event.direct.as_deref().and_then(|direct| direct.seed.as_ref());
    let id = |draft: &Draft| seed.map_or_else(Uuid::now_v7, |seed| seed.id_for(&draft.user_id));
    let drafts = drafts.into_iter().map(|draft| (id(&draft), draft)).collect();
    let broadcasts = match recipient_set {
        RecipientSet::Users(_) => Vec::new(),
        RecipientSet::Role(_) | RecipientSet::All => {
            let count = i64::try_from(recipients.len()).unwrap_or(i64::MAX);
            deliveries::broadcasts(&kind, count, conditions.now)
        }
    };
    let identity = event.identity.clone();
    Ok((
        Plan::Commit(Planned {
            identity,
            part: None,
            drafts,
            broadcasts,
            trace: event.trace.clone(),
        }),
        muted,
    ))
}

fn fan_out(
    event: &Arc<Event>,
    kind: Arc<NotificationType>,
    recipient_set: RecipientSet,
    context: &BatchContext,
    received: Instant,
) -> Result<Plan, Outcome> {
    let permit = context.fan_outs.reserve().ok_or(Outcome::Overloaded)?;
    Ok(Plan::FanOut(Box::new(FanOut {
        store: context.store.clone(),
        catalog: Arc::clone(&context.catalog),
        persistence: context.persistence.clone(),
        permit,
        event: Arc::clone(event),
        kind,
        recipient_set,
        received,
        owed: false,
    })))
}

/// Renders an event for its recipients, and yields to other tasks of the thread now and then.
async fn render(
    event: &Arc<Event>,
    kind: &NotificationType,
    recipients: &[Person],
    people: &People,
    context: &BatchContext,
    now: Timestamp,
) -> Result<Vec<Draft>, Rejected> {
    let planner = Planner::new(event, kind, people, &context.catalog, now)?;
    let mut drafts = Vec::with_capacity(recipients.len());
    for (index, chunk) in recipients.chunks(CHUNK_SIZE).enumerate() {
        if index > 0 {
            tokio::task::yield_now().await;
        }
        drafts.extend(planner.drafts(chunk)?);
    }
    Ok(drafts)
}
