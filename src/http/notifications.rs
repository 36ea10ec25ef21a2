//! Inbox of a user.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Problem, SharedState, State, body, identity};
use crate::{
    domain::{
        inbox::{BulkMark, Change, InboxState, Mark, Resume, Since, resume},
        notification::{Notification, Status, Timestamp},
        user::UserId,
    },
    http::api::{Access, Operation, Tag},
    inbox::{MarkAll, MarkOne},
    runtime::Gone,
    store::{Filter, MarkOutcome, StoreError},
};

macro_rules! marking {
    ($mark:expr) => {
        |state: SharedState, request: HttpRequest, id: web::Path<String>| {
            mark(state, request, id, $mark)
        }
    };
}

macro_rules! marking_all {
    ($mark:expr) => {
        |state: SharedState, request: HttpRequest, payload: web::Payload| {
            mark_all(state, request, payload, $mark)
        }
    };
}

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/notifications", list)
            .access(Access::User)
            .doc(
                Tag::Inbox,
                "list_notifications",
                "List the inbox, newest first; with `since`, changes, oldest first",
            )
            .query(
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 50 }),
                "Maximum number of entries.",
            )
            .query(
                "cursor",
                json!({ "type": "string", "pattern": "^[0-9]{1,18}$" }),
                "`next_cursor` of the previous page.",
            )
            .query(
                "status",
                json!({
                    "type": "string",
                    "enum": ["unread", "read", "archived", "all"],
                    "default": "all",
                }),
                "Only this status.",
            )
            .query("type", json!({ "type": "string" }), "Only this type.")
            .query(
                "since",
                json!({ "type": "string" }),
                "Revision, EPOCH.REVISION, or time: changes after it. Another epoch is \
                 answered with `reset: true` and the newest notifications.",
            )
            .returns(200, "A page, and the state of the inbox.", "Listing"),
        Operation::get("/api/v1/notifications/unread-count", unread_count)
            .access(Access::User)
            .doc(Tag::Inbox, "unread_count", "Count unread notifications")
            .returns(200, "The counts.", "Counts"),
        Operation::post("/api/v1/notifications/read-all", marking_all!(BulkMark::Read))
            .access(Access::User)
            .doc(Tag::Inbox, "read_all", "Mark all notifications as read")
            .request_body(json!({
                "required": false,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "up_to_revision": {
                                    "type": ["integer", "null"],
                                    "minimum": 0,
                                    "maximum": 9_223_372_036_854_775_807_i64,
                                    "description": "Only what was made up to this revision.",
                                },
                            },
                        },
                    },
                },
            }))
            .returns(200, "Number of notifications that changed, and the counts.", "MarkedAll"),
        Operation::post("/api/v1/notifications/seen-all", marking_all!(BulkMark::Seen))
            .access(Access::User)
            .doc(Tag::Inbox, "seen_all", "Mark all notifications as seen")
            .request_body(json!({
                "required": false,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "up_to_revision": {
                                    "type": ["integer", "null"],
                                    "minimum": 0,
                                    "maximum": 9_223_372_036_854_775_807_i64,
                                    "description": "Only what was made up to this revision.",
                                },
                            },
                        },
                    },
                },
            }))
            .returns(200, "Number of notifications that changed, and the counts.", "MarkedAll"),
        Operation::get("/api/v1/notifications/{id}", get)
            .access(Access::User)
            .doc(Tag::Inbox, "get_notification", "Get a notification")
            .path("id", json!({ "type": "string", "format": "uuid" }), "ID.")
            .returns(200, "The notification.", "Notification"),
        Operation::delete("/api/v1/notifications/{id}", marking!(Mark::Delete))
            .access(Access::User)
            .doc(Tag::Inbox, "delete_notification", "Delete a notification")
            .description("Deletion is a change like any other. A deleted notification is 404.")
            .path("id", json!({ "type": "string", "format": "uuid" }), "ID.")
            .returns(200, "The notification before its deletion, and the counts.", "Marked"),
        Operation::post("/api/v1/notifications/{id}/seen", marking!(Mark::Seen))
            .access(Access::User)
            .doc(Tag::Inbox, "mark_seen", "Mark a notification as seen")
            .description("Idempotent: repeating it takes no revision.")
            .path("id", json!({ "type": "string", "format": "uuid" }), "ID.")
            .returns(200, "The notification and the counts after the change.", "Marked"),
        Operation::post("/api/v1/notifications/{id}/read", marking!(Mark::Read))
            .access(Access::User)
            .doc(Tag::Inbox, "mark_read", "Mark a notification as read")
            .description("Idempotent: repeating it takes no revision.")
            .path("id", json!({ "type": "string", "format": "uuid" }), "ID.")
            .returns(200, "The notification and the counts after the change.", "Marked"),
        Operation::post("/api/v1/notifications/{id}/clicked", marking!(Mark::Click))
            .access(Access::User)
            .doc(
                Tag::Inbox,
                "mark_clicked",
                "Record that the action of a notification was followed",
            )
            .description(
                "Marks it as read too, and counts for the comparison of variants. \
                 Idempotent: repeating it takes no revision.",
            )
            .path("id", json!({ "type": "string", "format": "uuid" }), "ID.")
            .returns(200, "The notification and the counts after the change.", "Marked"),
        Operation::post("/api/v1/notifications/{id}/unread", marking!(Mark::Unread))
            .access(Access::User)
            .doc(Tag::Inbox, "mark_unread", "Mark a notification as unread")
            .description("Idempotent: repeating it takes no revision.")
            .path("id", json!({ "type": "string", "format": "uuid" }), "ID.")
            .returns(200, "The notification and the counts after the change.", "Marked"),
        Operation::post("/api/v1/notifications/{id}/archive", marking!(Mark::Archive))
            .access(Access::User)
            .doc(Tag::Inbox, "mark_archive", "Archive a notification")
            .description("Idempotent: repeating it takes no revision.")
            .path("id", json!({ "type": "string", "format": "uuid" }), "ID.")
            .returns(200, "The notification and the counts after the change.", "Marked"),
        Operation::post("/api/v1/notifications/{id}/unarchive", marking!(Mark::Unarchive))
            .access(Access::User)
            .doc(
                Tag::Inbox,
                "mark_unarchive",
                "Take a notification out of the archive, with its earlier status",
            )
            .description("Idempotent: repeating it takes no revision.")
            .path("id", json!({ "type": "string", "format": "uuid" }), "ID.")
            .returns(200, "The notification and the counts after the change.", "Marked"),
    ]
}

/// Default number of notifications in a response.
const LIMIT_DEFAULT: i64 = 50;

/// Maximum number of notifications in a response.
const LIMIT_MAX: i64 = 1_000;

/// Query of the list.
#[derive(Debug)]
struct Query {
    limit: i64,
    cursor: Option<i64>,
    status: Option<Status>,
    type_code: Option<String>,
    since: Option<String>,
}

impl Query {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let mut query =
            Self { limit: LIMIT_DEFAULT, cursor: None, status: None, type_code: None, since: None };
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
        Some(status @ (Status::Unread | Status::Read | Status::Archived)) => Ok(Some(status)),
        _ if value == "all" => Ok(None),
        _ => Err("must be unread, read, archived or all".to_owned()),
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
pub(super) async fn list(
    state: SharedState,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let query = Query::of(&request)?;
    if let Some(since) = &query.since {
        return changes(&state, &user, since, &query).await;
    }
    let filter =
        Filter { status: query.status, type_code: query.type_code, before_seq: query.cursor };
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
    let after = if let Some(reached) = query.cursor {
        Resume::After(reached)
    } else if since.contains([':', 'T']) {
        let time = Timestamp::parse(since).map_err(wrong)?;
        let since = Since { epoch: None, revision: state.store.revision_at(user, time).await? };
        resume(&since, &state.sessions.epoch, state.store.position(user).await?)
    } else {
        let since = Since::parse(since).map_err(wrong)?;
        resume(&since, &state.sessions.epoch, state.store.position(user).await?)
    };
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
pub(super) async fn unread_count(
    state: SharedState,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let InboxState { unread, unseen, revision } = state.store.inbox(&user).await?;
    let epoch = &state.sessions.epoch;
    Ok(HttpResponse::Ok()
        .json(json!({ "unread": unread, "unseen": unseen, "revision": revision, "epoch": epoch })))
}

/// Handles `GET /api/v1/notifications/{id}`.
pub(super) async fn get(
    state: SharedState,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let found = state.store.notification(&user, parse_id(&id)?).await?.ok_or_else(no_such)?;
    Ok(HttpResponse::Ok().json(found))
}

/// Handles `POST …/{id}/read` and the other marks, and `DELETE …/{id}`.
pub(super) async fn mark(
    state: SharedState,
    request: HttpRequest,
    id: web::Path<String>,
    mark: Mark,
) -> Result<HttpResponse, Problem> {
    let user_id = identity::user(&state, &request).await?.user_id;
    let id = parse_id(&id)?;
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

/// Handles `POST /api/v1/notifications/read-all` and `/seen-all`.
pub(super) async fn mark_all(
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
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Problem::bad_request(format!("the body is not JSON: {error}")))?;
    let Value::Object(map) = value else {
        return Err(Problem::bad_request("the body must be a JSON object"));
    };
    match map.get("up_to_revision") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(revision) if revision >= 0 => Ok(Some(revision)),
            _ => Err(Problem::bad_field("up_to_revision", "must be a whole number from 0")),
        },
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
