//! Contents of inboxes, for administrators.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use crate::{
    clock,
    domain::{
        notification::Notification,
        user::{Person, UserId},
    },
    http::{
        Problem, SharedState,
        api::{Access, Checked, Operation, Tag},
        identity,
    },
    store::Filter,
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/pending", pending)
            .access(Access::Admin)
            .doc(
                Tag::Admin,
                "pending",
                "Count unread notifications of the 100 users who received one last",
            )
            .returns(200, "By `{id}-{login}`.", "Pending"),
        Operation::get("/api/v1/admin/history", history)
            .access(Access::AdminByHandler)
            .doc(Tag::Admin, "history", "List the notifications of a user, newest first")
            .parameter_object(json!({
                "name": "user_id",
                "in": "query",
                "required": true,
                "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
                "description": "ID of the user.",
            }))
            .query("login", json!({ "type": "string" }), "Repeated in `user` of the response.")
            .query(
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 1000 }),
                "Maximum number of entries; `retention.history` by default.",
            )
            .returns(200, "The history.", "History"),
    ]
}

/// Number of users in the response about pending notifications.
const PENDING_USERS: i64 = 100;

/// Maximum number of notifications of each user.
const PENDING_EACH: i64 = 100;

/// Maximum number of notifications in a history.
const HISTORY_MAX: i64 = 1_000;

/// Returns a user in the format of the older API.
fn named(person: &Person) -> Value {
    json!({ "id": person.user_id.to_legacy_json(), "login": person.display() })
}

fn payload(item: &Notification, target: &Value) -> Value {
    json!({
        "notification_id": item.notification_id,
        "message": item.message,
        "created_at": item.created_at,
        "source": item.source,
        "target": target,
    })
}

/// Handles `GET /api/v1/admin/pending`: unread notifications of the users with the newest ones.
pub(in crate::http) async fn pending(
    state: SharedState,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let store = &state.store;
    let totals = store.unread_totals().await?;
    let users = store.users_with_unread(PENDING_USERS).await?;
    let people = store.people(&users).await?;
    let mut pending = Map::new();
    for user in &users {
        let known = people.iter().find(|person| person.user_id == *user).cloned();
        let person = known.unwrap_or_else(|| Person::unknown(user.clone()));
        let target = named(&person);
        let page = store.newest_unread(user, PENDING_EACH).await?;
        let items: Vec<Value> = page
            .items
            .iter()
            .map(|item| {
                json!({ "id": item.stream_id, "payload": payload(item, &target),
                "read": item.read })
            })
            .collect();
        if !items.is_empty() {
            pending.insert(format!("{user}-{}", person.display()), items.into());
        }
    }
    Ok(HttpResponse::Ok().json(json!({
        "pending_notifications": pending,
        "total_pending": totals.unread,
        "users_with_pending": totals.users,
        "timestamp": clock::now(),
    })))
}

/// Handles `GET /api/v1/admin/history?user_id=1&login=alice`: notifications of a user, newest
/// first.
pub(in crate::http) async fn history(
    state: SharedState,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query = identity::query(request.uri());
    let parameter =
        |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    identity::administrator_asking_for(&state, &request).await?;
    let user =
        parameter("user_id").ok_or_else(|| Problem::bad_field("user_id", "say whose history"))?;
    let user =
        UserId::parse(user).map_err(|error| Problem::bad_field("user_id", error.to_string()))?;
    let limit = match parameter("limit") {
        None => state.sessions.settings.history(),
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=HISTORY_MAX).contains(limit)).ok_or_else(
                || Problem::bad_field("limit", format!("must be from 1 to {HISTORY_MAX}")),
            )?
        }
    };
    let listing = state.store.list(&user, &Filter::default(), limit).await?;
    let known = state.store.people(std::slice::from_ref(&user)).await?.pop();
    let mut person = known.unwrap_or_else(|| Person::unknown(user));
    if let Some(login) = parameter("login").filter(|login| !login.is_empty()) {
        person.login = Some(login.to_owned());
    }
    let target = named(&person);
    let history: Vec<Value> = listing
        .items
        .iter()
        .map(|item| {
            json!({
                "id": item.stream_id,
                "payload": payload(item, &target),
                "read": item.read,
                "status": item.status,
            })
        })
        .collect();
    let count = history.len();
    Ok(HttpResponse::Ok().json(json!({
        "user": target,
        "history": history,
        "count": count,
        "timestamp": clock::now(),
    })))
}
