//! Directory of users: `/api/v1/admin/directory`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::{audit::entry, query::Query};
use crate::{
    domain::{
        directory::patch,
        user::{Person, PersonPatch, UserId},
    },
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
        body,
        conditional::only_new,
    },
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/directory", list)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_users", "List the directory, by user ID")
            .query(
                "q",
                json!({ "type": "string" }),
                "Part of an ID, a login, a name or an e-mail address.",
            )
            .query(
                "with_role",
                json!({ "type": "string" }),
                "Only users with this role; not together with `q`.",
            )
            .query(
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 1000 }),
                "Maximum number of entries.",
            )
            .query("cursor", json!({ "type": "string" }), "`next_cursor` of the previous page.")
            .returns(200, "A page.", "Directory"),
        Operation::get("/api/v1/admin/directory/{user_id}", get)
            .access(Access::Admin)
            .doc(Tag::Admin, "get_user", "Get a user of the directory")
            .path(
                "user_id",
                json!({ "type": "string", "minLength": 1, "maxLength": 128 }),
                "ID of the user.",
            )
            .returns(200, "The user.", "Person"),
        Operation::put("/api/v1/admin/directory/{user_id}", put)
            .access(Access::Admin)
            .doc(Tag::Admin, "put_user", "Replace a user of the directory")
            .description(
                "A member that is missing is removed. With `If-None-Match: *`, a user who exists \
                 is not replaced (412).",
            )
            .path(
                "user_id",
                json!({ "type": "string", "minLength": 1, "maxLength": 128 }),
                "ID of the user.",
            )
            .header("If-None-Match", json!({ "type": "string" }), "`*`: only a new user.")
            .request_body(json!({
                "required": true,
                "content": { "application/json": { "schema": { "type": "object" } } },
            }))
            .returns(200, "The stored user.", "Person")
            .errors(&[412]),
        Operation::delete("/api/v1/admin/directory/{user_id}", delete)
            .access(Access::Admin)
            .doc(Tag::Admin, "delete_user", "Remove a user from the directory")
            .path(
                "user_id",
                json!({ "type": "string", "minLength": 1, "maxLength": 128 }),
                "ID of the user.",
            )
            .response(204, json!({ "description": "Removed; the inbox stays." })),
    ]
}

/// Maximum size of a user, in bytes.
pub(super) const USER_MAX_BYTES: usize = 64 * 1024;

/// Returns the subject of a user in the audit.
pub(super) fn subject(user: &UserId) -> String {
    format!("user:{user}")
}

fn user(text: &str) -> Result<UserId, Problem> {
    UserId::parse(text).map_err(|error| Problem::bad_field("user_id", error.to_string()))
}

async fn known(state: &State, user: &UserId) -> Result<Option<Person>, Problem> {
    Ok(state.store.people(std::slice::from_ref(user)).await?.into_iter().next())
}

/// Handles `GET /api/v1/admin/directory?q=&with_role=&limit=&cursor=`.
pub(in crate::http) async fn list(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    let after = query.cursor.as_deref().unwrap_or_default();
    let role = query.role.as_deref();
    let text = query.text.as_deref().unwrap_or_default();
    if role.is_some() && !text.is_empty() {
        return Err(Problem::bad_field("with_role", "cannot be asked for together with q"));
    }
    let (mut people, total) =
        state.store.page_of_directory(role, after, text, query.limit + 1).await?;
    let more = i64::try_from(people.len()).is_ok_and(|count| count > query.limit);
    if more {
        people.pop();
    }
    let next = people.last().filter(|_| more).map(|person| person.user_id.clone());
    Ok(HttpResponse::Ok()
        .json(json!({ "users": people, "next_cursor": next, "total_count": total })))
}

/// Handles `GET /api/v1/admin/directory/{user_id}`.
pub(in crate::http) async fn get(
    state: SharedState,
    user_id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    match known(&state, &user(&user_id)?).await? {
        Some(person) => Ok(HttpResponse::Ok().json(person)),
        None => Err(Problem::not_found("the directory does not have this user")),
    }
}

/// Handles `PUT /api/v1/admin/directory/{user_id}`: replaces the user.
pub(in crate::http) async fn put(
    state: SharedState,
    request: HttpRequest,
    user_id: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let user = user(&user_id)?;
    let bytes = body::read(payload, USER_MAX_BYTES).await?;
    let map: Map<String, Value> = body::json(&bytes)?;
    let person = read(&map, Some(&user))?.person;
    if person.user_id != user {
        return Err(Problem::bad_field("user_id", "is not the one in the address"));
    }
    let before = known(&state, &user).await?;
    let json = |person: &Person| serde_json::to_value(person).unwrap_or_default();
    let entry =
        entry(&caller, "user.put", subject(&user), before.as_ref().map(json), Some(json(&person)));
    if !state.store.put_person(&person, only_new(request.headers()), &entry).await? {
        return Err(Problem::precondition_failed("the directory has this user already"));
    }
    state.sign_ins.forget([&user]);
    Ok(HttpResponse::Ok().json(person))
}

/// Handles `DELETE /api/v1/admin/directory/{user_id}`: removes the user; the inbox stays.
pub(in crate::http) async fn delete(
    state: SharedState,
    user_id: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let user = user(&user_id)?;
    let before = known(&state, &user).await?;
    let before = before.map(|person| serde_json::to_value(person).unwrap_or_default());
    let entry = entry(&caller, "user.deleted", subject(&user), before, None);
    let removed = state.store.remove_person(&user, &entry).await?;
    state.sign_ins.forget([&user]);
    if !removed {
        return Err(Problem::not_found("the directory does not have this user"));
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Reads a user. An unknown key is an error, because its value would be lost.
pub(super) fn read(
    map: &Map<String, Value>,
    user: Option<&UserId>,
) -> Result<PersonPatch, Problem> {
    const KNOWN: [&str; 12] = [
        "user_id",
        "userId",
        "id",
        "login",
        "name",
        "email",
        "email_verified",
        "addresses",
        "roles",
        "role",
        "locale",
        "timezone",
    ];
    if let Some(other) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let detail = "is not known; user_id, login, name, email, email_verified, addresses, roles, \
                      locale, timezone are";
        return Err(Problem::bad_field(other, detail));
    }
    let is_named = ["user_id", "userId", "id"]
        .iter()
        .any(|key| map.get(*key).is_some_and(|value| !value.is_null()));
    if user.is_none() && !is_named {
        return Err(Problem::bad_field("user_id", "is missing"));
    }
    let patch = patch(map, user).map_err(|rejected| Problem::from(&rejected))?;
    // The user may be named in the body and in the path.
    let named = map.get("user_id").or_else(|| map.get("userId")).or_else(|| map.get("id"));
    let named = named.filter(|id| !id.is_null()).map(UserId::from_json).transpose();
    let named = named.map_err(|detail| Problem::bad_field("user_id", detail))?;
    match (user, named) {
        (Some(user), Some(named)) if *user != named => {
            Err(Problem::bad_field("user_id", "is not the one in the address"))
        }
        _ => Ok(patch),
    }
}
