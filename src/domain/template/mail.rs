//! Templates of e-mails: the same language and filters; in HTML values are escaped.

use std::{collections::HashMap, fmt};

use minijinja::{Environment, Error, ErrorKind, Value};

use super::{
    BadTemplate, BoundedOutput, add, budget::Budget, describe_with, environment,
    scope::mail_budget, try_out,
};

/// Maximum size of a part of an e-mail, in bytes. Mail programs show less: some 100 KiB.
const MAIL_MAX_BYTES: usize = 512 * 1024;

/// Ending of the name of an HTML template.
const HTML: &str = ".html";

/// Compiled templates of e-mails by name. A name that ends with `.html` is one of HTML.
#[derive(Clone)]
pub struct MailTemplates {
    text: Environment<'static>,
    html: Environment<'static>,
    /// Templates as they are written, by name.
    sources: HashMap<String, String>,
}

impl Default for MailTemplates {
    fn default() -> Self {
        let mut html = environment();
        html.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
        Self { text: environment(), html, sources: HashMap::new() }
    }
}

impl fmt::Debug for MailTemplates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailTemplates")
    }
}

impl MailTemplates {
    /// Compiles a template under a name.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn add(&mut self, name: String, source: String) -> Result<(), BadTemplate> {
        try_out(&source)?;
        let environment = if name.ends_with(HTML) { &mut self.html } else { &mut self.text };
        add(environment, name.clone(), &source)?;
        self.sources.insert(name, source);
        Ok(())
    }

    /// Renders a template with the names of [`mail_scope`](super::mail_scope); `None` if there is
    /// none with this name. The text has at most [`MAIL_MAX_BYTES`].
    ///
    /// # Errors
    /// A description of the error, with the missing field.
    pub fn render(&self, name: &str, context: &Value) -> Option<Result<String, String>> {
        let template = self.environment(name).get_template(name).ok()?;
        let budget = mail_budget(context);
        if let Some(budget) = budget {
            budget.reset();
        }
        let described = |error: Error| {
            let missing = budget.and_then(Budget::missing);
            match missing.filter(|_| error.kind() == ErrorKind::UndefinedError) {
                Some(field) => format!("it needs {field}, which the event does not have"),
                None => describe_with(&error, MAIL_MAX_BYTES),
            }
        };
        let mut output = BoundedOutput::new(MAIL_MAX_BYTES);
        let rendered = template.render_captured_to(context.clone(), &mut output);
        Some(rendered.map_err(described).map(|_| output.into_text()))
    }

    /// Returns the source of a template.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<String> {
        self.sources.get(name).cloned()
    }

    fn environment(&self, name: &str) -> &Environment<'static> {
        if name.ends_with(HTML) { &self.html } else { &self.text }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::template::mail_scope;

    fn scope(json: &serde_json::Value) -> Value {
        mail_scope(json.as_object().expect("an object"), None)
    }

    #[test]
    fn values_are_escaped_in_html_alone_and_a_missing_field_is_named() {
        let mut mails = MailTemplates::default();
        for name in ["a.txt", "a.html"] {
            mails.add(name.to_owned(), "<b>{x}</b>".to_owned()).expect("it compiles");
        }
        let context = scope(&json!({ "x": "<i>" }));
        assert_eq!(mails.render("a.txt", &context), Some(Ok("<b><i></b>".to_owned())));
        assert_eq!(mails.render("a.html", &context), Some(Ok("<b>&lt;i&gt;</b>".to_owned())));
        assert_eq!(mails.render("b.html", &context), None);
        let nothing = scope(&json!({}));
        let error = mails.render("a.txt", &nothing).expect("it is there").expect_err("no x");
        assert_eq!(error, "it needs x, which the event does not have");
        let optional = "{order.note|default('none')}".to_owned();
        mails.add("d.txt".to_owned(), optional.clone()).expect("it compiles");
        assert_eq!(mails.render("d.txt", &nothing), Some(Ok("none".to_owned())));
        assert_eq!(mails.source("d.txt"), Some(optional), "as it is written");
        assert!(mails.add("c.html".to_owned(), "{% if %}".to_owned()).is_err());
        let nameless = scope(&json!({ "recipient": { "name": null }, "x": true, "y": ["<"] }));
        let mut rendered = |name: &str, source: &str| {
            mails.add(name.to_owned(), source.to_owned()).expect("it compiles");
            mails.render(name, &nameless).expect("it is there")
        };
        let error = rendered("d.txt", "For {recipient.name}").expect_err("no name");
        assert_eq!(error, "it needs recipient.name, which the event does not have");
        let named = rendered("e.txt", "For {recipient.name|default(\"you\")}: {x} {y}");
        assert_eq!(named.as_deref(), Ok("For you: true [\"<\"]"));
        assert_eq!(rendered("e.html", "{y}").as_deref(), Ok("[&quot;&lt;&quot;]"));
    }

    #[test]
    fn a_text_of_more_than_the_maximum_and_too_much_work_are_errors() {
        let mut mails = MailTemplates::default();
        let mut rendered = |source: &str| {
            mails.add("a.html".to_owned(), source.to_owned()).expect("it compiles");
            let rows: Vec<i64> = (0..9_000).collect();
            let context = scope(&json!({ "rows": rows, "note": "<".repeat(200_000) }));
            mails.render("a.html", &context).expect("it is there")
        };
        let error = rendered("{% for row in rows %}{note}{% endfor %}").expect_err("it is long");
        assert_eq!(error, "its text has more than 524288 bytes");
        let error =
            rendered("{% for row in rows %}{% if note|upper == row %}x{% endif %}{% endfor %}");
        assert_eq!(error.expect_err("it is work"), "it takes too many steps");
        assert!(rendered("{note|upper}").is_err(), "escaped, it is four times as long");
        assert!(rendered("{note|truncate(9)}").is_ok());
    }
}
