//! Durable list of events: `GET /api/v1/admin/activity`.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use uuid::Uuid;

use super::query::Query;
use crate::{
    activity::restore,
    domain::{
        catalog::Catalog, event::code_of, message_code, notification::Timestamp, skipped::Skipped,
        user::UserId,
    },
    http::{
        Problem, SharedState,
        api::{Access, Checked, Operation, Tag},
        identity,
    },
    store::{ACTIVITY_USERS_MAX, ActivityFilter, ActivityRow},
};

/// Maximum number of users in an entry.
const NAMES_MAX: usize = 10;

/// Outcomes that an event can be stored with.
const OUTCOMES: [&str; 5] = ["accepted", "duplicate", "skipped", "rejected", "failed"];

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "string", "format": "date-time" });
    vec![
        Operation::get("/api/v1/admin/activity", list)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_activity", "List the latest events with their outcome")
            .description(
                "Newest first, from the store: they survive a restart, and are those of all \
                 hubs. `[explain]` bounds their number and age. A hub writes them in the \
                 background, after the reply to the publisher.",
            )
            .query("type", text(), "Only events of the type with this code.")
            .query("user", text(), "Only events that concern the user with this ID.")
            .query(
                "outcome",
                json!({ "type": "string", "enum": OUTCOMES }),
                "Only events with this outcome.",
            )
            .query("from", time(), "Only events that arrived at this time or later.")
            .query("to", time(), "Only events that arrived at this time or earlier.")
            .query(
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 1000 }),
                "Maximum number of entries.",
            )
            .query("cursor", text(), "`next_cursor` of the previous page.")
            .returns(200, "A page.", "Activity"),
    ]
}

fn filter_of(request: &HttpRequest, cursor: Option<&str>) -> Result<ActivityFilter, Problem> {
    let mut filter = ActivityFilter {
        before: cursor.map(Uuid::try_parse).transpose().map_err(|_| {
            Problem::bad_field("cursor", "must be next_cursor of the previous page")
        })?,
        ..ActivityFilter::default()
    };
    for (name, value) in identity::query(request.uri()) {
        let bad = |why: String| Problem::bad_field(&name, why);
        match name.as_str() {
            _ if value.is_empty() => {}
            "type" => filter.type_code = Some(code_of(&value)),
            "user" => {
                let user = UserId::parse(&value).map_err(|error| bad(error.to_string()))?;
                filter.user = Some(user);
            }
            "outcome" if OUTCOMES.contains(&value.as_str()) => filter.outcome = Some(value),
            "outcome" => return Err(bad(format!("must be one of {}", OUTCOMES.join(", ")))),
            "from" => filter.from = Some(Timestamp::parse(&value).map_err(bad)?),
            "to" => filter.to = Some(Timestamp::parse(&value).map_err(bad)?),
            _ => {}
        }
    }
    Ok(filter)
}

/// Handles `GET /api/v1/admin/activity?type=&user=&outcome=&from=&to=&limit=&cursor=`.
async fn list(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    let filter = filter_of(&request, query.cursor.as_deref())?;
    // Events that this hub has answered are in the list.
    state.activity.flush().await;
    let mut rows = state.store.activity(&filter, query.limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|count| count > query.limit);
    if more {
        rows.pop();
    }
    let next = rows.last().filter(|_| more).map(|row| row.id);
    let catalog = state.catalog.current();
    let events: Vec<Value> = rows.iter().map(|row| shown(row, &catalog)).collect();
    let (kept, days) = state.trace.stored_limits();
    Ok(HttpResponse::Ok().json(json!({
        "events": events,
        "next_cursor": next,
        "kept": { "events": kept, "days": days, "users_per_event": ACTIVITY_USERS_MAX },
    })))
}

/// Returns the values in the reason of an event without a type; null for any other.
pub(super) fn reason_params(code: &str, is_without_type: bool, catalog: &Catalog) -> Value {
    if !is_without_type {
        return Value::Null;
    }
    json!({ "type": code, "suggestion": catalog.similar(code) })
}

/// Returns the code of the sentence that says why an event was rejected; null if it has none.
pub(super) fn reason_message(reason: &str) -> Value {
    json!(message_code::of_event(reason))
}

/// Returns the first users that an event names.
fn named(row: &ActivityRow) -> Vec<UserId> {
    let (trace, _) = restore(row.clone());
    trace.names.into_iter().take(NAMES_MAX).collect()
}

fn shown(row: &ActivityRow, catalog: &Catalog) -> Value {
    let is_without_type = row.reason_code.as_deref() == Some(Skipped::NoType.as_str());
    let reason = if is_without_type {
        Some(catalog.why_skipped(&row.type_code, Skipped::NoType))
    } else {
        row.reason.clone()
    };
    json!({
        "id": row.id,
        "event_id": row.event_id,
        "type": Some(&row.type_code).filter(|code| !code.is_empty()),
        "outcome": row.outcome,
        "reason": reason,
        "reason_code": row.reason_code,
        "reason_params": reason_params(&row.type_code, is_without_type, catalog),
        "reason_message": row.reason.as_deref().map(reason_message),
        "received_at": row.received_at,
        "source": row.source,
        "publisher": row.publisher,
        "instance": row.instance,
        "users": named(row),
        "recipients": row.recipients,
        "notifications": row.notifications,
    })
}
