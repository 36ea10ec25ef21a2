//! Parsing of config.toml that goes on after an invalid value, to find all of them.
//!
//! serde stops at the first value that it refuses. That value is reported, taken out of the parsed
//! document, and the rest is deserialized again; a required key that is missing gets a stand-in.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use serde::Deserialize as _;
use serde_path_to_error::{Path, Segment};
use toml::{
    Deserializer, Spanned, Table,
    de::{DeArray, DeString, DeTable, DeValue},
};

use super::Config;
use crate::domain::objects::Objects;

/// Maximum number of invalid values that are looked for.
const PROBLEMS_MAX: usize = 100;

/// Error of a key or a table that is there twice.
const DUPLICATE: &str = "duplicate key";

/// Beginning of the error of a table in which a required key is missing.
const MISSING: &str = "missing field `";

/// Invalid value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invalid {
    /// Key, such as `type[0].title`; empty for the whole file.
    pub(super) key: String,
    /// Description.
    pub(super) message: String,
    /// Place in the text, in bytes.
    pub(super) span: Option<Range<usize>>,
}

/// Text of a configuration, as far as it could be parsed.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Valid values, with defaults for the others, and their table; `None` if even they cannot be
    /// deserialized.
    pub(super) usable: Option<(Config, Table)>,
    /// Invalid values, in the order of their discovery.
    pub(super) invalid: Vec<Invalid>,
    /// Keys that are missing or invalid, whose values are stand-ins or defaults.
    pub(super) wrong: Vec<String>,
}

/// Parses a text, and reports every value that is not TOML, is unknown or has a wrong type.
pub(super) fn parse(text: &str) -> Parsed {
    let (mut document, errors) = DeTable::parse_recoverable(text);
    let mut parsed = Parsed::default();
    let mut is_clear = true;
    for error in errors {
        let span = error.span();
        let line = |span: &Option<Range<usize>>| {
            text.get(..span.as_ref()?.start).map(|before| before.matches('\n').count())
        };
        // Further errors of a line follow from its first one.
        if parsed.invalid.iter().all(|known| line(&known.span) != line(&span)) {
            let key = span.as_ref().and_then(|span| take_out_at(document.get_mut(), span));
            // What follows an invalid header or key is in a wrong table. Of two equal keys, the
            // first one counts.
            is_clear &= key.is_some() || error.message() == DUPLICATE;
            let message = syntax_error(error.message(), key.is_some());
            parsed.wrong.extend(key.clone());
            parsed.invalid.push(Invalid { key: key.unwrap_or_default(), message, span });
        }
    }
    if is_clear {
        parsed.deserialize(&mut document);
    }
    parsed
}

impl Parsed {
    /// Deserializes a document again and again, each time without the values that were invalid.
    fn deserialize(&mut self, document: &mut Spanned<DeTable<'_>>) {
        let mut rest = Rest::default();
        while self.invalid.len() < PROBLEMS_MAX {
            let whole = Objects(Deserializer::from(document.clone()));
            let error = match serde_path_to_error::deserialize::<_, Config>(whole) {
                Ok(config) => {
                    let table = Table::deserialize(Deserializer::from(document.clone()));
                    self.usable = table.ok().map(|table| (config, table));
                    return;
                }
                Err(error) => error,
            };
            let path: Vec<Segment> = error.path().iter().cloned().collect();
            let (key, message) = (rest.key(error.path(), &path), error.inner().message());
            let missing = message.strip_prefix(MISSING).and_then(|rest| rest.split('`').next());
            let wrong = match missing {
                Some(name) if key.is_empty() => name.to_owned(),
                Some(name) => format!("{key}.{name}"),
                None => key.clone(),
            };
            // A value that was taken out is missing afterwards, and has been reported.
            let follows = |known: &String| {
                let within = known.strip_prefix(wrong.as_str());
                within.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            if !self.wrong.iter().any(follows) {
                let message = in_words(message);
                self.invalid.push(Invalid { key, message, span: error.inner().span() });
                self.wrong.push(wrong.clone());
            }
            let is_changed = match missing {
                Some(name) => rest.stand_in(document.get_mut(), &path, name, wrong),
                None => rest.take_out(document.get_mut(), &path, &wrong),
            };
            if !is_changed {
                return;
            }
        }
    }
}

/// Changes that were made to a document.
#[derive(Default)]
struct Rest {
    /// Keys of stand-ins.
    stand_ins: BTreeSet<String>,
    /// Indexes of the values that were taken out of a list, by its key.
    taken: BTreeMap<String, BTreeSet<usize>>,
}

impl Rest {
    /// Returns the key of a path in the text, such as `type[0].title`.
    fn key(&self, path: &Path, segments: &[Segment]) -> String {
        let text = path.to_string();
        if let (Some(Segment::Seq { index }), Some((list, _))) =
            (segments.last(), text.rsplit_once('['))
        {
            let taken = self.taken.get(list);
            let is_there = |index: &usize| taken.is_none_or(|taken| !taken.contains(index));
            let index = (0..).filter(is_there).nth(*index).unwrap_or(*index);
            return format!("{list}[{index}]");
        }
        if text == "." { String::new() } else { text }
    }

    /// Adds an empty text for a required key. Returns whether it could.
    fn stand_in(
        &mut self,
        document: &mut DeTable<'_>,
        path: &[Segment],
        name: &str,
        key: String,
    ) -> bool {
        let Some(table) = table_at(document, path) else { return false };
        insert(table, name, DeValue::String(DeString::from("")));
        self.stand_ins.insert(key)
    }

    /// Takes an invalid value out. Returns whether it could.
    fn take_out(&mut self, document: &mut DeTable<'_>, path: &[Segment], key: &str) -> bool {
        if let Some((list, Segment::Seq { index })) = key.rsplit_once('[').zip(path.last())
            && let Some(values) = list_at(document, path)
            && *index < values.len()
        {
            let rest = values.iter().enumerate().filter(|(at, _)| at != index);
            *values = rest.map(|(_, value)| value.clone()).collect();
            let original = list.1.trim_end_matches(']').parse().unwrap_or(*index);
            return self.taken.entry(list.0.to_owned()).or_default().insert(original);
        }
        let Some((name, table)) = entry_at(document, path) else { return false };
        let Some(value) = table.remove(name.as_str()) else { return false };
        if !self.stand_ins.contains(key) {
            return true;
        }
        if value.get_ref().is_str() {
            // Not a text: a list is the other kind of required value.
            insert(table, &name, DeValue::Array(DeArray::new()));
            return true;
        }
        // Nothing can stand in for it.
        path.split_last().is_some_and(|(_, above)| self.take_out(document, above, ""))
    }
}

/// Returns what is wrong with a text that is not TOML, and what to do.
fn syntax_error(message: &str, is_value: bool) -> String {
    match message {
        DUPLICATE => "this key, or a table that it is in, is there twice; remove one".to_owned(),
        other if is_value && !other.contains("quoted") => {
            format!("the value is not TOML ({other}); write text within quotation marks")
        }
        other => other.to_owned(),
    }
}

/// Returns a message in the words of a configuration.
fn in_words(message: &str) -> String {
    if let Some(known) = message.strip_prefix("unknown field `").and_then(similar_key) {
        let meant = format!("; did you mean `{known}`? Expected");
        return message.replacen(", expected", &meant, 1);
    }
    let (found, expected) = match message.rsplit_once(", expected ") {
        Some((found, expected)) if message.starts_with("invalid ") => (found, expected),
        _ => return message.to_owned(),
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "an object" => "a table",
        kind if kind.starts_with("struct ") => "a table",
        other => other,
    };
    format!("{found}, expected {expected}")
}

/// Returns the key that was probably meant, by the message of serde from the unknown key on.
fn similar_key(message: &str) -> Option<&str> {
    let mut quoted = message.split('`').step_by(2);
    let unknown = quoted.next()?;
    let (distance, known) =
        quoted.map(|known| (strsim::damerau_levenshtein(unknown, known), known)).min()?;
    (distance <= 1 + unknown.len() / 5).then_some(known)
}

/// Puts a value under a key.
fn insert<'i>(table: &mut DeTable<'i>, name: &str, value: DeValue<'i>) {
    table.insert(Spanned::new(0..0, Cow::Owned(name.to_owned())), Spanned::new(0..0, value));
}

/// Returns the value at a path.
fn value_at<'t, 'i>(table: &'t mut DeTable<'i>, path: &[Segment]) -> Option<&'t mut DeValue<'i>> {
    let mut segments = path.iter().filter(|segment| !matches!(segment, Segment::Enum { .. }));
    let Some(Segment::Map { key }) = segments.next() else { return None };
    let mut value = table.get_mut(key.as_str())?.get_mut();
    for segment in segments {
        value = match (segment, value) {
            (Segment::Map { key }, DeValue::Table(table)) => table.get_mut(key.as_str())?.get_mut(),
            (Segment::Seq { index }, DeValue::Array(values)) => values.get_mut(*index)?.get_mut(),
            _ => return None,
        };
    }
    Some(value)
}

/// Returns the table at a path.
fn table_at<'t, 'i>(table: &'t mut DeTable<'i>, path: &[Segment]) -> Option<&'t mut DeTable<'i>> {
    if path.is_empty() {
        return Some(table);
    }
    match value_at(table, path)? {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// Returns the list that the last segment of a path is an index of.
fn list_at<'t, 'i>(table: &'t mut DeTable<'i>, path: &[Segment]) -> Option<&'t mut DeArray<'i>> {
    match value_at(table, path.split_last()?.1)? {
        DeValue::Array(values) => Some(values),
        _ => None,
    }
}

/// Returns the last key of a path, and the table that it is in.
fn entry_at<'t, 'i>(
    table: &'t mut DeTable<'i>,
    path: &[Segment],
) -> Option<(String, &'t mut DeTable<'i>)> {
    let at = path.iter().rposition(|segment| matches!(segment, Segment::Map { .. }))?;
    let (Segment::Map { key }, before) = (path.get(at)?, path.get(..at)?) else { return None };
    Some((key.clone(), table_at(table, before)?))
}

/// Takes the value out in which a place of the text is. Returns its key.
fn take_out_at(table: &mut DeTable<'_>, place: &Range<usize>) -> Option<String> {
    let holds = |span: Range<usize>| span.start <= place.start && place.end <= span.end;
    let mut found = None;
    for (name, value) in table.iter_mut() {
        let span = value.span();
        let below = match value.get_mut() {
            DeValue::Table(table) => take_out_at(table, place),
            DeValue::Array(values) if values.iter().any(|value| value.get_ref().is_table()) => {
                values
                    .iter_mut()
                    .enumerate()
                    .find_map(|(index, value)| {
                        let DeValue::Table(table) = value.get_mut() else { return None };
                        take_out_at(table, place).map(|key| (index, key))
                    })
                    .map(|(index, key)| format!("[{index}].{key}"))
            }
            _ if holds(span) => {
                found = Some(name.get_ref().to_string());
                break;
            }
            _ => None,
        };
        if let Some(below) = below {
            let dot = if below.starts_with('[') { "" } else { "." };
            return Some(format!("{}{dot}{below}", name.get_ref()));
        }
    }
    let name = found?;
    table.remove(name.as_str());
    Some(name)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
