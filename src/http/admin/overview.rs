//! Totals and charts from the store: `GET /api/v1/admin/overview`.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use tokio::{sync::Mutex, time::Instant};

use super::remedies;
use crate::{
    clock,
    domain::notification::Timestamp,
    http::{
        Problem, SharedState,
        api::{Access, Checked, Operation, Tag},
        identity,
    },
    store::{ActivityCount, CountUnit, Store, StoreError},
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let ranges: Vec<&str> = RANGES.iter().map(|range| range.name).collect();
    vec![
        Operation::get("/api/v1/admin/overview", overview)
            .access(Access::Admin)
            .doc(Tag::Admin, "overview", "Get totals and charts from the store")
            .description(
                "The counts are of all hubs, and survive a restart. `refused_origins` and \
                 `unknown_types` are those of all hubs, each since its start; a hub that did not \
                 answer is listed in `incomplete`.",
            )
            .query(
                "range",
                json!({ "type": "string", "enum": ranges, "default": "24h" }),
                "Span of time of the charts.",
            )
            .returns(200, "Totals and charts.", "Overview"),
    ]
}

/// Lifetime of cached totals, as a multiple of the time that counting took.
const KEPT_TIMES: u32 = 50;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Span of time of the charts.
struct Range {
    name: &'static str,
    /// Interval of points, in milliseconds.
    step: i64,
    /// Number of points.
    points: usize,
    unit: CountUnit,
}

const RANGES: [Range; 4] = [
    Range { name: "1h", step: MINUTE_MS, points: 60, unit: CountUnit::Minute },
    Range { name: "24h", step: 15 * MINUTE_MS, points: 96, unit: CountUnit::Minute },
    Range { name: "7d", step: 2 * HOUR_MS, points: 84, unit: CountUnit::Hour },
    Range { name: "30d", step: 12 * HOUR_MS, points: 60, unit: CountUnit::Hour },
];

/// Point of the charts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Point {
    events: i64,
    notifications: i64,
    skipped: i64,
    failed: i64,
}

impl Range {
    fn parse(text: &str) -> Option<&'static Self> {
        RANGES.iter().find(|range| range.name == text)
    }

    /// Returns the span that ends with the present interval.
    fn span(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let end = now.0 - now.0.rem_euclid(self.step) + self.step;
        let points = i64::try_from(self.points).unwrap_or(i64::MAX);
        (Timestamp(end - points * self.step), Timestamp(end))
    }

    /// Adds up counts into the points of a span.
    fn series(&self, from: Timestamp, counts: &[ActivityCount]) -> Vec<Point> {
        let mut points = vec![Point::default(); self.points];
        for count in counts {
            let index = (count.starts_at.0 - from.0).div_euclid(self.step);
            let Some(point) = usize::try_from(index).ok().and_then(|index| points.get_mut(index))
            else {
                continue;
            };
            point.events += count.events;
            point.notifications += count.notifications;
            match count.outcome.as_str() {
                "skipped" => point.skipped += count.events,
                "rejected" | "failed" => point.failed += count.events,
                _ => {}
            }
        }
        points
    }
}

/// Cached totals: counting takes longer the more there is.
#[derive(Debug, Default)]
pub struct OverviewTotals(Mutex<Option<(Map<String, Value>, Instant)>>);

impl OverviewTotals {
    async fn get(&self, store: &Store) -> Result<Map<String, Value>, StoreError> {
        let mut known = self.0.lock().await;
        if let Some((totals, until)) = &*known
            && Instant::now() < *until
        {
            return Ok(totals.clone());
        }
        let began = Instant::now();
        let totals = count(store).await?;
        *known = Some((totals.clone(), Instant::now() + began.elapsed() * KEPT_TIMES));
        Ok(totals)
    }
}

/// Counts everything in the store that has no range.
async fn count(store: &Store) -> Result<Map<String, Value>, StoreError> {
    let (notifications, users, unread, dead_letters, states) = tokio::try_join!(
        store.count_notifications(),
        store.directory_size(),
        store.unread_totals(),
        store.count_dead_letters(None, ""),
        store.delivery_counts()
    )?;
    let mut deliveries: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (channel, state, number) in states {
        deliveries.entry(channel).or_default().insert(state, number);
    }
    let totals = json!({
        "notifications": notifications,
        "users": users,
        "unread": unread.unread,
        "users_with_unread": unread.users,
        "dead_letters": dead_letters,
        "deliveries": deliveries,
    });
    Ok(match totals {
        Value::Object(totals) => totals,
        _ => Map::new(),
    })
}

/// Handles `GET /api/v1/admin/overview?range=`.
async fn overview(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = identity::query(request.uri());
    let name = query.iter().find(|(name, _)| name == "range").map(|(_, value)| value.as_str());
    let range = Range::parse(name.unwrap_or("24h"))
        .ok_or_else(|| Problem::bad_field("range", "must be one of 1h, 24h, 7d and 30d"))?;
    // Events that this hub has answered are in the counts.
    state.activity.flush().await;
    let (from, to) = range.span(clock::now());
    let counts = state.store.activity_counts(range.unit, from, to).await?;
    let mut events: BTreeMap<&str, i64> =
        ["accepted", "duplicate", "skipped", "rejected", "failed"].map(|name| (name, 0)).into();
    let mut made = 0;
    for count in &counts {
        *events.entry(count.outcome.as_str()).or_default() += count.events;
        made += count.notifications;
    }
    let mut totals = state.overview.get(&state.store).await?;
    totals.insert("events".to_owned(), json!(events));
    totals.insert("notifications_made".to_owned(), json!(made));
    let all = state.store.events_total().await?;
    let all = all.saturating_add(state.history.events_unsaved(&state.metrics));
    totals.insert("events_ever".to_owned(), json!(all));
    let series = range.series(from, &counts).into_iter().zip(0_i64..).map(|(point, index)| {
        json!({ "at": Timestamp(from.0 + index * range.step), "events": point.events,
            "notifications": point.notifications, "skipped": point.skipped,
            "failed": point.failed })
    });
    let members = [
        ("range", json!(range.name)),
        ("from", json!(from)),
        ("to", json!(to)),
        ("interval_seconds", json!(range.step / 1_000)),
        ("totals", Value::Object(totals)),
        ("series", Value::Array(series.collect())),
    ];
    let members = members.map(|(name, value)| (name.to_owned(), value));
    let mut response: Map<String, Value> = members.into_iter().collect();
    remedies::add(&state, &mut response).await?;
    Ok(HttpResponse::Ok().json(response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_ends_now_and_has_its_number_of_points() {
        let now = Timestamp(1_766_620_800_123);
        for range in &RANGES {
            let (from, to) = range.span(now);
            assert!(from < now && now < to, "{}", range.name);
            assert!(to.0 - now.0 <= range.step, "{}", range.name);
            let count = |starts_at, outcome: &str| ActivityCount {
                starts_at: Timestamp(starts_at),
                outcome: outcome.to_owned(),
                events: 3,
                notifications: 5,
            };
            let counts = [
                count(from.0, "skipped"),
                count(to.0 - MINUTE_MS, "accepted"),
                count(to.0 - MINUTE_MS, "failed"),
                count(to.0, "accepted"),
                count(from.0 - 1, "accepted"),
            ];
            let series = range.series(from, &counts);
            assert_eq!(series.len(), range.points);
            let first = Point { events: 3, notifications: 5, skipped: 3, failed: 0 };
            let last = Point { events: 6, notifications: 10, skipped: 0, failed: 3 };
            assert_eq!((series[0], series[range.points - 1]), (first, last), "{}", range.name);
        }
    }
}
