//! Writing down what becomes of a batch's events.

use std::sync::Arc;

use super::{batch::Decided, fan_out::FanOutReport};
use crate::{
    domain::{event::Event, notification::Timestamp, plan::Skipped, user::UserId},
    pipeline::Outcome,
    telemetry::{
        DeliveryTrace,
        trace::{EventTrace, PEOPLE_MAX, Reached, Reason},
    },
};

/// The walks of a batch's events, in their order; none where nobody keeps them.
pub(super) struct BatchTraces {
    trail: Arc<DeliveryTrace>,
    walks: Vec<Option<EventTrace>>,
}

impl BatchTraces {
    pub(super) fn of(trail: &Arc<DeliveryTrace>, events: &[Event], source: &'static str, now: Timestamp) -> Self {
        let kept = if trail.is_on() { events } else { &[] };
        let walks = kept.iter().map(|event| Some(EventTrace::of(event, source, now))).collect();
        Self { trail: Arc::clone(trail), walks }
    }

    /// Who is to get a notification, and who does not want it.
    pub(super) fn planned(&mut self, at: usize, decided: &Decided, muted: Vec<UserId>) {
        let Some(Some(walk)) = self.walks.get_mut(at) else { return };
        walk.muted_count = muted.len();
        walk.muted = muted;
        walk.muted.truncate(PEOPLE_MAX);
        if let Decided::Planned(planned) = decided {
            walk.reached_count = planned.drafts.len();
            let reached = planned.drafts.iter().take(PEOPLE_MAX);
            walk.reached = reached.map(|(id, draft)| Reached::of(*id, draft)).collect();
        }
    }

    /// Takes one out that ends later than the others.
    pub(super) fn take(&mut self, at: usize) -> Self {
        let walk = self.walks.get_mut(at).and_then(Option::take);
        Self { trail: Arc::clone(&self.trail), walks: vec![walk] }
    }

    /// Whom an event for very many was brought to.
    pub(super) fn brought(&mut self, at: usize, brought: FanOutReport) {
        if let Some(Some(walk)) = self.walks.get_mut(at) {
            walk.reached_count = brought.reached_count;
            walk.reached = brought.reached;
            walk.muted_count = brought.muted_count;
            walk.muted = brought.muted;
        }
    }

    /// How each of them ended.
    pub(super) fn end(mut self, outcomes: &[Outcome]) {
        for (walk, outcome) in self.walks.iter_mut().zip(outcomes) {
            let Some(walk) = walk else { continue };
            walk.outcome = outcome.label();
            walk.reason = reason(outcome);
            if !matches!(outcome, Outcome::Accepted(_)) {
                walk.reached.clear();
                walk.reached_count = 0;
            }
        }
        self.trail.walked(self.walks.into_iter().flatten().collect());
    }
}

fn reason(outcome: &Outcome) -> Option<Reason> {
    let of = |code, detail: &str| Some(Reason { code, detail: detail.to_owned() });
    match outcome {
        Outcome::Accepted(_) | Outcome::Late(_) => None,
        Outcome::Duplicate => of("duplicate", "an event with the same identity had been taken before"),
        Outcome::Skipped(why) => of(Skipped::as_str(*why), Skipped::explained(*why)),
        Outcome::Rejected(rejected) => of(rejected.kind.as_str(), &rejected.to_string()),
        Outcome::Unavailable(why) => of("unavailable", why),
        Outcome::Interrupted { stored, reason, .. } => {
            of("interrupted", &format!("stored for {stored} of the recipients so far: {reason}"))
        }
        Outcome::Overloaded => of("overloaded", "the hub had too much to do"),
        Outcome::Failed(why) => of("failed", why),
    }
}
