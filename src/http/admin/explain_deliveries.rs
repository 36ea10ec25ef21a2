//! Deliveries on channels in an explanation.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::deliveries;
use crate::{
    http::{Problem, State},
    store::DeliveryFilter,
};

/// Maximum number of deliveries of a notification in an explanation.
const DELIVERIES_MAX: i64 = 50;

/// Returns everything in an explanation that may name a notification: those of a user, and the
/// recipients of events.
pub(super) fn notifications_in(response: &mut Map<String, Value>) -> Vec<&mut Value> {
    let mut items: Vec<&mut Value> = Vec::new();
    for (name, list) in response.iter_mut() {
        let Some(list) = list.as_array_mut() else { continue };
        match name.as_str() {
            "notifications" => items.extend(list),
            "events" => {
                let recipients = list.iter_mut().filter_map(|event| event.get_mut("recipients"));
                items.extend(recipients.filter_map(Value::as_array_mut).flatten());
            }
            _ => {}
        }
    }
    items
}

/// Adds the deliveries of each notification: every channel, with its state and the reason.
pub(super) async fn add_deliveries(
    state: &State,
    response: &mut Map<String, Value>,
) -> Result<(), Problem> {
    for item in notifications_in(response) {
        let Some(id) = item["notification_id"].as_str().and_then(|id| Uuid::try_parse(id).ok())
        else {
            continue;
        };
        let filter = DeliveryFilter { notification: Some(id), ..DeliveryFilter::default() };
        let found = state.store.deliveries(&filter, DELIVERIES_MAX).await?;
        item["deliveries"] = found.iter().map(deliveries::shown).collect();
    }
    Ok(())
}
