//! Traces as they are stored.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    domain::{event::Identity, user::UserId},
    store::ActivityRow,
    telemetry::trace::{Delivered, EventTrace, Reason},
};

/// Maximum size of the JSON of a trace, in bytes; beyond it fewer users are listed.
const TRACE_MAX_BYTES: usize = 16 * 1024;

/// Users of a trace.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Users {
    name: String,
    names: Vec<UserId>,
    /// User, notification, and whether it was in quiet hours.
    delivered: Vec<(UserId, Uuid, bool)>,
    delivered_count: usize,
    muted: Vec<UserId>,
    muted_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<UserId>,
    failed_count: usize,
}

/// Returns the row of a trace.
pub(super) fn row(event: &EventTrace, instance: &str) -> ActivityRow {
    let count = |number| i64::try_from(number).unwrap_or(i64::MAX);
    // PostgreSQL cannot store a NUL character.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    ActivityRow {
        id: event.id,
        event_id: clean(&event.event_id),
        identity: event.identity.as_ref().map(|identity| identity.as_str().to_owned()),
        type_code: clean(&event.code),
        outcome: event.outcome.clone().into_owned(),
        reason_code: event.reason.as_ref().map(|reason| reason.code.clone().into_owned()),
        reason: event.reason.as_ref().map(|reason| clean(&reason.detail)),
        received_at: event.received_at,
        source: event.source.clone().into_owned(),
        publisher: event.publisher.as_deref().map(clean),
        instance: instance.to_owned(),
        recipients: count(
            event.delivered_count.saturating_add(event.muted_count + event.failed_count),
        ),
        notifications: count(event.delivered_count),
        trace: users(event),
        users: event.people().into_iter().map(ToString::to_string).collect(),
    }
}

/// Returns the users of a trace as JSON, shortened to [`TRACE_MAX_BYTES`]. They are among those
/// that the row is found by, so that they can be erased.
fn users(event: &EventTrace) -> String {
    let listed: HashSet<&UserId> = event.people().into_iter().collect();
    let delivered = |one: &Delivered| (one.user_id.clone(), one.notification_id, one.quiet);
    let mut users = Users {
        name: event.name.clone(),
        names: event.names.iter().filter(|user| listed.contains(user)).cloned().collect(),
        delivered: event
            .delivered
            .iter()
            .filter(|one| listed.contains(&one.user_id))
            .map(delivered)
            .collect(),
        delivered_count: event.delivered_count,
        muted: event.muted.iter().filter(|user| listed.contains(user)).cloned().collect(),
        muted_count: event.muted_count,
        failed: event.failed.iter().filter(|user| listed.contains(user)).cloned().collect(),
        failed_count: event.failed_count,
    };
    loop {
        // The type always serializes.
        let json = serde_json::to_string(&users).unwrap_or_default();
        if json.len() <= TRACE_MAX_BYTES {
            return json;
        }
        let half = |len: usize| len / 2;
        let lists_nobody = users.names.is_empty() && users.delivered.is_empty();
        if lists_nobody && users.muted.is_empty() && users.failed.is_empty() {
            users.name.clear();
        }
        users.names.truncate(half(users.names.len()));
        users.delivered.truncate(half(users.delivered.len()));
        users.muted.truncate(half(users.muted.len()));
        users.failed.truncate(half(users.failed.len()));
    }
}

/// Returns the trace of a row, and the name of the hub that processed the event.
#[must_use]
pub fn restore(row: ActivityRow) -> (EventTrace, String) {
    let users: Users = serde_json::from_str(&row.trace).unwrap_or_default();
    let detail = row.reason.unwrap_or_default();
    let delivered = users
        .delivered
        .into_iter()
        .map(|(user_id, notification_id, quiet)| Delivered { user_id, notification_id, quiet });
    let trace = EventTrace {
        id: row.id,
        event_id: row.event_id,
        identity: row.identity.map(Identity::stored),
        name: users.name,
        code: row.type_code,
        publisher: row.publisher,
        source: row.source.into(),
        received_at: row.received_at,
        names: users.names,
        outcome: row.outcome.into(),
        reason: row.reason_code.map(|code| Reason { code: code.into(), detail }),
        delivered: delivered.collect(),
        delivered_count: users.delivered_count,
        muted: users.muted,
        muted_count: users.muted_count,
        failed: users.failed,
        failed_count: users.failed_count,
    };
    (trace, row.instance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::notification::Timestamp, testing};

    fn trace(users: usize) -> EventTrace {
        let long = "u".repeat(120);
        let user = |n: usize| testing::user(&format!("{long}{n}"));
        let event = testing::event("e1", "budi");
        EventTrace {
            outcome: "accepted".into(),
            reason: Some(Reason { code: "muted".into(), detail: "why\0".to_owned() }),
            delivered: (0..users)
                .map(|n| Delivered {
                    user_id: user(n),
                    notification_id: Uuid::from_u128(1),
                    quiet: n == 1,
                })
                .collect(),
            delivered_count: users,
            muted: (users..users * 2).map(user).collect(),
            muted_count: users,
            ..EventTrace::new(&event, "http", Timestamp(5))
        }
    }

    #[test]
    fn trace_is_restored_as_it_was() {
        let failed = vec![testing::user("x")];
        let trace = EventTrace { failed, failed_count: 2, ..trace(10) };
        let (restored, instance) = restore(row(&trace, "hub"));
        let reason = Reason { code: "muted".into(), detail: "why\u{fffd}".to_owned() };
        assert_eq!(restored, EventTrace { reason: Some(reason), ..trace });
        assert_eq!(instance, "hub");
    }

    #[test]
    fn stored_trace_is_bounded_and_keeps_its_numbers() {
        let trace = trace(100);
        let row = row(&trace, "hub");
        assert!(row.trace.len() <= TRACE_MAX_BYTES, "{}", row.trace.len());
        assert_eq!((row.users.len(), row.recipients, row.notifications), (100, 200, 100));
        let (restored, _) = restore(row);
        assert_eq!((restored.delivered.len(), restored.delivered_count), (49, 100));
    }
}
