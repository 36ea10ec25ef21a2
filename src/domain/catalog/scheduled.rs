//! Scheduled types: fields that a schedule can give.

use std::{borrow::Cow, collections::BTreeSet};

use super::{
    BadType, Catalog, TypeRow, local_name,
    presentation::{TITLE, presentation_name},
    texts::TextPart,
    variants,
};
use crate::domain::{schedule::Schedule, template::needs};

/// Names that every run of a schedule has.
const PROVIDED: [&str; 4] = ["since", "recipient", "event", "time"];

impl Catalog {
    /// Returns the texts of a scheduled type that need a field of an event: they could never be
    /// rendered.
    pub(super) fn unscheduled_fields(
        &self,
        key: &str,
        row: &TypeRow,
        schedule: &Schedule,
    ) -> Vec<BadType> {
        let messages = self.fields_of_messages(key, row).into_iter();
        let all = messages.chain(fields_of_presentation(row));
        let wrong = all.filter_map(|(column, fields)| {
            let is_there = |name: &String| {
                PROVIDED.contains(&name.as_str()) || name == "count" && schedule.count().is_some()
            };
            let name = fields.into_iter().find(|name| !is_there(name))?;
            let detail = if name == "count" {
                "{count} needs a schedule that says which type it counts".to_owned()
            } else {
                format!(
                    "{{{name}}} is a field of an event; a scheduled type has {{count}}, \
                     {{since}}, {{time}}, {{event}} and {{recipient}}"
                )
            };
            Some(BadType { code: row.code.clone(), column, line: None, detail })
        });
        wrong.collect()
    }

    /// Returns the fields of each message and translated title, with the column.
    fn fields_of_messages(
        &self,
        key: &str,
        row: &TypeRow,
    ) -> Vec<(Cow<'static, str>, BTreeSet<String>)> {
        let own = [(key.to_owned(), Cow::Borrowed("template"))];
        let variants = row
            .variants
            .iter()
            .map(|variant| (variants::text_of(key, &variant.name), Cow::Borrowed("variants")));
        let local = row.texts().filter_map(|text| {
            let name = match text.part {
                TextPart::Message => local_name(text.locale, key),
                TextPart::Title => local_name(text.locale, &presentation_name(key, TITLE)),
                _ => return None,
            };
            Some((name, Cow::Owned(text.path())))
        });
        let texts = own.into_iter().chain(variants).chain(local);
        texts.map(|(name, column)| (column, self.templates.asks_for(&name))).collect()
    }
}

/// Returns the fields that the title, the category, the icon, the links and the labels need.
fn fields_of_presentation(
    row: &TypeRow,
) -> impl Iterator<Item = (Cow<'static, str>, BTreeSet<String>)> {
    let actions = row
        .actions
        .iter()
        .flat_map(|action| [("actions", &action.label), ("actions", &action.url)]);
    let single = [
        ("display_name", Some(&row.display_name)),
        ("category", row.category.as_ref()),
        ("icon", row.icon.as_ref()),
        ("action_url", row.action_url.as_ref()),
    ];
    let single = single.into_iter().filter_map(|(column, source)| Some((column, source?)));
    single
        .chain(actions)
        .filter(|(_, source)| source.contains('{'))
        .map(|(column, source)| (Cow::Borrowed(column), needs(source).required))
}
