//! Files with users: CSV or NDJSON.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{csv, directory::read};
use crate::{
    domain::{
        limits::ROLE_SEPARATORS,
        message_code::{self, MessageCode},
        user::PersonPatch,
    },
    http::Problem,
};

/// Error in a line.
#[derive(Debug, Serialize)]
pub(super) struct LineError {
    /// Line in the file, from 1.
    line: usize,
    /// Column of a CSV file, from 1.
    column: Option<usize>,
    field: Option<String>,
    detail: String,
    /// Code of the description, if it has one.
    #[serde(flatten)]
    code: Option<MessageCode>,
}

/// Users of a file, and the lines with errors.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) people: Vec<PersonPatch>,
    pub(super) errors: Vec<LineError>,
    /// Names of the columns of a CSV file.
    columns: Vec<String>,
}

impl Parsed {
    fn add(&mut self, line: usize, map: &Map<String, Value>) {
        match read(map, None) {
            Ok(patch) => self.people.push(patch),
            Err(problem) => {
                let problem = serde_json::to_value(&problem).unwrap_or_default();
                let error = &problem["errors"][0];
                let text = |value: &Value| value.as_str().map(str::to_owned);
                let detail = text(&error["detail"]).or_else(|| text(&problem["detail"]));
                self.fail(line, text(&error["field"]), detail.unwrap_or_default());
            }
        }
    }

    fn fail(&mut self, line: usize, field: Option<String>, detail: String) {
        let column = field.as_deref().and_then(|field| self.column(field));
        let code = message_code::of_field(&detail);
        self.errors.push(LineError { line, column, field, detail, code });
    }

    /// Returns the number of the column of a field, from 1.
    fn column(&self, field: &str) -> Option<usize> {
        let is_of = |name: &str| match field {
            "user_id" => matches!(name, "user_id" | "userid" | "id"),
            "roles" => matches!(name, "roles" | "role"),
            "addresses" => name.starts_with("addresses."),
            field => name.eq_ignore_ascii_case(field),
        };
        Some(self.columns.iter().position(|name| is_of(name))? + 1)
    }
}

/// Parses a file; without a content type that tells, by its first character.
pub(super) fn parse(bytes: &Bytes, kind: &str) -> Result<Parsed, Problem> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Problem::bad_request("the file is not UTF-8; save it as \"CSV UTF-8\""))?;
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let is_csv = kind.contains("csv") || (!kind.contains("json") && !is_json);
    if is_csv { parse_csv(text) } else { Ok(parse_lines(text)) }
}

fn parse_lines(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Map<String, Value>>(line) {
            Ok(map) => parsed.add(index + 1, &map),
            Err(error) => parsed.fail(index + 1, None, format!("is not a JSON object: {error}")),
        }
    }
    parsed
}

fn parse_csv(text: &str) -> Result<Parsed, Problem> {
    let records = csv::parse(text)
        .map_err(|(line, detail)| Problem::bad_request(format!("line {line}: {detail}")))?;
    let mut records = records.into_iter();
    let Some(header) = records.next() else {
        return Err(Problem::bad_request("the file is empty"));
    };
    let names: Vec<String> =
        header.fields.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    if !names.iter().any(|name| matches!(name.as_str(), "user_id" | "userid" | "id")) {
        let detail = "the first line must name the fields, and user_id among them";
        return Err(Problem::bad_field("user_id", detail));
    }
    if let Some(name) = doubled(&names) {
        let detail = format!("the first line names {name} in two columns");
        return Err(Problem::bad_field(name, detail));
    }
    let mut parsed = Parsed { columns: names.clone(), ..Parsed::default() };
    for record in records {
        if record.fields.len() > names.len() {
            let detail = format!("has more than {} fields", names.len());
            parsed.fail(record.line, None, detail);
            continue;
        }
        let mut map = Map::new();
        for (name, field) in names.iter().zip(&record.fields) {
            let field = field.trim();
            if !field.is_empty() && !name.is_empty() {
                set(&mut map, name, field);
            }
        }
        parsed.add(record.line, &map);
    }
    Ok(parsed)
}

/// Returns a field that two columns stand for. Columns without a name are not read.
fn doubled(names: &[String]) -> Option<&str> {
    let field = |name: &String| match name.as_str() {
        "userid" | "id" => "user_id".to_owned(),
        "role" => "roles".to_owned(),
        name => name.to_owned(),
    };
    let is_again = |at: usize| names[..at].iter().any(|other| field(other) == field(&names[at]));
    let at = (0..names.len()).find(|at| !names[*at].is_empty() && is_again(*at))?;
    Some(&names[at])
}

/// Sets a field from the text of a cell.
fn set(map: &mut Map<String, Value>, name: &str, text: &str) {
    let value = match (name, text.to_ascii_lowercase().as_str()) {
        ("roles" | "role", _) => {
            text.split(ROLE_SEPARATORS).map(str::trim).filter(|role| !role.is_empty()).collect()
        }
        ("email_verified", "true" | "yes" | "1") => json!(true),
        ("email_verified", "false" | "no" | "0") => json!(false),
        _ => json!(text),
    };
    match name.split_once('.') {
        Some(("addresses", channel)) => {
            let addresses = map.entry("addresses").or_insert_with(|| json!({}));
            addresses[channel] = value;
        }
        _ if name == "userid" => _ = map.insert("user_id".to_owned(), value),
        _ => _ = map.insert(name.to_owned(), value),
    }
}
