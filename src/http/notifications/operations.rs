//! Operations of the inbox.

use actix_web::{HttpRequest, web};
use serde_json::{Value, json};

use super::{
    LIMIT_DEFAULT, LIMIT_MAX, SEARCH_MAX_CHARS, clicked, get, list, mark, mark_all, snooze,
    unread_count,
};
use crate::{
    domain::{
        inbox::{BulkMark, Mark},
        presentation::ACTIONS_MAX,
    },
    http::{
        SharedState,
        api::{Access, Operation, Tag},
    },
};

/// Handler that applies one mark to the notification of the path.
macro_rules! marking {
    ($mark:expr) => {
        |state: SharedState, request: HttpRequest, id: web::Path<String>| {
            mark(state, request, id, $mark)
        }
    };
}

/// Handler that applies one mark to the whole inbox.
macro_rules! marking_all {
    ($mark:expr) => {
        |state: SharedState, request: HttpRequest, payload: web::Payload| {
            mark_all(state, request, payload, $mark)
        }
    };
}

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let mut operations = reads();
    operations.extend(bulk_marks());
    operations.extend(marks());
    operations
}

fn reads() -> Vec<Operation> {
    let limit = json!({
        "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT,
    });
    let status = json!({
        "type": "string", "default": "all",
        "enum": ["unread", "read", "snoozed", "archived", "all"],
    });
    let cursor = json!({ "type": "string", "pattern": "^[0-9]{1,18}$" });
    let summary = "List the inbox, newest first; with `since`, changes, oldest first";
    vec![
        Operation::get("/api/v1/notifications", list)
            .access(Access::User)
            .doc(Tag::Inbox, "list_notifications", summary)
            .query("limit", limit, "Maximum number of entries.")
            .query("cursor", cursor, "`next_cursor` of the previous page.")
            .query("status", status, "Only this status.")
            .query("type", json!({ "type": "string" }), "Only this type.")
            .query("category", json!({ "type": "string" }), "Only this category.")
            .query(
                "q",
                json!({ "type": "string", "maxLength": SEARCH_MAX_CHARS }),
                "Only notifications whose title or message contains this text, in any case.",
            )
            .query(
                "since",
                json!({ "type": "string" }),
                "Revision, EPOCH.REVISION, or time: changes after it. A time is compared with \
                 the time at which the hub stored a change, not with `created_at`. Another \
                 epoch is answered with `reset: true` and the newest notifications.",
            )
            .returns(200, "A page, and the state of the inbox.", "Listing"),
        Operation::get("/api/v1/notifications/unread-count", unread_count)
            .access(Access::User)
            .doc(Tag::Inbox, "unread_count", "Count unread notifications")
            .returns(200, "The counts.", "Counts"),
        Operation::get("/api/v1/notifications/{id}", get)
            .access(Access::User)
            .doc(Tag::Inbox, "get_notification", "Get a notification")
            .id_parameter()
            .returns(200, "The notification.", "Notification"),
    ]
}

fn bulk_marks() -> Vec<Operation> {
    let schema = json!({
        "type": "object",
        "properties": {
            "up_to_revision": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": i64::MAX,
                "description": "Only notifications created up to this revision.",
            },
        },
    });
    let content = json!({ "application/json": { "schema": schema } });
    let body = json!({ "required": false, "content": content });
    let returned = "Number of notifications that changed, and the counts.";
    vec![
        Operation::post("/api/v1/notifications/read-all", marking_all!(BulkMark::Read))
            .access(Access::User)
            .doc(Tag::Inbox, "read_all", "Mark all notifications as read")
            .request_body(body.clone())
            .returns(200, returned, "MarkedAll"),
        Operation::post("/api/v1/notifications/seen-all", marking_all!(BulkMark::Seen))
            .access(Access::User)
            .doc(Tag::Inbox, "seen_all", "Mark all notifications as seen")
            .request_body(body)
            .returns(200, returned, "MarkedAll"),
    ]
}

/// Returns the body of a click.
fn optional_action() -> Value {
    let schema = json!({
        "type": "object",
        "properties": {
            "action": { "type": ["integer", "null"], "minimum": 0, "maximum": ACTIONS_MAX - 1 },
        },
    });
    json!({ "required": false, "content": { "application/json": { "schema": schema } } })
}

fn marks() -> Vec<Operation> {
    vec![
        Operation::delete("/api/v1/notifications/{id}", marking!(Mark::Delete))
            .access(Access::User)
            .doc(Tag::Inbox, "delete_notification", "Delete a notification")
            .description("Deletion is a change like any other. A deleted notification is 404.")
            .id_parameter()
            .returns(200, "The notification before its deletion, and the counts.", "Marked"),
        Operation::post("/api/v1/notifications/{id}/seen", marking!(Mark::Seen))
            .mark("mark_seen", "Mark a notification as seen"),
        Operation::post("/api/v1/notifications/{id}/read", marking!(Mark::Read))
            .mark("mark_read", "Mark a notification as read"),
        Operation::post("/api/v1/notifications/{id}/clicked", clicked)
            .mark("mark_clicked", "Record that the action of a notification was followed")
            .description(
                "Marks it as read too, and counts for the comparison of variants. \
                 Idempotent: repeating it takes no revision. `action` is the index of the \
                 notification's action that was pressed; one that it does not have is ignored.",
            )
            .request_body(optional_action()),
        Operation::post("/api/v1/notifications/{id}/unread", marking!(Mark::Unread))
            .mark("mark_unread", "Mark a notification as unread"),
        Operation::post("/api/v1/notifications/{id}/snooze", snooze)
            .mark("mark_snooze", "Snooze a notification")
            .description(
                "It is not counted as unread until the time, and arrives again then. Give `until` \
                 or `for`.",
            )
            .body("Snooze"),
        Operation::post("/api/v1/notifications/{id}/unsnooze", marking!(Mark::Unsnooze))
            .mark("mark_unsnooze", "Make a snoozed notification unread again"),
        Operation::post("/api/v1/notifications/{id}/archive", marking!(Mark::Archive))
            .mark("mark_archive", "Archive a notification"),
        Operation::post("/api/v1/notifications/{id}/unarchive", marking!(Mark::Unarchive)).mark(
            "mark_unarchive",
            "Take a notification out of the archive, with its earlier status",
        ),
    ]
}

/// Parts that several operations of the inbox share.
trait InboxOperation {
    fn id_parameter(self) -> Self;
    fn mark(self, id: &str, summary: &str) -> Self;
}

impl InboxOperation for Operation {
    /// Adds the path parameter `id`.
    fn id_parameter(self) -> Self {
        self.path("id", json!({ "type": "string", "format": "uuid" }), "ID.")
    }

    /// Documents an operation that marks one notification.
    fn mark(self, id: &str, summary: &str) -> Self {
        self.access(Access::User)
            .doc(Tag::Inbox, id, summary)
            .description("Idempotent: repeating it takes no revision.")
            .id_parameter()
            .returns(200, "The notification and the counts after the change.", "Marked")
    }
}
