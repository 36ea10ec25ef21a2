//! What a notification of a type would say, saved or not.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    find,
    written::{Written, merged},
};
use crate::{
    auth::Caller,
    clock,
    domain::{
        catalog::Catalog,
        event::{RawEvent, decode},
        plan::{People, Planner},
        user::{Person, UserId},
    },
    http::{Problem, SharedState, State, admin::dead_letters, api::Checked, body},
};

/// What to preview.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    /// An event's data; beside a real event, what is said in the place of what it says.
    #[serde(default)]
    data: Map<String, Value>,
    /// A recent event, by its id or that of a notification it made.
    #[serde(default)]
    event: Option<String>,
    /// A dead letter, by its id.
    #[serde(default)]
    dead_letter: Option<String>,
    /// What a type that is being written says, before it is saved.
    #[serde(default, rename = "type")]
    draft: Map<String, Value>,
    /// Whom it is for; by default whoever asks.
    #[serde(default)]
    recipient: Option<UserId>,
}

/// `POST /api/v1/admin/types/{code}/preview`: what a notification would say. Nothing is stored.
pub(in crate::http) async fn preview(
    state: SharedState,
    code: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
    let sample: Sample = body::json(&bytes)?;
    let mut row = match find(&state, &code).await {
        Ok(row) => merged(&row, sample.draft)?.into_row(Some(&row.code), None)?,
        // A type that is not there yet can be looked at all the same.
        Err(problem) if sample.draft.is_empty() => return Err(problem),
        Err(_) => body::json::<Written>(Value::from(sample.draft).to_string().as_bytes())?
            .into_row(Some(&code), None)?,
    };
    row.is_active = true;
    let (catalog, _) = Catalog::build(&[row], &[], "en");
    let asking = match &*caller {
        Caller::User(identity) => Some(identity.user_id.clone()),
        _ => None,
    };
    let real = real(&state, sample.event.as_deref(), sample.dead_letter.as_deref()).await?;
    let (mut data, reader) = real.unwrap_or_default();
    data.extend(sample.data);
    let named = data
        .get("user_id")
        .or_else(|| data.get("userId"))
        .and_then(|id| UserId::from_json(id).ok());
    let recipient = sample
        .recipient
        .or(reader)
        .or(asking)
        .or(named)
        .map_or_else(|| UserId::parse("someone"), Ok);
    let recipient =
        recipient.map_err(|error| Problem::bad_field("recipient", error.to_string()))?;
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
    let Some(kind) = catalog.find(&event.code).map(Arc::clone) else {
        return Err(Problem::bad_field("type", "cannot be used as it is"));
    };
    let event = Arc::new(event);
    let drafts = Planner::new(&event, &kind, &people, &catalog, now)
        .and_then(|planner| planner.drafts(&[person]));
    let drafts = drafts.map_err(|rejected| Problem::from(&rejected))?;
    let draft =
        drafts.first().ok_or_else(|| Problem::conflict("the recipient has muted this type"))?;
    Ok(HttpResponse::Ok().json(json!({
        "title": draft.title,
        "message": draft.message,
        "action_url": draft.action_url,
    })))
}

/// What a real event said, and who got it.
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
            let event = dead_letters::events_of(state, &letter)?.events.remove(0);
            Ok(Some((flat(event.data, event.user_id.as_ref(), event.actor_id.as_ref()), None)))
        }
        (Some(id), None) => {
            let gone =
                || Problem::not_found("this event is not known any more, or made no notification");
            let reached = state
                .trace
                .of_event(id, 1)
                .into_iter()
                .find_map(|walk| walk.delivered.into_iter().next());
            let reached = reached.ok_or_else(gone)?;
            let item = state
                .store
                .notification(&reached.user_id, reached.notification_id)
                .await?
                .ok_or_else(gone)?;
            // What the hub has written itself, as it was published.
            let data = serde_json::from_str(item.metadata.get()).unwrap_or_default();
            Ok(Some((
                flat(data, Some(&reached.user_id), item.actor_id.as_ref()),
                Some(reached.user_id),
            )))
        }
    }
}

/// An event in the flat form, as a sample is written.
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
