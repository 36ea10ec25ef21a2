//! Overrides from the environment: `LONCENG_SECTION__KEY`, `LONCENG_CHANNELS__EMAIL__URL` for a
//! section within a section, and well-known names of platforms.

use std::{collections::BTreeSet, ffi::OsString, sync::LazyLock};

use serde::Deserialize as _;
use toml::{Table, Value};

use super::Config;
use crate::domain::objects::Objects;

/// Well-known variables of platforms, and their keys.
const WELL_KNOWN: [(&str, &str, &str); 7] = [
    ("DATABASE_URL", "store", "url"),
    ("NATS_URL", "nats", "url"),
    ("REDIS_URL", "redis", "url"),
    ("KAFKA_BROKERS", "kafka", "brokers"),
    ("KAFKA_GROUP_ID", "kafka", "group_id"),
    ("AMQP_URL", "amqp", "url"),
    ("POD_ID", "server", "instance_id"),
];

/// Override of a key by a variable.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Override {
    pub(super) variable: String,
    pub(super) section: String,
    /// Key; within sections of the section, with dots between.
    pub(super) key: String,
    pub(super) text: String,
    /// Reason for which the variable cannot be applied.
    fault: Option<String>,
}

/// Selects the overrides of an environment. Later ones win, so the hub's own names come last.
pub(super) fn overrides(
    environment: impl Iterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
) -> Vec<Override> {
    // Variables of other programs need not be UTF-8.
    let variables: Vec<_> = environment
        .map(|(variable, value)| {
            let variable: OsString = variable.into();
            let (text, fault) = match value.into().into_string() {
                Ok(text) => (text, None),
                Err(value) => (
                    value.to_string_lossy().into_owned(),
                    Some("the value is not UTF-8 text".to_owned()),
                ),
            };
            (variable.to_string_lossy().into_owned(), text, fault)
        })
        .collect();
    let mut found = Vec::new();
    for (name, section, key) in WELL_KNOWN {
        for (variable, text, fault) in
            variables.iter().filter(|(variable, text, _)| variable == name && !text.is_empty())
        {
            found.push(Override {
                variable: variable.clone(),
                section: section.to_owned(),
                key: key.to_owned(),
                text: text.clone(),
                fault: fault.clone(),
            });
        }
    }
    for (variable, text, fault) in &variables {
        let Some(rest) = variable.strip_prefix("LONCENG_") else { continue };
        let Some((section, key)) = rest.split_once("__") else {
            found.extend(with_one_underscore(variable, &rest.to_lowercase()));
            continue;
        };
        found.push(Override {
            variable: variable.clone(),
            section: section.to_lowercase(),
            key: key.to_lowercase().replace("__", "."),
            text: text.clone(),
            fault: fault.clone(),
        });
    }
    found
}

/// Returns the override of a variable that names a key, but has one underscore after the section:
/// it is an error, which names the right one. Others of the kind are not the hub's, such as
/// those that Kubernetes sets for each service.
fn with_one_underscore(variable: &str, name: &str) -> Option<Override> {
    let (section, key) = DEFAULTS.iter().find_map(|(section, keys)| {
        let key = name.strip_prefix(section.as_str())?.strip_prefix('_')?;
        keys.get(key).map(|_| (section, key))
    })?;
    let right = format!("LONCENG_{}__{}", section.to_uppercase(), key.to_uppercase());
    Some(Override {
        variable: variable.to_owned(),
        section: section.clone(),
        key: String::new(),
        text: String::new(),
        fault: Some(format!(
            "is not read: between a section and its key are two underscores: {right}"
        )),
    })
}

impl Override {
    /// Returns the path of its key.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// Returns the path of the table that its key is in.
    fn table(&self) -> String {
        let path = self.path();
        path.rsplit_once('.').map_or(String::new(), |(table, _)| table.to_owned())
    }

    /// Returns whether the value at a path is set by this override, in whole or in part.
    pub(super) fn sets(&self, path: &str) -> bool {
        let own = self.path();
        path.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

/// Override that makes the configuration invalid.
#[derive(Debug)]
pub(super) struct WrongOverride<'a> {
    pub(super) change: &'a Override,
    pub(super) message: String,
}

/// Beginning of the error of a table in which a required key is missing.
const MISSING: &str = "missing field";

/// Configuration with its overrides.
pub(super) struct Overridden<'a> {
    /// Values of the file, with the valid overrides.
    pub(super) config: Config,
    /// Every wrong override. Each is tried alone, so that no other one is blamed for it.
    pub(super) wrong: Vec<WrongOverride<'a>>,
}

/// Applies overrides to the table of a valid file, whose values are `config`.
pub(super) fn overridden<'a>(
    file: &Table,
    config: Config,
    overrides: &'a [Override],
) -> Overridden<'a> {
    let alone: Vec<Option<String>> = overrides
        .iter()
        .map(|change| change.fault.clone().or_else(|| with(file, std::iter::once(change)).err()))
        .collect();
    let wrong = wrong_overrides(file, overrides, &alone);
    if wrong.is_empty() {
        return match with(file, overrides.iter()) {
            Ok(config) => Overridden { config, wrong },
            Err(error) => {
                let message = format!("conflicts with another variable: {error}");
                let change = first_conflict(file, overrides);
                let wrong = change.map(|change| WrongOverride { change, message });
                Overridden { config, wrong: wrong.into_iter().collect() }
            }
        };
    }
    let valid = overrides.iter().zip(&alone).filter(|(_, error)| error.is_none());
    let config = with(file, valid.map(|(change, _)| change)).unwrap_or(config);
    Overridden { config, wrong }
}

/// Returns the wrong ones of the overrides. `alone` are the errors of each without the others.
fn wrong_overrides<'a>(
    file: &Table,
    overrides: &'a [Override],
    alone: &[Option<String>],
) -> Vec<WrongOverride<'a>> {
    let is_incomplete =
        |message: &Option<String>| message.as_ref().is_some_and(|text| text.starts_with(MISSING));
    let (mut wrong, mut incomplete) = (Vec::new(), BTreeSet::new());
    for (change, error) in overrides.iter().zip(alone) {
        let Some(error) = error else { continue };
        let mut message = error.clone();
        if error.starts_with(MISSING) {
            // Some tables need several variables, such as a certificate and its key.
            let family = overrides.iter().zip(alone).filter(|(other, error)| {
                other.table() == change.table() && (error.is_none() || is_incomplete(error))
            });
            match with(file, family.map(|(other, _)| other)) {
                Err(together) if incomplete.insert(change.table()) => message = together,
                _ => continue,
            }
        }
        wrong.push(WrongOverride { change, message });
    }
    wrong
}

/// Returns the override that is invalid after those before it, each of which is valid alone.
fn first_conflict<'a>(file: &Table, overrides: &'a [Override]) -> Option<&'a Override> {
    let valid = |count: &usize| with(file, overrides.iter().take(*count)).is_ok();
    let count = (0..overrides.len()).rev().find(valid)?;
    overrides.get(count)
}

/// Deserializes the file with some overrides. Returns a message if they are invalid.
fn with<'a>(file: &Table, overrides: impl Iterator<Item = &'a Override>) -> Result<Config, String> {
    let mut table = file.clone();
    for change in overrides {
        apply(&mut table, change);
    }
    Config::deserialize(Objects(table)).map_err(|error| error.message().to_owned())
}

/// Applies an override to the table, with the type of its key.
fn apply(table: &mut Table, change: &Override) {
    let value = value_of(change);
    let mut section = table;
    let mut path = std::iter::once(change.section.as_str()).chain(change.key.split('.')).peekable();
    while let Some(name) = path.next() {
        if path.peek().is_none() {
            section.insert(name.to_owned(), value);
            return;
        }
        let next = section.entry(name.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if !next.is_table() {
            // As in `LONCENG_STORE__URL__FILE` for a `store.url` that the file has as text.
            *next = Value::Table(Table::new());
        }
        let Value::Table(next) = next else { return };
        section = next;
    }
}

/// Defaults of all keys, which tell the kind of each.
static DEFAULTS: LazyLock<Table> =
    LazyLock::new(|| Table::try_from(Config::default()).unwrap_or_default());

/// Parses a value as the kind of its key: text, a list, or any other TOML value. Commas suffice
/// for a list.
fn value_of(change: &Override) -> Value {
    let text = change.text.as_str();
    let section = DEFAULTS.get(&change.section);
    let default = change.key.split('.').try_fold(section, |value, name| Some(value?.get(name)));
    let default = default.flatten();
    match default {
        Some(Value::Array(_)) => list(text),
        None | Some(Value::String(_)) => Value::String(text.to_owned()),
        Some(_) => scalar(text),
    }
}

fn scalar(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn list(text: &str) -> Value {
    if text.trim_start().starts_with('[') {
        return scalar(text);
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Value::Array(
        items.map(|item| item.parse().map_or_else(|_| Value::from(item), Value::Integer)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(pairs: &[(&str, &str)]) -> Table {
        let mut table = Table::new();
        for change in
            overrides(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
        {
            apply(&mut table, &change);
        }
        table
    }

    #[test]
    fn every_section_and_key_of_the_configuration_has_a_kind() {
        assert!(DEFAULTS.len() >= 8, "{DEFAULTS:?}");
        assert!(DEFAULTS["server"].get("outbound_queue").is_some_and(Value::is_integer));
        assert!(DEFAULTS["auth"].get("methods").is_some_and(Value::is_array));
        assert!(DEFAULTS["store"].get("url").is_some_and(Value::is_str));
    }

    #[test]
    fn values_are_parsed_as_the_kind_of_their_key() {
        let table = applied(&[
            ("LONCENG_AUTH__JWT_SECRET", "12345678901234567890123456789012"),
            ("LONCENG_SERVER__OUTBOUND_QUEUE", "16"),
            ("LONCENG_NATS__REQUIRED", "true"),
            ("LONCENG_AUTH__METHODS", "jwt, dev"),
            ("LONCENG_NATS__BACKOFF_SECONDS", "[1, 2]"),
            ("LONCENG_CHANNELS__EMAIL__URL", "smtp://127.0.0.1:1025"),
            ("LONCENG_CHANNELS__RETRY__MAX_ATTEMPTS", "3"),
            ("PATH", "/bin"),
        ]);
        assert!(table["channels"]["email"]["url"].is_str());
        assert_eq!(table["channels"]["retry"]["max_attempts"].as_integer(), Some(3));
        assert_eq!(table["auth"]["jwt_secret"].as_str().map(str::len), Some(32));
        assert_eq!(table["server"]["outbound_queue"].as_integer(), Some(16));
        assert_eq!(table["nats"]["required"].as_bool(), Some(true));
        assert_eq!(table["auth"]["methods"].as_array().map(Vec::len), Some(2));
        assert_eq!(table["nats"]["backoff_seconds"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn own_variable_takes_precedence_over_the_platforms() {
        let table =
            applied(&[("LONCENG_STORE__URL", "sqlite://a"), ("DATABASE_URL", "postgres://b")]);
        assert_eq!(table["store"]["url"].as_str(), Some("sqlite://a"));
    }
}
