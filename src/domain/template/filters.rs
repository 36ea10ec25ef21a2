//! Filters, tests and functions of templates: `{amount|currency("IDR")}`, `{time|date("%d %b
//! %H:%M")}`, `{n|plural("like","likes")}`; those of minijinja that can be bounded.

mod currency;

use chrono::{DateTime, NaiveDate, Utc, format::StrftimeItems};
use chrono_tz::Tz;
use minijinja::{
    Environment, Error, ErrorKind, State,
    value::{Rest, Value, ValueKind, ValueOrKwargs},
};

use currency::currency;

use super::{
    budget::{VALUE_MAX, charge},
    nested,
    scope::counted,
    text::{as_text, text_of},
};

/// Names of the filters defined here.
const OWN: [&str; 9] =
    ["currency", "date", "plural", "truncate", "plus", "minus", "times", "join", "replace"];

/// Names of the filters of minijinja that are allowed: none returns more than it gets.
const LIBRARY: [&str; 35] = [
    "abs",
    "attr",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "int",
    "items",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
    "urlencode",
];

/// Filters of minijinja that take any value as a text.
const OF_TEXTS: [&str; 6] = ["capitalize", "lower", "string", "title", "trim", "upper"];

/// Maximum number of elements of `range`.
const RANGE_MAX: i64 = 10_000;

/// Returns the names of all filters.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OWN.into_iter().chain(LIBRARY)
}

/// Returns whether a filter has this name.
pub(super) fn is_known(name: &str) -> bool {
    names().any(|known| known == name)
}

/// Adds the filters, tests and functions of templates to an environment that has none.
pub(super) fn install(environment: &mut Environment<'_>) {
    environment.add_filter(nested::FILTER, nested::look_up);
    environment.add_filter("currency", currency);
    environment.add_filter("date", date);
    environment.add_filter("plural", plural);
    environment.add_filter("truncate", truncate);
    environment.add_filter("plus", |a: &Value, b: &Value| {
        arithmetic(a, b, i128::checked_add, |a, b| a + b)
    });
    environment.add_filter("minus", |a: &Value, b: &Value| {
        arithmetic(a, b, i128::checked_sub, |a, b| a - b)
    });
    environment.add_filter("times", |a: &Value, b: &Value| {
        arithmetic(a, b, i128::checked_mul, |a, b| a * b)
    });
    environment.add_filter("join", join);
    environment.add_filter("replace", replace);
    install_library(environment);
    environment.add_function("range", range);
}

/// Adds the filters and tests of minijinja that can be bounded.
fn install_library(environment: &mut Environment<'_>) {
    use minijinja::{filters, tests};
    macro_rules! bounded {
        ($($name:literal => $filter:path),* $(,)?) => {
            $(add_bounded(environment, $name, Value::from_function($filter));)*
        };
    }
    bounded! {
        "abs" => filters::abs, "attr" => filters::attr, "bool" => filters::bool,
        "capitalize" => filters::capitalize, "count" => filters::length, "d" => filters::default,
        "default" => filters::default, "dictsort" => filters::dictsort, "first" => filters::first,
        "float" => filters::float, "int" => filters::int, "items" => filters::items, "last" =>
            filters::last,
        "length" => filters::length, "lines" => filters::lines, "list" => filters::list,
            "lower" => filters::lower,
        "map" => filters::map, "max" => filters::max, "min" => filters::min, "reject" =>
            filters::reject,
        "rejectattr" => filters::rejectattr, "reverse" => filters::reverse, "round" =>
            filters::round,
        "select" => filters::select, "selectattr" => filters::selectattr, "sort" => filters::sort,
        "split" => filters::split, "string" => filters::string, "sum" => filters::sum, "title" =>
            filters::title,
        "trim" => filters::trim, "unique" => filters::unique, "upper" => filters::upper,
        "urlencode" => filters::urlencode,
    }
    macro_rules! tests {
        ($($name:literal => $test:path),* $(,)?) => { $(environment.add_test($name, $test);)* };
    }
    tests! {
        "undefined" => tests::is_undefined, "defined" => tests::is_defined, "none" =>
            tests::is_none,
        "boolean" => tests::is_boolean, "odd" => tests::is_odd, "even" => tests::is_even,
        "divisibleby" => tests::is_divisibleby, "number" => tests::is_number, "integer" =>
            tests::is_integer,
        "int" => tests::is_integer, "float" => tests::is_float, "string" => tests::is_string,
        "sequence" => tests::is_sequence, "iterable" => tests::is_iterable, "mapping" =>
            tests::is_mapping,
        "startingwith" => tests::is_startingwith, "endingwith" => tests::is_endingwith, "eq" =>
            tests::is_eq,
        "equalto" => tests::is_eq, "ne" => tests::is_ne, "lt" => tests::is_lt, "lessthan" =>
            tests::is_lt,
        "le" => tests::is_le, "gt" => tests::is_gt, "greaterthan" => tests::is_gt, "ge" =>
            tests::is_ge,
        "in" => tests::is_in, "true" => tests::is_true, "false" => tests::is_false,
    }
}

/// Adds a filter that charges the budget for what it reads and what it returns.
fn add_bounded(environment: &mut Environment<'_>, name: &'static str, filter: Value) {
    environment.add_filter(
        name,
        move |state: &mut State<'_, '_>, value: &Value, arguments: Rest<ValueOrKwargs>| {
            charge(state, value)?;
            let value = if OF_TEXTS.contains(&name) { as_text(value)? } else { value.clone() };
            let arguments: Vec<Value> =
                std::iter::once(value).chain(arguments.into_values()).collect();
            let result = filter.call(state, &arguments)?;
            charge(state, &result)?;
            if matches!(result.kind(), ValueKind::Seq | ValueKind::Iterable) {
                counted(state, &result)
            } else {
                Ok(result)
            }
        },
    );
}

/// Adds the numbers `a` and `b`, or does what `whole` and `real` do, to numbers only: a text would
/// be repeated.
fn arithmetic(
    a: &Value,
    b: &Value,
    whole: fn(i128, i128) -> Option<i128>,
    real: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    present(a)?;
    present(b)?;
    let not_numbers = || invalid(format!("{a} and {b} are not both numbers"));
    if a.kind() != ValueKind::Number || b.kind() != ValueKind::Number {
        return Err(not_numbers());
    }
    if a.is_integer() && b.is_integer() {
        let (a, b) = (i128::try_from(a.clone())?, i128::try_from(b.clone())?);
        return whole(a, b)
            .map(Value::from)
            .ok_or_else(|| invalid(format!("{a} and {b} are too large")));
    }
    Ok(Value::from(real(f64::try_from(a.clone())?, f64::try_from(b.clone())?)))
}

/// Joins the elements of a list, with a text between them.
fn join(state: &State<'_, '_>, value: &Value, between: Option<&str>) -> Result<String, Error> {
    present(value)?;
    let mut text = String::new();
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            text.push_str(between.unwrap_or_default());
        }
        text.push_str(&text_of(&item)?);
        if text.len() > VALUE_MAX {
            return Err(invalid("join: the text is too long for a message".to_owned()));
        }
    }
    charge(state, &Value::from(text.as_str()))?;
    Ok(text)
}

/// Replaces a text within a text.
fn replace(state: &State<'_, '_>, value: &Value, from: &str, to: &str) -> Result<String, Error> {
    present(value)?;
    charge(state, value)?;
    let text = text_of(value)?;
    let grown = text.matches(from).count().saturating_mul(to.len().saturating_sub(from.len()));
    if text.len().saturating_add(grown) > VALUE_MAX {
        return Err(invalid("replace: the text is too long for a message".to_owned()));
    }
    let replaced = text.replace(from, to);
    charge(state, &Value::from(replaced.as_str()))?;
    Ok(replaced)
}

/// Returns whole numbers from `lower`, up to but without `upper`; with one argument from 0.
fn range(lower: i64, upper: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (from, to) = upper.map_or((0, lower), |upper| (lower, upper));
    let step = step.unwrap_or(1);
    let distance = if step > 0 { to.saturating_sub(from) } else { from.saturating_sub(to) };
    let stride = i64::try_from(step.unsigned_abs()).unwrap_or(i64::MAX);
    if stride == 0 {
        return Err(invalid("range: the step must not be 0".to_owned()));
    }
    let count = if distance > 0 { (distance - 1) / stride + 1 } else { 0 };
    if count > RANGE_MAX {
        return Err(invalid(format!("range: at most {RANGE_MAX} numbers are possible")));
    }
    Ok((0..count).map(|index| from.saturating_add(index.saturating_mul(step))).collect())
}

fn invalid(detail: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

/// Fails for a missing field, whatever filter it is passed to.
fn present(value: &Value) -> Result<(), Error> {
    if value.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok(()) }
}

fn date(state: &State<'_, '_>, value: &Value, format: Option<&str>) -> Result<String, Error> {
    present(value)?;
    let zone: Tz = state
        .lookup("recipient")
        .and_then(|recipient| recipient.get_attr("timezone").ok())
        .and_then(|zone| zone.as_str().and_then(|name| name.parse().ok()))
        .unwrap_or(Tz::UTC);
    let time = moment(value).ok_or_else(|| {
        invalid(format!(
            "date: {value} is not a time; send RFC 3339, such as \
        2026-01-01T00:00:00Z, or Unix seconds"
        ))
    })?;
    let format = format.unwrap_or("%Y-%m-%d %H:%M");
    let items = StrftimeItems::new(format)
        .parse()
        .map_err(|_| invalid(format!("date: {format:?} is not a format")))?;
    Ok(time.with_timezone(&zone).format_with_items(items.iter()).to_string())
}

fn moment(value: &Value) -> Option<DateTime<Utc>> {
    if let Some(text) = value.as_str() {
        return DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok().or_else(|| {
            let day = text.parse::<NaiveDate>().ok()?;
            Some(day.and_hms_opt(0, 0, 0)?.and_utc())
        });
    }
    let number = value.as_i64()?;
    // Large numbers are milliseconds, others seconds; the limit is the year 5138 in seconds.
    if number.abs() >= 100_000_000_000 {
        DateTime::from_timestamp_millis(number)
    } else {
        DateTime::from_timestamp(number, 0)
    }
}

fn plural(value: &Value, one: &str, many: &str) -> Result<String, Error> {
    present(value)?;
    let count = f64::try_from(value.clone())
        .map_err(|_| invalid(format!("plural: {value} is not a number")))?;
    Ok(if (count - 1.0).abs() < f64::EPSILON { one } else { many }.to_owned())
}

fn truncate(value: &Value, length: Option<usize>) -> Result<String, Error> {
    present(value)?;
    let text = text_of(value)?;
    let length = length.unwrap_or(80).max(1);
    if text.chars().count() <= length {
        return Ok(text.into_owned());
    }
    let kept: String = text.chars().take(length - 1).collect();
    Ok(format!("{}…", kept.trim_end()))
}

#[cfg(test)]
mod tests;
