//! Events that types expect.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::{
    catalog::{LocalTemplate, TypeRow},
    event::code_of,
    template::{Needs, needs},
};

/// Names of templates that are not fields of the data.
const USER_NAMES: [&str; 3] = ["user", "username", "user_id"];
const ACTOR_NAMES: [&str; 3] = ["actor", "actor_name", "actor_id"];
const OTHER_NAMES: [&str; 6] = ["event", "time", "recipient", "count", "actors", "loop"];

/// Event that a type expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventType {
    /// Code of the type.
    pub(super) code: String,
    /// Title of its notifications.
    pub(super) title: String,
    /// Fields that the event must have.
    pub(super) required: BTreeSet<String>,
    /// Fields that templates use if they are there.
    pub(super) optional: BTreeSet<String>,
    /// True if the event must name recipients, one or several.
    pub(super) needs_recipients: bool,
}

/// Returns the events of the types in use of a configuration.
pub(super) fn of_config(rows: &[TypeRow], local: &[LocalTemplate]) -> Vec<EventType> {
    let rows: Vec<Value> = rows.iter().map(|row| json!(row)).collect();
    of_hub(&rows, local)
}

/// Returns the events of the types in use of a hub, sorted by their codes.
pub(super) fn of_hub(rows: &[Value], local: &[LocalTemplate]) -> Vec<EventType> {
    let active = rows.iter().filter(|row| row["is_active"] == true);
    let mut types: Vec<EventType> = active.filter_map(|row| of_row(row, local)).collect();
    types.sort_by(|a, b| a.code.cmp(&b.code));
    types
}

fn of_row(row: &Value, local: &[LocalTemplate]) -> Option<EventType> {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    let code = code_of(&text("code")?);
    let mut found = EventType {
        title: text("display_name").unwrap_or_default(),
        required: BTreeSet::new(),
        optional: BTreeSet::new(),
        needs_recipients: false,
        code,
    };
    let variants = row["variants"].as_array().into_iter().flatten();
    let variants = variants.filter_map(|variant| variant["template"].as_str());
    let actions = row["actions"].as_array().into_iter().flatten();
    let actions = actions.flat_map(|action| [action["label"].as_str(), action["url"].as_str()]);
    // A text of the table replaces that of a file.
    let own_texts = |locale: &str, member: &str| {
        let locales = row["translations"].as_object().into_iter().flatten();
        let mut texts = locales.filter(|(name, _)| name.eq_ignore_ascii_case(locale));
        texts.any(|(_, texts)| texts[member].is_string())
    };
    // A translation may be of a part of the type: of a variant, or of the title.
    let of_type = |template: &&LocalTemplate| {
        if code_of(&template.code) == found.code {
            return !own_texts(&template.locale, "template");
        }
        let Some((base, part)) = template.code.rsplit_once('.') else { return false };
        code_of(base) == found.code && !(part == "title" && own_texts(&template.locale, "title"))
    };
    let files = local.iter().filter(of_type).map(|template| template.source.as_str());
    let texts = row["translations"].as_object().into_iter().flatten();
    let texts = texts.flat_map(|(_, texts)| [texts["title"].as_str(), texts["template"].as_str()]);
    let own = ["display_name", "template", "action_url", "category", "icon"]
        .map(|name| row[name].as_str());
    let templates: Vec<&str> = own
        .into_iter()
        .chain(actions)
        .chain(texts)
        .flatten()
        .chain(variants)
        .chain(files)
        .collect();
    for template in templates {
        found.add(needs(template));
    }
    if let Some(field) = row["entity"]["id"].as_str() {
        found.optional.insert(field.to_owned());
    }
    match row["target_type"].as_str().unwrap_or_default().to_ascii_uppercase().as_str() {
        "SELF" | "REQUESTER" => _ = found.required.insert("user_id".to_owned()),
        "ACTOR" => _ = found.required.insert("actor_id".to_owned()),
        "RECIPIENT" => found.needs_recipients = true,
        _ => {}
    }
    found.optional.retain(|field| !found.required.contains(field));
    Some(found)
}

impl EventType {
    fn add(&mut self, needs: Needs) {
        let fields = |names: BTreeSet<String>| names.into_iter().filter_map(field);
        self.required.extend(fields(needs.required));
        self.optional.extend(fields(needs.optional));
    }
}

/// Returns the field of the event that a name of a template needs.
fn field(name: String) -> Option<String> {
    match name.as_str() {
        name if USER_NAMES.contains(&name) => Some("user_id".to_owned()),
        name if ACTOR_NAMES.contains(&name) => Some("actor_id".to_owned()),
        name if OTHER_NAMES.contains(&name) => None,
        _ => Some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(code: &str, target: &str, template: &str) -> Value {
        json!({ "code": code, "display_name": "A {kind} note", "template": template,
            "target_type": target, "is_active": true, "action_url": "/notes/{note_id}",
            "entity": { "type": "note", "id": "note_id" },
            "variants": [{ "name": "b", "template": "{variant_field}" }] })
    }

    #[test]
    fn fields_come_from_the_target_and_all_templates() {
        let local = LocalTemplate {
            locale: "id".to_owned(),
            code: "NOTE_CREATED".to_owned(),
            source: "{username} {judul} {% if catatan is defined %}{catatan}{% endif %}".to_owned(),
        };
        let rows = [row("note.created", "ACTOR", "{title|default(\"?\")} {recipient.name}")];
        let types = of_hub(&rows, &[local]);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected = EventType {
            code: "NOTE_CREATED".to_owned(),
            title: "A {kind} note".to_owned(),
            required: names(&["actor_id", "judul", "kind", "note_id", "user_id", "variant_field"]),
            optional: names(&["catatan", "title"]),
            needs_recipients: false,
        };
        assert_eq!(types, [expected]);
    }

    #[test]
    fn texts_of_the_table_replace_those_of_files() {
        let local = |code: &str, field: &str| LocalTemplate {
            locale: "id".to_owned(),
            code: code.to_owned(),
            source: format!("{{{field}}}"),
        };
        let mut kind = row("NOTE", "ALL", "");
        kind["translations"] = json!({ "ID": { "template": "{tabel}" } });
        let types = of_hub(&[kind], &[local("NOTE", "berkas"), local("NOTE.title", "judul")]);
        let has = |name: &str| types[0].required.contains(name);
        assert!(has("tabel") && has("judul") && !has("berkas"), "{types:?}");
    }

    #[test]
    fn types_that_are_switched_off_are_left_out() {
        let mut off = row("A", "ALL", "");
        off["is_active"] = json!(false);
        let types = of_hub(&[off, row("C", "RECIPIENT", ""), row("B", "SELF", "")], &[]);
        let codes: Vec<_> = types.iter().map(|one| (&*one.code, one.needs_recipients)).collect();
        assert_eq!(codes, [("B", false), ("C", true)]);
        assert!(types[0].required.contains("user_id"));
    }
}
