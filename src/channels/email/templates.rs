//! Templates of e-mails: `templates/email/CODE.subject.txt`, `CODE.txt`, `CODE.html`, `digest.txt`
//! and `digest.html`, within `layout.txt` and `layout.html`; translations are in
//! `templates/LOCALE/email/`. What is missing is made from title, message and link.

use std::{fmt, path::Path};

use minijinja::{Environment, Value, value::Serde};
use serde_json::{Map, Value as Json, json};

use crate::{
    channels::Message,
    config::files::{TEMPLATE_MAX_BYTES, read_text},
    domain::{event::code_of, notification::Notification, template},
};

/// Folder of the templates, within that of all templates and of each locale.
const FOLDER: &str = "email";

/// Maximum number of templates.
const TEMPLATES_MAX: usize = 20_000;

/// Maximum length of a subject, in characters.
const SUBJECT_MAX_CHARS: usize = 300;

/// Parts of an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Subject, one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}

/// Compiled templates of e-mails.
pub struct EmailTemplates {
    text: Environment<'static>,
    html: Environment<'static>,
    default_locale: String,
}

impl fmt::Debug for EmailTemplates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailTemplates")
    }
}

impl Default for EmailTemplates {
    fn default() -> Self {
        Self {
            text: template::mail_environment(false),
            html: template::mail_environment(true),
            default_locale: String::new(),
        }
    }
}

impl EmailTemplates {
    /// Reads and compiles the templates of a folder.
    ///
    /// # Errors
    /// A description of the first file that cannot be read or does not compile.
    pub fn read(folder: &Path, default_locale: &str) -> Result<Self, String> {
        let mut templates =
            Self { default_locale: default_locale.to_ascii_lowercase(), ..Self::default() };
        let mut count = 0;
        templates.read_folder(&folder.join(FOLDER), "", &mut count)?;
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(templates) };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
            if path.is_dir() && name != FOLDER && !name.starts_with('.') {
                templates.read_folder(&path.join(FOLDER), &name, &mut count)?;
            }
        }
        Ok(templates)
    }

    fn read_folder(
        &mut self,
        folder: &Path,
        locale: &str,
        count: &mut usize,
    ) -> Result<(), String> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
        for entry in entries.flatten() {
            let path = entry.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if !is_html(name) && path.extension().is_none_or(|ending| ending != "txt") {
                continue;
            }
            *count += 1;
            if *count > TEMPLATES_MAX {
                return Err(format!("there are more than {TEMPLATES_MAX} templates of e-mails"));
            }
            let wrong = |detail: String| format!("{}: {detail}", path.display());
            let source =
                read_text(&path, TEMPLATE_MAX_BYTES).map_err(|error| wrong(error.to_string()))?;
            self.add(locale, name, source).map_err(wrong)?;
        }
        Ok(())
    }

    fn add(&mut self, locale: &str, file: &str, source: String) -> Result<(), String> {
        template::check(&source).map_err(|error| match error.line {
            Some(line) => format!("line {line}: {}", error.detail),
            None => error.detail,
        })?;
        let environment = if is_html(file) { &mut self.html } else { &mut self.text };
        environment
            .add_template_owned(named(locale, file), source)
            .map_err(|error| error.to_string())
    }

    /// Renders a template in the language of the recipient; `None` if there is none. One that fails
    /// is logged, and counts as missing: the e-mail must not be lost.
    fn find(&self, locale: Option<&str>, file: &str, context: &Value) -> Option<String> {
        let environment = if is_html(file) { &self.html } else { &self.text };
        let wanted = locale.unwrap_or(&self.default_locale).to_ascii_lowercase();
        let language = wanted.split(['-', '_']).next().unwrap_or_default().to_owned();
        for locale in [wanted.as_str(), language.as_str(), ""] {
            let Ok(template) = environment.get_template(&named(locale, file)) else { continue };
            match template.render(context) {
                Ok(text) => return Some(text),
                Err(error) => {
                    tracing::warn!(file, locale, %error, "email: template failed; the default is \
                    used");
                }
            }
        }
        None
    }

    /// Renders a message. `unsubscribe` is the link that mutes its type.
    #[must_use]
    pub fn render(
        &self,
        message: &Message,
        public_url: &str,
        unsubscribe: Option<&str>,
    ) -> Rendered {
        let locale = message.recipient.as_ref().and_then(|person| person.locale.as_deref());
        let context = context(message, public_url, unsubscribe);
        let code = message.items.first().map(|item| code_of(&item.type_code)).unwrap_or_default();
        let name = |ending: &str| {
            if message.digest { format!("digest.{ending}") } else { format!("{code}.{ending}") }
        };
        let values = Value::from(Serde(&context));
        let find = |ending: &str| self.find(locale, &name(ending), &values);
        let subject = find("subject.txt").unwrap_or_else(|| default_subject(message));
        let text = find("txt").unwrap_or_else(|| default_text(&context));
        let html = find("html").unwrap_or_else(|| default_html(&context));
        Rendered {
            subject: one_line(&subject),
            text: self.within_layout(locale, "layout.txt", &context, text),
            html: self.within_layout(locale, "layout.html", &context, html),
        }
    }

    fn within_layout(
        &self,
        locale: Option<&str>,
        file: &str,
        context: &Map<String, Json>,
        body: String,
    ) -> String {
        let mut names: Vec<(String, Value)> =
            context.iter().map(|(name, value)| (name.clone(), Value::from(Serde(value)))).collect();
        names.push(("content".to_owned(), Value::from_safe_string(body.clone())));
        let context = Value::from_pairs(names);
        self.find(locale, file, &context).unwrap_or(body)
    }
}

fn is_html(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending == "html")
}

fn named(locale: &str, file: &str) -> String {
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
    let items: Vec<Json> = message.items.iter().map(|one| item(one, public_url)).collect();
    if message.digest {
        names.insert("count".to_owned(), json!(items.len()));
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

fn default_subject(message: &Message) -> String {
    match (message.digest, message.items.as_slice()) {
        (true, items) if items.len() != 1 => format!("{} new notifications", items.len()),
        (_, items) => items.first().map(|item| item.title.clone()).unwrap_or_default(),
    }
}

fn text_of<'a>(item: &'a Json, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

fn items(context: &Map<String, Json>) -> &[Json] {
    context.get("items").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn default_text(context: &Map<String, Json>) -> String {
    let mut parts: Vec<String> = items(context)
        .iter()
        .map(|item| {
            let lines = ["title", "message", "action_url"].map(|name| text_of(item, name));
            lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
        })
        .collect();
    let unsubscribe = context.get("unsubscribe_url").and_then(Json::as_str).unwrap_or_default();
    if !unsubscribe.is_empty() {
        parts.push(format!("-- \nUnsubscribe: {unsubscribe}"));
    }
    parts.join("\n\n") + "\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn default_html(context: &Map<String, Json>) -> String {
    let mut parts: Vec<String> = items(context)
        .iter()
        .map(|item| {
            let message = escaped(text_of(item, "message")).replace('\n', "<br>");
            let link = match escaped(text_of(item, "action_url")) {
                url if url.is_empty() => String::new(),
                url => format!("<p><a href=\"{url}\">Open</a></p>"),
            };
            format!("<h2>{}</h2>\n<p>{message}</p>\n{link}", escaped(text_of(item, "title")))
        })
        .collect();
    let unsubscribe = context.get("unsubscribe_url").and_then(Json::as_str).unwrap_or_default();
    if !unsubscribe.is_empty() {
        parts.push(format!(
            "<p><small><a href=\"{}\">Unsubscribe</a></small></p>",
            escaped(unsubscribe)
        ));
    }
    format!(
        "<div style=\"font-family:system-ui,sans-serif;max-width:36rem;margin:auto\">{}</div>",
        parts.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{
            notification::Timestamp,
            user::{Person, UserId},
        },
        store::notification_of,
        testing::draft,
    };

    fn message(title: &str, count: usize) -> Message {
        let user = UserId::parse("budi").expect("a user ID");
        let item = || {
            let mut item = notification_of(Uuid::nil(), &draft("budi", "It <is> there"));
            item.title = title.to_owned();
            std::sync::Arc::new(item)
        };
        Message {
            id: Uuid::nil(),
            recipient: Some(Person { locale: Some("id-ID".to_owned()), ..Person::unknown(user) }),
            items: (0..count).map(|_| item()).collect(),
            digest: count > 1,
            closes: false,
            mandatory: false,
            recipients: 1,
            browsers: Vec::new(),
            now: Timestamp(0),
            trace: None,
        }
    }

    fn templates(files: &[(&str, &str)]) -> Result<EmailTemplates, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it is writable");
            fs::write(path, text).expect("it is writable");
        }
        EmailTemplates::read(folder.path(), "en")
    }

    #[test]
    fn templates_are_found_by_code_and_language_within_the_layout() {
        let code = message("x", 1).items[0].type_code.clone();
        let files = [
            (format!("email/{code}.subject.txt"), "About {title}"),
            (format!("id/email/{code}.html"), "<p>{message}</p>"),
            ("email/layout.html".to_owned(), "<main>{content}</main><p>The Shop {title}</p>"),
            (
                "email/digest.txt".to_owned(),
                "{count}: {% for item in items %}{item.title} {% endfor %}",
            ),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), *t)).collect();
        let templates = templates(&files).expect("they are valid");
        let one = templates.render(&message("A\r\nBcc: all <b>", 1), "", None);
        assert_eq!(one.subject, "About A Bcc: all <b>");
        assert_eq!(
            one.html,
            "<main><p>It &lt;is&gt; there</p></main><p>The Shop A\r\nBcc: all &lt;b&gt;</p>"
        );
        let digest = templates.render(&message("A", 2), "", None);
        assert_eq!(
            (digest.text.as_str(), digest.subject.as_str()),
            ("2: A A ", "2 new notifications")
        );
    }

    #[test]
    fn a_template_that_does_not_compile_names_its_file() {
        let error = templates(&[("email/X.txt", "{% if %}")]).expect_err("it is invalid");
        assert!(error.contains("X.txt") && error.contains("line 1"), "{error}");
    }

    #[test]
    fn a_template_that_fails_is_replaced_by_the_default() {
        let code = message("x", 1).items[0].type_code.clone();
        let name = format!("email/{code}.txt");
        let templates = templates(&[(name.as_str(), "{nothing}")]).expect("it compiles");
        let text = templates.render(&message("A", 1), "", Some("https://u")).text;
        assert!(text.starts_with("A\nIt <is> there") && text.contains("https://u"), "{text}");
    }
}
