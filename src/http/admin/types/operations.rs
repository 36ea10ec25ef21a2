//! Operations of notification types.

use serde_json::{Value, json};

use super::{create, delete, get, list, locales, patch, preview, put, revert, test_send, variants};
use crate::http::api::{Access, Operation, Tag, reference};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/types", list)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_types", "List the notification types")
            .pages()
            .returns(200, "The rows of the table.", "Types"),
        Operation::post("/api/v1/admin/types", create)
            .access(Access::Admin)
            .doc(Tag::Admin, "create_type", "Create a notification type")
            .body("TypeWritten")
            .returns_type(201, "The type, in effect at once.")
            .errors(&[409]),
        Operation::get("/api/v1/admin/types/{code}", get)
            .access(Access::Admin)
            .doc(Tag::Admin, "get_type", "Get a notification type")
            .code_parameter()
            .returns_type(200, "The type."),
        Operation::put("/api/v1/admin/types/{code}", put)
            .access(Access::Admin)
            .doc(Tag::Admin, "put_type", "Create or replace a notification type")
            .description(
                "A member that is missing gets its default. A type that does not exist \
                 is created (201).",
            )
            .code_parameter()
            .if_match()
            .body("TypeWritten")
            .returns_type(200, "The type, in effect at once.")
            .returns_type(201, "The type, in effect at once.")
            .errors(&[409, 412]),
        Operation::patch("/api/v1/admin/types/{code}", patch)
            .access(Access::Admin)
            .doc(Tag::Admin, "patch_type", "Change a notification type")
            .description("JSON merge patch (RFC 7396).")
            .code_parameter()
            .if_match()
            .request_body(json!({
                "required": true,
                "content": { "application/json": { "schema": { "type": "object" } } },
            }))
            .returns_type(200, "The type, in effect at once.")
            .errors(&[412]),
        Operation::delete("/api/v1/admin/types/{code}", delete)
            .access(Access::Admin)
            .doc(Tag::Admin, "delete_type", "Delete a notification type")
            .description(
                "A type of config.toml is 409: set it inactive, or remove it from the file.",
            )
            .code_parameter()
            .if_match()
            .response(204, json!({ "description": "Deleted." }))
            .errors(&[409, 412]),
        Operation::delete("/api/v1/admin/types/{code}/override", revert)
            .access(Access::Admin)
            .doc(Tag::Admin, "revert_type", "Revert a notification type to config.toml")
            .code_parameter()
            .if_match()
            .returns_type(200, "The type as the file defines it.")
            .errors(&[409, 412]),
        preview_operation(),
        test_operation(),
        Operation::get("/api/v1/admin/types/{code}/variants", variants)
            .access(Access::Admin)
            .doc(Tag::Admin, "variants", "Compare the variants of a notification type")
            .code_parameter()
            .returns(200, "Counts over all stored notifications.", "Variants"),
        locales_operation(),
    ]
}

fn locales_operation() -> Operation {
    Operation::get("/api/v1/admin/locales", locales)
        .access(Access::Admin)
        .doc(Tag::Admin, "list_locales", "List the languages of users and texts")
        .returns(200, "The languages, without the default one.", "Locales")
}

fn test_operation() -> Operation {
    Operation::post("/api/v1/admin/types/{code}/test", test_send)
        .access(Access::Admin)
        .doc(Tag::Admin, "test_type", "Send a preview to one user")
        .description(
            "The notification appears in the bell of `recipient`, by default the caller. Live \
             feeds and other channels get nothing. It has the type's code if the type is in use, \
             else `MESSAGE`.",
        )
        .code_parameter()
        .request_body(json!({
            "required": true,
            "content": { "application/json": { "schema": preview_schema() } },
        }))
        .returns(200, "The notification.", "TestSent")
        .errors(&[409])
}

fn preview_operation() -> Operation {
    Operation::post("/api/v1/admin/types/{code}/preview", preview)
        .access(Access::Admin)
        .doc(Tag::Admin, "preview_type", "Render a notification without storing it")
        .code_parameter()
        .request_body(json!({
            "required": true,
            "content": { "application/json": { "schema": preview_schema() } },
        }))
        .returns(200, "The rendered notification.", "Preview")
        .errors(&[409])
}

fn preview_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "data": {
                "type": "object",
                "description": "Data of an event; with a real event, fields that replace its own.",
            },
            "type": { "type": "object", "description": "Unsaved fields of the type." },
            "channel": { "type": "string", "enum": ["web", "email"] },
            "locale": {
                "type": "string",
                "description": "Language of the texts, instead of the recipient's; empty for the \
                    default texts.",
            },
            "recipient": {
                "type": "string",
                "description": "ID of the recipient; by default the caller.",
            },
            "event": {
                "type": "string",
                "description": "Recent event whose data to use, by its ID or that of a \
                    notification it made.",
            },
            "dead_letter": {
                "type": "string",
                "description": "Dead letter whose data to use, by its ID.",
            },
        },
        "additionalProperties": false,
    })
}

/// Parts that several operations of types share.
trait TypeOperation {
    fn code_parameter(self) -> Self;
    fn if_match(self) -> Self;
    fn returns_type(self, status: u16, description: &str) -> Self;
}

impl TypeOperation for Operation {
    /// Adds the path parameter `code`.
    fn code_parameter(self) -> Self {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": 128 });
        self.path("code", schema, "Code of the type.")
    }

    /// Adds the header `If-Match`.
    fn if_match(self) -> Self {
        let description = "`ETag` of the type as its author saw it.";
        self.header("If-Match", json!({ "type": "string" }), description)
    }

    /// Adds a response with a type and its `ETag`.
    fn returns_type(self, status: u16, description: &str) -> Self {
        let etag = json!({ "schema": { "type": "string" }, "description": "For `If-Match`." });
        self.response(
            status,
            json!({
                "description": description,
                "content": { "application/json": { "schema": reference("Type") } },
                "headers": { "ETag": etag },
            }),
        )
    }
}
