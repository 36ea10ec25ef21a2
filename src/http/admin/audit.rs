//! Audit entries for changes made through the API.

use serde_json::Value;
use uuid::Uuid;

use crate::{auth::Caller, clock, store::AuditEntry};

/// Returns the name of a caller in the audit.
pub(in crate::http) fn caller_name(caller: &Caller) -> String {
    match caller {
        Caller::User(identity) => identity.user_id.to_string(),
        Caller::Service { name, .. } => format!("key:{name}"),
        Caller::Developer => "developer".to_owned(),
    }
}

/// Creates the audit entry of a change.
pub(in crate::http) fn entry(
    caller: &Caller,
    action: &str,
    subject: String,
    before: Option<Value>,
    after: Option<Value>,
) -> AuditEntry {
    entry_by(&caller_name(caller), action, subject, before, after)
}

/// Creates the audit entry of a change by a caller of this name.
pub(super) fn entry_by(
    by: &str,
    action: &str,
    subject: String,
    before: Option<Value>,
    after: Option<Value>,
) -> AuditEntry {
    let (who, action) = (by.to_owned(), action.to_owned());
    AuditEntry { id: Uuid::now_v7(), at: clock::now(), who, action, subject, before, after }
}
