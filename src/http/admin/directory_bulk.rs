//! Upload of many users: `POST /api/v1/admin/directory/bulk`.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, json, value::RawValue};
use tokio::time::timeout;

use super::{
    audit::entry,
    directory::{USER_MAX_BYTES, read},
};
use crate::{
    clock,
    domain::user::PersonPatch,
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
        body,
    },
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let operation = Operation::post("/api/v1/admin/directory/bulk", bulk)
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
        );
    vec![operation]
}

/// Number of users written together.
const CHUNK: usize = 500;

/// Maximum size of a single object, in bytes.
const OBJECT_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Maximum pause within an upload.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Handles `POST /api/v1/admin/directory/bulk`: NDJSON, one user per line, or `{"users":[…]}`.
/// Users are updated. The body is read as a stream and written in chunks: lines before an invalid
/// one are written.
async fn bulk(
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

/// Body with a list of users. Each is decoded by itself: as JSON values, all of them would take a
/// hundred times their size.
#[derive(Deserialize)]
struct Users<'b> {
    #[serde(borrow)]
    users: &'b RawValue,
}

fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

fn has_users(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<Users<'_>>(body).is_ok()
}

/// Returns the users of a body that has some.
fn users_of(body: &[u8]) -> Result<Vec<&RawValue>, Problem> {
    let list = serde_json::from_slice::<Users<'_>>(body)
        .and_then(|body| serde_json::from_str(body.users.get()));
    list.map_err(|_| Problem::bad_field("users", "must be a list"))
}

struct Upload<'a> {
    state: &'a State,
    waiting: Vec<PersonPatch>,
    entered: usize,
    line: usize,
}

impl Upload<'_> {
    async fn read(&mut self, mut payload: web::Payload, mut lines: bool) -> Result<(), Problem> {
        let (mut rest, mut held) = (BytesMut::new(), body::Held::default());
        // Bytes searched for the end of the first line, and whether it was found.
        let (mut searched, mut told) = (0, false);
        loop {
            let next = timeout(PAUSE_MAX, payload.next()).await;
            let next = next.map_err(|_| Problem::too_late("the upload has stopped coming"))?;
            let Some(chunk) = next else { break };
            rest.extend_from_slice(&chunk.map_err(|error| {
                Problem::bad_request(format!("the body could not be read: {error}"))
            })?);
            held.cover(rest.len())?;
            if !lines && !told {
                // NDJSON without its content type is recognized by a complete object on the first
                // of several lines.
                if let Some(end) = rest[searched..].iter().position(|byte| *byte == b'\n') {
                    told = true;
                    let first = &rest[..searched + end];
                    lines = is_object(first) && !has_users(first);
                }
                searched = rest.len();
            }
            if lines {
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line = rest.split_to(end + 1);
                    self.import_line(&line).await?;
                }
            }
            let most = if lines { USER_MAX_BYTES } else { OBJECT_MAX_BYTES };
            if rest.len() > most {
                return Err(Problem::too_large(format!(
                    "a line has more than {most} bytes; send one person on each line"
                )));
            }
        }
        if lines || !has_users(&rest) {
            self.import_line(&rest).await?;
            return self.flush().await;
        }
        let _room = body::room(rest.len()).await?;
        for user in users_of(&rest)? {
            let map = serde_json::from_str::<Map<String, Value>>(user.get())
                .map_err(|_| Problem::bad_field("users", "must be a list of objects"))?;
            self.line += 1;
            self.enter(&map).await?;
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
        self.state.sign_ins.forget(self.waiting.iter().map(|patch| &patch.person.user_id));
        self.entered += self.waiting.len();
        self.waiting.clear();
        Ok(())
    }
}
