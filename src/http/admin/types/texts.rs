//! Texts of types in the folder of templates, and the languages that texts are for.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use crate::{
    domain::{
        catalog::{TextPart, check_locale},
        event::code_of,
    },
    http::{Problem, SharedState, State, api::Checked},
};

/// Adds the texts of a type that files have: `file_translations` by locale, and `file_email` in the
/// default language.
pub(super) fn add_files(json: &mut Value, state: &State, code: &str) {
    let mut locales: Map<String, Value> = Map::new();
    let mut email = json!({});
    for text in &state.configuration.translations().local {
        let (name, part) = match text.code.strip_suffix(".title") {
            Some(name) => (name, TextPart::Title),
            None => (text.code.as_str(), TextPart::Message),
        };
        if code_of(name) == code_of(code) {
            let texts = locales.entry(&text.locale).or_insert_with(|| json!({}));
            texts[part.member()] = json!(text.source.trim_end());
        }
    }
    for (locale, part, source) in state.channels.templates.load().of_type(code) {
        let texts = if locale.is_empty() {
            &mut email
        } else {
            &mut locales.entry(locale).or_insert_with(|| json!({}))["email"]
        };
        if let Some((_, member)) = part.member().split_once('.') {
            texts[member] = json!(source.trim_end());
        }
    }
    json["file_translations"] = Value::Object(locales);
    json["file_email"] = email;
}

/// Handles `GET /api/v1/admin/locales`: the languages of the users and of the texts, without the
/// default one.
pub(in crate::http) async fn locales(
    state: SharedState,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let users = state.store.locales().await?;
    let rows = state.store.types().await?;
    let translations = state.configuration.translations();
    let mut texts: BTreeSet<String> =
        translations.local.iter().map(|text| text.locale.clone()).collect();
    texts.extend(rows.into_iter().flat_map(|row| row.translations.into_keys()));
    let locales: Vec<Value> = merged(&users, texts, &translations.default_locale)
        .into_iter()
        .map(|(locale, users)| json!({ "locale": locale, "users": users }))
        .collect();
    Ok(HttpResponse::Ok()
        .json(json!({ "default_locale": translations.default_locale, "locales": locales })))
}

/// Returns the languages with the number of their users: those that have texts, and those of users
/// whom neither such texts nor the default ones are for.
fn merged(
    users: &[(String, i64)],
    texts: BTreeSet<String>,
    default_locale: &str,
) -> BTreeMap<String, i64> {
    let language =
        |locale: &str| locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let mut locales: BTreeMap<String, i64> = texts.into_iter().map(|one| (one, 0)).collect();
    for (locale, count) in users {
        let exact = locales.keys().find(|known| known.eq_ignore_ascii_case(locale)).cloned();
        let wanted = exact.unwrap_or_else(|| language(locale));
        let is_default = wanted == language(default_locale) && !locales.contains_key(&wanted);
        if !is_default && check_locale(&wanted).is_ok() {
            *locales.entry(wanted).or_default() += count;
        }
    }
    locales
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_count_with_their_language_unless_they_have_texts() {
        let users = [("id-ID", 3), ("id", 4), ("en-US", 9), ("pt-BR", 2), ("pt", 1), ("?", 1)];
        let users = users.map(|(locale, count)| (locale.to_owned(), count));
        let texts = BTreeSet::from(["pt-br".to_owned(), "ar".to_owned()]);
        let found: Vec<(String, i64)> = merged(&users, texts, "en").into_iter().collect();
        let expected = [("ar", 0), ("id", 7), ("pt", 1), ("pt-br", 2)];
        assert_eq!(found, expected.map(|(locale, count)| (locale.to_owned(), count)));
    }
}
