//! Recall of an event: `DELETE /api/v1/events/{event_id}`.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Problem, SharedState, State, admin::audit, identity};
use crate::{
    clock,
    domain::{
        event::Identity as EventIdentity,
        inbox::{ChangeKind, Mark},
        limits::IDENTIFIER_MAX_CHARS,
    },
    http::api::{Access, Operation, Tag},
    inbox::{MarkOne, TakeOut},
    runtime::Gone,
    store::{MarkOutcome, Occurrence},
};

/// Number of notifications that are read at once.
const PAGE: i64 = 500;

/// Number of notifications that are changed before the response; the others follow in the
/// background.
const AT_ONCE: usize = 2_000;

/// Reason of cancelled deliveries.
const REASON: &str = "the event was recalled";

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::delete("/api/v1/events/{event_id}", recall)
            .access(Access::Publisher)
            .doc(Tag::Publish, "recall_event", "Recall an event")
            .description(
                "Every notification of the event is deleted, deliveries that are not sent yet are \
                 cancelled, and pushes that were sent are closed. A notification that stands for \
                 other events too is rendered without this one. A key recalls what it published; \
                 an administrator anything.",
            )
            .path("event_id", json!({ "type": "string" }), "ID in the answer to the publisher.")
            .query("source", json!({ "type": "string" }), "Source, if several have the same ID.")
            .returns(202, "What was recalled.", "Recalled"),
    ]
}

/// Source and publisher of an event: of one of its notifications, or of a large fan-out that is in
/// progress.
struct Published {
    source: Option<String>,
    publisher: Option<String>,
    fan_out: Option<EventIdentity>,
}

/// Returns what is known of the events with an ID.
async fn published(state: &State, event_id: &str) -> Result<Vec<Published>, Problem> {
    // First those in progress: one that ends meanwhile has notifications then.
    let unfinished = state.store.unfinished_fan_outs(event_id).await?;
    let unfinished = unfinished.into_iter().map(|one| Published {
        source: one.source,
        publisher: one.publisher,
        fan_out: Some(one.identity),
    });
    let stored = state.store.occurrences(event_id, Uuid::nil(), PAGE).await?;
    let stored = stored.into_iter().map(|one| Published {
        source: one.source,
        publisher: one.publisher,
        fan_out: None,
    });
    Ok(unfinished.chain(stored).collect())
}

/// Returns the identities of the large fan-outs of an event that may be in progress. They are ended
/// before its notifications are recalled: nothing follows then.
fn fan_outs(
    event_id: &str,
    source: Option<&str>,
    found: &[Published],
    is_only_source: bool,
) -> Vec<EventIdentity> {
    let accepted = found.iter().filter_map(|one| one.fan_out.clone());
    // One from a broker is not stored. Its identity follows from the ID that its publisher gave it;
    // another event, of another source, may have the same ID.
    let of_broker = source.map(|source| EventIdentity::cloud_event(source, event_id));
    let keyed = is_only_source.then(|| EventIdentity::key(event_id));
    accepted.chain(of_broker).chain(keyed).collect()
}

/// Counts of a recall.
#[derive(Default)]
struct Counts {
    notifications: u64,
    cancelled: u64,
}

async fn recall(
    state: SharedState,
    request: HttpRequest,
    event_id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = identity::caller(&state, &request).await?;
    if !caller.may_publish() {
        return Err(Problem::forbidden("recalling needs the scope publish, or the role admin"));
    }
    let event_id = event_id.into_inner();
    if event_id.contains('\0') || event_id.chars().count() > IDENTIFIER_MAX_CHARS {
        return Err(Problem::not_found("there is no such event"));
    }
    let query = identity::query(request.uri());
    let source = query.iter().find(|(name, _)| name == "source").map(|(_, value)| value.clone());
    let of_source = |found: &Published| {
        source.is_none()
            || found.source.as_deref().unwrap_or_default() == source.as_deref().unwrap_or_default()
    };
    let mut found = published(&state, &event_id).await?;
    let known = found.len();
    found.retain(of_source);
    let is_only_source = found.len() == known;
    if found.is_empty() {
        return Err(Problem::not_found("there is no such event, or it made no notification"));
    }
    let sources: BTreeSet<Option<&str>> =
        found.iter().map(|found| found.source.as_deref()).collect();
    if sources.len() > 1 {
        return Err(Problem::bad_field("source", "is needed: several sources have this ID"));
    }
    let name = audit::caller_name(&caller);
    let is_own = |found: &Published| found.publisher.as_deref() == Some(name.as_str());
    if !caller.may_administer() && !found.iter().all(is_own) {
        return Err(Problem::forbidden("another publisher has published this event"));
    }
    let source = sources.into_iter().next().flatten().map(str::to_owned);
    for identity in fan_outs(&event_id, source.as_deref(), &found, is_only_source) {
        state.store.end_fan_out(&identity, clock::now()).await?;
    }
    let (counts, after) =
        recall_some(&state, &event_id, source.as_deref(), Uuid::nil(), AT_ONCE).await?;
    let complete = after.is_none();
    if let Some(mut after) = after {
        let state = state.clone();
        let event_id = event_id.clone();
        actix_web::rt::spawn(async move {
            while let Ok((_, Some(next))) =
                recall_some(&state, &event_id, source.as_deref(), after, AT_ONCE).await
            {
                after = next;
            }
        });
    }
    let subject = format!("event:{event_id}");
    let after = json!({ "notifications": counts.notifications, "complete": complete });
    let entry = audit::entry(&caller, "event.recalled", subject, None, Some(after));
    state.store.note_change(&entry).await?;
    Ok(HttpResponse::Accepted().json(json!({
        "event_id": event_id,
        "notifications": counts.notifications,
        "deliveries_cancelled": counts.cancelled,
        "complete": complete,
    })))
}

/// Recalls up to `most` notifications of an event after an ID. Returns the counts, and the position
/// of the next ones; `None` at the end.
async fn recall_some(
    state: &State,
    event_id: &str,
    source: Option<&str>,
    mut after: Uuid,
    most: usize,
) -> Result<(Counts, Option<Uuid>), Problem> {
    let mut counts = Counts::default();
    let mut seen = 0;
    while seen < most {
        let page = state.store.occurrences(event_id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((counts, None)) };
        after = last.notification_id;
        seen += page.len();
        for found in page.iter().filter(|found| found.source.as_deref() == source) {
            if found.is_member {
                take_out(state, event_id, found, &mut counts).await?;
            } else {
                delete(state, found, &mut counts).await?;
            }
        }
    }
    Ok((counts, Some(after)))
}

/// Deletes the notification of an event.
async fn delete(state: &State, found: &Occurrence, counts: &mut Counts) -> Result<(), Problem> {
    counts.cancelled += state.store.cancel_deliveries(found.notification_id, REASON).await?;
    let (reply, answer) = oneshot::channel();
    let mark = MarkOne {
        user_id: found.user_id.clone(),
        id: found.notification_id,
        mark: Mark::Delete,
        origin: None,
        reply,
    };
    state.persistence.send(mark).await?;
    if let MarkOutcome::Done(change) = answer.await.map_err(|_| Gone)??
        && matches!(change.kind, ChangeKind::Marked(_))
    {
        counts.notifications += 1;
    }
    Ok(())
}

/// Takes an event out of the group of a notification.
async fn take_out(
    state: &State,
    event_id: &str,
    found: &Occurrence,
    counts: &mut Counts,
) -> Result<(), Problem> {
    let (reply, answer) = oneshot::channel();
    let request = TakeOut {
        id: found.notification_id,
        event_id: event_id.to_owned(),
        source: found.source.clone(),
        catalog: state.catalog.current(),
        reason: REASON,
        reply,
    };
    state.persistence.send(request).await?;
    if let Some(cancelled) = answer.await.map_err(|_| Gone)?? {
        counts.notifications += 1;
        counts.cancelled += cancelled;
    }
    Ok(())
}
