//! State of the configuration, and the audit: `/api/v1/admin/config` and `/api/v1/admin/audit`.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    audit::{caller_name, entry},
    query::Query,
};
use crate::{
    auth::Caller,
    domain::{
        notification::Timestamp,
        user::{Person, UserId},
    },
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
        identity,
    },
    store::{AuditEntry, AuditFilter},
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let time = || json!({ "type": "string", "format": "date-time" });
    vec![
        Operation::get("/api/v1/admin/config", config)
            .access(Access::Admin)
            .doc(
                Tag::Admin,
                "get_configuration",
                "Get the loaded configuration and the problems of later edits",
            )
            .returns(200, "The state of the configuration.", "Configuration"),
        Operation::post("/api/v1/admin/config/reload", reload)
            .access(Access::Admin)
            .doc(
                Tag::Admin,
                "reload_configuration",
                "Reload the configuration, even if that removes types",
            )
            .returns(200, "The state of the configuration after the attempt.", "Configuration"),
        Operation::get("/api/v1/admin/audit", audit)
            .access(Access::Admin)
            .doc(Tag::Admin, "audit", "List the changes made by administrators, newest first")
            .query(
                "subject",
                json!({"type": "string"}),
                "Only this subject, such as `type:NOTE_CREATED`.",
            )
            .query("q", json!({"type": "string"}), "Part of the subject or the action.")
            .query(
                "who",
                json!({"type": "string"}),
                "Part of the ID, the login or the name of the administrator, or of the API key.",
            )
            .query("from", time(), "Only changes made at this time or later.")
            .query("to", time(), "Only changes made at this time or earlier.")
            .query(
                "limit",
                json!({"type": "integer", "minimum": 1, "maximum": 1000}),
                "Maximum number of entries.",
            )
            .query("cursor", json!({"type": "string"}), "`next_cursor` of the previous page.")
            .returns(200, "A page.", "Audit"),
    ]
}

/// Time to wait for a reload before the response.
const RELOAD_WITHIN: Duration = Duration::from_secs(15);

/// Handles `GET /api/v1/admin/config`.
pub(in crate::http) async fn config(
    state: SharedState,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    Ok(shown(&state, &caller))
}

/// Handles `POST /api/v1/admin/config/reload`: reloads the files, even if that removes most types.
pub(in crate::http) async fn reload(
    state: SharedState,
    _request: HttpRequest,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    tracing::info!(by = caller_name(&caller), "reload: requested through the API");
    let waiting = state.configuration.status().would_remove;
    // A dropped reply means that the hub stops, or that an earlier request covers this one.
    let _ = timeout(RELOAD_WITHIN, state.reloader.ask()).await;
    // The reload itself is audited with its changes; who confirmed the removal is known only here.
    if !waiting.is_empty() && state.configuration.status().would_remove.is_empty() {
        let after = json!({ "removed": waiting });
        let subject = "config".to_owned();
        let entry = entry(&caller, "config.removal_confirmed", subject, None, Some(after));
        state.store.note_change(&entry).await?;
    }
    Ok(shown(&state, &caller))
}

fn shown(state: &State, caller: &Caller) -> HttpResponse {
    let kind = match caller {
        Caller::User(_) => "user",
        Caller::Service { .. } => "service",
        Caller::Developer => "developer",
    };
    let name = match caller {
        Caller::User(identity) => identity.login.as_deref(),
        Caller::Service { name, .. } => Some(name.as_str()),
        Caller::Developer => None,
    };
    let user_id = caller.user().map(|identity| &identity.user_id);
    let status = state.configuration.status();
    let problem = |problem: &crate::config::ConfigIssue| {
        json!({
            "file": problem.file.as_ref().map(|file| file.display().to_string()),
            "line": problem.line,
            "column": problem.column,
            "key": problem.key,
            "message": problem.to_string(),
            "snippet": problem.snippet,
        })
    };
    let problems: Vec<Value> =
        status.last_error.iter().flat_map(|error| &error.problems).map(problem).collect();
    HttpResponse::Ok().json(json!({
        "file": status.file.display().to_string(),
        "loaded_at": status.loaded_at,
        "last_error": problems.first(),
        "errors": problems,
        "caller": { "kind": kind, "user_id": user_id, "name": name },
        "would_remove": status.would_remove,
        "restart_needed": status.restart_needed,
        "values": *state.configuration.values(),
    }))
}

/// Returns an entry, with the login and the name of its user, and the changes of a reload, beside
/// its other members.
fn shown_entry(entry: &AuditEntry, people: &HashMap<String, Person>) -> Value {
    let mut shown = json!(entry);
    let person = people.get(&entry.who);
    shown["who_login"] = json!(person.and_then(|person| person.login.as_ref()));
    shown["who_name"] = json!(person.and_then(|person| person.name.as_ref()));
    if let Some(changes) = entry.after.as_ref().and_then(|after| after.get("changes"))
        && entry.action == "config.reload"
    {
        shown["changes"] = changes.clone();
    }
    shown
}

/// Returns the filter of the audit in a request.
fn audit_filter(request: &HttpRequest, query: &Query) -> Result<AuditFilter, Problem> {
    let mut filter = AuditFilter {
        subject: query.subject.clone().unwrap_or_default(),
        text: query.text.clone().unwrap_or_default(),
        ..AuditFilter::default()
    };
    for (name, value) in identity::query(request.uri()) {
        let time = || Timestamp::parse(&value).map_err(|why| Problem::bad_field(&name, why));
        match name.as_str() {
            _ if value.is_empty() => {}
            "who" => filter.who.clone_from(&value),
            "from" => filter.from = Some(time()?),
            "to" => filter.to = Some(time()?),
            _ => {}
        }
    }
    Ok(filter)
}

/// Handles `GET /api/v1/admin/audit?subject=&q=&who=&from=&to=&limit=&cursor=`.
pub(in crate::http) async fn audit(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    let filter = audit_filter(&request, &query)?;
    let before = match query.cursor.as_deref().map(Uuid::try_parse) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err(Problem::bad_field("cursor", "is not one that this list gave")),
    };
    let mut entries = state.store.audit(before, &filter, query.limit + 1).await?;
    let more = i64::try_from(entries.len()).is_ok_and(|count| count > query.limit);
    if more {
        entries.pop();
    }
    let next = entries.last().filter(|_| more).map(|entry| entry.id);
    let people = users_of(&state, &entries).await?;
    let entries: Vec<Value> = entries.iter().map(|entry| shown_entry(entry, &people)).collect();
    Ok(HttpResponse::Ok().json(json!({ "entries": entries, "next_cursor": next })))
}

/// Returns the users who made the changes, by their IDs, as far as the directory has them. API keys
/// and config.toml are no users.
async fn users_of(
    state: &State,
    entries: &[AuditEntry],
) -> Result<HashMap<String, Person>, Problem> {
    let ids: BTreeSet<&str> = entries.iter().map(|entry| entry.who.as_str()).collect();
    let users: Vec<UserId> = ids.into_iter().filter_map(|id| UserId::parse(id).ok()).collect();
    let people = state.store.people(&users).await?;
    Ok(people.into_iter().map(|person| (person.user_id.to_string(), person)).collect())
}
