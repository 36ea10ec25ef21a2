//! Message templates: `{name}` inserts a field of the event's data; a missing field is an error.
//!
//! The language is minijinja's with single braces, reduced to what can be bounded ([`syntax`]). `{%
//! %}` and `{# #}` keep their meaning, so a template may have conditions and loops. A rendering has
//! a limit of instructions, of work ([`budget`]) and of output.

mod budget;
mod filters;
mod mail;
mod needs;
mod nested;
mod scope;
mod syntax;
#[cfg(test)]
mod tests;
mod text;

use std::{collections::BTreeSet, io, sync::Arc};

use minijinja::{
    Environment, Error, ErrorKind, Template, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
    value::{Rest, ValueOrKwargs},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use mail::MailTemplates;
pub use needs::{Needs, PROVIDED, needs};
pub use scope::{EventScope, TemplateScope, mail_scope};

use super::{
    markup,
    rejected::{Rejected, RejectedKind},
};

/// Maximum number of instructions of one rendering: enough for a loop over some thousand items.
const FUEL: u64 = 30_000;

/// Maximum size of a rendered text, in bytes.
const OUTPUT_MAX_BYTES: usize = 64 * 1024;

/// Characters that are percent-encoded in a URL: all but the unreserved ones (RFC 3986, section
/// 2.3).
const URL_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Error of a template that does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct BadTemplate {
    /// Description of the error.
    pub detail: String,
    /// Line in the template, from 1.
    pub line: Option<usize>,
}

/// Compiled templates by name.
#[derive(Debug)]
pub struct Templates {
    text: Environment<'static>,
    /// Templates of URLs, in which every value is percent-encoded.
    urls: Environment<'static>,
    /// Templates with bold and links, in which the marks of values are escaped.
    rich: Environment<'static>,
}

impl Default for Templates {
    fn default() -> Self {
        let urls = escaping(|value| utf8_percent_encode(value, URL_VALUE).to_string());
        Self { text: environment(), urls, rich: escaping(markup::escaped) }
    }
}

fn syntax_config() -> SyntaxConfig {
    SyntaxConfig::builder()
        .variable_delimiters("{", "}")
        .block_delimiters("{%", "%}")
        .comment_delimiters("{#", "#}")
        .build()
        // The delimiters are constants; the tests would fail if they were not accepted.
        .unwrap_or_default()
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_syntax(syntax_config());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(text::write);
    filters::install(&mut environment);
    environment
}

/// Returns an environment that writes every value as `escape` returns it.
fn escaping(escape: fn(&str) -> String) -> Environment<'static> {
    let mut environment = environment();
    environment.set_formatter(move |output, _state, value| {
        output.write_str(&escape(&text::text_of(value)?)).map_err(Error::from)
    });
    environment
}

impl Templates {
    /// Compiles a message template under a name.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn add(&mut self, name: String, source: &str) -> Result<(), BadTemplate> {
        try_out(source)?;
        add(&mut self.text, name, source)
    }

    /// Compiles a message template under a name; with `is_rich` it may have bold and links.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn add_message(
        &mut self,
        name: String,
        source: &str,
        is_rich: bool,
    ) -> Result<(), BadTemplate> {
        if !is_rich {
            return self.add(name, source);
        }
        try_out(source)?;
        add(&mut self.rich, name, source)
    }

    /// Compiles the template of an action URL under a name.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn add_url(&mut self, name: String, source: &str) -> Result<(), BadTemplate> {
        try_out(source)?;
        add(&mut self.urls, name, source)
    }

    /// Returns whether there is a message template with this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Returns the names that a message template uses.
    #[must_use]
    pub fn asks_for(&self, name: &str) -> BTreeSet<String> {
        self.find(name)
            .map(|template| template.undeclared_variables(false).into_iter().collect())
            .unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<Template<'_, '_>> {
        self.text.get_template(name).or_else(|_| self.rich.get_template(name)).ok()
    }

    /// Renders a message.
    ///
    /// # Errors
    /// [`Rejected`] with the missing field, or another reason.
    pub fn render(&self, name: &str, scope: &Arc<TemplateScope>) -> Result<String, Rejected> {
        let is_rich = self.text.get_template(name).is_err();
        render(if is_rich { &self.rich } else { &self.text }, name, scope)
    }

    /// Renders an action URL.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub fn render_url(&self, name: &str, scope: &Arc<TemplateScope>) -> Result<String, Rejected> {
        render(&self.urls, name, scope)
    }
}

/// Compiles a checked template under a name.
fn add(
    environment: &mut Environment<'static>,
    name: String,
    source: &str,
) -> Result<(), BadTemplate> {
    let source = nested::with_optional_paths(source, &syntax_config()).into_owned();
    environment.add_template_owned(name, source).map_err(|error| bad_template(&error))
}

/// Checks a template before it is compiled, and renders it once without data: an unknown function
/// is only noticed when it is called.
fn try_out(source: &str) -> Result<(), BadTemplate> {
    syntax::check(source, &syntax_config())?;
    let mut environment = environment();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    // Filters would reject missing values.
    for name in filters::names() {
        environment.add_filter(name, |_: Value, _: Rest<ValueOrKwargs>| "");
    }
    let template = environment.template_from_str(source).map_err(|error| bad_template(&error))?;
    let tried = template.render_captured_to((), BoundedOutput::new(OUTPUT_MAX_BYTES));
    match tried {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::SyntaxError
                    | ErrorKind::UnknownFilter
                    | ErrorKind::UnknownFunction
                    | ErrorKind::UnknownTest
                    | ErrorKind::UnknownMethod
            ) =>
        {
            Err(bad_template(&error))
        }
        _ => Ok(()),
    }
}

fn render(
    environment: &Environment<'_>,
    name: &str,
    scope: &Arc<TemplateScope>,
) -> Result<String, Rejected> {
    let fault = |error: &Error| template_fault(error, scope);
    let template = environment.get_template(name).map_err(|error| fault(&error))?;
    scope.budget().reset();
    let mut output = BoundedOutput::new(OUTPUT_MAX_BYTES);
    let context = Value::from_dyn_object(Arc::clone(scope));
    template.render_captured_to(context, &mut output).map_err(|error| fault(&error))?;
    let mut text = output.into_text();
    // The final newline of a template file is not part of the message.
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

fn template_fault(error: &Error, scope: &TemplateScope) -> Rejected {
    if error.kind() == ErrorKind::UndefinedError {
        // No other name is looked up between the missing one and the error.
        let field = scope.budget().missing().unwrap_or_else(|| "a field".to_owned());
        let detail = format!("the template needs {field}, which the event does not have");
        return Rejected { kind: RejectedKind::Template, ..Rejected::missing(&field, detail) };
    }
    Rejected::whole(RejectedKind::Template, format!("the template failed: {}", describe(error)))
}

fn bad_template(error: &Error) -> BadTemplate {
    BadTemplate { detail: describe(error), line: error.line() }
}

fn describe(error: &Error) -> String {
    describe_with(error, OUTPUT_MAX_BYTES)
}

/// Describes an error of a rendering whose text has at most `max` bytes.
fn describe_with(error: &Error, max: usize) -> String {
    match error.kind() {
        ErrorKind::OutOfFuel => "it takes too many steps".to_owned(),
        ErrorKind::WriteFailure => format!("its text has more than {max} bytes"),
        kind => {
            error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}"))
        }
    }
}

/// Output with a maximum size.
struct BoundedOutput {
    text: Vec<u8>,
    max: usize,
}

impl BoundedOutput {
    /// Creates an output of up to `max` bytes.
    fn new(max: usize) -> Self {
        Self { text: Vec::new(), max }
    }

    fn into_text(self) -> String {
        // minijinja writes complete strings, so the output is UTF-8.
        String::from_utf8(self.text).unwrap_or_default()
    }
}

impl io::Write for BoundedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
