//! What is loaded, and what has been changed: `/api/v1/admin/config` and `/api/v1/admin/audit`.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use uuid::Uuid;

use super::query::Query;
use crate::http::{Problem, Shared, identity};

/// `GET /api/v1/admin/config`
pub(in crate::http) async fn config(state: Shared, request: HttpRequest) -> Result<HttpResponse, Problem> {
    identity::administrator(&state, &request).await?;
    let status = state.configuration.status();
    let problem = |problem: &crate::config::Problem| {
        json!({
            "file": problem.file.as_ref().map(|file| file.display().to_string()),
            "line": problem.line,
            "column": problem.column,
            "key": problem.key,
            "message": problem.to_string(),
            "snippet": problem.snippet,
        })
    };
    let problems: Vec<Value> = status.last_error.iter().flat_map(|error| &error.problems).map(problem).collect();
    Ok(HttpResponse::Ok().json(json!({
        "file": status.file.display().to_string(),
        "loaded_at": status.loaded_at,
        "last_error": problems.first(),
        "errors": problems,
        "restart_needed": status.restart_needed,
    })))
}

/// `GET /api/v1/admin/audit?subject=&limit=&cursor=`
pub(in crate::http) async fn audit(state: Shared, request: HttpRequest) -> Result<HttpResponse, Problem> {
    identity::administrator(&state, &request).await?;
    let query = Query::of(&request)?;
    let before = match query.cursor.as_deref().map(Uuid::try_parse) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err(Problem::bad_field("cursor", "is not one that this list gave")),
    };
    let mut entries = state.store.audit(before, query.subject.as_deref(), query.limit + 1).await?;
    let more = i64::try_from(entries.len()).is_ok_and(|count| count > query.limit);
    if more {
        entries.pop();
    }
    let next = entries.last().filter(|_| more).map(|entry| entry.id);
    Ok(HttpResponse::Ok().json(json!({ "entries": entries, "next_cursor": next })))
}
