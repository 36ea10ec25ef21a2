//! Current counts, and the last hour for charts: `GET /api/v1/admin/stats`.

use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    clock,
    delivery::ListClients,
    http::{
        Problem, SharedState,
        api::{Access, Checked, Operation, Tag},
    },
    store::{Store, StoreError},
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/stats", stats)
            .access(Access::Admin)
            .doc(Tag::Admin, "stats", "Get current counts and those of the last hour")
            .returns(200, "Values for charts.", "Stats"),
    ]
}

/// Maximum number of unknown codes in a response.
const UNKNOWN_TYPES_MAX: usize = 20;

/// Minimum lifetime of a cached count of notifications, and the lifetime as a multiple of the time
/// that counting took.
const COUNT_KEPT: Duration = Duration::from_secs(1);
const COUNT_KEPT_TIMES: u32 = 50;

/// Cached number of notifications in the store.
#[derive(Debug, Default)]
pub struct StoredNotifications(Mutex<Option<(i64, Instant)>>);

impl StoredNotifications {
    /// Counts the notifications, unless the cached count is recent.
    async fn count(&self, store: &Store) -> Result<i64, StoreError> {
        let mut known = self.0.lock().await;
        if let Some((count, until)) = *known
            && Instant::now() < until
        {
            return Ok(count);
        }
        let began = Instant::now();
        let count = store.count_notifications().await?;
        *known = Some((count, Instant::now() + COUNT_KEPT.max(began.elapsed() * COUNT_KEPT_TIMES)));
        Ok(count)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count, far below 2^53")]
fn whole(count: i64) -> f64 {
    count as f64
}

/// Handles `GET /api/v1/admin/stats`.
pub(in crate::http) async fn stats(
    state: SharedState,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let (directory, dead_letters) =
        tokio::try_join!(state.store.directory_size(), state.store.count_dead_letters(None, ""))?;
    let clients = state.registry.send(ListClients).await?;
    let mut users: Vec<_> = clients.iter().map(|client| &client.identity.user_id).collect();
    users.sort_unstable();
    users.dedup();
    let catalog = state.catalog.current();
    let unknown: Vec<_> = state
        .unknown_types
        .latest(UNKNOWN_TYPES_MAX)
        .into_iter()
        // A type that was added since is no longer unknown.
        .filter(|unknown| catalog.find(&unknown.code).is_none())
        .map(|unknown| {
            json!({ "code": unknown.code, "count": unknown.count, "last_at": unknown.last_at,
            "did_you_mean": catalog.similar(&unknown.code) })
        })
        .collect();
    let mut history = state.history.read(&state.metrics);
    // Totals of the store, which survive a restart.
    let (notifications, events) =
        tokio::try_join!(state.stored.count(&state.store), state.store.events_total())?;
    let unsaved = state.history.events_unsaved(&state.metrics);
    history.totals.insert("notifications", whole(notifications));
    history.totals.insert("events", whole(events.saturating_add(unsaved)));
    Ok(HttpResponse::Ok().json(json!({
        "timestamp": clock::now(),
        "instance": state.sessions.instance,
        "totals": history.totals,
        "connections": { "sessions": clients.len(), "users": users.len() },
        "directory": directory,
        "dead_letters": dead_letters,
        "types": catalog.len(),
        "unknown_types": unknown,
        "parts": crate::http::health::shown(&state.health.parts()),
        "optional": state.optional_sources,
        "interval_seconds": history.interval_seconds,
        "series": history.series,
    })))
}
