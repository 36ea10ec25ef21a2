//! Records the trace of each event of a batch, for explanations, and its span.

use std::sync::Arc;

use super::{Outcome, fan_out_report::FanOutReport, plan::Plan, spans::EventSpans};
use crate::{
    clock,
    domain::{
        event::Event, notification::Timestamp, rejected::Rejected, skipped::Skipped, user::UserId,
    },
    telemetry::{
        DeliveryTrace, metric,
        trace::{Delivered, EventTrace, PEOPLE_MAX, Reason},
    },
};

/// Traces of a batch's events, in their order; empty while the delivery trace is off. Their spans.
pub(super) struct BatchTraces {
    trace: Arc<DeliveryTrace>,
    events: Vec<Option<EventTrace>>,
    spans: EventSpans,
}

impl BatchTraces {
    /// Begins the traces of `events`.
    pub(super) fn new(
        trace: &Arc<DeliveryTrace>,
        spans: EventSpans,
        events: &[Event],
        source: &'static str,
        now: Timestamp,
    ) -> Self {
        let recorded = if trace.records_events() { events } else { &[] };
        let events =
            recorded.iter().map(|event| Some(EventTrace::new(event, source, now))).collect();
        Self { trace: Arc::clone(trace), events, spans }
    }

    /// Records the recipients of an event, and those that muted its type.
    pub(super) fn planned(&mut self, index: usize, plan: &Plan, muted: Vec<UserId>) {
        let Some(Some(event)) = self.events.get_mut(index) else { return };
        event.muted_count = muted.len();
        event.muted = muted;
        event.muted.truncate(PEOPLE_MAX);
        if let Plan::Commit(planned) = plan {
            event.delivered_count = planned.drafts.len();
            let delivered = planned.drafts.iter().take(PEOPLE_MAX);
            event.delivered = delivered.map(|(id, draft)| Delivered::new(*id, draft)).collect();
        }
    }

    /// Takes out the trace of an event that ends later than the others.
    pub(super) fn remove(&mut self, index: usize) -> Self {
        let event = self.events.get_mut(index).and_then(Option::take);
        let spans = self.spans.remove(index);
        Self { trace: Arc::clone(&self.trace), events: vec![event], spans }
    }

    /// Records the recipients of a large fan-out.
    pub(super) fn fanned_out(&mut self, index: usize, report: FanOutReport) {
        if let Some(Some(event)) = self.events.get_mut(index) {
            event.delivered_count = report.delivered_count;
            event.delivered = report.delivered;
            event.muted_count = report.muted_count;
            event.muted = report.muted;
            event.failed_count = report.failed_count;
            event.failed = report.failed.users;
            event.reason = report.failed.reason.as_ref().map(of_rejected);
        }
    }

    /// Counts the outcome of an event, in the metric and for the store.
    pub(super) fn count(&self, source: &'static str, outcome: &Outcome) {
        let label = outcome.label();
        metrics::counter!(metric::EVENTS, "source" => source, "outcome" => label).increment(1);
        let notifications = match outcome {
            Outcome::Accepted(stored) => stored.notifications,
            _ => 0,
        };
        self.trace.activity.count(label, notifications, clock::now());
    }

    /// Records the outcomes and publishes the traces.
    pub(super) fn finish(mut self, outcomes: &[Outcome]) {
        for (event, outcome) in self.events.iter_mut().zip(outcomes) {
            let Some(event) = event else { continue };
            event.outcome = outcome.label().into();
            event.reason = reason(outcome).or_else(|| event.reason.take());
            if !matches!(outcome, Outcome::Accepted(_)) {
                event.delivered.clear();
                event.delivered_count = 0;
            }
        }
        self.spans.finish(outcomes);
        self.trace.record_events(self.events.into_iter().flatten().collect());
    }
}

fn of_rejected(rejected: &Rejected) -> Reason {
    Reason { code: rejected.kind.as_str().into(), detail: rejected.to_string() }
}

fn reason(outcome: &Outcome) -> Option<Reason> {
    let new = |code: &'static str, detail: &str| {
        Some(Reason { code: code.into(), detail: detail.to_owned() })
    };
    match outcome {
        Outcome::Accepted(_) | Outcome::InProgress(_) => None,
        Outcome::Duplicate => {
            new("duplicate", "an event with the same identity was accepted before")
        }
        Outcome::Skipped(reason) => new(Skipped::as_str(*reason), Skipped::explained(*reason)),
        Outcome::Rejected(rejected) => Some(of_rejected(rejected)),
        Outcome::Unavailable(reason) => new("unavailable", reason),
        Outcome::Interrupted { stored, reason, .. } => {
            new("interrupted", &format!("stored for {stored} of the recipients so far: {reason}"))
        }
        Outcome::Overloaded => new("overloaded", "the hub had too much to do"),
        Outcome::Failed(reason) => new("failed", reason),
    }
}
