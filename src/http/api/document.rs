//! The `OpenAPI` document, generated from the operations.

use serde_json::{Map, Value, json};

use super::{Access, Operation};

/// Title, description, tags, servers and components: everything that no operation declares.
const BASE: &str = include_str!("base.json");

/// Error responses by status, as named under `components.responses`.
const ERRORS: [(u16, &str); 13] = [
    (400, "BadRequest"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "NotFound"),
    (408, "Timeout"),
    (409, "Conflict"),
    (412, "PreconditionFailed"),
    (413, "TooLarge"),
    (422, "Unprocessable"),
    (426, "UpgradeRequired"),
    (429, "TooMany"),
    (500, "Internal"),
    (503, "Unavailable"),
];

/// Generates the `OpenAPI` 3.1 document.
pub(in crate::http) fn document(operations: &[Operation]) -> Value {
    // A test checks that the file is a JSON object.
    let mut document: Value = serde_json::from_str(BASE).unwrap_or_default();
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    let mut paths = Map::new();
    for operation in operations {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method.as_str().to_ascii_lowercase()] = object(operation);
    }
    document["paths"] = Value::Object(paths);
    document
}

fn object(operation: &Operation) -> Value {
    let mut object = operation.document.clone();
    let mut responses = match object.remove("responses") {
        Some(Value::Object(responses)) => responses,
        _ => Map::new(),
    };
    for (status, name) in ERRORS.iter().filter(|(status, _)| fails_with(operation, *status)) {
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.insert(status.to_string(), reference);
    }
    object.insert("responses".to_owned(), Value::Object(responses));
    object.insert("x-who".to_owned(), json!(operation.access.callers()));
    if operation.access == Access::Anyone && !object.contains_key("security") {
        let needs_credentials = fails_with(operation, 401);
        let security = if needs_credentials { json!([{}]) } else { json!([]) };
        object.insert("security".to_owned(), security);
    }
    Value::Object(object)
}

/// Returns whether an operation can fail with this status.
fn fails_with(operation: &Operation, status: u16) -> bool {
    let implied = match status {
        400 | 401 | 403 | 500 | 503 => operation.access != Access::Anyone,
        404 => operation.path.contains('{'),
        408 | 413 => operation.document.contains_key("requestBody"),
        _ => false,
    };
    implied || operation.errors.contains(&status)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::operations::operations;

    /// With `LONCENG_UPDATE=1` in the environment the committed document is written anew.
    #[test]
    fn committed_openapi_document_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api/openapi.json");
        let generated = serde_json::to_string_pretty(&document(&operations())).expect("JSON");
        if std::env::var_os("LONCENG_UPDATE").is_some() {
            std::fs::write(path, format!("{generated}\n")).expect("writable");
        }
        let committed = std::fs::read_to_string(path).expect("readable");
        assert!(
            committed.trim_end() == generated,
            "docs/api/openapi.json is out of date; run LONCENG_UPDATE=1 cargo test openapi"
        );
    }

    #[test]
    fn operation_ids_and_routes_are_unique_and_references_resolve() {
        let operations = operations();
        let document = document(&operations);
        let mut ids = BTreeSet::new();
        let mut routes = BTreeSet::new();
        for operation in &operations {
            let id = operation.document["operationId"].as_str().expect("an ID");
            assert!(ids.insert(id.to_owned()), "{id} is used twice");
            assert!(routes.insert((operation.path, operation.method.to_string())), "{id}");
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().expect("a closing quote");
            assert!(document.pointer(pointer).is_some(), "{pointer} does not resolve");
        }
    }
}
