//! Spans of the events of a batch, from their arrival to their outcome.

use tokio::time::Instant;

use super::Outcome;
use crate::{
    domain::event::Event,
    telemetry::spans::{self, Kind, Span},
};

/// Spans of a batch's events, in their order; empty while tracing is off.
pub(super) struct EventSpans(Vec<Option<Span>>);

impl EventSpans {
    /// Starts the spans. Everything that is done for an event belongs to its span.
    pub(super) fn start(events: &mut [Event], source: &'static str, received: Instant) -> Self {
        if !spans::is_on() {
            return Self(Vec::new());
        }
        Self(events.iter_mut().map(|event| start(event, source, received)).collect())
    }

    /// Takes out the span of an event that ends later than the others.
    pub(super) fn remove(&mut self, index: usize) -> Self {
        Self(vec![self.0.get_mut(index).and_then(Option::take)])
    }

    /// Records the outcomes, and ends the spans.
    pub(super) fn finish(self, outcomes: &[Outcome]) {
        for (span, outcome) in self.0.into_iter().zip(outcomes) {
            let Some(mut span) = span else { continue };
            let label = outcome.label();
            span.set("lonceng.outcome", label);
            if !matches!(
                outcome,
                Outcome::Accepted(_)
                    | Outcome::Duplicate
                    | Outcome::Skipped(_)
                    | Outcome::InProgress(_)
            ) {
                span.fail(label);
            }
        }
    }
}

fn start(event: &mut Event, source: &'static str, received: Instant) -> Option<Span> {
    let kind = match source {
        "http" => Kind::Server,
        // Also a large fan-out that continues after a crash.
        "schedule" | "store" => Kind::Internal,
        _ => Kind::Consumer,
    };
    let (parent, ago) = (event.trace.as_deref(), Some(received.elapsed()));
    let mut span = Span::start_at(|| format!("process {}", event.name), kind, parent, ago)?;
    // The names of the semantic conventions for messaging.
    let system = match source {
        "amqp" => "rabbitmq",
        "outbox" => "postgresql",
        other => other,
    };
    if kind == Kind::Consumer {
        span.set("messaging.system", system);
        span.set("messaging.operation.name", "process");
        span.set("messaging.operation.type", "process");
        let destination = event.destination.as_ref().unwrap_or(&event.name);
        span.set("messaging.destination.name", destination.clone());
    }
    span.set("lonceng.source", source);
    span.set("lonceng.event.type", event.code.clone());
    event.trace = Some(span.context());
    Some(span)
}
