//! Templates of e-mails: the same language and filters; in HTML values are escaped.

use std::fmt;

use minijinja::{Environment, Error, ErrorKind, Value};

use super::{
    BadTemplate, bad_template, budget::Budget, describe, environment, scope::mail_budget, try_out,
};

/// Ending of the name of an HTML template.
const HTML: &str = ".html";

/// Compiled templates of e-mails by name. A name that ends with `.html` is one of HTML.
#[derive(Clone)]
pub struct MailTemplates {
    text: Environment<'static>,
    html: Environment<'static>,
}

impl Default for MailTemplates {
    fn default() -> Self {
        let mut html = environment();
        html.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
        Self { text: environment(), html }
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
        environment.add_template_owned(name, source).map_err(|error| bad_template(&error))
    }

    /// Renders a template with the names of [`mail_scope`](super::mail_scope); `None` if there is
    /// none with this name.
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
                None => describe(&error),
            }
        };
        Some(template.render(context).map_err(described))
    }

    /// Returns the source of a template.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<String> {
        let template = self.environment(name).get_template(name).ok()?;
        Some(template.source().to_owned())
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

    #[test]
    fn values_are_escaped_in_html_alone_and_a_missing_field_is_named() {
        let mut mails = MailTemplates::default();
        for name in ["a.txt", "a.html"] {
            mails.add(name.to_owned(), "<b>{x}</b>".to_owned()).expect("it compiles");
        }
        let scope =
            |json: serde_json::Value| mail_scope(json.as_object().expect("an object"), None);
        let context = scope(json!({ "x": "<i>" }));
        assert_eq!(mails.render("a.txt", &context), Some(Ok("<b><i></b>".to_owned())));
        assert_eq!(mails.render("a.html", &context), Some(Ok("<b>&lt;i&gt;</b>".to_owned())));
        assert_eq!(mails.render("b.html", &context), None);
        let nothing = scope(json!({}));
        let error = mails.render("a.txt", &nothing).expect("it is there").expect_err("no x");
        assert_eq!(error, "it needs x, which the event does not have");
        assert!(mails.add("c.html".to_owned(), "{% if %}".to_owned()).is_err());
        let nameless = scope(json!({ "recipient": { "name": null }, "x": true, "y": ["<"] }));
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
}
