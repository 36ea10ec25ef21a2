//! Text of values: booleans as `true` and `false`, objects and lists as JSON, names of people
//! with commas. A value that is missing has none.

use std::borrow::Cow;

use minijinja::{
    AutoEscape, Error, ErrorKind, Output, State, Value, escape_formatter, value::ValueKind,
};

use super::scope::Names;

/// Returns the text of a value.
///
/// # Errors
/// For a missing value, and for a list or an object that costs too much.
pub(super) fn text_of(value: &Value) -> Result<Cow<'_, str>, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => Err(Error::new(
            ErrorKind::InvalidOperation,
            "none has no text; write {name|default(\"…\")}",
        )),
        ValueKind::Bool => Ok(Cow::Borrowed(if value.is_true() { "true" } else { "false" })),
        ValueKind::String => {
            Ok(value.as_str().map_or_else(|| value.to_string().into(), Cow::Borrowed))
        }
        _ if value.downcast_object_ref::<Names>().is_some() => Ok(value.to_string().into()),
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => serde_json::to_string(value)
            .map(Cow::Owned)
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string())),
        _ => Ok(value.to_string().into()),
    }
}

/// Returns the text in the place of a value that is not one yet, for filters of texts.
///
/// # Errors
/// As [`text_of`].
pub(super) fn as_text(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Bool | ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => {
            Ok(Value::from(text_of(value)?))
        }
        _ => Ok(value.clone()),
    }
}

/// Writes a value into a message or an e-mail; in HTML it is escaped.
pub(super) fn write(
    output: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.is_safe() && value.kind() == ValueKind::String {
        return escape_formatter(output, state, value);
    }
    let text = text_of(value)?;
    match state.auto_escape() {
        AutoEscape::None => output.write_str(&text).map_err(Error::from),
        _ => escape_formatter(output, state, &Value::from(text)),
    }
}
