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

/// Mark at the start of a text that some programs write.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Maximum number of columns of a CSV file.
const COLUMNS_MAX: usize = 1_000;

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

/// Users of a file, read one after the other: all of them would take twenty times its size.
#[derive(Debug)]
pub(super) struct Users {
    file: Bytes,
    format: Format,
}

#[derive(Debug)]
enum Format {
    Csv {
        records: csv::Records,
        /// Names of the columns.
        names: Vec<String>,
    },
    /// NDJSON, with the bytes and lines that were read.
    Lines { position: usize, line: usize },
}

impl Users {
    /// Begins to read a file; without a content type that tells, by its first character.
    ///
    /// # Errors
    /// 400 if it is not UTF-8, or has no header.
    pub(super) fn open(file: Bytes, kind: &str) -> Result<Self, Problem> {
        let text = std::str::from_utf8(&file)
            .map_err(|_| Problem::bad_request("the file is not UTF-8; save it as \"CSV UTF-8\""))?;
        let start = text.trim_start_matches(BYTE_ORDER_MARK);
        let is_json = start.trim_start().starts_with('{');
        let is_csv = kind.contains("csv") || (!kind.contains("json") && !is_json);
        let format = if is_csv {
            header(text)?
        } else {
            Format::Lines { position: text.len() - start.len(), line: 0 }
        };
        Ok(Self { file, format })
    }

    /// Returns the next user, or the error of a line.
    ///
    /// # Errors
    /// 400 if the rest of the file cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<Result<PersonPatch, LineError>>, Problem> {
        // It was checked when the file was opened.
        let text = std::str::from_utf8(&self.file).unwrap_or_default();
        match &mut self.format {
            Format::Csv { records, names } => match records.next(text) {
                None => Ok(None),
                Some(Err((line, detail))) => {
                    Err(Problem::bad_request(format!("line {line}: {detail}")))
                }
                Some(Ok(record)) => Ok(Some(of_record(&record, names))),
            },
            Format::Lines { position, line } => {
                while *position < text.len() {
                    let rest = &text[*position..];
                    let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
                    *position += end;
                    *line += 1;
                    let written = rest[..end].trim();
                    if !written.is_empty() {
                        return Ok(Some(of_line(*line, written)));
                    }
                }
                Ok(None)
            }
        }
    }
}

fn of_line(line: usize, text: &str) -> Result<PersonPatch, LineError> {
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(map) => person(line, &map, &[]),
        Err(error) => Err(failed(line, None, format!("is not a JSON object: {error}"), &[])),
    }
}

fn of_record(record: &csv::Record, names: &[String]) -> Result<PersonPatch, LineError> {
    if record.fields.len() > names.len() {
        let detail = format!("has more than {} fields", names.len());
        return Err(failed(record.line, None, detail, names));
    }
    let mut map = Map::new();
    for (name, field) in names.iter().zip(&record.fields) {
        let field = field.trim();
        if !field.is_empty() && !name.is_empty() {
            set(&mut map, name, field);
        }
    }
    person(record.line, &map, names)
}

fn person(
    line: usize,
    map: &Map<String, Value>,
    names: &[String],
) -> Result<PersonPatch, LineError> {
    read(map, None).map_err(|problem| {
        let problem = serde_json::to_value(&problem).unwrap_or_default();
        let error = &problem["errors"][0];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let detail = text(&error["detail"]).or_else(|| text(&problem["detail"]));
        failed(line, text(&error["field"]), detail.unwrap_or_default(), names)
    })
}

fn failed(line: usize, field: Option<String>, detail: String, names: &[String]) -> LineError {
    let column = field.as_deref().and_then(|field| column(field, names));
    let code = message_code::of_field(&detail);
    LineError { line, column, field, detail, code }
}

/// Returns the number of the column of a field, from 1.
fn column(field: &str, names: &[String]) -> Option<usize> {
    let is_of = |name: &str| match field {
        "user_id" => matches!(name, "user_id" | "userid" | "id"),
        "roles" => matches!(name, "roles" | "role"),
        "addresses" => name.starts_with("addresses."),
        field => name.eq_ignore_ascii_case(field),
    };
    Some(names.iter().position(|name| is_of(name))? + 1)
}

/// Reads the first line of a CSV file.
fn header(text: &str) -> Result<Format, Problem> {
    let mut records = csv::Records::new(text);
    let header = match records.next(text) {
        Some(Ok(header)) => header,
        Some(Err((line, detail))) => {
            return Err(Problem::bad_request(format!("line {line}: {detail}")));
        }
        None => return Err(Problem::bad_request("the file is empty")),
    };
    let names: Vec<String> =
        header.fields.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    if names.len() > COLUMNS_MAX {
        let detail = format!("the first line has more than {COLUMNS_MAX} columns");
        return Err(Problem::bad_request(detail));
    }
    if !names.iter().any(|name| matches!(name.as_str(), "user_id" | "userid" | "id")) {
        let detail = "the first line must name the fields, and user_id among them";
        return Err(Problem::bad_field("user_id", detail));
    }
    if let Some(name) = doubled(&names) {
        let detail = format!("the first line names {name} in two columns");
        return Err(Problem::bad_field(name, detail));
    }
    Ok(Format::Csv { records, names })
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
