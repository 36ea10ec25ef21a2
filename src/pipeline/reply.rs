//! Last step of a batch: hand the plans to persistence, and reply when they are committed.

use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use super::{Outcome, Stored, fan_out::FanOut, plan::Plan, trace::BatchTraces};
use crate::{
    inbox::{Commit, CommitOutcome},
    runtime::{Gone, MessageHandle},
};

/// Reply that is due when every event of an ingest has its outcome.
pub(super) struct PendingReply {
    pub(super) atomic: bool,
    /// True if the caller waits for large fan-outs.
    pub(super) waits: bool,
    pub(super) source: &'static str,
    pub(super) received: Instant,
    pub(super) traces: BatchTraces,
    pub(super) reply: oneshot::Sender<Vec<Outcome>>,
}

impl PendingReply {
    /// Sends the outcomes; the ones that are missing are those of the commit, in order.
    fn send(self, outcomes: Vec<Option<Outcome>>, committed: Vec<Outcome>) {
        let mut committed = committed.into_iter();
        let complete = |outcome: Option<Outcome>| {
            outcome.or_else(|| committed.next()).unwrap_or_else(restarting)
        };
        let outcomes: Vec<Outcome> = outcomes.into_iter().map(complete).collect();
        for outcome in outcomes.iter().filter(|outcome| !matches!(outcome, Outcome::InProgress(_)))
        {
            self.traces.count(self.source, outcome);
        }
        self.traces.finish(&outcomes);
        // The caller may be gone; then the broker redelivers the events, and they are duplicates.
        let _ = self.reply.send(outcomes);
    }
}

/// Sends the notifications of a batch to persistence. The reply follows by itself, without holding
/// up the next batch.
pub(super) async fn hand_over(
    persistence: &MessageHandle<Commit>,
    plans: Vec<Plan>,
    mut pending: PendingReply,
) {
    let (atomic, received) = (pending.atomic, pending.received);
    let refused = atomic && plans.iter().any(Plan::has_failed);
    let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(plans.len());
    let (mut events, mut fan_outs) = (Vec::new(), Vec::new());
    for (index, plan) in plans.into_iter().enumerate() {
        outcomes.push(match plan {
            Plan::Commit(_) | Plan::FanOut(_) | Plan::Merge(_) if refused => {
                Some(Outcome::sibling_failed())
            }
            // Written before.
            Plan::Merge(_) => Some(Outcome::Accepted(Stored::default())),
            Plan::Commit(planned) => {
                events.push(planned);
                None
            }
            Plan::FanOut(fan_out) if pending.waits => {
                fan_outs.push((index, fan_out));
                // Replaced when the event is accepted.
                Some(restarting())
            }
            Plan::FanOut(fan_out) => {
                let trace = pending.traces.remove(index);
                Some(Outcome::InProgress(run_in_background(*fan_out, trace, pending.source)))
            }
            Plan::Done(Outcome::Rejected(rejected)) if atomic => {
                Some(Outcome::Rejected(rejected.at(index)))
            }
            Plan::Done(outcome) => Some(outcome),
        });
    }
    let count = events.len();
    let answer = if count > 0 {
        let (reply, answer) = oneshot::channel();
        let sent = persistence.post(Commit { events, atomic, received, reply }).await;
        sent.is_ok().then_some(answer)
    } else {
        None
    };
    if answer.is_none() && fan_outs.is_empty() {
        pending.send(outcomes, vec![restarting(); count]);
        return;
    }
    // The commit takes its time; the next batch need not wait for it.
    actix_rt::spawn(async move {
        let committed = committed(answer, count).await;
        for (index, mut fan_out) in fan_outs {
            outcomes[index] = Some(match fan_out.accept().await {
                Ok(notifications) => {
                    let trace = pending.traces.remove(index);
                    run_in_background(*fan_out, trace, pending.source);
                    // The list of recipients may be long, and is not for the publisher.
                    Outcome::Accepted(Stored { notifications, ids: Vec::new() })
                }
                Err(outcome) => outcome,
            });
        }
        pending.send(outcomes, committed);
    });
}

async fn committed(
    answer: Option<oneshot::Receiver<Vec<CommitOutcome>>>,
    count: usize,
) -> Vec<Outcome> {
    let Some(answer) = answer else { return vec![restarting(); count] };
    match answer.await {
        Ok(committed) => committed.into_iter().map(Outcome::from).collect(),
        Err(_) => vec![restarting(); count],
    }
}

/// Runs a large fan-out in a task of its own. The receiver gets its outcome.
pub(super) fn run_in_background(
    fan_out: FanOut,
    mut traces: BatchTraces,
    source: &'static str,
) -> watch::Receiver<Option<Outcome>> {
    let (sender, receiver) = watch::channel(None);
    actix_rt::spawn(async move {
        let (owed, code) = (fan_out.owed, fan_out.event.code.clone());
        let (outcome, report) = fan_out.run().await;
        traces.fanned_out(0, report);
        match &outcome {
            // It was counted when it was acknowledged.
            Outcome::Accepted(_) | Outcome::Duplicate | Outcome::Skipped(_) if owed => {}
            outcome if owed => tracing::warn!(
                code,
                outcome = outcome.label(),
                "pipeline: an \
                acknowledged event for many recipients was interrupted; it is continued"
            ),
            outcome => traces.count(source, outcome),
        }
        traces.finish(std::slice::from_ref(&outcome));
        // The caller may be gone; then the broker redelivers the event, and it is a duplicate.
        let _ = sender.send(Some(outcome));
    });
    receiver
}

fn restarting() -> Outcome {
    Outcome::Unavailable(Gone.to_string())
}
