//! Inbox of a user.

mod operations;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

pub(super) use operations::operations;

use super::{Problem, SharedState, State, body, identity};
use crate::{
    clock,
    domain::{
        inbox::{BulkMark, Change, InboxState, Mark, Resume, Since, resume},
        limits::bounded,
        notification::{Notification, Status, Timestamp},
        presentation::ACTIONS_MAX,
        user::UserId,
    },
    inbox::{MarkAll, MarkOne},
    protocol,
    runtime::Gone,
    store::{Filter, MarkOutcome, StoreError},
};

/// Default number of notifications in a response.
const LIMIT_DEFAULT: i64 = 50;

/// Maximum number of notifications in a response.
const LIMIT_MAX: i64 = 1_000;

/// Maximum length of a text that is searched, in characters.
const SEARCH_MAX_CHARS: usize = 100;

/// Query of the list.
#[derive(Debug, Default)]
struct Query {
    limit: i64,
    cursor: Option<i64>,
    status: Option<Status>,
    type_code: Option<String>,
    category: Option<String>,
    search: Option<String>,
    since: Option<String>,
}

impl Query {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let mut query = Self { limit: LIMIT_DEFAULT, ..Self::default() };
        for (name, value) in identity::query(request.uri()) {
            let wrong = |detail: String| Problem::bad_field(&name, detail);
            match name.as_str() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    query.limit =
                        limit.ok_or_else(|| wrong(format!("must be from 1 to {LIMIT_MAX}")))?;
                }
                "cursor" => {
                    let place = value
                        .parse()
                        .map_err(|_| wrong("is not one that this list gave".to_owned()))?;
                    query.cursor = Some(place);
                }
                "status" => query.status = status(&value).map_err(wrong)?,
                "type" => query.type_code = Some(value).filter(|code| !code.is_empty()),
                "category" => query.category = Some(value).filter(|name| !name.is_empty()),
                "q" => {
                    let text = bounded(value, SEARCH_MAX_CHARS).map_err(wrong)?;
                    query.search = Some(text).filter(|text| !text.trim().is_empty());
                }
                "since" => query.since = Some(value),
                // Parameters of dev authentication and a token are also here.
                _ => {}
            }
        }
        Ok(query)
    }
}

fn status(value: &str) -> Result<Option<Status>, String> {
    match Status::parse(value) {
        Some(status @ (Status::Unread | Status::Read | Status::Snoozed | Status::Archived)) => {
            Ok(Some(status))
        }
        _ if value == "all" => Ok(None),
        _ => Err("must be unread, read, snoozed, archived or all".to_owned()),
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    items: &'a [Notification],
    next_cursor: Option<String>,
    unread: i64,
    unseen: i64,
    revision: i64,
    epoch: &'a str,
    /// True if the given position is invalid: the items are the newest notifications, to start over
    /// with.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<bool>,
}

/// Handles `GET /api/v1/notifications`.
async fn list(state: SharedState, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let query = Query::of(&request)?;
    if let Some(since) = &query.since {
        if query.category.is_some() || query.search.is_some() {
            let field = if query.search.is_some() { "q" } else { "category" };
            return Err(Problem::bad_field(field, "cannot be combined with since"));
        }
        return changes(&state, &user, since, &query).await;
    }
    let filter = Filter {
        status: query.status,
        type_code: query.type_code,
        category: query.category,
        search: query.search,
        before_seq: query.cursor,
    };
    let listing = state.store.list(&user, &filter, query.limit).await?;
    Ok(HttpResponse::Ok().json(Answer {
        items: &listing.items,
        next_cursor: listing.next.map(|place| place.to_string()),
        unread: listing.inbox.unread,
        unseen: listing.inbox.unseen,
        revision: listing.inbox.revision,
        epoch: &state.sessions.epoch,
        reset: None,
    }))
}

/// Returns the changes after a position, oldest first. `revision` is the client's position after
/// them; it continues from there while `next_cursor` is not null.
async fn changes(
    state: &State,
    user: &UserId,
    since: &str,
    query: &Query,
) -> Result<HttpResponse, Problem> {
    let limit = query.limit;
    let wrong = |detail: String| Problem::bad_field("since", detail);
    // A later page continues from its cursor, in the history that the first page was of.
    let since = if since.contains([':', 'T']) {
        let time = Timestamp::parse(since).map_err(wrong)?;
        let revision = match query.cursor {
            Some(reached) => reached,
            None => state.store.revision_at(user, time).await?,
        };
        Since { epoch: None, revision }
    } else {
        let since = Since::parse(since).map_err(wrong)?;
        Since { revision: query.cursor.unwrap_or(since.revision), ..since }
    };
    let after = resume(&since, &state.sessions.epoch, state.store.position(user).await?);
    let (mut page, reset) = match after {
        Resume::After(revision) => (state.store.changed_since(user, revision, limit).await?, None),
        Resume::Reset => {
            let mut page = state.store.newest(user, limit).await?;
            page.complete = true;
            (page, Some(true))
        }
    };
    let reached = page.reached();
    page.items.retain(|item| query.status.is_none_or(|status| item.status == status));
    page.items.retain(|item| query.type_code.as_ref().is_none_or(|code| item.type_code == *code));
    Ok(HttpResponse::Ok().json(Answer {
        items: &page.items,
        next_cursor: (!page.complete).then(|| reached.to_string()),
        unread: page.inbox.unread,
        unseen: page.inbox.unseen,
        revision: reached,
        epoch: &state.sessions.epoch,
        reset,
    }))
}

/// Handles `GET /api/v1/notifications/unread-count`.
async fn unread_count(state: SharedState, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let InboxState { unread, unseen, revision } = state.store.inbox(&user).await?;
    let epoch = &state.sessions.epoch;
    Ok(HttpResponse::Ok()
        .json(json!({ "unread": unread, "unseen": unseen, "revision": revision, "epoch": epoch })))
}

/// Handles `GET /api/v1/notifications/{id}`.
async fn get(
    state: SharedState,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let found = state.store.notification(&user, parse_id(&id)?).await?.ok_or_else(no_such)?;
    Ok(HttpResponse::Ok().json(found))
}

/// Handles `POST …/{id}/read` and the other marks, and `DELETE …/{id}`.
async fn mark(
    state: SharedState,
    request: HttpRequest,
    id: web::Path<String>,
    mark: Mark,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    mark_one(&state, user, &id, mark).await
}

/// Marks a notification of a user.
async fn mark_one(
    state: &State,
    user_id: UserId,
    id: &str,
    mark: Mark,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(id)?;
    let (reply, answer) = oneshot::channel();
    state.persistence.send(MarkOne { user_id, id, mark, origin: None, reply }).await?;
    let Change { notification, step, .. } = done(answer).await?;
    let mut changed = notification
        .map_or(Ok(Value::Null), |notification| serde_json::to_value(&*notification))
        .map_err(|error| Problem::internal(error.to_string()))?;
    if let Value::Object(map) = &mut changed {
        map.insert("unread".to_owned(), step.unread.into());
        map.insert("unseen".to_owned(), step.unseen.into());
    }
    Ok(HttpResponse::Ok().json(changed))
}

/// Handles `POST …/{id}/clicked`, with `{"action": 0}` for a press on that action.
async fn clicked(
    state: SharedState,
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let bytes = body::read(payload, state.server.load().max_message_bytes).await?;
    mark_one(&state, user, &id, Mark::Click(action(&bytes)?)).await
}

/// Parses `{"action":0}`; an empty body means the link of the notification.
fn action(bytes: &[u8]) -> Result<Option<u8>, Problem> {
    let Some(map) = optional_object(bytes)? else { return Ok(None) };
    match map.get("action") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let index = value.as_u64().filter(|index| *index < ACTIONS_MAX as u64);
            let index = index.and_then(|index| u8::try_from(index).ok());
            let wrong = || {
                let detail = format!("must be a whole number from 0 to {}", ACTIONS_MAX - 1);
                Problem::bad_field("action", detail)
            };
            index.map(Some).ok_or_else(wrong)
        }
    }
}

/// Handles `POST …/{id}/snooze`: `{"until": RFC 3339}` or `{"for": "1h"}`.
async fn snooze(
    state: SharedState,
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let bytes = body::read(payload, state.server.load().max_message_bytes).await?;
    let fields: serde_json::Map<String, Value> = body::json(&bytes)?;
    let until = protocol::snooze(&fields).and_then(|end| end.after(clock::now()));
    let until = until.map_err(|detail| {
        let field = if fields.contains_key("for") { "for" } else { "until" };
        Problem::bad_field(field, detail)
    })?;
    mark_one(&state, user, &id, Mark::Snooze(until)).await
}

/// Handles `POST /api/v1/notifications/read-all` and `/seen-all`.
async fn mark_all(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
    mark: BulkMark,
) -> Result<HttpResponse, Problem> {
    let user_id = identity::user(&state, &request).await?.user_id;
    let bytes = body::read(payload, state.server.load().max_message_bytes).await?;
    let up_to = up_to(&bytes)?;
    let (reply, answer) = oneshot::channel();
    state.persistence.send(MarkAll { user_id, mark, up_to, origin: None, reply }).await?;
    let step = done(answer).await?.step;
    Ok(HttpResponse::Ok().json(json!({
        "unread": step.unread,
        "unseen": step.unseen,
        "revision": step.revision,
        "marked": step.revision - step.previous_revision,
    })))
}

/// Parses `{"up_to_revision":17}`; an empty body means all.
fn up_to(bytes: &[u8]) -> Result<Option<i64>, Problem> {
    let Some(map) = optional_object(bytes)? else { return Ok(None) };
    match map.get("up_to_revision") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(revision) if revision >= 0 => Ok(Some(revision)),
            _ => Err(Problem::bad_field("up_to_revision", "must be a whole number from 0")),
        },
    }
}

/// Parses a JSON object; `None` for an empty body, or `null`.
fn optional_object(bytes: &[u8]) -> Result<Option<Map<String, Value>>, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Problem::bad_request(format!("the body is not JSON: {error}")))?;
    match value {
        Value::Object(map) => Ok(Some(map)),
        Value::Null => Ok(None),
        _ => Err(Problem::bad_request("the body must be a JSON object")),
    }
}

async fn done(
    answer: oneshot::Receiver<Result<MarkOutcome, StoreError>>,
) -> Result<Change, Problem> {
    match answer.await.map_err(|_| Gone)?? {
        MarkOutcome::Done(change) => Ok(change),
        MarkOutcome::NotFound => Err(no_such()),
    }
}

/// Parses the ID of a notification; an invalid one is not found.
fn parse_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| no_such())
}

fn no_such() -> Problem {
    Problem::not_found("there is no such notification in your inbox")
}
