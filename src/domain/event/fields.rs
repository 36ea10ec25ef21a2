//! Fields with two spellings: `refund_id` and `refundId`.

use std::{borrow::Cow, collections::HashSet};

use serde_json::{Map, Value};

use crate::domain::{
    limits::{IDENTIFIER_MAX_CHARS, RECIPIENTS_MAX, bounded},
    rejected::Rejected,
    user::UserId,
};

/// Fields that name the recipients of an event, in both spellings.
const RECIPIENT_FIELDS: [&str; 4] =
    ["recipient_id", "recipientId", "recipient_ids", "recipientIds"];

/// Returns the data without the fields that name its recipients.
#[must_use]
pub fn without_recipients(data: &Map<String, Value>) -> Cow<'_, Map<String, Value>> {
    if !RECIPIENT_FIELDS.iter().any(|name| data.contains_key(*name)) {
        return Cow::Borrowed(data);
    }
    let others = data.iter().filter(|(name, _)| !RECIPIENT_FIELDS.contains(&name.as_str()));
    Cow::Owned(others.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Returns a name in the other spelling: `refund_id` for `refundId` and vice versa; `None` if both
/// are the same.
#[must_use]
pub fn other_spelling(name: &str) -> Option<String> {
    if name.contains('_') {
        let mut words = name.split('_');
        let mut camel = words.next().unwrap_or_default().to_owned();
        for word in words {
            let mut chars = word.chars();
            camel.extend(chars.next().into_iter().flat_map(char::to_uppercase));
            camel.push_str(chars.as_str());
        }
        (camel != name).then_some(camel)
    } else if name.chars().skip(1).any(char::is_uppercase) {
        let mut snake = String::with_capacity(name.len() + 4);
        for c in name.chars() {
            if c.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(c.to_lowercase());
        }
        Some(snake)
    } else {
        None
    }
}

/// Looks up a `snake_case` name in both spellings. Returns the spelling found, and the value; JSON
/// null counts as absent.
pub(super) fn find<'a>(map: &'a Map<String, Value>, name: &str) -> Option<(String, &'a Value)> {
    let present =
        |name: String| map.get(&name).filter(|value| !value.is_null()).map(|value| (name, value));
    present(name.to_owned()).or_else(|| other_spelling(name).and_then(present))
}

/// Removes a `snake_case` name in both spellings.
pub(super) fn remove(map: &mut Map<String, Value>, name: &str) {
    map.remove(name);
    if let Some(other) = other_spelling(name) {
        map.remove(&other);
    }
}

/// Reads a user ID. An empty string counts as absent: publishers without a user send one.
pub(super) fn user(map: &Map<String, Value>, name: &str) -> Result<Option<UserId>, Rejected> {
    match find(map, name) {
        None => Ok(None),
        Some((_, Value::String(text))) if text.is_empty() => Ok(None),
        Some((field, value)) => {
            UserId::from_json(value).map(Some).map_err(|detail| Rejected::invalid(&field, detail))
        }
    }
}

/// Returns the users that `recipient_id` and `recipient_ids` name, each once.
pub(super) fn recipients(map: &Map<String, Value>) -> Result<Vec<UserId>, Rejected> {
    let mut ids: Vec<UserId> = user(map, "recipient_id")?.into_iter().collect();
    match find(map, "recipient_ids") {
        None => {}
        Some((field, Value::Array(values))) => {
            if values.len() > RECIPIENTS_MAX {
                let count = values.len();
                let detail = format!(
                    "names {count} recipients; at most {RECIPIENTS_MAX} are possible: publish \
                     several events, or give \
                     the type the target ROLE or ALL"
                );
                return Err(Rejected::invalid(&field, detail));
            }
            let mut seen: HashSet<UserId> = ids.iter().cloned().collect();
            for value in values {
                let id =
                    UserId::from_json(value).map_err(|detail| Rejected::invalid(&field, detail))?;
                if seen.insert(id.clone()) {
                    ids.push(id);
                }
            }
        }
        Some((field, _)) => return Err(Rejected::invalid(&field, "must be a list of user ids")),
    }
    Ok(ids)
}

/// Reads an identifier, if present.
pub(super) fn text(map: &Map<String, Value>, name: &str) -> Result<Option<String>, Rejected> {
    match find(map, name) {
        None => Ok(None),
        Some((_, Value::String(text))) if text.is_empty() => Ok(None),
        Some((field, Value::String(text))) => identifier(&field, text.clone()).map(Some),
        Some((_, Value::Number(number))) => Ok(Some(number.to_string())),
        Some((field, _)) => Err(Rejected::invalid(&field, "must be a string")),
    }
}

/// Checks the length of an identifier.
pub(super) fn identifier(field: &str, text: String) -> Result<String, Rejected> {
    bounded(text, IDENTIFIER_MAX_CHARS).map_err(|detail| Rejected::invalid(field, detail))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_spellings_map_to_each_other() {
        assert_eq!(other_spelling("refund_id").as_deref(), Some("refundId"));
        assert_eq!(other_spelling("refundId").as_deref(), Some("refund_id"));
        assert_eq!(other_spelling("amount"), None);
        assert_eq!(other_spelling(""), None);
    }

    proptest! {
        #[test]
        fn spelling_conversion_round_trips(name in "[a-z]{1,6}(_[a-z]{1,6}){1,3}") {
            let camel = other_spelling(&name);
            prop_assert!(camel.is_some());
            prop_assert_eq!(other_spelling(&camel.unwrap_or_default()), Some(name));
        }
    }
}
