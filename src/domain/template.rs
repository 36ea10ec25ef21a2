//! Message templates: `{name}` from the event's data, strict about what is missing.
//!
//! minijinja with single braces for variables; `{% %}` and `{# #}` keep their meaning, so a template file may have
//! conditions and loops.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use minijinja::{
    Environment, Error, ErrorKind, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
    value::{Enumerator, Object, ObjectRepr, Rest, Serde},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json};

use super::{
    event::{Event, other_spelling},
    rejected::{Rejected, RejectedKind},
    user::Person,
};

/// Instructions one render may take: a loop over a long list is fine, a loop that never ends is not.
const FUEL: u64 = 200_000;

/// What a value must not bring into a URL: everything that RFC 3986 does not call unreserved.
const URL_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A template that does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct BadTemplate {
    /// What is wrong.
    pub detail: String,
    /// Line in the template, from 1.
    pub line: Option<usize>,
    /// Byte offset in the template.
    pub offset: Option<usize>,
}

/// Compiled templates, by name.
#[derive(Debug)]
pub struct Templates {
    text: Environment<'static>,
    /// The same syntax, with every value percent-encoded: a refund id must not add a query to a link.
    urls: Environment<'static>,
}

impl Default for Templates {
    fn default() -> Self {
        let mut urls = environment();
        urls.set_formatter(|output, _state, value| {
            if value.is_undefined() {
                return Err(Error::from(ErrorKind::UndefinedError));
            }
            write!(output, "{}", utf8_percent_encode(&value.to_string(), URL_VALUE)).map_err(Error::from)
        });
        Self { text: environment(), urls }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .variable_delimiters("{", "}")
        .block_delimiters("{%", "%}")
        .comment_delimiters("{#", "#}")
        .build()
        .unwrap_or_default(); // The delimiters are constants; the tests below would fail if they were not accepted.
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    // Debug information would look names up after an error, and so spoil the record of what was missing.
    environment.set_debug(false);
    environment.set_fuel(Some(FUEL));
    super::filters::install(&mut environment);
    environment
}

impl Templates {
    /// Compiles a message template under a name.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn add(&mut self, name: String, source: String) -> Result<(), BadTemplate> {
        try_out(&source)?;
        self.text.add_template_owned(name, source).map_err(|error| bad_template(&error))
    }

    /// Compiles the template of an action URL under a name.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn add_url(&mut self, name: String, source: String) -> Result<(), BadTemplate> {
        try_out(&source)?;
        self.urls.add_template_owned(name, source).map_err(|error| bad_template(&error))
    }

    /// Whether there is a message template of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.text.get_template(name).is_ok()
    }

    /// The names that a message template asks its event for.
    #[must_use]
    pub fn asks_for(&self, name: &str) -> BTreeSet<String> {
        self.text
            .get_template(name)
            .map(|template| template.undeclared_variables(false).into_iter().collect())
            .unwrap_or_default()
    }

    /// Renders a message.
    ///
    /// # Errors
    /// A [`Rejected`] that names the missing field, or says what else went wrong.
    pub fn render(&self, name: &str, scope: &Arc<Scope>) -> Result<String, Rejected> {
        render(&self.text, name, scope)
    }

    /// Renders an action URL.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub fn render_url(&self, name: &str, scope: &Arc<Scope>) -> Result<String, Rejected> {
        render(&self.urls, name, scope)
    }
}

/// A filter that is not there is only noticed when it is used; so a template is used once, with nothing, before it is taken. What
/// stands in a branch that nothing leads to is not noticed then.
fn try_out(source: &str) -> Result<(), BadTemplate> {
    let mut environment = environment();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    // Ours ask for values that are there.
    for name in super::filters::NAMES {
        environment.add_filter(name, |_: Value, _: Rest<Value>| "");
    }
    let tried = environment.render_str(source, ());
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

fn render(environment: &Environment<'_>, name: &str, scope: &Arc<Scope>) -> Result<String, Rejected> {
    let fault = |error: &Error| template_fault(error, scope);
    let template = environment.get_template(name).map_err(|error| fault(&error))?;
    scope.missing.lock().unwrap_or_else(PoisonError::into_inner).take();
    let text = template.render(Value::from_dyn_object(Arc::clone(scope))).map_err(|error| fault(&error))?;
    // A template file ends in a newline; a message does not.
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn template_fault(error: &Error, scope: &Scope) -> Rejected {
    if error.kind() == ErrorKind::UndefinedError {
        // Nothing else looks a name up between the one that was missing and the error.
        let missing = scope.missing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let field = missing.unwrap_or_else(|| "a field".to_owned());
        return Rejected {
            kind: RejectedKind::Template,
            detail: format!("the template needs {field}, which the event does not have"),
            field: Some(field),
            index: None,
        };
    }
    Rejected::whole(RejectedKind::Template, format!("the template failed: {}", describe(error)))
}

fn bad_template(error: &Error) -> BadTemplate {
    BadTemplate { detail: describe(error), line: error.line(), offset: error.range().map(|range| range.start) }
}

fn describe(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}

/// What a template can name: the event's data first, then the people and the event itself.
#[derive(Debug)]
pub struct Scope {
    event: Arc<Event>,
    user: Option<Person>,
    actor: Option<Person>,
    recipient: Person,
    /// The last name that was asked for and not there, for the error.
    missing: Arc<Mutex<Option<String>>>,
}

impl Scope {
    /// The scope of one event for one recipient.
    #[must_use]
    pub fn new(event: &Arc<Event>, user: Option<Person>, actor: Option<Person>, recipient: Person) -> Arc<Self> {
        Arc::new(Self { event: Arc::clone(event), user, actor, recipient, missing: Arc::default() })
    }

    /// The event's own attributes, as `{event.time}` reaches them.
    fn attributes(&self) -> Json {
        let event = &self.event;
        serde_json::json!({
            "id": event.id, "name": event.name, "type": event.code, "code": event.code, "source": event.source,
            "time": event.time, "user_id": event.user_id, "actor_id": event.actor_id,
        })
    }

    fn lookup(&self, name: &str) -> Option<Value> {
        let present = |name: &str| {
            let value = self.event.data.get(name).filter(|value| !value.is_null())?;
            Some(Inside::value(name, value, &self.missing))
        };
        if let Some(value) = present(name).or_else(|| other_spelling(name).and_then(|other| present(&other))) {
            return Some(value);
        }
        let inside = |value: &Json| Inside::value(name, value, &self.missing);
        let of = |person: &Person| serde_json::to_value(person).ok().map(|value| inside(&value));
        let person = |person: &Option<Person>| person.as_ref().and_then(of);
        let called = |person: &Option<Person>| person.as_ref().map(|person| Value::from(person.display()));
        let id = |person: &Option<Person>| person.as_ref().map(|person| Value::from(person.user_id.as_str()));
        match name {
            "recipient" => of(&self.recipient),
            "actor" => person(&self.actor),
            "user" => person(&self.user),
            "event" => Some(inside(&self.attributes())),
            "username" => called(&self.user),
            "actor_name" => called(&self.actor),
            "user_id" => id(&self.user),
            "actor_id" => id(&self.actor),
            "time" => Some(Value::from(self.event.time.to_rfc3339())),
            _ => None,
        }
    }
}

impl Object for Scope {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let value = self.lookup(name);
        if value.is_none() {
            *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
        }
        value
    }
}

/// An object inside the data, which also records what it was asked for and did not have.
#[derive(Debug)]
struct Inside {
    path: String,
    map: Map<String, Json>,
    missing: Arc<Mutex<Option<String>>>,
}

impl Inside {
    fn value(path: &str, value: &Json, missing: &Arc<Mutex<Option<String>>>) -> Value {
        match value {
            Json::Object(map) => {
                Value::from_object(Self { path: path.to_owned(), map: map.clone(), missing: Arc::clone(missing) })
            }
            other => Value::from(Serde(other)),
        }
    }
}

impl Object for Inside {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let path = format!("{}.{name}", self.path);
        let present = |name: &str| self.map.get(name).filter(|value| !value.is_null());
        let found = present(name).or_else(|| other_spelling(name).and_then(|other| present(&other)));
        if found.is_none() {
            *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.clone());
        }
        found.map(|value| Self::value(&path, value, &self.missing))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.map.keys().map(|key| Value::from(key.as_str())).collect())
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
