//! Effective values of the configuration, and where each comes from.

use serde::Serialize;
use serde_json::Value;
use toml::Table;

use super::{
    Config, environment,
    secret::{is_fingerprint, with_fingerprints},
};

/// Endings of keys whose values are never shown.
const SECRETS: [&str; 5] = ["password", "secret", "token", "private_key", "sha256"];

/// Value in force. Types are not among them: administrators can change them at run time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectiveValue {
    /// Key, such as `limits.per_user_per_minute`.
    pub key: String,
    /// Value; null for a secret. The credentials of a URL are left out.
    pub value: Value,
    /// `default`, `file` or `environment`.
    pub source: &'static str,
    /// Variable of the environment that sets it.
    pub variable: Option<String>,
    /// True if the value is a secret, and set.
    pub secret: bool,
}

/// Returns all values in the order of the sections.
pub(super) fn values(
    config: &Config,
    text: &str,
    overrides: &[environment::Override],
) -> Vec<EffectiveValue> {
    // A valid configuration always serializes and parses.
    let sections = with_fingerprints(|| serde_json::to_value(config)).unwrap_or_default();
    let file: Table = toml::from_str(text).unwrap_or_default();
    let mut flat = Vec::new();
    for (section, value) in sections.as_object().into_iter().flatten() {
        if section != "type" {
            flatten(section, value, &mut |key, value| flat.push((key, value.clone())));
        }
    }
    let place = |(key, value): (String, Value)| {
        let variable = overrides.iter().rfind(|change| change.sets(&key));
        let source = match variable {
            Some(_) => "environment",
            None if is_in(&file, &key) => "file",
            None => "default",
        };
        let is_set = value.as_str().is_some_and(|text| !text.is_empty());
        let secret = is_set && (SECRETS.iter().any(|name| key.ends_with(name)) || hidden(&value));
        EffectiveValue {
            value: if secret { Value::Null } else { shown(value) },
            source,
            variable: variable.map(|change| change.variable.clone()),
            secret,
            key,
        }
    };
    flat.into_iter().map(place).collect()
}

fn hidden(value: &Value) -> bool {
    value.as_str().is_some_and(is_fingerprint)
}

/// Returns a value without the credentials of URLs.
fn shown(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_credentials(&text)),
        Value::Array(list) => list.into_iter().map(shown).collect(),
        other => other,
    }
}

fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://…{}", &rest[at..]),
        None => text.to_owned(),
    }
}

/// Returns whether the file sets a key, or the list that it is in.
fn is_in(file: &Table, key: &str) -> bool {
    let path = key.split('[').next().unwrap_or(key);
    let mut table = Some(file);
    let mut found = false;
    for part in path.split('.') {
        let value = table.and_then(|table| table.get(part));
        found = value.is_some();
        table = value.and_then(toml::Value::as_table);
    }
    found
}

/// Passes each value of a tree with its key, such as `limits.per_user_per_minute` or
/// `feed[0].name`. A list without tables is one value.
pub fn flatten(key: &str, value: &Value, add: &mut impl FnMut(String, &Value)) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                flatten(&format!("{key}.{name}"), value, add);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for (index, value) in list.iter().enumerate() {
                flatten(&format!("{key}[{index}]"), value, add);
            }
        }
        other => add(key.to_owned(), other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_names_its_source_and_no_secret_is_shown() {
        let text = "[store]\nurl = \"postgres://hub:hunter2@db/lonceng\"\n\
                    [auth]\njwt_secret = \"0123456789abcdef0123456789abcdef\"\n";
        let config: Config = toml::from_str(text).expect("the text is valid");
        let variables = [("LONCENG_LIMITS__PER_USER_PER_MINUTE".to_owned(), "7".to_owned())];
        let overrides = environment::overrides(variables.into_iter());
        let all = values(&config, text, &overrides);
        let find = |key: &str| all.iter().find(|one| one.key == key).expect("the key is known");
        let store = find("store.url");
        assert_eq!(store.source, "file");
        assert!(store.secret && store.value.is_null());
        let url = without_credentials("postgres://hub:hunter2@db/lonceng");
        assert_eq!(url, "postgres://…@db/lonceng");
        let limit = find("limits.per_user_per_minute");
        assert_eq!(limit.source, "environment");
        assert_eq!(limit.variable.as_deref(), Some("LONCENG_LIMITS__PER_USER_PER_MINUTE"));
        assert_eq!(find("explain.days").source, "default");
        let secret = find("auth.jwt_secret");
        assert!(secret.secret && secret.value.is_null());
        assert!(!format!("{all:?}").contains("0123456789abcdef"));
    }
}
