//! Preview of a notification type, saved or not.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    find,
    written::{Written, merged},
};
use crate::{
    auth::Caller,
    channels::Message,
    clock,
    domain::{
        catalog::Catalog,
        channel::{EMAIL, WEB},
        event::{RawEvent, decode},
        notification::Timestamp,
        plan::{Draft, People, Planner},
        presentation::Presentation,
        user::{Person, UserId},
    },
    http::{
        Problem, SharedState, State,
        admin::{dead_letters, explain_stored, replay},
        api::Checked,
        body,
    },
    store::notification_of,
};

/// Body of a preview request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    /// Data of an event; with a real event, fields that replace its own.
    #[serde(default)]
    data: Map<String, Value>,
    /// Recent event, by its ID or that of a notification it made.
    #[serde(default)]
    event: Option<String>,
    /// Dead letter, by its ID.
    #[serde(default)]
    dead_letter: Option<String>,
    /// Unsaved fields of the type.
    #[serde(default, rename = "type")]
    draft: Map<String, Value>,
    /// Recipient; by default the caller.
    #[serde(default)]
    recipient: Option<UserId>,
    /// `email` renders the e-mail, with the templates of e-mails on disk.
    #[serde(default)]
    channel: Option<String>,
}

/// Handles `POST /api/v1/admin/types/{code}/preview`: renders a notification without storing it.
pub(in crate::http) async fn preview(
    state: SharedState,
    code: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
    let sample: Sample = body::json(&bytes)?;
    let channel = sample.channel.clone().filter(|channel| channel != WEB);
    if channel.as_deref().is_some_and(|channel| channel != EMAIL) {
        return Err(Problem::bad_field("channel", "must be web or email"));
    }
    let mut row = match find(&state, &code).await {
        Ok(row) => merged(&row, sample.draft)?.into_row(Some(&row.code), None)?,
        // A type that does not exist yet can be previewed.
        Err(problem) if sample.draft.is_empty() => return Err(problem),
        Err(_) => body::json::<Written>(Value::from(sample.draft).to_string().as_bytes())?
            .into_row(Some(&code), None)?,
    };
    row.is_active = true;
    let catalog = Arc::new(Catalog::build(&[row], &[], "en").0);
    let real = real(&state, sample.event.as_deref(), sample.dead_letter.as_deref()).await?;
    let (mut data, reader) = real.unwrap_or_default();
    data.extend(sample.data);
    let recipient = recipient(sample.recipient.or(reader), &caller, &data)?;
    data.insert("type".to_owned(), Value::String(code.to_string()));
    let now = clock::now();
    let sample = Value::from(data).to_string();
    let incoming = RawEvent {
        payload: sample.as_bytes(),
        headers: &[],
        subject: None,
        broker_identity: None,
        now,
        max_event_bytes: state.server.load().max_event_bytes.saturating_mul(2),
    };
    let event = decode(&incoming).map_err(|rejected| Problem::from(&rejected))?.events.remove(0);
    let named: Vec<UserId> = [&event.user_id, &event.actor_id]
        .into_iter()
        .flatten()
        .cloned()
        .chain([recipient.clone()])
        .collect();
    let people = People::new(state.store.people(&named).await?);
    let person: Person = people.get(&recipient);
    let known = person.clone();
    let Some(kind) = catalog.find(&event.code).map(Arc::clone) else {
        return Err(Problem::bad_field("type", "cannot be used as it is"));
    };
    let event = Arc::new(event);
    let drafts = Planner::new(&event, &kind, &people, &catalog, now)
        .and_then(|planner| planner.drafts(&[person]));
    let drafts = drafts.map_err(|rejected| Problem::from(&rejected))?;
    let draft =
        drafts.first().ok_or_else(|| Problem::conflict("the recipient has muted this type"))?;
    if channel.is_some() {
        return Ok(HttpResponse::Ok().json(mail(&state, &known, draft, now)));
    }
    let mut rendered = json!({
        "title": draft.title,
        "message": draft.message,
        "action_url": draft.action_url,
    });
    merge(&mut rendered, &draft.presentation);
    Ok(HttpResponse::Ok().json(rendered))
}

/// Adds the category, the icon, the actions and the marked-up message.
fn merge(rendered: &mut Value, presentation: &Presentation) {
    if let (Some(all), Ok(Value::Object(own))) =
        (rendered.as_object_mut(), serde_json::to_value(presentation))
    {
        all.extend(own);
    }
}

/// Renders the e-mail of a notification.
fn mail(state: &State, recipient: &Person, draft: &Draft, now: Timestamp) -> Value {
    let item = notification_of(Uuid::now_v7(), draft);
    let message = Message {
        trace: None,
        id: item.notification_id,
        recipient: Some(recipient.clone()),
        items: vec![Arc::new(item)],
        digest: false,
        closes: false,
        mandatory: false,
        recipients: 1,
        browsers: Vec::new(),
        now,
    };
    let public_url = &state.channels.public_url;
    let link = (!public_url.is_empty()).then(|| format!("{public_url}/unsubscribe?token=…"));
    let rendered = state.channels.templates.load().render(&message, public_url, link.as_deref());
    json!({
        "title": draft.title, "message": draft.message, "action_url": draft.action_url,
        "subject": rendered.subject, "text": rendered.text, "html": rendered.html,
    })
}

/// Returns the recipient: the given one, else the caller, else the user of the event.
fn recipient(
    given: Option<UserId>,
    caller: &Caller,
    data: &Map<String, Value>,
) -> Result<UserId, Problem> {
    let of_event = || {
        let id = data.get("user_id").or_else(|| data.get("userId"))?;
        UserId::from_json(id).ok()
    };
    given
        .or_else(|| caller.user().map(|identity| identity.user_id.clone()))
        .or_else(of_event)
        .map_or_else(|| UserId::parse("someone"), Ok)
        .map_err(|error| Problem::bad_field("recipient", error.to_string()))
}

/// Returns the data of a real event, and a recipient.
async fn real(
    state: &State,
    event: Option<&str>,
    dead_letter: Option<&str>,
) -> Result<Option<(Map<String, Value>, Option<UserId>)>, Problem> {
    match (event, dead_letter) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(Problem::bad_field("event", "name an event or a dead letter, not both"))
        }
        (None, Some(id)) => {
            let letter = dead_letters::find(state, id).await?;
            let event = replay::events_of(state, &letter)?.events.remove(0);
            Ok(Some((flat(event.data, event.user_id.as_ref(), event.actor_id.as_ref()), None)))
        }
        (Some(id), None) => {
            let gone =
                || Problem::not_found("this event is not known any more, or made no notification");
            let traces = state.trace.of_event(id, 1);
            let reached = match traces.iter().find_map(|trace| trace.delivered.first().cloned()) {
                Some(reached) => reached,
                None => explain_stored::first_delivery(state, id).await?.ok_or_else(gone)?,
            };
            let item = state
                .store
                .notification(&reached.user_id, reached.notification_id)
                .await?
                .ok_or_else(gone)?;
            // Metadata that the hub has written itself is valid.
            let data = serde_json::from_str(item.metadata.get()).unwrap_or_default();
            Ok(Some((
                flat(data, Some(&reached.user_id), item.actor_id.as_ref()),
                Some(reached.user_id),
            )))
        }
    }
}

/// Returns an event in the flat shape.
fn flat(
    mut data: Map<String, Value>,
    user: Option<&UserId>,
    actor: Option<&UserId>,
) -> Map<String, Value> {
    for (name, who) in [("user_id", user), ("actor_id", actor)] {
        if let Some(who) = who {
            data.entry(name).or_insert_with(|| Value::String(who.to_string()));
        }
    }
    data
}
