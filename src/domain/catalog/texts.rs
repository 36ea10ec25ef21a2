//! Texts of a type besides its title and message: translations and e-mails.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::{BadType, Catalog, TypeRow, local_name, presentation};
use crate::domain::{
    event::code_of,
    limits::{IDENTIFIER_MAX_CHARS, LOCALE_MAX_CHARS, bounded},
};

/// Maximum number of locales of a type.
const LOCALES_MAX: usize = 32;

/// Maximum size of all texts of a type, in bytes; each has the limit of a template.
const TEXTS_MAX_BYTES: usize = 256 * 1024;

/// Name that is the folder of e-mails, and so no locale.
const NO_LOCALE: &str = "email";

/// Templates of the e-mails of a type, in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailTexts {
    /// Subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// HTML; values are escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// Texts of a type in one language. What is missing comes from the folder of templates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalTexts {
    /// Template of the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Template of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Templates of e-mails.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "EmailTexts::is_empty"
    )]
    pub email: EmailTexts,
}

/// Texts of a type by locale.
pub type TextsByLocale = BTreeMap<String, LocalTexts>;

fn null_as_default<'de, D: Deserializer<'de>>(value: D) -> Result<EmailTexts, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

/// Part of the texts of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPart {
    /// Title.
    Title,
    /// Message.
    Message,
    /// Subject of e-mails.
    EmailSubject,
    /// Plain text of e-mails.
    EmailText,
    /// HTML of e-mails.
    EmailHtml,
}

impl TextPart {
    /// Parts of an e-mail.
    pub const EMAIL: [Self; 3] = [Self::EmailSubject, Self::EmailText, Self::EmailHtml];

    /// Returns the member of a type or of a translation with the text.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Message => "template",
            Self::EmailSubject => "email.subject",
            Self::EmailText => "email.text",
            Self::EmailHtml => "email.html",
        }
    }

    /// Returns the ending of the file with the text, after the code.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Title => "title.txt",
            Self::Message | Self::EmailText => "txt",
            Self::EmailSubject => "subject.txt",
            Self::EmailHtml => "html",
        }
    }
}

/// Text of a type in the table.
#[derive(Debug, Clone, Copy)]
pub struct TypeText<'a> {
    /// Locale; empty for the default language.
    pub locale: &'a str,
    /// Part.
    pub part: TextPart,
    /// Template.
    pub source: &'a str,
}

impl TypeText<'_> {
    /// Returns the path of its member, such as `translations.id.email.subject`.
    #[must_use]
    pub fn path(&self) -> String {
        let member = self.part.member();
        if self.locale.is_empty() {
            member.to_owned()
        } else {
            format!("translations.{}.{member}", self.locale)
        }
    }
}

impl EmailTexts {
    /// Returns whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Removes texts that are empty.
    #[must_use]
    pub fn without_empty(self) -> Self {
        let Self { subject, text, html } = self;
        Self { subject: filled(subject), text: filled(text), html: filled(html) }
    }

    fn texts(&self) -> [(TextPart, &Option<String>); 3] {
        let [subject, text, html] = TextPart::EMAIL;
        [(subject, &self.subject), (text, &self.text), (html, &self.html)]
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Removes texts that are empty, and locales without any.
#[must_use]
pub fn without_empty(translations: TextsByLocale) -> TextsByLocale {
    let cleaned = translations.into_iter().map(|(locale, texts)| {
        let LocalTexts { title, template, email } = texts;
        let email = email.without_empty();
        (locale, LocalTexts { title: filled(title), template: filled(template), email })
    });
    cleaned.filter(|(_, texts)| *texts != LocalTexts::default()).collect()
}

/// Checks a locale, such as `id` or `pt-BR`.
///
/// # Errors
/// A description of what is expected.
pub fn check_locale(locale: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_locale = locale.starts_with(|c: char| c.is_ascii_alphabetic())
        && locale.len() <= LOCALE_MAX_CHARS
        && locale.chars().all(allowed)
        && !locale.eq_ignore_ascii_case(NO_LOCALE);
    if is_locale { Ok(()) } else { Err("is not a locale, such as id or pt-BR".to_owned()) }
}

impl TypeRow {
    /// Returns the translations and the texts of e-mails that the table has.
    pub fn texts(&self) -> impl Iterator<Item = TypeText<'_>> {
        let own = self.email.texts().into_iter().map(|(part, text)| ("", part, text));
        let local = self.translations.iter().flat_map(|(locale, texts)| {
            let LocalTexts { title, template, email } = texts;
            [(TextPart::Title, title), (TextPart::Message, template)]
                .into_iter()
                .chain(email.texts())
                .map(move |(part, text)| (locale.as_str(), part, text))
        });
        own.chain(local).filter_map(|(locale, part, text)| {
            Some(TypeText { locale, part, source: text.as_deref()? })
        })
    }

    /// Checks the translations and the texts of e-mails. Fails with the path of the member.
    pub(super) fn check_texts(&self) -> Result<(), (String, String)> {
        let wrong = |detail: String| Err(("translations".to_owned(), detail));
        if self.translations.len() > LOCALES_MAX {
            return wrong(format!("has more than {LOCALES_MAX} locales"));
        }
        let mut locales: Vec<String> = Vec::new();
        for locale in self.translations.keys() {
            if let Err(detail) = check_locale(locale) {
                return wrong(format!("{locale:?} {detail}"));
            }
            if locales.contains(&locale.to_ascii_lowercase()) {
                return wrong(format!("the locale {locale} is there twice"));
            }
            locales.push(locale.to_ascii_lowercase());
        }
        let mut bytes = 0;
        for text in self.texts() {
            let source = text.source;
            bytes += source.len();
            if source.contains('\0') {
                return Err((text.path(), "must not contain a NUL character".to_owned()));
            }
            if text.part == TextPart::Title {
                bounded(source.to_owned(), IDENTIFIER_MAX_CHARS)
                    .map_err(|detail| (text.path(), detail))?;
            }
        }
        if bytes > TEXTS_MAX_BYTES {
            return wrong(format!(
                "and the texts of e-mails have {bytes} bytes together; at most {TEXTS_MAX_BYTES} \
                 are possible"
            ));
        }
        Ok(())
    }
}

impl Catalog {
    /// Compiles the translations and the texts of e-mails of a row.
    pub(super) fn add_texts(&mut self, key: &str, row: &TypeRow) -> Result<(), BadType> {
        for text in row.texts() {
            let source = text.source.to_owned();
            let added = match text.part {
                TextPart::Title => {
                    self.has_local_titles = true;
                    let title = presentation::presentation_name(key, presentation::TITLE);
                    let name = local_name(text.locale, &title);
                    self.note_place(&name, "title", text.locale, None);
                    self.templates.add(name, &source)
                }
                TextPart::Message => {
                    let name = local_name(text.locale, key);
                    self.note_place(&name, "message", text.locale, None);
                    self.templates.add_message(name, &source, row.rich)
                }
                part => self.mails.add(mail_name(text.locale, key, part.ending()), source),
            };
            added.map_err(|error| BadType {
                line: error.line,
                ..BadType::new(row, text.path(), error.detail)
            })?;
        }
        Ok(())
    }

    /// Renders a text of an e-mail that the table has, by its [`mail_name`]; `None` if it has none.
    ///
    /// # Errors
    /// A description of the error.
    pub fn mail(&self, name: &str, context: &minijinja::Value) -> Option<Result<String, String>> {
        self.mails.render(name, context)
    }
}

/// Returns the name of a template of e-mails; the locale is empty for the default language.
#[must_use]
pub fn mail_name(locale: &str, code: &str, ending: &str) -> String {
    format!("{}/{}.{ending}", locale.to_ascii_lowercase(), code_of(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::{LocalTemplate, tests::row};

    fn texts(json: &serde_json::Value) -> TextsByLocale {
        serde_json::from_value(json.clone()).expect("they are valid")
    }

    #[test]
    fn texts_of_the_table_replace_those_of_files_one_by_one() {
        let mut kind = row("NOTE", "default", "SELF");
        kind.translations = texts(&serde_json::json!({ "id": { "template": "tabel" } }));
        let local = |code: &str| LocalTemplate {
            locale: "id".into(),
            code: code.into(),
            source: "berkas".into(),
        };
        let files = [local("NOTE"), local("NOTE.title")];
        let (catalog, bad) = Catalog::build(&[kind], &files, "en");
        assert_eq!(bad, []);
        let place = |name: &str| catalog.places.get(name).map(|place| place.text.as_str());
        assert_eq!(place("id/NOTE"), Some("message, locale id, table"));
        let title = local_name("id", &presentation::presentation_name("NOTE", "title"));
        assert_eq!(place(&title), Some("title, locale id, file id/NOTE.title.txt"));
    }

    #[test]
    fn an_invalid_text_is_named_by_locale_and_member() {
        let large = "x".repeat(9_000);
        let many: BTreeMap<String, serde_json::Value> = (0..=LOCALES_MAX)
            .map(|n| (format!("a{n}"), serde_json::json!({ "title": "x" })))
            .collect();
        for (translations, path, says) in [
            (
                serde_json::json!({ "id": { "template": "{" } }),
                "translations.id.template",
                "Some(1)",
            ),
            (
                serde_json::json!({ "id": { "email": { "html": "{x|nofilter}" } } }),
                "translations.id.email.html",
                "nofilter",
            ),
            (
                serde_json::json!({ "id": { "title": "x".repeat(300) } }),
                "translations.id.title",
                "256",
            ),
            (
                serde_json::json!({ "id": { "template": large } }),
                "translations.id.template",
                "8192",
            ),
            (serde_json::json!({ "i d": { "title": "x" } }), "translations", "not a locale"),
            (serde_json::json!({ "email": { "title": "x" } }), "translations", "not a locale"),
            (
                serde_json::json!({ "id": { "title": "x" }, "ID": { "title": "x" } }),
                "translations",
                "twice",
            ),
            (serde_json::json!(many), "translations", "more than 32"),
        ] {
            let kind = TypeRow { translations: texts(&translations), ..row("N", "x", "SELF") };
            let (_, bad) = Catalog::build(&[kind], &[], "en");
            let bad = bad.first().unwrap_or_else(|| panic!("{path} is valid"));
            let detail = format!("line {:?}: {}", bad.line, bad.detail);
            assert_eq!(bad.column, path);
            assert!(detail.contains(says), "{detail}");
        }
    }
}
