//! Preview of a notification type, saved or not.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    sample::{Prepared, Sample},
    warnings::{mail_warnings, warnings},
};
use crate::{
    channels::{Message, Rendered},
    domain::{plan::Draft, presentation::Presentation},
    http::{Problem, SharedState, State, api::Checked},
    store::notification_of,
};

/// Handles `POST /api/v1/admin/types/{code}/preview`: renders a notification without storing it.
pub(in crate::http) async fn preview(
    state: SharedState,
    code: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let sample = Sample::read(&state, payload).await?;
    let (wants_mail, is_real) = (sample.wants_mail(), sample.is_real());
    let prepared = sample.prepare(&state, &code, &caller).await?;
    let draft = prepared.draft(None).map_err(|rejected| Problem::from(&rejected))?;
    let mut rendered = json!({
        "title": draft.title,
        "message": draft.message,
        "action_url": draft.action_url,
    });
    if is_real {
        rendered["data"] = Value::Object(prepared.shown.clone());
    }
    merge(&mut rendered, &draft.presentation);
    let mut warnings = warnings(&state, &prepared);
    if wants_mail {
        let mail = mail(&state, &prepared, &draft);
        warnings.extend(mail_warnings(&mail));
        for (name, text) in [("subject", mail.subject), ("text", mail.text), ("html", mail.html)] {
            rendered[name] = Value::String(text);
        }
    }
    if !warnings.is_empty() {
        rendered["warnings"] = Value::Array(warnings);
    }
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
fn mail(state: &State, prepared: &Prepared, draft: &Draft) -> Rendered {
    let item = notification_of(Uuid::now_v7(), draft, prepared.now);
    let message = Message {
        trace: None,
        id: item.notification_id,
        recipient: Some(prepared.person.clone()),
        items: vec![Arc::new(item)],
        digest: false,
        closes: false,
        mandatory: false,
        recipients: 1,
        browsers: Vec::new(),
        created_at: prepared.now,
        now: prepared.now,
    };
    let public_url = &state.channels.public_url;
    let link = (!public_url.is_empty()).then(|| format!("{public_url}/unsubscribe?token=…"));
    let templates = state.channels.templates.load();
    templates.render(&message, &prepared.catalog, public_url, link.as_deref())
}
