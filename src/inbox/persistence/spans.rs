//! Spans of commits.

use crate::{
    domain::trace_context::TraceContext,
    store::{Committed, Kind as Database, Planned, StoreError},
    telemetry::spans::{self, Kind, Span},
};

/// Maximum number of recipients of one event whose pushes have spans. Those of a large fan-out
/// would be more than a collector takes.
const TRACED_RECIPIENTS_MAX: usize = 32;

/// Spans of the events of one transaction, in their order; empty while tracing is off.
pub(super) struct CommitSpans(Vec<Option<Span>>);

impl CommitSpans {
    /// Starts a span for each event.
    pub(super) fn start(events: &[Planned], database: Database) -> Self {
        if !spans::is_on() {
            return Self(Vec::new());
        }
        let system = match database {
            Database::Sqlite => "sqlite",
            Database::Postgres => "postgresql",
        };
        let start = |parent: &TraceContext| {
            let mut span = Span::start(|| "commit".to_owned(), Kind::Internal, Some(parent))?;
            span.set("db.system.name", system);
            Some(span)
        };
        Self(events.iter().map(|event| start(event.trace.as_deref()?)).collect())
    }

    /// Ends the spans, and makes them the parents of what the changes lead to.
    pub(super) fn finish(self, results: &mut [Result<Committed, StoreError>]) {
        for (span, result) in self.0.into_iter().zip(results) {
            let Some(mut span) = span else { continue };
            match result {
                Ok(Committed::Stored(changes)) => {
                    let context = span.context();
                    for change in changes.iter_mut().take(TRACED_RECIPIENTS_MAX) {
                        change.trace = Some(std::sync::Arc::clone(&context));
                    }
                }
                Ok(Committed::Duplicate) => span.set("lonceng.outcome", "duplicate"),
                Err(_) => span.fail("store"),
            }
        }
    }
}
