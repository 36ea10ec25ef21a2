//! Warnings about the texts of a type in other languages than the previewed one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::sample::Prepared;
use crate::{
    channels::Rendered,
    domain::{
        catalog::{TextPart, TypeRow},
        event::code_of,
        template::{PROVIDED, needs},
    },
    http::State,
};

/// Returns a warning for each language whose title or message cannot be rendered with the data of
/// the preview, or needs a field that the default texts do not use.
pub(super) fn warnings(state: &State, prepared: &Prepared) -> Vec<Value> {
    let row = &prepared.row;
    let mut locales = texts_by_locale(state, row);
    let own: BTreeSet<String> = [&row.display_name, &row.template]
        .into_iter()
        .map(|source| needs(source))
        .flat_map(|needs| needs.required.into_iter().chain(needs.optional))
        .collect();
    locales.entry(String::new()).or_default();
    let warning = |(locale, sources): (String, Vec<String>)| {
        if let Err(rejected) = prepared.draft(Some(&locale)) {
            return Some(json!({ "locale": locale, "detail": rejected.to_string() }));
        }
        let required = sources.iter().flat_map(|source| needs(source).required);
        let more: BTreeSet<String> = required
            .filter(|name| !own.contains(name) && !PROVIDED.contains(&name.as_str()))
            .collect();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let more = (!more.is_empty()).then(|| more.join(", "))?;
        let detail = format!(
            "the texts for {locale} need {more}, which the default texts do not use; an event \
             without it becomes a dead letter"
        );
        Some(json!({ "locale": locale, "detail": detail }))
    };
    locales.into_iter().filter_map(warning).collect()
}

/// Returns a warning for each template of an e-mail that failed.
pub(super) fn mail_warnings(mail: &Rendered) -> impl Iterator<Item = Value> + '_ {
    let failures = mail.failures.iter();
    failures.map(|failure| json!({ "locale": failure.locale, "detail": failure.detail }))
}

/// Returns the titles and messages of each locale: of the table, else of the files.
fn texts_by_locale(state: &State, row: &TypeRow) -> BTreeMap<String, Vec<String>> {
    let mut texts: BTreeMap<(String, &str), (String, String)> = BTreeMap::new();
    let mut add = |locale: &str, part: TextPart, source: &str| {
        let key = (locale.to_ascii_lowercase(), part.member());
        texts.insert(key, (locale.to_owned(), source.to_owned()));
    };
    for text in &state.configuration.translations().local {
        let (name, part) = match text.code.strip_suffix(".title") {
            Some(name) => (name, TextPart::Title),
            None => (text.code.as_str(), TextPart::Message),
        };
        if code_of(name) == code_of(&row.code) {
            add(&text.locale, part, &text.source);
        }
    }
    for text in row.texts().filter(|text| !TextPart::EMAIL.contains(&text.part)) {
        add(text.locale, text.part, text.source);
    }
    let mut locales: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (locale, source) in texts.into_values() {
        locales.entry(locale).or_default().push(source);
    }
    locales
}
