//! Fields that a template needs: found by rendering it without each of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use minijinja::{
    Environment, Error, ErrorKind, Value,
    value::{Enumerator, Object, ObjectRepr, Rest, ValueOrKwargs},
};

use super::{environment, filters, nested, syntax_config};

/// Filter that replaces a missing value.
const DEFAULT: &str = "default";

/// Names that a template has without the data of the event, unless the data replace them.
pub const PROVIDED: [&str; 11] = [
    "user",
    "username",
    "user_id",
    "actor",
    "actor_name",
    "actor_id",
    "event",
    "time",
    "recipient",
    "count",
    "actors",
];

/// Fields of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Fields without which it cannot be rendered.
    pub required: BTreeSet<String>,
    /// Fields that it uses if they are there.
    pub optional: BTreeSet<String>,
}

/// Returns the fields of a template; none if it does not compile.
#[must_use]
pub fn needs(source: &str) -> Needs {
    let mut environment = environment();
    environment.set_formatter(|_, _, value| {
        if value.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok(()) }
    });
    // Filters would reject the values, which are only stand-ins.
    for name in filters::names().filter(|name| *name != DEFAULT) {
        environment.add_filter(name, |value: Value, _: Rest<ValueOrKwargs>| {
            if value.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok("") }
        });
    }
    let source = &*nested::with_optional_paths(source, &syntax_config());
    let Ok(template) = environment.template_from_str(source) else { return Needs::default() };
    let all: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
    if lacks(&environment, source, &all) {
        // Nothing can be told by trying.
        return Needs { required: all, optional: BTreeSet::new() };
    }
    let without = |present: &BTreeSet<String>, name: &str| {
        let mut present = present.clone();
        present.remove(name);
        lacks(&environment, source, &present)
    };
    let candidates: BTreeSet<String> =
        all.iter().filter(|name| without(&all, name)).cloned().collect();
    // A field behind a condition is not needed while the condition is not met.
    let required: BTreeSet<String> =
        candidates.iter().filter(|name| without(&candidates, name)).cloned().collect();
    let optional = all.difference(&required).cloned().collect();
    Needs { required, optional }
}

/// Returns whether a template lacks a field when only these are there.
fn lacks(environment: &Environment<'_>, source: &str, present: &BTreeSet<String>) -> bool {
    let stand_in = || Value::from_object(StandIn);
    let context: BTreeMap<String, Value> =
        present.iter().map(|name| (name.clone(), stand_in())).collect();
    let rendered = environment.render_str(source, Value::from(context));
    rendered.is_err_and(|error| error.kind() == ErrorKind::UndefinedError)
}

/// Value that has every attribute.
#[derive(Debug)]
struct StandIn;

impl Object for StandIn {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from_object(Self))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(vec![Value::from_object(Self)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_required_unless_they_have_a_default_or_a_condition() {
        for (source, required, optional) in [
            ("no fields", &[][..], &[][..]),
            ("{title} by {author.name}", &["author", "title"], &[]),
            (r#"{title|default("?")} {amount|currency("IDR")}"#, &["amount"], &["title"]),
            (r#"{order.note|default("?")} {order.id}"#, &["order"], &[]),
            (r#"{order.note|default("?")} {id}"#, &["id"], &["order"]),
            (
                "{% if note is defined %}{note} {detail}{% endif %}{id}",
                &["id"],
                &["detail", "note"],
            ),
            ("{% for item in items %}{item.name}{% endfor %}", &["items"], &[]),
            ("{broken", &[], &[]),
        ] {
            let found = needs(source);
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let expected = Needs { required: names(required), optional: names(optional) };
            assert_eq!(found, expected, "{source}");
        }
    }
}
