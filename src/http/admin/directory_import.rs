//! Import of users from CSV or NDJSON: `POST /api/v1/admin/directory/import`.

use std::collections::{HashMap, HashSet};

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{audit::entry, csv, directory::read};
use crate::{
    clock,
    domain::user::{Person, PersonPatch, UserId},
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
        body, identity,
    },
};

/// Maximum size of a file, in bytes.
const FILE_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Number of users read and written together.
const CHUNK: usize = 500;

/// Maximum number of errors in a response.
const ERRORS_MAX: usize = 100;

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let operation = Operation::post("/api/v1/admin/directory/import", import)
        .access(Access::Admin)
        .doc(Tag::Admin, "import_directory", "Import users from CSV or NDJSON")
        .description(
            "At most 32 MiB. CSV has a header with the names of the fields: `user_id`, `login`, \
             `name`, `email`, `email_verified`, `roles` (separated by `|`), `locale`, `timezone`, \
             and `addresses.CHANNEL`. An empty cell changes nothing. Lines with errors are left \
             out, the others are imported. A dry run tells what would be done, and stores nothing.",
        )
        .query("dry_run", json!({ "type": "string", "enum": ["true", "false"] }), "Store nothing.")
        .request_body(json!({
            "required": true,
            "content": {
                "text/csv": { "schema": { "type": "string" } },
                "application/x-ndjson": { "schema": { "type": "string" } },
            },
        }))
        .returns(200, "Effect of the import.", "DirectoryImport");
    vec![operation]
}

/// Error in a line.
#[derive(Debug)]
struct LineError {
    line: usize,
    field: Option<String>,
    detail: String,
}

/// Users of a file, each with its line, and the lines with errors.
#[derive(Debug, Default)]
struct Parsed {
    people: Vec<PersonPatch>,
    errors: Vec<LineError>,
}

impl Parsed {
    fn add(&mut self, line: usize, map: &Map<String, Value>) {
        match read(map, None) {
            Ok(patch) => self.people.push(patch),
            Err(problem) => {
                let problem = serde_json::to_value(&problem).unwrap_or_default();
                let error = &problem["errors"][0];
                let text = |value: &Value| value.as_str().map(str::to_owned);
                let detail = text(&error["detail"]).or_else(|| text(&problem["detail"]));
                self.fail(line, text(&error["field"]), detail.unwrap_or_default());
            }
        }
    }

    fn fail(&mut self, line: usize, field: Option<String>, detail: String) {
        self.errors.push(LineError { line, field, detail });
    }
}

/// Effect of an import on the directory.
#[derive(Debug, Default)]
struct Effect {
    created: usize,
    changed: usize,
    unchanged: usize,
}

/// Handles `POST /api/v1/admin/directory/import?dry_run=`.
async fn import(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let query = identity::query(request.uri());
    let dry_run = match query.iter().find(|(name, _)| name == "dry_run") {
        None => false,
        Some((_, value)) if value == "false" => false,
        Some((_, value)) if value == "true" => true,
        Some(_) => return Err(Problem::bad_field("dry_run", "must be true or false")),
    };
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let bytes = body::read(payload, FILE_MAX_BYTES).await?;
    let parsed = body::decoded(bytes.len(), move || parse(&bytes, &kind)).await??;
    let effect = apply(&state, &parsed.people, dry_run).await?;
    let stored = effect.created + effect.changed;
    if stored > 0 && !dry_run {
        let after = json!({ "users": stored, "created": effect.created,
            "changed": effect.changed });
        let subject = "directory".to_owned();
        let entry = entry(&caller, "directory.import", subject, None, Some(after));
        state.store.note_change(&entry).await?;
    }
    let errors: Vec<Value> = parsed
        .errors
        .iter()
        .take(ERRORS_MAX)
        .map(|error| json!({ "line": error.line, "field": error.field, "detail": error.detail }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({
        "dry_run": dry_run,
        "created": effect.created,
        "changed": effect.changed,
        "unchanged": effect.unchanged,
        "failed": parsed.errors.len(),
        "errors": errors,
    })))
}

/// Parses a file; without a content type that tells, by its first character.
fn parse(bytes: &Bytes, kind: &str) -> Result<Parsed, Problem> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Problem::bad_request("the file is not UTF-8; save it as \"CSV UTF-8\""))?;
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let is_csv = kind.contains("csv") || (!kind.contains("json") && !is_json);
    if is_csv { parse_csv(text) } else { Ok(parse_lines(text)) }
}

fn parse_lines(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Map<String, Value>>(line) {
            Ok(map) => parsed.add(index + 1, &map),
            Err(error) => parsed.fail(index + 1, None, format!("is not a JSON object: {error}")),
        }
    }
    parsed
}

fn parse_csv(text: &str) -> Result<Parsed, Problem> {
    let records = csv::parse(text)
        .map_err(|(line, detail)| Problem::bad_request(format!("line {line}: {detail}")))?;
    let mut records = records.into_iter();
    let Some(header) = records.next() else {
        return Err(Problem::bad_request("the file is empty"));
    };
    let names: Vec<String> =
        header.fields.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    if !names.iter().any(|name| matches!(name.as_str(), "user_id" | "userid" | "id")) {
        let detail = "the first line must name the fields, and user_id among them";
        return Err(Problem::bad_field("user_id", detail));
    }
    let mut parsed = Parsed::default();
    for record in records {
        if record.fields.len() > names.len() {
            let detail = format!("has more than {} fields", names.len());
            parsed.fail(record.line, None, detail);
            continue;
        }
        let mut map = Map::new();
        for (name, field) in names.iter().zip(&record.fields) {
            let field = field.trim();
            if !field.is_empty() && !name.is_empty() {
                set(&mut map, name, field);
            }
        }
        parsed.add(record.line, &map);
    }
    Ok(parsed)
}

/// Sets a field from the text of a cell.
fn set(map: &mut Map<String, Value>, name: &str, text: &str) {
    let value = match (name, text.to_ascii_lowercase().as_str()) {
        ("roles" | "role", _) => {
            text.split('|').map(str::trim).filter(|role| !role.is_empty()).collect()
        }
        ("email_verified", "true" | "yes" | "1") => json!(true),
        ("email_verified", "false" | "no" | "0") => json!(false),
        _ => json!(text),
    };
    match name.split_once('.') {
        Some(("addresses", channel)) => {
            let addresses = map.entry("addresses").or_insert_with(|| json!({}));
            addresses[channel] = value;
        }
        _ if name == "userid" => _ = map.insert("user_id".to_owned(), value),
        _ => _ = map.insert(name.to_owned(), value),
    }
}

/// Merges users into the directory in chunks. Counts the users, each once.
async fn apply(state: &State, people: &[PersonPatch], dry_run: bool) -> Result<Effect, Problem> {
    // Users as they are now, and as they were before the import.
    let mut now: HashMap<UserId, Person> = HashMap::new();
    let mut before: HashMap<UserId, Option<Person>> = HashMap::new();
    for chunk in people.chunks(CHUNK) {
        let new: HashSet<&UserId> = chunk.iter().map(|patch| &patch.person.user_id).collect();
        let new: Vec<UserId> =
            new.into_iter().filter(|user| !before.contains_key(*user)).cloned().collect();
        let mut known: HashMap<UserId, Person> = state
            .store
            .people(&new)
            .await?
            .into_iter()
            .map(|person| (person.user_id.clone(), person))
            .collect();
        for user in new {
            let person = known.remove(&user);
            if let Some(person) = &person {
                now.insert(user.clone(), person.clone());
            }
            before.insert(user, person);
        }
        let mut changed = Vec::new();
        for patch in chunk {
            let user = &patch.person.user_id;
            let merged = patch.apply(now.get(user));
            if now.get(user) != Some(&merged) {
                changed.push(patch.clone());
                now.insert(user.clone(), merged);
            }
        }
        if !dry_run && !changed.is_empty() {
            state.store.merge_people(&changed, clock::now()).await?;
        }
    }
    let mut effect = Effect::default();
    for (user, before) in &before {
        match before {
            None => effect.created += 1,
            Some(person) if now.get(user) == Some(person) => effect.unchanged += 1,
            Some(_) => effect.changed += 1,
        }
    }
    Ok(effect)
}
