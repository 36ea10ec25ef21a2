//! Directory of users: `/api/v1/admin/directory`.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{audit::entry, query::Query};
use crate::{
    clock,
    domain::{
        directory::patch,
        user::{Person, PersonPatch, UserId},
    },
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
        body,
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
        import_operation(),
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
            .description("A member that is missing is removed.")
            .path(
                "user_id",
                json!({ "type": "string", "minLength": 1, "maxLength": 128 }),
                "ID of the user.",
            )
            .request_body(json!({
                "required": true,
                "content": { "application/json": { "schema": { "type": "object" } } },
            }))
            .returns(200, "The stored user.", "Person"),
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

fn import_operation() -> Operation {
    Operation::post("/api/v1/admin/directory/bulk", bulk)
        .access(Access::Admin)
        .doc(Tag::Admin, "import_users", "Add users to the directory, or complete them")
        .description(
            "NDJSON, one user per line, is read as a stream and written in chunks. \
             Lines before an invalid one are written: `upserted` beside the problem \
             gives their number.",
        )
        .request_body(json!({
            "required": true,
            "content": {
                "application/x-ndjson": { "schema": { "type": "string" } },
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "users": { "type": "array", "items": { "type": "object" } },
                        },
                        "required": ["users"],
                    },
                },
            },
        }))
        .returns_schema(
            200,
            "Number of users written.",
            &json!({
                "type": "object",
                "properties": { "upserted": { "type": "integer" } },
                "required": ["upserted"],
            }),
        )
}

/// Number of users written together.
const CHUNK: usize = 500;

/// Maximum size of one line, or of a single object, in bytes.
const LINE_MAX_BYTES: usize = 64 * 1024;
const OBJECT_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Maximum pause within an upload.
const PAUSE_MAX: Duration = Duration::from_secs(30);

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
    user_id: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let user = user(&user_id)?;
    let bytes = body::read(payload, LINE_MAX_BYTES).await?;
    let map: Map<String, Value> = body::json(&bytes)?;
    let person = read(&map, Some(&user))?.person;
    if person.user_id != user {
        return Err(Problem::bad_field("user_id", "is not the one in the address"));
    }
    let before = known(&state, &user).await?;
    let json = |person: &Person| serde_json::to_value(person).unwrap_or_default();
    let entry =
        entry(&caller, "user.put", subject(&user), before.as_ref().map(json), Some(json(&person)));
    state.store.put_person(&person, &entry).await?;
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
    if !state.store.remove_person(&user, &entry).await? {
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

/// Handles `POST /api/v1/admin/directory/bulk`: NDJSON, one user per line, or `{"users":[…]}`.
/// Users are updated. The body is read as a stream and written in chunks: lines before an invalid
/// one are written.
pub(in crate::http) async fn bulk(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let lines =
        request.headers().get("content-type").and_then(|value| value.to_str().ok()).is_some_and(
            |kind| kind.contains("ndjson") || kind.contains("jsonl") || kind.contains("json-seq"),
        );
    let mut upload = Upload { state: &state, waiting: Vec::new(), entered: 0, line: 0 };
    let mut done = upload.read(payload, lines).await;
    if done.as_ref().is_err_and(Problem::is_client_error) {
        // Entries before an invalid one are kept.
        if let Err(problem) = upload.flush().await {
            done = Err(problem);
        }
    }
    let entered = upload.entered;
    if entered > 0 {
        let entry = entry(
            &caller,
            "directory.bulk",
            "directory".to_owned(),
            None,
            Some(json!({ "users": entered })),
        );
        state.store.note_change(&entry).await?;
    }
    match done {
        Ok(()) => Ok(HttpResponse::Ok().json(json!({ "upserted": entered }))),
        Err(problem) => {
            Err(problem.with(Map::from_iter([("upserted".to_owned(), json!(entered))])))
        }
    }
}

struct Upload<'a> {
    state: &'a State,
    waiting: Vec<PersonPatch>,
    entered: usize,
    line: usize,
}

impl Upload<'_> {
    async fn read(&mut self, mut payload: web::Payload, mut lines: bool) -> Result<(), Problem> {
        let mut rest = BytesMut::new();
        // Bytes searched for the end of the first line, and whether it was found.
        let (mut searched, mut told) = (0, false);
        loop {
            let next = timeout(PAUSE_MAX, payload.next()).await;
            let next = next.map_err(|_| Problem::too_late("the upload has stopped coming"))?;
            let Some(chunk) = next else { break };
            rest.extend_from_slice(&chunk.map_err(|error| {
                Problem::bad_request(format!("the body could not be read: {error}"))
            })?);
            if !lines && !told {
                // NDJSON without its content type is recognized by a complete object on the first
                // of several lines.
                if let Some(end) = rest[searched..].iter().position(|byte| *byte == b'\n') {
                    told = true;
                    lines = serde_json::from_slice::<Map<String, Value>>(&rest[..searched + end])
                        .is_ok_and(|map| !map.contains_key("users"));
                }
                searched = rest.len();
            }
            if lines {
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line = rest.split_to(end + 1);
                    self.import_line(&line).await?;
                }
            }
            let most = if lines { LINE_MAX_BYTES } else { OBJECT_MAX_BYTES };
            if rest.len() > most {
                return Err(Problem::too_large(format!(
                    "a line has more than {most} bytes; send one person on each line"
                )));
            }
        }
        let object = rest.clone().freeze();
        let parse = move || serde_json::from_slice::<Value>(&object).ok();
        let single = body::decoded(rest.len(), parse).await?;
        match single {
            Some(Value::Object(mut map)) if !lines && map.contains_key("users") => {
                let Some(Value::Array(users)) = map.remove("users") else {
                    return Err(Problem::bad_field("users", "must be a list"));
                };
                for user in users {
                    let Value::Object(map) = user else {
                        return Err(Problem::bad_field("users", "must be a list of objects"));
                    };
                    self.line += 1;
                    self.enter(&map).await?;
                }
            }
            _ => self.import_line(&rest).await?,
        }
        self.flush().await
    }

    async fn import_line(&mut self, line: &[u8]) -> Result<(), Problem> {
        self.line += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let map: Map<String, Value> = serde_json::from_slice(line).map_err(|error| {
            Problem::bad_request(format!("line {} is not a JSON object: {error}", self.line))
        })?;
        self.enter(&map).await
    }

    async fn enter(&mut self, map: &Map<String, Value>) -> Result<(), Problem> {
        let person = read(map, None).map_err(|problem| problem.in_line(self.line))?;
        self.waiting.push(person);
        if self.waiting.len() >= CHUNK {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Problem> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.state.store.merge_people(&self.waiting, clock::now()).await?;
        self.entered += self.waiting.len();
        self.waiting.clear();
        Ok(())
    }
}
