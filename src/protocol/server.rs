//! Messages of the hub: JSON, encoded as WebSocket frames.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ClientError, CloseCode};
use crate::{
    domain::{
        event::Event,
        feed,
        inbox::{BulkMark, Change, ChangeKind, InboxState, RevisionStep, SweepKind},
        notification::{Notification, Timestamp},
        user::Identity,
    },
    protocol::frame,
};

fn encode(message: &impl Serialize) -> Bytes {
    // Types of this crate always serialize; an empty frame would be harmless.
    frame::text(&serde_json::to_vec(message).unwrap_or_default())
}

#[derive(Serialize)]
struct Message<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    data: T,
}

/// Notification with its position in the history.
#[derive(Serialize)]
struct Item<'a> {
    #[serde(flatten)]
    notification: Shown<'a>,
    previous_revision: i64,
    unread: i64,
    unseen: i64,
    /// True in the reader's quiet hours: no toast, no sound.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    quiet: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_all: Option<Covers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_all: Option<Covers>,
}

/// Notification without its `revision`, which is that of the change.
#[derive(Serialize)]
#[serde(transparent)]
struct Shown<'a>(&'a Notification);

/// Range of a bulk mark.
#[derive(Serialize)]
struct Covers {
    up_to_revision: i64,
    from_revision: i64,
}

/// Content of `connected`.
#[derive(Debug)]
pub struct Connected<'a> {
    /// ID of the connection.
    pub client_id: &'a str,
    /// Identity of the user.
    pub identity: &'a Identity,
    /// Name of this hub.
    pub instance: &'a str,
    /// Epoch of the store.
    pub epoch: &'a str,
    /// State of the inbox.
    pub counters: InboxState,
    /// Interval of pings, in seconds.
    pub heartbeat_seconds: u64,
    /// Current time.
    pub server_time: Timestamp,
}

/// Encodes `connected`, the first message. `clientId` and `role` are beside `type` too, for older
/// clients.
#[must_use]
pub fn connected(connected: &Connected<'_>) -> Bytes {
    let Connected {
        client_id,
        identity,
        instance,
        epoch,
        counters,
        heartbeat_seconds,
        server_time,
    } = connected;
    let role = identity.roles.first();
    encode(&serde_json::json!({
        "type": "connected",
        "clientId": client_id,
        "role": role,
        "data": {
            "client_id": client_id,
            "user_id": identity.user_id,
            "login": identity.login.as_deref().unwrap_or(identity.user_id.as_str()),
            "roles": identity.roles,
            "role": role,
            "instance": instance,
            "epoch": epoch,
            "revision": counters.revision,
            "unread": counters.unread,
            "unseen": counters.unseen,
            "heartbeat_seconds": heartbeat_seconds,
            "server_time": server_time,
        },
    }))
}

/// Encodes `reset`: the client discards its state.
#[must_use]
pub fn reset(epoch: &str, counters: InboxState) -> Bytes {
    encode(&serde_json::json!({
        "type": "reset",
        "data": { "epoch": epoch, "revision": counters.revision, "unread": counters.unread,
            "unseen": counters.unseen },
    }))
}

/// Encodes `sync.response`: notifications, oldest change first.
#[must_use]
pub fn sync_response(items: &[Notification], counters: InboxState, complete: bool) -> Bytes {
    #[derive(Serialize)]
    struct SyncResponse<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        data: &'a [Notification],
        revision: i64,
        unread: i64,
        unseen: i64,
        complete: bool,
    }
    let InboxState { revision, unread, unseen } = counters;
    encode(&SyncResponse { kind: "sync.response", data: items, revision, unread, unseen, complete })
}

/// Encodes `pong`.
#[must_use]
pub fn pong(now: Timestamp) -> Bytes {
    encode(&Message { kind: "pong", data: serde_json::json!({ "server_time": now }) })
}

/// Encodes `error`.
#[must_use]
pub fn error(error: &ClientError) -> Bytes {
    encode(&Message {
        kind: "error",
        data: serde_json::json!({ "code": error.code.as_str(), "message": error.message }),
    })
}

/// Encodes `going_away`, before a planned stop.
#[must_use]
pub fn going_away(reconnect_after_ms: u64) -> Bytes {
    encode(&Message {
        kind: "going_away",
        data: serde_json::json!({ "reconnect_after_ms": reconnect_after_ms }),
    })
}

/// Encodes `retention.set.ack`.
#[must_use]
pub fn retention_set(days: i64) -> Bytes {
    encode(&Message { kind: "retention.set.ack", data: serde_json::json!({ "days": days }) })
}

/// Encodes `subscribed`, with the filters as the client wrote them; `feed` is `None` for `scope:
/// all`.
#[must_use]
pub fn subscribed(feed: Option<&str>, filters: &Map<String, Value>) -> Bytes {
    let scope = if feed.is_some() { "feed" } else { "all" };
    let data = serde_json::json!({ "scope": scope, "feed": feed, "filters": filters });
    encode(&Message { kind: "subscribed", data })
}

/// Encodes `unsubscribed`.
#[must_use]
pub fn unsubscribed(feed: Option<&str>) -> Bytes {
    let scope = if feed.is_some() { "feed" } else { "all" };
    encode(&Message {
        kind: "unsubscribed",
        data: serde_json::json!({ "scope": scope, "feed": feed }),
    })
}

/// Encodes a message of a feed; `snapshot` marks the initial state.
#[must_use]
pub fn shown(shown: &feed::Shown, snapshot: bool) -> Bytes {
    #[derive(Serialize)]
    struct FeedMessage<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        feed: &'a str,
        data: &'a Map<String, Value>,
        timestamp: Timestamp,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        snapshot: bool,
    }
    let feed::Shown { kind, feed, data, timestamp } = shown;
    encode(&FeedMessage { kind, feed, data, timestamp: *timestamp, snapshot })
}

/// Encodes a complete event under its own name, for `scope: all`.
#[must_use]
pub fn whole(event: &Event) -> Bytes {
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        data: Map<String, Value>,
        timestamp: Timestamp,
        source: Option<&'a str>,
        id: &'a str,
    }
    let kind = event.name.strip_prefix("events.").unwrap_or(&event.name);
    let source = event.source.as_deref();
    encode(&Whole { kind, data: feed::whole(event), timestamp: event.time, source, id: &event.id })
}

/// Encodes `closed`, the last message of an event stream.
#[must_use]
pub fn closed(code: CloseCode) -> Bytes {
    encode(&Message {
        kind: "closed",
        data: serde_json::json!({ "code": code.code(), "reason": code.reason() }),
    })
}

/// Encodes `notifications.summary`: the notifications beyond the live limit.
#[must_use]
pub fn summary(count: i64, types: &BTreeMap<String, i64>, step: RevisionStep) -> Bytes {
    let RevisionStep { previous_revision, revision, unread, unseen } = step;
    let data = serde_json::json!({
        "count": count,
        "types": types,
        "unread": unread,
        "unseen": unseen,
        "previous_revision": previous_revision,
        "revision": revision,
    });
    encode(&Message { kind: "notifications.summary", data })
}

/// Encodes `notifications.behind`, in place of the messages for a client that reads too slowly. The
/// changes up to this revision follow when it has read what is queued.
#[must_use]
pub fn behind(inbox: InboxState) -> Bytes {
    let InboxState { revision, unread, unseen } = inbox;
    let data = serde_json::json!({ "revision": revision, "unread": unread, "unseen": unseen });
    encode(&Message { kind: "notifications.behind", data })
}

/// Encodes a stored notification as a push or, if the client has `seen` it before, as an update.
#[must_use]
pub fn push_of(notification: &Notification, seen: bool, step: RevisionStep) -> Bytes {
    let kind = if seen { UPDATE } else { PUSH };
    encode(&Message { kind, data: item(notification, step) })
}

const PUSH: &str = "notification.push";
const UPDATE: &str = "notification.update";

fn item(notification: &Notification, step: RevisionStep) -> Item<'_> {
    Item {
        notification: Shown(notification),
        previous_revision: step.previous_revision,
        unread: step.unread,
        unseen: step.unseen,
        quiet: false,
        read_all: None,
        seen_all: None,
    }
}

/// Frames of one change: for other connections, and for the connection that asked.
#[derive(Debug, Clone, Default)]
pub struct Frames {
    /// Frame for the user's other connections; `None` if nothing changed.
    pub others: Option<Bytes>,
    /// Frame for the connection that asked; `None` if none did.
    pub origin: Option<Bytes>,
}

/// Encodes a change once for all receivers.
#[must_use]
pub fn encode_change(change: &Change) -> Frames {
    let Change { kind, notification, step, origin, .. } = change;
    let origin = origin.map(|_| ack(change, *step));
    let Some(notification) = notification else {
        return Frames { others: None, origin };
    };
    let others = match *kind {
        ChangeKind::New { quiet } | ChangeKind::Grown { quiet } => {
            Some((PUSH, Item { quiet, ..item(notification, *step) }))
        }
        ChangeKind::Swept(SweepKind::Wake) => Some((PUSH, item(notification, *step))),
        ChangeKind::Shrunk | ChangeKind::Marked(_) | ChangeKind::Swept(_) => {
            Some((UPDATE, item(notification, *step)))
        }
        ChangeKind::All { mark, up_to_revision, from_revision } => {
            // One message for any number of notifications. Its previous revision is that of the
            // last change, so a client that does not know the range sees a gap and requests the
            // rest.
            let last = RevisionStep { previous_revision: step.revision - 1, ..*step };
            let covers = |of| (of == mark).then_some(Covers { up_to_revision, from_revision });
            let (read_all, seen_all) = (covers(BulkMark::Read), covers(BulkMark::Seen));
            Some((UPDATE, Item { read_all, seen_all, ..item(notification, last) }))
        }
        ChangeKind::Unchanged(_) | ChangeKind::UnchangedAll { .. } => None,
    };
    let others = others.map(|(kind, data)| encode(&Message { kind, data }));
    Frames { others, origin }
}

/// Encodes the ack of a change for the connection that asked, at a position in the history: the
/// change's own, or a later one that the connection has reached.
#[must_use]
pub fn ack(change: &Change, step: RevisionStep) -> Bytes {
    let RevisionStep { previous_revision, revision, unread, unseen } = step;
    let word = match change.kind {
        ChangeKind::Marked(mark) | ChangeKind::Unchanged(mark) => mark.word(),
        ChangeKind::All { mark, .. } | ChangeKind::UnchangedAll { mark, .. } => mark.word(),
        // No connection asks for these changes.
        ChangeKind::New { .. }
        | ChangeKind::Grown { .. }
        | ChangeKind::Shrunk
        | ChangeKind::Swept(_) => "change",
    };
    let up_to = match change.kind {
        ChangeKind::All { up_to_revision, .. }
        | ChangeKind::UnchangedAll { up_to_revision, .. } => Some(up_to_revision),
        _ => None,
    };
    let one =
        change.notification.as_ref().filter(|_| !matches!(change.kind, ChangeKind::All { .. }));
    encode(&Message {
        kind: &format!("notification.{word}.ack"),
        data: serde_json::json!({
            "notification_id": one.map(|notification| notification.notification_id),
            "stream_id": one.map(|notification| &notification.stream_id),
            "status": one.map(|notification| notification.status),
            "unread": unread,
            "unseen": unseen,
            "revision": revision,
            "previous_revision": previous_revision,
            "up_to_revision": up_to,
        }),
    })
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
