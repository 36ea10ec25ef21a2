//! Explanation of deliveries: `/api/v1/admin/explain`.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use uuid::Uuid;

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
                 the memory of the hub that processed the event, within the limits of \
                 `[explain]`.",
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
    match (value("event"), value("user"), value("type")) {
        (Some(event), None, None) => of_event(&state, event).await,
        (None, Some(user), None) => of_user(&state, user).await,
        (None, None, Some(code)) => {
            let events =
                shown(&state, state.trace.of_code(&code_of(code), EVENTS_MAX), None).await?;
            Ok(HttpResponse::Ok().json(json!({ "events": events, "kept": kept(&state) })))
        }
        _ => Err(Problem::bad_field("event", "name one of event, user and type")),
    }
}

async fn of_event(state: &State, id: &str) -> Result<HttpResponse, Problem> {
    let events = shown(state, state.trace.of_event(id, EVENTS_MAX), None).await?;
    // An event that could not be decoded has no trace; its ID is only in the stored payload.
    let dead_letters = if id.chars().count() < FOUND_FROM {
        Vec::new()
    } else {
        state.store.find_dead_letters(None, None, id, DEAD_LETTERS_MAX).await?
    };
    Ok(HttpResponse::Ok()
        .json(json!({ "events": events, "dead_letters": dead_letters, "kept": kept(state) })))
}

async fn of_user(state: &State, user: &str) -> Result<HttpResponse, Problem> {
    let user =
        UserId::parse(user).map_err(|error| Problem::bad_field("user", error.to_string()))?;
    let (users, all) = (std::slice::from_ref(&user), Filter::default());
    let (listing, known, preferences) = tokio::try_join!(
        state.store.list(&user, &all, NOTIFICATIONS_MAX),
        state.store.people(users),
        state.store.preferences_of(users)
    )?;
    let person = known.into_iter().next();
    let events = shown(state, state.trace.of_user(&user, EVENTS_MAX), Some(&user)).await?;
    let notifications: Vec<Value> =
        listing.items.iter().map(|item| with_live(state, item)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "user": person.clone().unwrap_or_else(|| Person::unknown(user)),
        "in_directory": person.is_some(),
        "preferences": preferences.into_iter().next().map(|(_, preferences)| preferences),
        "notifications": notifications,
        "events": events,
        "kept": kept(state),
    })))
}

/// Returns the extent of the trace.
fn kept(state: &State) -> Value {
    let ((events, minutes), (known, since)) = (state.trace.limits(), state.trace.extent());
    json!({
        "events": events, "minutes": minutes / 60_000, "known": known, "since": since,
            "instance": state.sessions.instance,
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

/// Returns the real time of creation, from the ID (RFC 9562, version 7); a caller may have given
/// another one.
fn made_at(id: Uuid, otherwise: Timestamp) -> Timestamp {
    let ms = id.get_timestamp().map(|time| time.to_unix());
    ms.map_or(otherwise, |(seconds, nanos)| {
        Timestamp(i64::try_from(seconds).unwrap_or(0) * 1_000 + i64::from(nanos / 1_000_000))
    })
}

async fn shown(
    state: &State,
    events: Vec<EventTrace>,
    user: Option<&UserId>,
) -> Result<Vec<Value>, Problem> {
    let mut all = Vec::with_capacity(events.len());
    for event in events {
        let concerned = |who: &UserId| user.is_none_or(|user| user == who);
        let mut recipients = Vec::new();
        for delivered in event
            .delivered
            .iter()
            .filter(|delivered| concerned(&delivered.user_id))
            .take(RECIPIENTS_MAX)
        {
            recipients.push(recipient(state, delivered, event.received_at).await?);
        }
        let muted = event.muted.iter().filter(|user| concerned(user)).take(RECIPIENTS_MAX);
        recipients.extend(muted.map(|user| json!({ "user_id": user, "outcome": "muted" })));
        let mut reason = event.reason;
        if let Some(reason) =
            reason.as_mut().filter(|reason| reason.code == Skipped::NoType.as_str())
        {
            reason.detail = state.catalog.current().why_skipped(&event.code, Skipped::NoType);
        }
        all.push(json!({
            "event_id": event.event_id, "identity": event.identity.as_ref().map(Identity::as_str),
            "name": event.name, "code": event.code, "publisher": event.publisher,
                "source": event.source,
            "received_at": event.received_at, "outcome": event.outcome, "reason": reason,
            "reached_count": event.delivered_count, "muted_count": event.muted_count,
                "recipients": recipients,
        }));
    }
    Ok(all)
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
        "variant": item.as_ref().and_then(|item| item.variant.clone()),
    }))
}
