//! Explanation of deliveries: `/api/v1/admin/explain`.

use std::{cmp::Reverse, collections::HashMap};

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    activity,
    explain_deliveries::{add_deliveries, notifications_in},
    explain_stored,
    hubs::{self, Question, Subject},
};
use crate::{
    domain::{
        event::{Identity, code_of},
        notification::{Notification, Timestamp},
        skipped::Skipped,
        user::{Person, UserId},
    },
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
        identity,
    },
    store::Filter,
    telemetry::trace::{Delivered, EventTrace, PushRecord},
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/explain", explain)
            .access(Access::Admin)
            .doc(Tag::Admin, "explain", "Explain why a user did or did not get a notification")
            .description(
                "Exactly one of `event`, `user` and `type` is given. Traces are kept in \
                 the memory of the hub that processed the event, and in the store, within \
                 the limits of `[explain]`; all hubs are asked.",
            )
            .query(
                "event",
                json!({ "type": "string" }),
                "ID or identity of an event, or ID of a notification it made.",
            )
            .query("user", json!({ "type": "string" }), "ID of a user.")
            .query("type", json!({ "type": "string" }), "Code of a type: its latest events.")
            .returns(
                200,
                "The traces; with `user`, their notifications and preferences too.",
                "Explanation",
            ),
    ]
}

/// Maximum number of events, and of notifications of a user, in a response.
const EVENTS_MAX: usize = 50;
const NOTIFICATIONS_MAX: i64 = 50;

/// Maximum number of recipients of an event whose notifications are looked up.
const RECIPIENTS_MAX: usize = 20;

/// Maximum number of dead letters that contain the event's ID.
const DEAD_LETTERS_MAX: i64 = 5;

/// Minimum length of an ID that is searched in dead letters: a shorter one would match most of
/// them.
const FOUND_FROM: usize = 4;

/// Handles `GET /api/v1/admin/explain?event=ID|user=ID|type=CODE`: the trace of an event,
/// everything about a user, or the latest events of a type.
pub(in crate::http) async fn explain(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = identity::query(request.uri());
    let value = |name: &str| {
        query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
    };
    if let Some((name, _)) = query.iter().find(|(_, value)| value.contains('\0')) {
        return Err(Problem::bad_field(name, "must not have a NUL"));
    }
    let subject = match (value("event"), value("user"), value("type")) {
        (Some(event), None, None) => Subject::Event(event.clone()),
        (None, Some(user), None) => Subject::User(
            UserId::parse(user).map_err(|error| Problem::bad_field("user", error.to_string()))?,
        ),
        (None, None, Some(code)) => Subject::Type(code_of(code)),
        _ => return Err(Problem::bad_field("event", "name one of event, user and type")),
    };
    let gathered =
        hubs::ask(&state, &Question::Traces(subject.clone()), of_this_hub(&state, &subject))
            .await?;
    let mut response = match &subject {
        Subject::Event(id) => of_event(&state, id).await?,
        Subject::User(user) => of_user(&state, user).await?,
        Subject::Type(_) => Map::new(),
    };
    let mut events: Vec<Value> =
        gathered.answers.iter().filter_map(Value::as_array).flatten().cloned().collect();
    for (event, instance) in explain_stored::others(&state, &subject, &events).await? {
        events.push(shown(&state, &event, &instance, subject.user()).await?);
    }
    // Newest first; the IDs of events of one hub are in their order.
    events.sort_by_cached_key(|event| {
        Reverse((hubs::time(event, "received_at"), event["id"].as_str().map(str::to_owned)))
    });
    events.truncate(EVENTS_MAX);
    response.insert("events".to_owned(), Value::Array(events));
    response.insert("kept".to_owned(), kept(&state));
    gathered.note_incomplete(&mut response);
    add_remote_pushes(&state, &mut response).await?;
    add_deliveries(&state, &mut response).await?;
    Ok(HttpResponse::Ok().json(response))
}

/// Returns the traces of this hub.
pub(super) async fn of_this_hub(state: &State, subject: &Subject) -> Result<Value, Problem> {
    let events = match subject {
        Subject::Event(id) => state.trace.of_event(id, EVENTS_MAX),
        Subject::User(user) => state.trace.of_user(user, EVENTS_MAX),
        Subject::Type(code) => state.trace.of_code(code, EVENTS_MAX),
    };
    let mut all = Vec::with_capacity(events.len());
    for event in events {
        all.push(shown(state, &event, &state.sessions.instance, subject.user()).await?);
    }
    Ok(Value::Array(all))
}

/// Returns the live deliveries of notifications at this hub, by their IDs.
pub(super) fn pushes(state: &State, notifications: &HashMap<Uuid, i64>) -> Value {
    let shown = |(id, at): (&Uuid, &i64)| {
        let pushes = state.trace.pushes_of(*id, Timestamp(*at));
        (id.to_string(), live(pushes.as_deref()))
    };
    Value::Object(notifications.iter().map(shown).collect())
}

/// Adds the live deliveries at other hubs: a user may be connected at another hub than the one that
/// received the event.
async fn add_remote_pushes(
    state: &State,
    response: &mut Map<String, Value>,
) -> Result<(), Problem> {
    if state.cluster.others().is_empty() {
        return Ok(());
    }
    let items = notifications_in(response);
    let id_of = |item: &Value| Uuid::try_parse(item["notification_id"].as_str()?).ok();
    let notifications: HashMap<Uuid, i64> = items
        .iter()
        .filter_map(|item| id_of(item))
        .map(|id| (id, made_at(id, Timestamp(0)).0))
        .collect();
    if notifications.is_empty() {
        return Ok(());
    }
    let own = std::future::ready(Ok(pushes(state, &notifications)));
    let question = Question::Pushes { notifications: notifications.clone() };
    let gathered = hubs::ask(state, &question, own).await?;
    for item in items {
        let Some(id) = id_of(item) else { continue };
        let lives = gathered.answers.iter().filter_map(|answer| answer.get(id.to_string()));
        item["live"] = lives.fold(item["live"].take(), merge);
    }
    Ok(())
}

/// Merges the live deliveries of a notification at two hubs.
fn merge(a: Value, b: &Value) -> Value {
    let rank = |live: &Value| match live["how"].as_str() {
        Some("pushed") => 3,
        Some("limited") => 2,
        Some("not_connected") => 1,
        _ => 0,
    };
    let (mut best, other) = if rank(&a) >= rank(b) { (a, b.clone()) } else { (b.clone(), a) };
    if let Some(more) = other["connections"].as_array()
        && let Some(connections) = best["connections"].as_array_mut()
    {
        for connection in more {
            if !connections.contains(connection) {
                connections.push(connection.clone());
            }
        }
    }
    best
}

/// Returns what the store knows of an event that could not be decoded: its ID is only in the stored
/// payload.
async fn of_event(state: &State, id: &str) -> Result<Map<String, Value>, Problem> {
    let dead_letters = if id.chars().count() < FOUND_FROM {
        Vec::new()
    } else {
        state.store.find_dead_letters(None, None, id, DEAD_LETTERS_MAX).await?
    };
    let mut response = Map::new();
    response.insert("dead_letters".to_owned(), json!(dead_letters));
    Ok(response)
}

/// Returns what the store knows of a user.
async fn of_user(state: &State, user: &UserId) -> Result<Map<String, Value>, Problem> {
    let (users, all) = (std::slice::from_ref(user), Filter::default());
    let (listing, known, preferences) = tokio::try_join!(
        state.store.list(user, &all, NOTIFICATIONS_MAX),
        state.store.people(users),
        state.store.preferences_of(users)
    )?;
    let person = known.into_iter().next();
    let notifications: Vec<Value> =
        listing.items.iter().map(|item| with_live(state, item)).collect();
    let mut response = Map::new();
    response.insert("in_directory".to_owned(), json!(person.is_some()));
    let person = person.unwrap_or_else(|| Person::unknown(user.clone()));
    response.insert("user".to_owned(), json!(person));
    let preferences = preferences.into_iter().next().map(|(_, preferences)| preferences);
    response.insert("preferences".to_owned(), json!(preferences));
    response.insert("notifications".to_owned(), json!(notifications));
    Ok(response)
}

/// Returns the extent of the trace.
fn kept(state: &State) -> Value {
    let ((events, minutes), (known, since)) = (state.trace.limits(), state.trace.extent());
    json!({
        "events": events, "minutes": minutes / 60_000, "known": known, "since": since,
            "days": state.trace.stored_limits().1, "instance": state.sessions.instance,
    })
}

fn live(pushes: Option<&[PushRecord]>) -> Value {
    match pushes {
        None => json!({ "how": "not_known" }),
        Some([]) => json!({ "how": "not_connected" }),
        Some([pushes, ..]) => {
            json!({ "how": pushes.live, "at": pushes.at, "connections": pushes.connections })
        }
    }
}

/// Returns a notification with internal fields and its live delivery.
fn with_live(state: &State, item: &Notification) -> Value {
    let pushes =
        state.trace.pushes_of(item.notification_id, made_at(item.notification_id, item.created_at));
    let mut json = serde_json::to_value(item).unwrap_or_default();
    if let Some(map) = json.as_object_mut() {
        map.insert("variant".to_owned(), json!(item.variant));
        map.insert("clicked_at".to_owned(), json!(item.clicked_at));
        map.insert("live".to_owned(), live(pushes.as_deref()));
    }
    json
}

/// Returns the action that was pressed last: its index and its label.
fn pressed(item: &Notification) -> Option<Value> {
    let index = item.clicked_action?;
    let action = item.presentation.actions.get(usize::from(index))?;
    Some(json!({ "index": index, "label": action.label }))
}

/// Returns the real time of creation, from the ID (RFC 9562, version 7); a caller may have given
/// another one.
fn made_at(id: Uuid, otherwise: Timestamp) -> Timestamp {
    let ms = id.get_timestamp().map(|time| time.to_unix());
    ms.map_or(otherwise, |(seconds, nanos)| {
        Timestamp(i64::try_from(seconds).unwrap_or(0) * 1_000 + i64::from(nanos / 1_000_000))
    })
}

/// Returns the trace of an event that the hub `instance` processed; only with `user` among its
/// recipients, if given.
async fn shown(
    state: &State,
    event: &EventTrace,
    instance: &str,
    user: Option<&UserId>,
) -> Result<Value, Problem> {
    let concerned = |who: &UserId| user.is_none_or(|user| user == who);
    let mut recipients = Vec::new();
    let delivered = event.delivered.iter().filter(|delivered| concerned(&delivered.user_id));
    for delivered in delivered.take(RECIPIENTS_MAX) {
        recipients.push(recipient(state, delivered, event.received_at).await?);
    }
    let muted = event.muted.iter().filter(|user| concerned(user)).take(RECIPIENTS_MAX);
    recipients.extend(muted.map(|user| json!({ "user_id": user, "outcome": "muted" })));
    let failed = event.failed.iter().filter(|user| concerned(user)).take(RECIPIENTS_MAX);
    recipients.extend(failed.map(|user| json!({ "user_id": user, "outcome": "failed" })));
    Ok(json!({
        "id": event.id,
        "event_id": event.event_id, "identity": event.identity.as_ref().map(Identity::as_str),
        "instance": instance,
        "name": event.name, "code": event.code, "publisher": event.publisher,
            "source": event.source,
        "received_at": event.received_at, "outcome": event.outcome, "reason": reason(state, event),
        "reached_count": event.delivered_count, "muted_count": event.muted_count,
        "failed_count": event.failed_count, "recipients": recipients,
    }))
}

/// Returns why an event made no notification, or not for all of its recipients: code, sentence and
/// the values in it.
fn reason(state: &State, event: &EventTrace) -> Value {
    let Some(reason) = &event.reason else { return Value::Null };
    let is_without_type = reason.code == Skipped::NoType.as_str();
    let catalog = state.catalog.current();
    let detail = if is_without_type {
        catalog.why_skipped(&event.code, Skipped::NoType)
    } else {
        reason.detail.clone()
    };
    let params = activity::reason_params(&event.code, is_without_type, &catalog);
    let message = activity::reason_message(&detail);
    json!({ "code": reason.code, "detail": detail, "params": params, "message": message })
}

async fn recipient(state: &State, delivered: &Delivered, at: Timestamp) -> Result<Value, Problem> {
    let item = state.store.notification(&delivered.user_id, delivered.notification_id).await?;
    let pushes = state.trace.pushes_of(delivered.notification_id, at);
    Ok(json!({
        "user_id": delivered.user_id, "outcome": "stored",
            "notification_id": delivered.notification_id,
        "quiet": delivered.quiet, "live": live(pushes.as_deref()),
        "revision": item.as_ref().map(|item| item.revision), "status": item.as_ref().map(|item|
            item.status),
        "message": item.as_ref().map(|item| item.message.clone()),
        "seen_at": item.as_ref().and_then(|item| item.seen_at),
            "read_at": item.as_ref().and_then(|item| item.read_at),
        "clicked_at": item.as_ref().and_then(|item| item.clicked_at),
        "clicked_action": item.as_ref().and_then(pressed),
        "variant": item.as_ref().and_then(|item| item.variant.clone()),
    }))
}
