//! Notification types: `/api/v1/admin/types`.

mod operations;
mod preview;
mod sample;
mod test_send;
mod texts;
mod variants;
mod warnings;
mod written;

use std::collections::HashMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
    web,
};
use serde_json::{Map, Value, json};

pub(in crate::http) use operations::operations;
use preview::preview;
use test_send::test_send;
use texts::{add_files, locales};
use variants::variants;
use written::{Written, patched};

use super::{audit::entry, query::Query};
use crate::{
    auth::Caller,
    clock,
    domain::{
        catalog::{Catalog, Origin, TypeRow},
        channel::WEBHOOK_PREFIX,
        event::code_of,
        notification::Timestamp,
        schedule::Schedule,
    },
    http::{Problem, SharedState, State, api::Checked, body, conditional},
    pipeline::catalog::Refresh,
};

/// Maximum number of attempts of a change, while others change the same type.
const ATTEMPTS: usize = 100;

/// Returns a type as JSON.
fn to_json(row: &TypeRow) -> Value {
    // A type of this crate with string keys always serializes.
    serde_json::to_value(row).unwrap_or_default()
}

/// Returns the `ETag` of a type.
fn etag(row: &TypeRow) -> String {
    conditional::etag(&to_json(row))
}

/// Returns the columns that differ in config.toml; `None` if the file does not have the type.
fn in_file(row: &TypeRow, file: &[TypeRow]) -> Option<Map<String, Value>> {
    let of_file = file.iter().find(|known| known.code == row.code)?;
    let of_file =
        to_json(&TypeRow { origin: row.origin, updated_at: row.updated_at, ..of_file.clone() });
    let is = to_json(row);
    let Value::Object(of_file) = of_file else { return None };
    Some(of_file.into_iter().filter(|(name, says)| is.get(name) != Some(says)).collect())
}

fn shown(
    row: &TypeRow,
    file: &[TypeRow],
    changed_by: Option<&str>,
    last_run: Option<Timestamp>,
) -> Value {
    let mut json = to_json(row);
    if let Some(map) = json.as_object_mut() {
        let differs = in_file(row, file);
        let word =
            differs.as_ref().map(|differs| if differs.is_empty() { "same" } else { "differs" });
        map.insert("file".to_owned(), json!(word));
        map.insert("file_says".to_owned(), json!(differs.filter(|differs| !differs.is_empty())));
        map.insert("changed_by".to_owned(), json!(changed_by));
        let schedule = row.schedule.as_ref().and_then(|schedule| Schedule::parse(schedule).ok());
        let next = schedule.as_ref().and_then(|schedule| schedule.next(clock::now()));
        map.insert("last_run".to_owned(), json!(last_run.filter(|_| schedule.is_some())));
        map.insert("next_run".to_owned(), json!(next));
        // A row written by SQL may be invalid; then its type is off.
        let (_, bad) = Catalog::build(std::slice::from_ref(row), &[], "en");
        map.insert(
            "problem".to_owned(),
            json!(bad.first().map(|bad| format!("{}: {}", bad.column, bad.detail))),
        );
    }
    json
}

fn subject(code: &str) -> String {
    format!("type:{code}")
}

async fn find(state: &State, code: &str) -> Result<TypeRow, Problem> {
    let rows = state.store.types().await?;
    let exact = rows.iter().position(|row| row.code == code);
    let at = exact.or_else(|| rows.iter().position(|row| code_of(&row.code) == code_of(code)));
    at.and_then(|at| rows.into_iter().nth(at))
        .ok_or_else(|| Problem::not_found(format!("there is no type {code:?}")))
}

/// Checks `If-Match`: the type must be as its author saw it.
fn check_match(headers: &HeaderMap, row: &TypeRow) -> Result<(), Problem> {
    if conditional::matches(headers, || etag(row)) {
        return Ok(());
    }
    Err(Problem::precondition_failed(
        "somebody has changed the type meanwhile; load it again, and save what is still to change",
    ))
}

/// Repeats a change of a type while others change it between reading and writing: an attempt
/// returns `None` then. A request with `If-Match` ends with the check of the next attempt.
async fn repeated<T>(
    mut attempt: impl AsyncFnMut() -> Result<Option<T>, Problem>,
) -> Result<T, Problem> {
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt().await? {
            return Ok(done);
        }
    }
    Err(Problem::unavailable("others change the type all the time; try again"))
}

/// Returns the last run of its schedule; `None` while the store is unavailable.
async fn last_run(state: &State, row: &TypeRow) -> Option<Timestamp> {
    row.schedule.as_ref()?;
    let runs = state.store.schedule_runs().await.ok()?;
    runs.into_iter().find(|run| run.code == row.code).map(|run| run.at)
}

/// Returns the response with a type, when the hub uses it.
async fn answer(state: &State, row: &TypeRow, changed_by: &str, created: bool) -> HttpResponse {
    // A restarting catalog actor finds the change within a second.
    let _ = state.types.send(Refresh).await;
    let last_run = last_run(state, row).await;
    let mut response = if created { HttpResponse::Created() } else { HttpResponse::Ok() };
    let mut json = shown(row, &state.configuration.types(), Some(changed_by), last_run);
    add_files(&mut json, state, &row.code);
    response.insert_header((header::ETAG, etag(row))).json(json)
}

/// Handles `GET /api/v1/admin/types?limit=&cursor=`.
pub(in crate::http) async fn list(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    let (mut rows, changes, runs) = tokio::try_join!(
        state.store.types(),
        state.store.last_changes_of_types(),
        state.store.schedule_runs()
    )?;
    let runs: HashMap<String, Timestamp> = runs.into_iter().map(|run| (run.code, run.at)).collect();
    let by: HashMap<String, String> =
        changes.into_iter().map(|change| (change.subject, change.who)).collect();
    let file = state.configuration.types();
    let show = |row: &TypeRow| {
        shown(
            row,
            &file,
            by.get(&subject(&row.code)).map(String::as_str),
            runs.get(&row.code).copied(),
        )
    };
    rows.sort_by(|a, b| a.code.cmp(&b.code));
    let total = rows.len();
    let (page, next) = query.page_of(rows, |row| row.code.clone());
    let types: Vec<Value> = page.iter().map(show).collect();
    Ok(HttpResponse::Ok()
        .json(json!({ "types": types, "next_cursor": next, "total_count": total })))
}

/// Handles `GET /api/v1/admin/types/{code}`.
pub(in crate::http) async fn get(
    state: SharedState,
    code: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let row = find(&state, &code).await?;
    let last = state.store.last_change_of_type(&subject(&row.code)).await?;
    let by = last.as_ref().map(|change| change.who.as_str());
    let last_run = last_run(&state, &row).await;
    let mut json = shown(&row, &state.configuration.types(), by, last_run);
    add_files(&mut json, &state, &row.code);
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(&row))).json(json))
}

/// Handles `POST /api/v1/admin/types`.
pub(in crate::http) async fn create(
    state: SharedState,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
    let row = body::json::<Written>(&bytes)?.into_row(None, None)?;
    insert(&state, &caller, &row).await
}

/// Checks that the webhooks exist that a type did not use before.
fn check_webhooks(state: &State, row: &TypeRow, before: Option<&TypeRow>) -> Result<(), Problem> {
    let is_used =
        |name| before.is_some_and(|before| before.webhooks().any(|(_, used)| used == name));
    let exists = |name: &str| state.channels.find(&format!("{WEBHOOK_PREFIX}{name}")).is_some();
    match row.webhooks().find(|(_, name)| !is_used(*name) && !exists(name)) {
        None => Ok(()),
        Some((column, name)) => {
            let detail = format!("there is no webhook {name:?} in the configuration of the hub");
            Err(Problem::bad_field(column, detail))
        }
    }
}

async fn insert(state: &State, caller: &Caller, row: &TypeRow) -> Result<HttpResponse, Problem> {
    check_webhooks(state, row, None)?;
    let taken = || Problem::conflict(format!("there is a type {:?} already", row.code));
    if find(state, &row.code).await.is_ok() {
        return Err(taken());
    }
    let entry = entry(caller, "type.created", subject(&row.code), None, Some(to_json(row)));
    if !state.store.make_type(row, &entry).await? {
        return Err(taken());
    }
    Ok(answer(state, row, &entry.who, true).await)
}

/// Returns the row as one of config.toml, if that says the same: switching a type off and on again
/// leads back to the file.
fn without_override(row: TypeRow, file: &[TypeRow]) -> TypeRow {
    match in_file(&row, file) {
        Some(differs) if differs.is_empty() => TypeRow { origin: Origin::Config, ..row },
        _ => row,
    }
}

async fn change(
    state: &State,
    caller: &Caller,
    before: &TypeRow,
    row: TypeRow,
) -> Result<Option<HttpResponse>, Problem> {
    check_webhooks(state, &row, Some(before))?;
    let row = &without_override(row, &state.configuration.types());
    let entry = entry(
        caller,
        "type.changed",
        subject(&row.code),
        Some(to_json(before)),
        Some(to_json(row)),
    );
    if !state.store.change_type(row, before, &entry).await? {
        return Ok(None);
    }
    Ok(Some(answer(state, row, &entry.who, false).await))
}

/// Handles `PUT /api/v1/admin/types/{code}`: creates or replaces the type.
pub(in crate::http) async fn put(
    state: SharedState,
    request: HttpRequest,
    code: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
    let written: Written = body::json(&bytes)?;
    repeated(async || {
        let Ok(before) = find(&state, &code).await else {
            if request.headers().contains_key(header::IF_MATCH) {
                return Err(Problem::precondition_failed("there is no such type any more"));
            }
            let row = written.clone().into_row(Some(&code), None)?;
            return insert(&state, &caller, &row).await.map(Some);
        };
        check_match(request.headers(), &before)?;
        let row = written.clone().into_row(Some(&before.code), Some(before.updated_at))?;
        change(&state, &caller, &before, row).await
    })
    .await
}

/// Handles `PATCH /api/v1/admin/types/{code}`: JSON merge patch (RFC 7396).
pub(in crate::http) async fn patch(
    state: SharedState,
    request: HttpRequest,
    code: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
    let value: Map<String, Value> = body::json(&bytes)?;
    repeated(async || {
        let before = find(&state, &code).await?;
        check_match(request.headers(), &before)?;
        let written = patched(&before, value.clone())?;
        let row = written.into_row(Some(&before.code), Some(before.updated_at))?;
        change(&state, &caller, &before, row).await
    })
    .await
}

/// Handles `DELETE /api/v1/admin/types/{code}`.
pub(in crate::http) async fn delete(
    state: SharedState,
    request: HttpRequest,
    code: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    repeated(async || {
        let before = find(&state, &code).await?;
        check_match(request.headers(), &before)?;
        if in_file(&before, &state.configuration.types()).is_some() {
            let detail = "config.toml has this type, and would create it again: switch it off \
            with is_active, or take it out of the file";
            return Err(Problem::conflict(detail));
        }
        let was = Some(to_json(&before));
        let entry = entry(&caller, "type.deleted", subject(&before.code), was, None);
        Ok(state.store.drop_type(&before, &entry).await?.then_some(()))
    })
    .await?;
    let _ = state.types.send(Refresh).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Handles `DELETE /api/v1/admin/types/{code}/override`: reverts the type to config.toml.
pub(in crate::http) async fn revert(
    state: SharedState,
    request: HttpRequest,
    code: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    repeated(async || {
        let before = find(&state, &code).await?;
        check_match(request.headers(), &before)?;
        let file = state.configuration.types();
        let Some(of_file) = file.iter().find(|row| row.code == before.code) else {
            return Err(Problem::conflict(
                "config.toml does not have this type, so it cannot be reverted",
            ));
        };
        let updated_at = Timestamp(clock::now().0.max(before.updated_at.0 + 1));
        let row = TypeRow { origin: Origin::Config, updated_at, ..of_file.clone() };
        let (was, is) = (Some(to_json(&before)), Some(to_json(&row)));
        let entry = entry(&caller, "type.reverted", subject(&row.code), was, is);
        if !state.store.change_type(&row, &before, &entry).await? {
            return Ok(None);
        }
        Ok(Some(answer(&state, &row, &entry.who, false).await))
    })
    .await
}
