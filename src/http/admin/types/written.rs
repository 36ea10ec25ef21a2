//! Type as written by an administrator, and its validation.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::to_json;
use crate::{
    clock,
    domain::{
        catalog::{
            CODE_MAX_CHARS, Catalog, EmailTexts, Entity, LocalTexts, Origin, TypeRow, Variant,
            without_empty,
        },
        channel::Escalation,
        event::code_of,
        notification::Timestamp,
        presentation::Action,
        user::UserId,
    },
    http::{Problem, body},
};

/// Type as written by an administrator. Members that responses add may be sent back, and are
/// ignored.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    code: Option<String>,
    display_name: String,
    template: String,
    target_type: String,
    #[serde(default)]
    target_role: Option<String>,
    #[serde(default)]
    target_users: Option<Vec<UserId>>,
    #[serde(default)]
    priority: Option<String>,
    #[serde(default)]
    channels: Option<Vec<String>>,
    #[serde(default)]
    is_active: Option<bool>,
    #[serde(default)]
    ttl_seconds: Option<i64>,
    #[serde(default)]
    action_url: Option<String>,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    icon: Option<String>,
    #[serde(default)]
    actions: Option<Vec<Action>>,
    #[serde(default)]
    rich: Option<bool>,
    #[serde(default)]
    entity: Option<Entity>,
    #[serde(default)]
    mandatory: Option<bool>,
    #[serde(default)]
    keep_days: Option<i64>,
    #[serde(default)]
    variants: Option<Vec<Variant>>,
    #[serde(default)]
    schedule: Option<Value>,
    #[serde(default)]
    escalate: Option<Vec<Escalation>>,
    #[serde(default)]
    group_by: Option<String>,
    #[serde(default)]
    group_window: Option<String>,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    translations: Option<BTreeMap<String, Option<LocalTexts>>>,
    #[serde(default)]
    email: Option<EmailTexts>,
    #[serde(default, rename = "origin")]
    _origin: IgnoredAny,
    #[serde(default, rename = "updated_at")]
    _updated_at: IgnoredAny,
    #[serde(default, rename = "file")]
    _file: IgnoredAny,
    #[serde(default, rename = "file_says")]
    _file_says: IgnoredAny,
    #[serde(default, rename = "changed_by")]
    _changed_by: IgnoredAny,
    #[serde(default, rename = "last_run")]
    _last_run: IgnoredAny,
    #[serde(default, rename = "next_run")]
    _next_run: IgnoredAny,
    #[serde(default, rename = "file_translations")]
    _file_translations: IgnoredAny,
    #[serde(default, rename = "file_email")]
    _file_email: IgnoredAny,
    #[serde(default, rename = "problem")]
    _problem: IgnoredAny,
}

impl Written {
    /// Converts to a row.
    ///
    /// # Errors
    /// A problem with every invalid field.
    pub(super) fn into_row(
        self,
        code: Option<&str>,
        after: Option<Timestamp>,
    ) -> Result<TypeRow, Problem> {
        let code = checked_code(code, self.code)?;
        for (name, text) in [("display_name", &self.display_name), ("template", &self.template)] {
            if text.trim().is_empty() {
                return Err(Problem::bad_field(name, "must not be empty"));
            }
        }
        for (name, number) in [("ttl_seconds", self.ttl_seconds), ("keep_days", self.keep_days)] {
            if number.is_some_and(|number| number <= 0) {
                return Err(Problem::bad_field(name, "must be at least 1"));
            }
        }
        let now = clock::now();
        let translations = self.translations.unwrap_or_default().into_iter();
        let translations = translations.filter_map(|(locale, texts)| Some((locale, texts?)));
        let row = TypeRow {
            code,
            display_name: self.display_name,
            template: self.template,
            target_type: self.target_type.to_ascii_uppercase(),
            target_role: self.target_role,
            target_users: self.target_users.unwrap_or_default(),
            priority: self
                .priority
                .map_or_else(|| "MEDIUM".to_owned(), |priority| priority.to_ascii_uppercase()),
            channels: self.channels.unwrap_or_else(|| vec!["web".to_owned()]),
            is_active: self.is_active.unwrap_or(true),
            ttl_seconds: self.ttl_seconds,
            action_url: self.action_url,
            category: self.category,
            icon: self.icon,
            actions: self.actions.unwrap_or_default(),
            rich: self.rich.unwrap_or(false),
            entity: self.entity,
            mandatory: self.mandatory.unwrap_or(false),
            keep_days: self.keep_days,
            variants: self.variants.unwrap_or_default(),
            schedule: self.schedule,
            escalate: self.escalate.unwrap_or_default(),
            group_by: self.group_by,
            group_window: self.group_window,
            digest: self.digest,
            translations: without_empty(translations.collect()),
            email: self.email.unwrap_or_default().without_empty(),
            origin: Origin::Admin,
            // Two changes within a millisecond have different times.
            updated_at: after.map_or(now, |before| Timestamp(now.0.max(before.0 + 1))),
        };
        if let Some(channel) = row.doubled_channel() {
            return Err(Problem::bad_field("channels", format!("names {channel} twice")));
        }
        let (_, bad) = Catalog::build(std::slice::from_ref(&row), &[], "en");
        match bad.into_iter().next() {
            None => Ok(row),
            Some(bad) => {
                let place = bad.line.map_or_else(String::new, |line| format!("line {line}: "));
                Err(Problem::bad_field(&bad.column, format!("{place}{}", bad.detail)))
            }
        }
    }
}

/// Returns the code: that of the address, or the written one.
fn checked_code(code: Option<&str>, written: Option<String>) -> Result<String, Problem> {
    let code = match (code, written) {
        (Some(code), Some(other)) if other != code => {
            return Err(Problem::bad_field(
                "code",
                format!("the address says {code:?}; a code cannot be changed"),
            ));
        }
        (Some(code), _) => code.to_owned(),
        (None, Some(code)) => code,
        (None, None) => return Err(Problem::bad_field("code", "is missing")),
    };
    if code_of(&code).is_empty()
        || code.chars().count() > CODE_MAX_CHARS
        || code.chars().any(char::is_control)
    {
        let detail =
            format!("must have 1 to {CODE_MAX_CHARS} characters, such as \"ORDER_SHIPPED\"");
        return Err(Problem::bad_field("code", detail));
    }
    Ok(code)
}

/// Replaces members of a row; one that is null is removed.
pub(super) fn merged(row: &TypeRow, value: Map<String, Value>) -> Result<Written, Problem> {
    let mut whole = to_json(row);
    if let Some(map) = whole.as_object_mut() {
        for (name, value) in value {
            if value.is_null() {
                map.remove(&name);
            } else {
                map.insert(name, value);
            }
        }
    }
    body::json(whole.to_string().as_bytes())
}

/// Applies a JSON merge patch (RFC 7396) to a row.
pub(super) fn patched(row: &TypeRow, patch: Map<String, Value>) -> Result<Written, Problem> {
    let mut whole = to_json(row);
    merge_patch(&mut whole, Value::Object(patch));
    body::json(whole.to_string().as_bytes())
}

fn merge_patch(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            map.remove(&name);
        } else {
            merge_patch(map.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_reaches_into_objects() {
        let mut target = json!({ "a": { "b": 1, "c": 2 }, "d": [1] });
        merge_patch(&mut target, json!({ "a": { "b": null, "e": { "f": 3 } }, "d": [2] }));
        assert_eq!(target, json!({ "a": { "c": 2, "e": { "f": 3 } }, "d": [2] }));
    }
}
