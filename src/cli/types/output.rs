//! Events as types of TypeScript and as a JSON Schema.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::event::EventType;

/// Fields that every event may have.
const COMMON: [&str; 6] =
    ["event_id", "user_id", "actor_id", "source", "recipient_id", "recipient_ids"];

const PREAMBLE: &str = "\
// Events that the hub expects. Printed by `lonceng types --typescript`; do not edit.

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | JsonValue[]
  | { [field: string]: JsonValue };

/** ID of a user. */
export type UserId = string | number;

/** Fields that every event may have. */
export interface EventBase {
  /** ID for deduplication. */
  event_id?: string;
  user_id?: UserId;
  /** User that caused the event. */
  actor_id?: UserId;
  /** Publisher. */
  source?: string;
  recipient_id?: UserId;
  recipient_ids?: UserId[];
  /** Further data, for templates and live feeds. */
  [field: string]: JsonValue | undefined;
}
";

/// Returns the types of TypeScript.
pub(super) fn typescript(types: &[EventType]) -> String {
    let mut text = PREAMBLE.to_owned();
    let names = names(types);
    for (kind, name) in types.iter().zip(&names) {
        let title = kind.title.replace("*/", "* /").replace(['\r', '\n'], " ");
        let alias = if kind.needs_recipients { "type" } else { "interface" };
        let opening = match alias {
            "type" => format!("export type {name} = EventBase & {{"),
            _ => format!("export interface {name} extends EventBase {{"),
        };
        // Writing to a string never fails.
        let _ = write!(text, "\n/** {title} */\n{opening}\n  type: {};\n", json!(kind.code));
        for (field, mark) in fields(kind) {
            let _ = writeln!(text, "  {}{mark}: {};", property(field), type_of(field));
        }
        text.push_str(match alias {
            "type" => "} & ({ recipient_id: UserId } | { recipient_ids: UserId[] });\n",
            _ => "}\n",
        });
    }
    let union = if names.is_empty() { "never".to_owned() } else { names.join("\n  | ") };
    let _ = write!(
        text,
        "\n/** Any event, told apart by `type`. */\nexport type LoncengEvent =\n  | {union};\n"
    );
    text
}

/// Returns the fields of an event with the mark of optional ones.
fn fields(kind: &EventType) -> impl Iterator<Item = (&str, &'static str)> {
    let required = kind.required.iter().map(|field| (field.as_str(), ""));
    let optional = kind.optional.iter().map(|field| (field.as_str(), "?"));
    required
        .chain(optional)
        .filter(|(field, mark)| *field != "type" && (mark.is_empty() || !COMMON.contains(field)))
}

fn type_of(field: &str) -> &'static str {
    match field {
        "user_id" | "actor_id" | "recipient_id" => "UserId",
        "recipient_ids" => "UserId[]",
        "event_id" | "source" => "string",
        _ => "JsonValue",
    }
}

/// Returns a property name, quoted unless it is an identifier.
fn property(field: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_well = field.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts_well && field.chars().all(is_word) {
        field.to_owned()
    } else {
        json!(field).to_string()
    }
}

/// Returns a name for each type, such as `NoteCreated`; a number makes equal ones different.
fn names(types: &[EventType]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for kind in types {
        let words = kind.code.split(|c: char| !c.is_ascii_alphanumeric());
        let word = |word: &str| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
        };
        let name = format!("{}Event", words.map(word).collect::<String>());
        let name = if name.starts_with(|c: char| c.is_ascii_digit()) {
            format!("Type{name}")
        } else {
            name
        };
        let taken = ["LoncengEvent".to_owned()];
        let free = |name: &String| !names.contains(name) && !taken.contains(name);
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let name = std::iter::once(name.clone()).chain(numbered).find(free).unwrap_or(name);
        names.push(name);
    }
    names
}

/// Returns the JSON Schema.
pub(super) fn json_schema(types: &[EventType]) -> Value {
    let names = names(types);
    let definitions: Map<String, Value> =
        types.iter().zip(&names).map(|(kind, name)| (name.clone(), schema(kind))).collect();
    let references: Vec<Value> =
        names.iter().map(|name| json!({ "$ref": format!("#/$defs/{name}") })).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events that the hub expects",
        "oneOf": references,
        "$defs": definitions,
    })
}

fn schema(kind: &EventType) -> Value {
    let user = json!({ "type": ["string", "integer"] });
    let mut properties = Map::new();
    properties.insert("type".to_owned(), json!({ "const": kind.code }));
    let names = COMMON.into_iter().chain(fields(kind).map(|(field, _)| field));
    for name in names {
        let schema = match type_of(name) {
            "UserId" => user.clone(),
            "UserId[]" => json!({ "type": "array", "items": user }),
            "string" => json!({ "type": "string" }),
            _ => json!({}),
        };
        properties.insert(name.to_owned(), schema);
    }
    let required = fields(kind).filter(|(_, mark)| mark.is_empty()).map(|(field, _)| field);
    let required: Vec<&str> = std::iter::once("type").chain(required).collect();
    let mut schema = json!({
        "type": "object",
        "title": kind.title,
        "properties": properties,
        "required": required,
    });
    if kind.needs_recipients {
        schema["anyOf"] =
            json!([{ "required": ["recipient_id"] }, { "required": ["recipient_ids"] }]);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: &str, required: &[&str], needs_recipients: bool) -> EventType {
        EventType {
            code: code.to_owned(),
            title: "A */ title".to_owned(),
            required: required.iter().map(|name| (*name).to_owned()).collect(),
            optional: ["maybe".to_owned()].into(),
            needs_recipients,
        }
    }

    #[test]
    fn types_are_a_union_told_apart_by_the_code() {
        let types = [
            kind("NOTE_CREATED", &["user_id", "judul buku"], false),
            kind("NOTE.CREATED", &[], true),
        ];
        let text = typescript(&types);
        let interface = "/** A * / title */\nexport interface NoteCreatedEvent extends EventBase \
             {\n  type: \"NOTE_CREATED\";\n  \"judul buku\": JsonValue;\n  user_id: UserId;\n  \
             maybe?: JsonValue;\n}\n";
        assert!(text.contains(interface), "{text}");
        assert!(text.contains("export type NoteCreatedEvent2 = EventBase & {"), "{text}");
        assert!(text.ends_with("  | NoteCreatedEvent\n  | NoteCreatedEvent2;\n"), "{text}");
        assert!(typescript(&[]).ends_with("  | never;\n"));
    }

    #[test]
    fn schema_requires_the_fields_of_the_type() {
        let schema = json_schema(&[kind("A", &["user_id", "x"], true)]);
        let event = &schema["$defs"]["AEvent"];
        assert_eq!(event["required"], json!(["type", "user_id", "x"]));
        assert_eq!(event["properties"]["type"], json!({ "const": "A" }));
        assert_eq!(event["anyOf"][1]["required"], json!(["recipient_ids"]));
        assert_eq!(schema["oneOf"], json!([{ "$ref": "#/$defs/AEvent" }]));
    }
}
