//! Changes of a reload, key by key, for the audit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    config::{Config, flatten, is_fingerprint, with_fingerprints},
    domain::{
        catalog::{LocalTemplate, TypeRow},
        limits::shortened,
    },
};

/// Maximum number of changes in an entry.
const CHANGES_MAX: usize = 200;

/// Maximum length of a value, in characters.
const VALUE_MAX_CHARS: usize = 1_000;

/// Fields of a type that are not in config.toml.
const NOT_CONFIGURED: [&str; 3] = ["code", "origin", "updated_at"];

/// Configuration, types and translations at one time.
pub(super) struct Loadable<'a> {
    pub(super) config: &'a Config,
    pub(super) types: &'a [TypeRow],
    pub(super) local: &'a [LocalTemplate],
}

/// Returns `[{key, before, after}]`: the values that differ. A secret is never shown, only that it
/// changed.
pub(super) fn changes(before: &Loadable<'_>, after: &Loadable<'_>) -> Vec<Value> {
    let (before, after) = (before.values(), after.values());
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ: Vec<&String> =
        keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).collect();
    let mut changes: Vec<Value> = differ
        .iter()
        .take(CHANGES_MAX)
        .map(|key| {
            let (before, after) = (before.get(*key), after.get(*key));
            // The hash of an API key is not the key, but is no help to anybody either.
            let is_hash = key.ends_with(".sha256");
            if is_hash || [before, after].into_iter().flatten().any(is_secret) {
                json!({ "key": key, "before": null, "after": "changed", "secret": true })
            } else {
                json!({ "key": key, "before": before.map(short), "after": after.map(short) })
            }
        })
        .collect();
    if let Some(more) = differ.len().checked_sub(CHANGES_MAX).filter(|more| *more > 0) {
        changes.push(json!({ "key": format!("{more} more"), "before": null, "after": null }));
    }
    changes
}

impl Loadable<'_> {
    /// Returns all values by their keys, such as `limits.per_user_per_minute`,
    /// `type.NOTE_CREATED.title` and `templates.id.NOTE_CREATED`.
    fn values(&self) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::new();
        // Sections always serialize.
        let config = with_fingerprints(|| serde_json::to_value(self.config)).unwrap_or_default();
        for (section, value) in config.as_object().into_iter().flatten() {
            // Types follow with the contents of their template files.
            if section != "type" {
                add_values(section, value, &mut values);
            }
        }
        for row in self.types {
            let key = format!("type.{}", row.code);
            let row = serde_json::to_value(row).unwrap_or_default();
            let fields = row.as_object().into_iter().flatten();
            for (field, value) in
                fields.filter(|(field, _)| !NOT_CONFIGURED.contains(&field.as_str()))
            {
                add_values(&format!("{key}.{}", configured(field)), value, &mut values);
            }
        }
        for text in self.local {
            let key = format!("templates.{}.{}", text.locale, text.code);
            values.insert(key, json!(text.source));
        }
        values
    }
}

/// Returns the key in config.toml of a field of a type.
fn configured(field: &str) -> &str {
    match field {
        "display_name" => "title",
        "target_type" => "target",
        "is_active" => "active",
        other => other,
    }
}

/// Adds the values of a tree. What is not set is no value.
fn add_values(key: &str, value: &Value, values: &mut BTreeMap<String, Value>) {
    flatten(key, value, &mut |key, value| {
        if !value.is_null() {
            values.insert(key, value.clone());
        }
    });
}

fn is_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => is_fingerprint(text),
        Value::Array(list) => list.iter().any(is_secret),
        _ => false,
    }
}

fn short(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(shortened(text, VALUE_MAX_CHARS)),
        Value::Array(list) => list.iter().take(100).map(short).collect(),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::tests::row;

    fn of(toml: &str) -> Config {
        toml::from_str(toml).expect("it is valid")
    }

    fn keys(changes: &[Value]) -> Vec<&str> {
        changes.iter().filter_map(|change| change["key"].as_str()).collect()
    }

    #[test]
    fn changes_are_listed_by_key_and_secrets_are_not_shown() {
        let before =
            of("[limits]\nper_user_per_minute = 10\n[auth]\njwt_secret = \"first secret\"\n\
             [server]\nallowed_origins = [\"https://a.example\"]\n");
        let after =
            of("[limits]\nper_user_per_minute = 20\n[auth]\njwt_secret = \"second secret\"\n\
             [server]\nallowed_origins = [\"https://a.example\", \"https://b.example\"]\n");
        let of = |config| Loadable { config, types: &[], local: &[] };
        let found = changes(&of(&before), &of(&after));
        assert_eq!(
            found,
            [
                json!({ "key": "auth.jwt_secret", "before": null, "after": "changed",
                    "secret": true }),
                json!({ "key": "limits.per_user_per_minute", "before": 10, "after": 20 }),
                json!({ "key": "server.allowed_origins", "before": ["https://a.example"],
                    "after": ["https://a.example", "https://b.example"] }),
            ]
        );
        assert!(changes(&of(&after), &of(&after)).is_empty());
    }

    #[test]
    fn changes_of_types_and_translations_are_listed_by_code() {
        let config = Config::default();
        let old = row("NOTE", "Old", "SELF");
        let new = TypeRow { template: "New".to_owned(), ..old.clone() };
        let other = row("OTHER", "Text", "SELF");
        let text = |source: &str| LocalTemplate {
            locale: "id".to_owned(),
            code: "NOTE".to_owned(),
            source: source.to_owned(),
        };
        let (first, second) = ([text("Lama")], [text("Baru")]);
        let before = Loadable { config: &config, types: std::slice::from_ref(&old), local: &first };
        let after = Loadable { config: &config, types: &[new], local: &second };
        let expected = [
            json!({ "key": "templates.id.NOTE", "before": "Lama", "after": "Baru" }),
            json!({ "key": "type.NOTE.template", "before": "Old", "after": "New" }),
        ];
        assert_eq!(changes(&before, &after), expected);
        let added = Loadable { config: &config, types: &[old.clone(), other], local: &first };
        let found = changes(&before, &added);
        assert!(keys(&found).contains(&"type.OTHER.template"), "{found:?}");
        assert!(keys(&found).iter().all(|key| key.starts_with("type.OTHER.")), "{found:?}");
    }
}
