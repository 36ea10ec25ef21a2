//! Direct notifications: `POST /api/v1/notify`, in the format of the older API.

use std::collections::{HashMap, HashSet};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Problem, SharedState, State,
    admin::audit,
    body,
    dry_run::dry_run,
    headers::event_headers,
    idempotency::{self, PublishResponse},
    publish::{self, PublishOptions},
};
use crate::{
    auth::Caller,
    clock,
    domain::{
        event::{Direct, Event, Identity, MESSAGE, Seed, code_of},
        limits::{IDENTIFIER_MAX_CHARS, TTL_MAX_SECONDS, bounded},
        link,
        notification::{Priority, Timestamp},
        presentation::{ACTIONS_MAX, Action, CATEGORY_MAX_CHARS, LABEL_MAX_CHARS, Presentation},
        trace_context::TraceContext,
        user::{Person, UserId},
    },
    http::api::{Access, Operation, Tag},
    pipeline::Outcome,
    store::AuditEntry,
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/api/v1/notify", post)
            .access(Access::Publisher)
            .doc(Tag::Publish, "notify", "Send a message directly to users")
            .header(
                "Idempotency-Key",
                json!({
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": "^[!-~]+$",
                }),
                "A request with the same key and body is carried out once and answered \
                 alike for 24 hours.",
            )
            .query(
                "dry_run",
                json!({ "type": "string", "enum": ["true", "false"] }),
                "Store and send nothing: the response says who would get what, and on which \
                 channels.",
            )
            .body("Notify")
            .returns(200, "Result of a dry run.", "DryRun")
            .response(
                202,
                json!({
                    "description": "Committed. `notification_id` is null for a user who muted the \
                         type.",
                    "content": {
                        "application/json": { "schema": {
                            "$ref": "#/components/schemas/Notified" } },
                    },
                    "headers": {
                        "Idempotency-Replayed": {
                            "description": "`true` when this request, or its event, had been taken \
                                 before.",
                            "schema": { "type": "string", "enum": ["true"] },
                        },
                    },
                }),
            )
            .errors(&[409, 422, 429]),
    ]
}

/// Maximum number of targets per request.
const TARGETS_MAX: usize = 1_000;

/// Maximum number of recipients that an audit entry names.
const TO_SHOWN_MAX: usize = 20;

#[derive(Deserialize)]
struct Body {
    target: Value,
    message: String,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    priority: Option<String>,
    #[serde(default)]
    ttl_seconds: Option<i64>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    action_url: Option<String>,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    icon: Option<String>,
    #[serde(default)]
    actions: Vec<Action>,
}

pub(super) async fn post(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = publish::admit(&state, &request).await?;
    let is_dry_run = publish::flag(&request, "dry_run")?;
    let publisher = audit::caller_name(&caller);
    let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
    let headers = event_headers(request.headers());
    let trace = TraceContext::of_headers(&headers);
    let key = headers.into_iter().find(|(name, _)| name == "idempotency-key");
    let payload = bytes.clone();
    let event = body::decoded(bytes.len(), move || {
        let body: Body = body::json(&payload)?;
        let event =
            event(body, key.as_ref().map(|(_, key)| key.as_str()).filter(|key| !key.is_empty()))?;
        let publisher = Some(publisher);
        Ok::<_, Problem>(Event { bytes: payload.len(), publisher, trace, ..event })
    });
    let event = event.await??;
    if is_dry_run {
        return Ok(HttpResponse::Ok().json(dry_run(&state, vec![event]).await?));
    }
    idempotency::once(&state, &request, &bytes, async move |state: SharedState, seed| {
        let entry = sent_by(&caller, &event);
        let response = notify(&state, event, seed).await?;
        if let Some(entry) = entry.filter(|_| !response.replayed)
            && let Err(error) = state.store.note_change(&entry).await
        {
            tracing::warn!(%error, "notify: the audit entry could not be written; the message is \
                sent");
        }
        Ok(response)
    })
    .await
}

/// Returns the audit entry of a message that a person sends, without its text. Services send many,
/// and have none.
fn sent_by(caller: &Caller, event: &Event) -> Option<AuditEntry> {
    caller.user()?;
    let direct = event.direct.as_deref()?;
    let to: Vec<&UserId> =
        direct.targets.iter().take(TO_SHOWN_MAX).map(|person| &person.user_id).collect();
    let after = json!({
        "event_id": event.id,
        "title": direct.title,
        "source": event.source,
        "recipients": direct.targets.len(),
        "to": to,
    });
    let subject = format!("type:{}", event.code);
    Some(audit::entry(caller, "message.sent", subject, None, Some(after)))
}

async fn notify(
    state: &State,
    mut event: Event,
    seed: Option<Seed>,
) -> Result<PublishResponse, Problem> {
    let targets: Vec<Person> =
        event.direct.iter().flat_map(|direct| direct.targets.clone()).collect();
    if let Some(direct) = &mut event.direct {
        direct.seed.clone_from(&seed);
    }
    let outcomes = publish::publish(state, vec![event], PublishOptions::default()).await?;
    let replayed = publish::replayed(&outcomes);
    let mut ids: HashMap<UserId, Uuid> = outcomes
        .iter()
        .flat_map(|outcome| match outcome {
            Outcome::Accepted(stored) => stored.ids.clone(),
            _ => Vec::new(),
        })
        .collect();
    // A hub stored it and died before it stored the response: the IDs follow from the key.
    for person in targets.iter().filter(|_| replayed) {
        let Some(id) = seed.as_ref().map(|seed| seed.id_for(&person.user_id)) else { continue };
        if state.store.has_notification(&person.user_id, id).await? {
            ids.insert(person.user_id.clone(), id);
        }
    }
    let results: Vec<Value> = targets
        .iter()
        .map(|person| {
            json!({
                "target": { "id": person.user_id.to_legacy_json(), "login": person.login },
                "notification_id": ids.get(&person.user_id),
            })
        })
        .collect();
    Ok(PublishResponse { body: json!({ "results": results }), replayed })
}

fn event(body: Body, key: Option<&str>) -> Result<Event, Problem> {
    let wrong = |field: &str, detail: String| Problem::bad_field(field, detail);
    if body.message.trim().is_empty() {
        return Err(wrong("message", "must not be empty".to_owned()));
    }
    for (field, text) in [("title", &body.title), ("source", &body.source), ("type", &body.kind)] {
        if let Some(text) = text {
            bounded(text.clone(), IDENTIFIER_MAX_CHARS).map_err(|detail| wrong(field, detail))?;
        }
    }
    let targets = targets(&body.target)?;
    let created_at = body.created_at.as_deref().map(Timestamp::parse).transpose();
    let created_at = created_at.map_err(|detail| wrong("created_at", detail))?;
    let priority = body.priority.as_deref().map(|text| {
        Priority::parse(text)
            .ok_or_else(|| wrong("priority", "must be LOW, MEDIUM or HIGH".to_owned()))
    });
    if body.ttl_seconds.is_some_and(|seconds| !(1..=TTL_MAX_SECONDS).contains(&seconds)) {
        return Err(wrong("ttl_seconds", format!("must be from 1 to {TTL_MAX_SECONDS}")));
    }
    if body.action_url.as_deref().is_some_and(|url| !link::is_safe(url)) {
        return Err(wrong("action_url", link::EXPECTED.to_owned()));
    }
    let presentation = presentation(&body)?;
    let mut data = body.metadata.clone().unwrap_or_default();
    data.insert("message".to_owned(), Value::String(body.message));
    let name = body.kind.filter(|kind| !kind.is_empty()).unwrap_or_else(|| MESSAGE.to_owned());
    Ok(Event {
        id: key.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned),
        identity: key.map(Identity::key),
        code: code_of(&name),
        name,
        source: body.source,
        user_id: None,
        actor_id: None,
        recipients: Vec::new(),
        time: created_at.unwrap_or_else(clock::now),
        data,
        bytes: 0,
        publisher: None,
        direct: Some(Box::new(Direct {
            targets,
            title: body.title,
            priority: priority.transpose()?,
            action_url: body.action_url,
            presentation,
            ttl_seconds: body.ttl_seconds,
            created_at,
            metadata: body.metadata,
            seed: None,
            text: None,
        })),
        trace: None,
        destination: None,
    })
}

/// Validates the category, the icon and the actions.
fn presentation(body: &Body) -> Result<Presentation, Problem> {
    let wrong = |field: &str, detail: String| Problem::bad_field(field, detail);
    let no_nul = |field: &str, text: &str| {
        if text.contains('\0') {
            return Err(wrong(field, "must not contain a NUL character".to_owned()));
        }
        Ok(())
    };
    if let Some(category) = &body.category {
        no_nul("category", category)?;
        bounded(category.clone(), CATEGORY_MAX_CHARS)
            .map_err(|detail| wrong("category", detail))?;
    }
    if body.icon.as_deref().is_some_and(|url| !link::is_safe(url)) {
        return Err(wrong("icon", link::EXPECTED.to_owned()));
    }
    if body.actions.len() > ACTIONS_MAX {
        return Err(wrong("actions", format!("has more than {ACTIONS_MAX} actions")));
    }
    for (at, Action { label, url, .. }) in body.actions.iter().enumerate() {
        if label.trim().is_empty() {
            return Err(wrong(&format!("actions[{at}].label"), "must not be empty".to_owned()));
        }
        no_nul(&format!("actions[{at}].label"), label)?;
        bounded(label.clone(), LABEL_MAX_CHARS)
            .map_err(|detail| wrong(&format!("actions[{at}].label"), detail))?;
        if !link::is_safe(url) {
            return Err(wrong(&format!("actions[{at}].url"), link::EXPECTED.to_owned()));
        }
    }
    Ok(Presentation {
        category: body.category.clone().filter(|category| !category.trim().is_empty()),
        icon: body.icon.clone(),
        actions: body.actions.clone(),
        rich: None,
    })
}

/// Parses a list of targets, or a single one. Repeated targets count once.
fn targets(value: &Value) -> Result<Vec<Person>, Problem> {
    let wrong = |detail: String| Problem::bad_field("target", detail);
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return Err(wrong("must be a list of {\"id\", \"login\"}".to_owned())),
    };
    if list.is_empty() || list.len() > TARGETS_MAX {
        return Err(wrong(format!("must name from 1 to {TARGETS_MAX} people")));
    }
    let mut people: Vec<Person> = Vec::with_capacity(list.len());
    let mut seen = HashSet::new();
    for target in list {
        let id = target.get("id").ok_or_else(|| wrong("each target needs an id".to_owned()))?;
        let mut person = Person::unknown(UserId::from_json(id).map_err(wrong)?);
        person.login = match target.get("login") {
            None | Some(Value::Null) => None,
            Some(Value::String(login)) if !login.chars().any(char::is_control) => {
                let login = bounded(login.clone(), IDENTIFIER_MAX_CHARS);
                Some(login.map_err(|detail| wrong(format!("login {detail}")))?)
            }
            Some(_) => {
                return Err(wrong("login must be a string without control characters".to_owned()));
            }
        };
        if seen.insert(person.user_id.clone()) {
            people.push(person);
        }
    }
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &Value) -> Result<Event, String> {
        let body =
            body::json(value.to_string().as_bytes()).map_err(|problem| problem.to_string())?;
        event(body, None).map_err(|problem| problem.to_string())
    }

    #[test]
    fn older_format_is_accepted() {
        let event = parsed(&json!({"target":[{"id":1,"login":"alice"},{"id":"1"}],"message":"hi",
            "created_at":"2026-01-01T00:00:00Z","source":"order-service"}));
        let direct = event.ok().and_then(|event| event.direct).expect("it is direct");
        assert_eq!(direct.targets.len(), 1);
        assert_eq!(direct.created_at, Some(Timestamp(1_767_225_600_000)));
    }

    #[test]
    fn invalid_input_is_reported_by_field() {
        let good = json!({"target":[{"id":1}],"message":"hi"});
        for (field, value) in [
            ("message", json!("")),
            ("message", json!(7)),
            ("target", json!([])),
            ("target", json!([{"login":"x"}])),
            ("target", json!("x")),
            ("created_at", json!("soon")),
            ("priority", json!("URGENT")),
            ("category", json!("\u{0}")),
            ("action_url", json!("https://")),
            ("ttl_seconds", json!(0)),
            ("action_url", json!("javascript:alert(1)")),
            ("action_url", json!("//evil.example")),
            ("action_url", json!("/\\evil.example/x")),
            ("title", json!("x".repeat(257))),
            ("source", json!("x".repeat(257))),
            ("type", json!("x".repeat(257))),
            ("target", json!([{"id": 1, "login": "x".repeat(257)}])),
            ("metadata", json!([])),
        ] {
            let mut body = good.clone();
            body[field] = value.clone();
            let error = parsed(&body).err().unwrap_or_default();
            assert!(error.contains(field), "{field} {value}: {error}");
        }
        assert!(
            parsed(&json!({"message":"hi"}))
                .is_err_and(|error| error.contains("target: is missing"))
        );
    }
}
