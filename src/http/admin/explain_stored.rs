//! Traces of the store in an explanation: of events that are no longer in memory, also from before
//! a restart and of hubs that are gone.

use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;

use super::hubs::Subject;
use crate::{
    activity::restore,
    domain::user::UserId,
    http::{Problem, State},
    store::{ActivityFilter, ActivityRow},
    telemetry::trace::{Delivered, EventTrace},
};

/// Maximum number of traces that are read.
const LIMIT: i64 = 50;

/// Returns the traces of the store that are not `known`, each with the name of its hub.
pub(super) async fn others(
    state: &State,
    subject: &Subject,
    known: &[Value],
) -> Result<Vec<(EventTrace, String)>, Problem> {
    let known: HashSet<Uuid> =
        known.iter().filter_map(|event| Uuid::try_parse(event["id"].as_str()?).ok()).collect();
    let rows = find(state, subject).await?;
    Ok(rows.into_iter().filter(|row| !known.contains(&row.id)).map(restore).collect())
}

async fn find(state: &State, subject: &Subject) -> Result<Vec<ActivityRow>, Problem> {
    let store = &state.store;
    let filter = match subject {
        Subject::Event(id) => {
            let rows = store.activity_of_event(id, LIMIT).await?;
            return match Uuid::try_parse(id) {
                Ok(notification) if rows.is_empty() => of_notification(state, notification).await,
                _ => Ok(rows),
            };
        }
        Subject::User(user) => {
            ActivityFilter { user: Some(user.clone()), ..ActivityFilter::default() }
        }
        Subject::Type(code) => {
            ActivityFilter { type_code: Some(code.clone()), ..ActivityFilter::default() }
        }
    };
    Ok(store.activity(&filter, LIMIT).await?)
}

/// Returns the trace of the event that made a notification.
async fn of_notification(state: &State, id: Uuid) -> Result<Vec<ActivityRow>, Problem> {
    let Some(event) = state.store.event_of_notification(id).await? else { return Ok(Vec::new()) };
    let mut rows = state.store.activity_of_event(&event, LIMIT).await?;
    // Another event may have the same ID, and the same event may have arrived several times.
    rows.retain(|row| made(&restore(row.clone()).0, id));
    Ok(rows)
}

/// Returns whether an event made a notification, as far as its trace tells.
fn made(trace: &EventTrace, id: Uuid) -> bool {
    trace.delivered.iter().any(|delivered| delivered.notification_id == id)
        || trace.delivered_count > trace.delivered.len()
}

/// Returns the first notification of an event, and the user that the event is about.
pub(super) async fn first_delivery(
    state: &State,
    id: &str,
) -> Result<Option<(Delivered, Option<UserId>)>, Problem> {
    let rows = state.store.activity_of_event(id, LIMIT).await?;
    Ok(rows.into_iter().find_map(|row| first_reached(&restore(row).0)))
}

/// Returns the first notification in a trace, and the user that the event is about. A trace names
/// that user first; the recipient of the notification can be another one, such as an administrator.
pub(super) fn first_reached(trace: &EventTrace) -> Option<(Delivered, Option<UserId>)> {
    let reached = trace.delivered.first()?.clone();
    Some((reached, trace.names.first().cloned()))
}
