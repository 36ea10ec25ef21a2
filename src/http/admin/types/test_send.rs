//! Test of a notification type: its draft as a notification for the administrator.

use actix_web::{HttpResponse, web};
use serde_json::json;
use uuid::Uuid;

use super::sample::Sample;
use crate::{
    domain::{
        event::{Direct, Event, MESSAGE, code_of},
        user::Person,
    },
    http::{
        Problem, SharedState,
        admin::audit::{caller_name, entry},
        api::Checked,
        publish::{self, PublishOptions},
    },
    pipeline::Outcome,
};

/// Source of notifications that are tests.
const SOURCE: &str = "console";

/// Handles `POST /api/v1/admin/types/{code}/test`: sends the preview to one user, in the bell
/// alone. Live feeds and other channels get nothing. It counts as a notification of the type if
/// that is in use, else of the type for direct notifications.
pub(in crate::http) async fn test_send(
    state: SharedState,
    code: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let sample = Sample::read(&state, payload).await?;
    let to = sample.addressee(&caller);
    let to = to.ok_or_else(|| Problem::bad_field("recipient", "is missing"))?;
    let prepared = sample.prepare(&state, &code, &caller).await?;
    let draft = prepared.draft(None).map_err(|rejected| Problem::from(&rejected))?;
    let catalog = state.catalog.current();
    let in_use = catalog.find(&code).filter(|kind| kind.is_active);
    let name = in_use.map_or_else(|| MESSAGE.to_owned(), |kind| kind.code.clone());
    let event = Event {
        id: Uuid::now_v7().to_string(),
        identity: None,
        code: code_of(&name),
        name: name.clone(),
        source: Some(SOURCE.to_owned()),
        user_id: None,
        actor_id: None,
        recipients: Vec::new(),
        time: prepared.now,
        data: prepared.shown.clone(),
        bytes: 0,
        publisher: Some(caller_name(&caller)),
        direct: Some(Box::new(Direct {
            targets: vec![Person::unknown(to.clone())],
            title: Some(draft.title),
            priority: Some(draft.priority),
            action_url: draft.action_url,
            presentation: draft.presentation,
            ttl_seconds: prepared.kind.ttl_seconds,
            created_at: None,
            metadata: Some(prepared.shown),
            seed: None,
            text: Some(draft.message),
        })),
        trace: None,
        destination: None,
    };
    let event_id = event.id.clone();
    let change = entry(&caller, "type.tested", format!("type:{code}"), None, None);
    state.store.note_change(&change).await?;
    let outcomes = publish::publish(&state, vec![event], PublishOptions::default()).await?;
    let id = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Accepted(stored) => stored.ids.first().map(|(_, id)| *id),
        _ => None,
    });
    let reason = id.is_none().then(|| format!("{to} has muted the type {name}"));
    Ok(HttpResponse::Ok().json(json!({
        "notification_id": id, "event_id": event_id, "type": name, "user_id": to,
        "reason": reason,
    })))
}
