//! Import of users from CSV or NDJSON: `POST /api/v1/admin/directory/import`.

use std::collections::{BTreeSet, HashMap, HashSet};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Bytes},
};
use serde_json::{Map, Value, json};

use super::{
    audit::entry,
    directory_file::{LineError, Users},
    directory_replace,
};
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

/// Maximum number of created users in a response, and of changed ones.
const SHOWN_MAX: usize = 100;

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let operation = Operation::post("/api/v1/admin/directory/import", import)
        .access(Access::Admin)
        .doc(Tag::Admin, "import_directory", "Import users from CSV or NDJSON")
        .description(
            "At most 32 MiB. CSV has a header with the names of the fields: `user_id`, `login`, \
             `name`, `email`, `email_verified`, `roles` (separated by `|`, `;` or `,`, in quotes \
             where it separates the fields), `locale`, `timezone`, and `addresses.CHANNEL`. An \
             empty cell changes nothing. Lines with errors are left \
             out, the others are imported. A dry run tells what would be done, and stores nothing. \
             With `mode=replace` the file is complete: users who are not in it are removed from \
             the directory, as by `DELETE`, each with an audit entry. A file without users is \
             refused then, and so is one with errors, because the users of those lines would be \
             removed.",
        )
        .query("dry_run", json!({ "type": "string", "enum": ["true", "false"] }), "Store nothing.")
        .query(
            "mode",
            json!({ "type": "string", "enum": ["merge", "replace"], "default": "merge" }),
            "`replace` removes the users who are not in the file.",
        )
        .query(
            "confirm",
            json!({ "type": "integer", "minimum": 0 }),
            "With `mode=replace`: `removed` of the dry run. If another number of users would be \
             removed now, the import is refused.",
        )
        .request_body(json!({
            "required": true,
            "content": {
                "text/csv": { "schema": { "type": "string" } },
                "application/x-ndjson": { "schema": { "type": "string" } },
            },
        }))
        .returns(200, "Effect of the import.", "DirectoryImport")
        .errors(&[409, 422]);
    vec![operation]
}

/// Effect of an import on the directory.
#[derive(Debug, Default)]
struct Effect {
    created: usize,
    changed: usize,
    unchanged: usize,
    /// The first users who are created, in the order of the file.
    created_users: Vec<Person>,
    /// The first users who are changed, each with the changed members before and after.
    changed_users: Vec<Value>,
}

impl Effect {
    fn count(&mut self, before: Option<&Person>, after: &Person) {
        match before {
            None => {
                self.created += 1;
                if self.created_users.len() < SHOWN_MAX {
                    self.created_users.push(after.clone());
                }
            }
            Some(before) if before == after => self.unchanged += 1,
            Some(before) => {
                self.changed += 1;
                if self.changed_users.len() < SHOWN_MAX {
                    self.changed_users.push(difference(before, after));
                }
            }
        }
    }
}

/// Returns the members that differ, before and after.
fn difference(before: &Person, after: &Person) -> Value {
    let members = |person: &Person| match json!(person) {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let (old, new) = (members(before), members(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    let (mut was, mut is) = (Map::new(), Map::new());
    for name in differing {
        was.insert(name.clone(), old.get(name).cloned().unwrap_or_default());
        is.insert(name.clone(), new.get(name).cloned().unwrap_or_default());
    }
    json!({ "user_id": after.user_id, "before": was, "after": is })
}

/// Handles `POST /api/v1/admin/directory/import?dry_run=`.
async fn import(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let Options { dry_run, replace, confirmed } = Options::of(&request)?;
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let body = body::read(payload, FILE_MAX_BYTES).await?;
    let file = Bytes::clone(&body);
    let _room = body::room(file.len()).await?;
    let (again, kind_again) = (file.clone(), kind.clone());
    let scanned = body::decoded(file.len(), move || scan(again, &kind_again)).await??;
    let Scanned { present, repeated, failed, errors } = scanned;
    if replace && present.is_empty() {
        return Err(Problem::unprocessable("the file has no users; nothing is removed"));
    }
    if replace && !dry_run && failed > 0 {
        return Err(Problem::unprocessable(format!(
            "lines with errors: {failed}; correct them first, because their users would be removed",
        )));
    }
    let mut absent = directory_replace::Absent::default();
    if replace {
        absent = directory_replace::find(&state, &present).await?;
        absent.check(confirmed.filter(|_| !dry_run))?;
    }
    let effect = apply(&state, Users::open(file, &kind)?, &repeated, dry_run).await?;
    let mut removed = absent.count;
    if replace && !dry_run {
        removed = directory_replace::remove(&state, &caller, &present).await?;
    }
    let stored = effect.created + effect.changed;
    if stored + removed > 0 && !dry_run {
        let after = json!({ "users": stored, "created": effect.created,
            "changed": effect.changed, "removed": removed });
        let subject = "directory".to_owned();
        let entry = entry(&caller, "directory.import", subject, None, Some(after));
        state.store.note_change(&entry).await?;
    }
    Ok(HttpResponse::Ok().json(json!({
        "dry_run": dry_run,
        "mode": if replace { "replace" } else { "merge" },
        "created": effect.created,
        "changed": effect.changed,
        "unchanged": effect.unchanged,
        "created_users": effect.created_users,
        "changed_users": effect.changed_users,
        "removed": removed,
        "removed_users": absent.first,
        "failed": failed,
        "errors": errors,
    })))
}

/// Parameters of an import.
#[derive(Debug, Default)]
struct Options {
    dry_run: bool,
    /// True if the file is complete.
    replace: bool,
    /// Number of removed users that the caller has seen.
    confirmed: Option<usize>,
}

impl Options {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let mut options = Self::default();
        for (name, value) in identity::query(request.uri()) {
            let bad = |detail: &str| Err(Problem::bad_field(&name, detail));
            match (name.as_str(), value.as_str()) {
                ("dry_run", "true") => options.dry_run = true,
                ("dry_run", "false") => options.dry_run = false,
                ("dry_run", _) => return bad("must be true or false"),
                ("mode", "replace") => options.replace = true,
                ("mode", "merge") => options.replace = false,
                ("mode", _) => return bad("must be one of merge, replace"),
                ("confirm", number) => match number.parse() {
                    Ok(number) => options.confirmed = Some(number),
                    Err(_) => return bad("must be a whole number"),
                },
                // Parameters of dev authentication and a token are also here.
                _ => {}
            }
        }
        Ok(options)
    }
}

/// What a first reading of a file finds.
#[derive(Debug, Default)]
struct Scanned {
    present: HashSet<UserId>,
    /// Users with several lines.
    repeated: HashSet<UserId>,
    /// Number of lines with errors.
    failed: usize,
    /// The first of them.
    errors: Vec<LineError>,
}

fn scan(file: Bytes, kind: &str) -> Result<Scanned, Problem> {
    let mut users = Users::open(file, kind)?;
    let mut scanned = Scanned::default();
    while let Some(read) = users.next()? {
        match read {
            Ok(patch) => {
                let user = patch.person.user_id;
                if let Some(again) = scanned.present.replace(user) {
                    scanned.repeated.insert(again);
                }
            }
            Err(error) => {
                scanned.failed += 1;
                if scanned.errors.len() < ERRORS_MAX {
                    scanned.errors.push(error);
                }
            }
        }
    }
    Ok(scanned)
}

/// Returns the next users of a file; lines with errors are left out.
fn chunk(users: &mut Users) -> Result<Vec<PersonPatch>, Problem> {
    let mut chunk = Vec::with_capacity(CHUNK);
    while chunk.len() < CHUNK {
        match users.next()? {
            Some(Ok(patch)) => chunk.push(patch),
            Some(Err(_)) => {}
            None => break,
        }
    }
    Ok(chunk)
}

/// Merges users into the directory in chunks. Counts the users, each once; those with several lines
/// at their last.
async fn apply(
    state: &State,
    mut users: Users,
    repeated: &HashSet<UserId>,
    dry_run: bool,
) -> Result<Effect, Problem> {
    let mut effect = Effect::default();
    // Users with several lines, before the import and now.
    let mut several: HashMap<UserId, (Option<Person>, Person)> = HashMap::new();
    loop {
        let chunk = chunk(&mut users)?;
        if chunk.is_empty() {
            break;
        }
        let mut seen: HashSet<&UserId> = HashSet::new();
        let of_chunk = chunk.iter().map(|patch| &patch.person.user_id);
        let new = of_chunk.filter(|user| !several.contains_key(*user) && seen.insert(*user));
        let new: Vec<UserId> = new.cloned().collect();
        let known = state.store.people(&new).await?.into_iter();
        let mut known: HashMap<UserId, Person> =
            known.map(|person| (person.user_id.clone(), person)).collect();
        let mut changed = Vec::new();
        for patch in chunk {
            let user = patch.person.user_id.clone();
            let (before, now) = if let Some((before, now)) = several.remove(&user) {
                (before, Some(now))
            } else {
                let stored = known.remove(&user);
                (stored.clone(), stored)
            };
            let merged = patch.apply(now.as_ref());
            if now.as_ref() != Some(&merged) {
                changed.push(patch);
            }
            if repeated.contains(&user) {
                several.insert(user, (before, merged));
            } else {
                effect.count(before.as_ref(), &merged);
            }
        }
        if !dry_run && !changed.is_empty() {
            state.store.merge_people(&changed, clock::now()).await?;
            state.sign_ins.forget(changed.iter().map(|patch| &patch.person.user_id));
        }
    }
    let mut several: Vec<_> = several.into_iter().collect();
    several.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    for (_, (before, now)) in &several {
        effect.count(before.as_ref(), now);
    }
    Ok(effect)
}
