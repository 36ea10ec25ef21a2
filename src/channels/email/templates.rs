//! Templates of e-mails: those of the table, then `templates/email/CODE.subject.txt`, `CODE.txt`
//! and `CODE.html`, or `digest.txt` and `digest.html`, within `layout.txt` and `layout.html`;
//! translations are in `templates/LOCALE/email/`. What is missing is made from title, message and
//! link.

use std::{path::Path, sync::Arc};

use minijinja::Value;
use serde_json::{Map, Value as Json, json};

use super::defaults;
use crate::{
    channels::Message,
    config::{
        ConfigError, ConfigIssue,
        files::{TEMPLATE_MAX_BYTES, read_text},
    },
    domain::{
        catalog::{Catalog, TextPart, mail_name},
        event::code_of,
        language::Language,
        notification::Notification,
        template::{MailTemplates, mail_scope},
    },
};

/// Folder of the templates, within that of all templates and of each locale.
const FOLDER: &str = "email";

/// Maximum number of templates.
const TEMPLATES_MAX: usize = 20_000;

/// Maximum length of a subject, in characters.
const SUBJECT_MAX_CHARS: usize = 300;

/// Maximum number of notifications that an e-mail lists.
const ITEMS_MAX: usize = 1_000;

/// Maximum size of the notifications that an e-mail lists, in bytes; one is always listed.
const ITEMS_MAX_BYTES: usize = 128 * 1024;

/// Places of templates, in the order in which they are tried.
const TABLE: &str = "table";
const FILE: &str = "file";

/// Parts of an e-mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Subject, one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
    /// Templates that failed; the next best text is used for each.
    pub failures: Vec<MailFailure>,
}

/// Template of an e-mail that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFailure {
    /// Locale; empty for the default language.
    pub locale: String,
    /// Description, with the place of the template.
    pub detail: String,
}

/// Compiled templates of e-mails in the folder of templates.
#[derive(Debug, Default)]
pub struct EmailTemplates {
    mails: MailTemplates,
    /// Names of the folders of locales.
    locales: Vec<String>,
    default_locale: String,
}

/// Templates that an e-mail is rendered with: those of the table come before those of files.
struct Renderer<'a> {
    files: &'a EmailTemplates,
    catalog: &'a Catalog,
    locale: Option<&'a str>,
    failures: Vec<MailFailure>,
}

impl EmailTemplates {
    /// Reads and compiles the templates of a folder.
    ///
    /// # Errors
    /// All files that cannot be read or do not compile, each with its line.
    pub fn read(folder: &Path, default_locale: &str) -> Result<Self, ConfigError> {
        let mut templates =
            Self { default_locale: default_locale.to_ascii_lowercase(), ..Self::default() };
        let (mut count, mut problems) = (0, Vec::new());
        templates.read_folder(&folder.join(FOLDER), "", &mut count, &mut problems);
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != FOLDER && !name.starts_with('.') {
                templates.read_folder(&path.join(FOLDER), &name, &mut count, &mut problems);
                templates.locales.push(name);
            }
        }
        if count > TEMPLATES_MAX {
            let message = format!("there are more than {TEMPLATES_MAX} templates of e-mails");
            problems.push(ConfigIssue::in_file(folder, message));
        }
        problems.sort_by(|a, b| a.file.cmp(&b.file));
        if problems.is_empty() { Ok(templates) } else { Err(ConfigError { problems }) }
    }

    fn read_folder(
        &mut self,
        folder: &Path,
        locale: &str,
        count: &mut usize,
        problems: &mut Vec<ConfigIssue>,
    ) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if !is_html(name) && path.extension().is_none_or(|ending| ending != "txt") {
                continue;
            }
            *count += 1;
            if *count > TEMPLATES_MAX {
                return;
            }
            let source = match read_text(&path, TEMPLATE_MAX_BYTES) {
                Ok(source) => source,
                Err(error) => {
                    problems.push(ConfigIssue::in_file(&path, error.to_string()));
                    continue;
                }
            };
            if let Err(error) = self.mails.add(named(locale, name), source.clone()) {
                let (line, detail) = (error.line, error.detail);
                problems.push(ConfigIssue::in_template(&path, &source, line, detail));
            }
        }
    }

    /// Returns the templates of a type: locale, empty for the default language, part and source.
    #[must_use]
    pub fn of_type(&self, code: &str) -> Vec<(&str, TextPart, String)> {
        let locales = self.locales.iter().map(String::as_str).chain([""]);
        let texts = locales.flat_map(|locale| {
            TextPart::EMAIL.into_iter().filter_map(move |part| {
                let source = self.mails.source(&mail_name(locale, code, part.ending()))?;
                Some((locale, part, source))
            })
        });
        texts.collect()
    }

    /// Renders a message. `unsubscribe` is the link that mutes its type.
    #[must_use]
    pub fn render(
        &self,
        message: &Message,
        catalog: &Catalog,
        public_url: &str,
        unsubscribe: Option<&str>,
    ) -> Rendered {
        let locale = message.recipient.as_ref().and_then(|person| person.locale.as_deref());
        let mut renderer = Renderer { files: self, catalog, locale, failures: Vec::new() };
        let context = context(message, public_url, unsubscribe);
        let code = message.items.first().map(|item| code_of(&item.type_code)).unwrap_or_default();
        let name = |ending: &str| {
            if message.digest { format!("digest.{ending}") } else { format!("{code}.{ending}") }
        };
        let values = mail_scope(&context, None);
        let mut find = |ending: &str| renderer.find(&name(ending), &values);
        let language = Language::of(locale.unwrap_or(&self.default_locale));
        let subject = find("subject.txt").unwrap_or_else(|| defaults::subject(message, language));
        let text = find("txt").unwrap_or_else(|| defaults::text(&context, language));
        let html = find("html").unwrap_or_else(|| defaults::html(&context, language));
        Rendered {
            subject: one_line(&subject),
            text: renderer.within_layout("layout.txt", &context, text),
            html: renderer.within_layout("layout.html", &context, html),
            failures: renderer.failures,
        }
    }
}

impl Renderer<'_> {
    /// Renders a template in the language of the recipient; `None` if there is none. One that fails
    /// is reported, and counts as missing: the e-mail must not be lost.
    fn find(&mut self, file: &str, context: &Value) -> Option<String> {
        let wanted = self.locale.unwrap_or(&self.files.default_locale).to_ascii_lowercase();
        let language = wanted.split(['-', '_']).next().unwrap_or_default().to_owned();
        let mut locales = vec![wanted.as_str(), language.as_str(), ""];
        locales.dedup();
        for locale in locales {
            let name = named(locale, file);
            for place in [TABLE, FILE] {
                let rendered = match place {
                    TABLE => self.catalog.mail(&name, context),
                    _ => self.files.mails.render(&name, context),
                };
                match rendered {
                    None => {}
                    Some(Ok(text)) => return Some(text),
                    Some(Err(detail)) => self.failures.push(failure(locale, file, place, &detail)),
                }
            }
        }
        None
    }

    fn within_layout(&mut self, file: &str, context: &Map<String, Json>, body: String) -> String {
        let scope = mail_scope(context, Some(&body));
        self.find(file, &scope).unwrap_or(body)
    }
}

fn failure(locale: &str, file: &str, place: &str, detail: &str) -> MailFailure {
    let language = match locale {
        "" => "default language".to_owned(),
        locale => format!("locale {locale}"),
    };
    let place = match (place, locale) {
        (FILE, "") => format!("file {FOLDER}/{file}"),
        (FILE, locale) => format!("file {locale}/{FOLDER}/{file}"),
        (place, _) => format!("{place}, {file}"),
    };
    let detail = format!("the template of the e-mail failed: {detail} ({language}, {place})");
    MailFailure { locale: locale.to_owned(), detail }
}

fn is_html(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending == "html")
}

fn named(locale: &str, file: &str) -> String {
    let locale = locale.to_ascii_lowercase();
    // A type's code is found in any spelling.
    let file = match file.split_once('.') {
        Some((stem @ ("layout" | "digest"), ending)) => format!("{stem}.{ending}"),
        Some((code, ending)) => format!("{}.{ending}", code_of(code)),
        None => file.to_owned(),
    };
    format!("{locale}/{file}")
}

/// Returns a text on one line: a header must not have another one.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(SUBJECT_MAX_CHARS).collect()
}

/// Returns the complete URL of a link.
fn absolute(link: Option<&str>, public_url: &str) -> Option<String> {
    let link = link?;
    match link.starts_with('/') {
        true if public_url.is_empty() => None,
        true => Some(format!("{public_url}{link}")),
        false => Some(link.to_owned()),
    }
}

/// Returns the notifications that the e-mail lists; the others are only counted.
fn listed(message: &Message) -> &[Arc<Notification>] {
    let mut bytes = 0;
    let fits = |item: &&Arc<Notification>| {
        let is_first = bytes == 0;
        let link = item.action_url.as_deref().map_or(0, str::len);
        bytes += 1 + item.title.len() + item.message.len() + link;
        is_first || bytes <= ITEMS_MAX_BYTES
    };
    let count = message.items.iter().take(ITEMS_MAX).take_while(fits).count();
    &message.items[..count]
}

fn item(item: &Notification, public_url: &str) -> Json {
    json!({
        "title": item.title,
        "message": item.message,
        "action_url": absolute(item.action_url.as_deref(), public_url).unwrap_or_default(),
        "type_code": item.type_code,
        "priority": item.priority,
        "count": item.count,
        "created_at": item.created_at,
    })
}

/// Returns the names that a template can use: the data of the event, then the notification.
fn context(message: &Message, public_url: &str, unsubscribe: Option<&str>) -> Map<String, Json> {
    let mut names = Map::new();
    if let (Some(first), false) = (message.items.first(), message.digest) {
        let data = serde_json::from_str::<Map<String, Json>>(first.metadata.get());
        names.extend(data.unwrap_or_default());
        if let Json::Object(fields) = item(first, public_url) {
            names.extend(fields);
        }
    }
    let items: Vec<Json> = listed(message).iter().map(|one| item(one, public_url)).collect();
    if message.digest {
        names.insert("count".to_owned(), json!(message.items.len()));
        names.insert("more".to_owned(), json!(message.items.len() - items.len()));
    }
    names.insert("items".to_owned(), Json::from(items));
    // A type of this crate with string keys always serializes.
    if let Some(person) = &message.recipient {
        let mut recipient = serde_json::to_value(person).unwrap_or_default();
        recipient["display"] = json!(person.display());
        names.insert("recipient".to_owned(), recipient);
    }
    names.insert("public_url".to_owned(), json!(public_url));
    names.insert("unsubscribe_url".to_owned(), json!(unsubscribe.unwrap_or_default()));
    names
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
