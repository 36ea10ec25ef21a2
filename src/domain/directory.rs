//! Events that write to the directory: `users.upserted`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    event::{Event, other_spelling},
    limits::{
        ADDRESSES_MAX, EMAIL_MAX_CHARS, IDENTIFIER_MAX_CHARS, LOCALE_MAX_CHARS, ROLE_MAX_CHARS,
        ROLES_MAX, TIMEZONE_MAX_CHARS, bounded, is_email, is_language_tag, is_role,
    },
    rejected::Rejected,
    user::{Person, PersonPatch, UserId},
};

/// Reads the changes of a `users.upserted` event: one user, or several in `users`.
///
/// # Errors
/// [`Rejected`] with the invalid field.
pub fn patches(event: &Event) -> Result<Vec<PersonPatch>, Rejected> {
    match event.data.get("users") {
        Some(Value::Array(users)) => users
            .iter()
            .map(|user| match user {
                Value::Object(map) => patch(map, None),
                _ => Err(Rejected::invalid("users", "must be a list of objects")),
            })
            .collect(),
        Some(_) => Err(Rejected::invalid("users", "must be a list")),
        None => patch(&event.data, event.user_id.as_ref()).map(|patch| vec![patch]),
    }
}

/// Reads the changes of one user from an object; `user` is the user if already known.
///
/// # Errors
/// [`Rejected`] with the invalid field.
pub fn patch(map: &Map<String, Value>, user: Option<&UserId>) -> Result<PersonPatch, Rejected> {
    let find = |name: &str| {
        let other = other_spelling(name);
        map.get(name)
            .or_else(|| other.and_then(|other| map.get(&other)))
            .filter(|value| !value.is_null())
    };
    let user_id = match (user, find("user_id").or_else(|| find("id"))) {
        (Some(user), _) => user.clone(),
        (None, Some(value)) => {
            UserId::from_json(value).map_err(|detail| Rejected::invalid("user_id", detail))?
        }
        (None, None) => return Err(Rejected::missing("user_id", "users.upserted needs user_id")),
    };
    let text = |name: &str, max_chars: usize| match find(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.contains('\0') => bounded(text.clone(), max_chars)
            .map(Some)
            .map_err(|detail| Rejected::invalid(name, detail)),
        Some(_) => Err(Rejected::invalid(name, "must be a string without NUL")),
    };
    let roles = find("roles").or_else(|| find("role")).map(roles).transpose()?;
    let person = Person {
        user_id,
        login: text("login", IDENTIFIER_MAX_CHARS)?,
        name: text("name", IDENTIFIER_MAX_CHARS)?,
        email: text("email", EMAIL_MAX_CHARS)?,
        locale: text("locale", LOCALE_MAX_CHARS)?,
        timezone: text("timezone", TIMEZONE_MAX_CHARS)?,
        email_verified: find("email_verified").map(flag).transpose()?,
        addresses: find("addresses").map(addresses).transpose()?.unwrap_or_default(),
        roles: roles.clone().unwrap_or_default(),
    };
    check_shapes(&person)?;
    Ok(PersonPatch { set_roles: roles.is_some(), person })
}

/// Checks the e-mail address, the locale and the time zone; a text that is empty removes the value.
fn check_shapes(person: &Person) -> Result<(), Rejected> {
    let filled = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
    let wrong = |field: &str, detail: String| Err(Rejected::invalid(field, detail));
    if let Some(email) = filled(&person.email).filter(|email| !is_email(email.trim())) {
        return wrong("email", format!("{email:?} is no e-mail address"));
    }
    if let Some(locale) = filled(&person.locale).filter(|locale| !is_language_tag(locale)) {
        return wrong("locale", format!("{locale:?} is no language tag, such as id or pt-BR"));
    }
    match filled(&person.timezone).filter(|zone| zone.parse::<chrono_tz::Tz>().is_err()) {
        Some(zone) => {
            wrong("timezone", format!("{zone:?} is no IANA time zone, such as \"Asia/Jakarta\""))
        }
        None => Ok(()),
    }
}

fn flag(value: &Value) -> Result<bool, Rejected> {
    value.as_bool().ok_or_else(|| Rejected::invalid("email_verified", "must be true or false"))
}

fn addresses(value: &Value) -> Result<BTreeMap<String, String>, Rejected> {
    let wrong = || {
        let detail = format!(
            "must be an object with at most {ADDRESSES_MAX} texts of at most {EMAIL_MAX_CHARS} \
             characters"
        );
        Rejected::invalid("addresses", detail)
    };
    let Value::Object(map) = value else { return Err(wrong()) };
    let address = |(channel, address): (&String, &Value)| {
        let address = address.as_str().filter(|text| !text.contains('\0'))?;
        let fits = channel.chars().count() <= IDENTIFIER_MAX_CHARS && !channel.contains('\0');
        let address = bounded(address.to_owned(), EMAIL_MAX_CHARS).ok().filter(|_| fits)?;
        Some((channel.clone(), address))
    };
    let addresses: Option<BTreeMap<_, _>> = map.iter().map(address).collect();
    addresses.filter(|addresses| addresses.len() <= ADDRESSES_MAX).ok_or_else(wrong)
}

fn roles(value: &Value) -> Result<Vec<String>, Rejected> {
    let wrong = |detail: &str| Rejected::invalid("roles", detail);
    let roles: Vec<String> = match value {
        Value::String(role) => vec![role.clone()],
        Value::Array(values) => {
            let role = |value: &Value| value.as_str().map(str::to_owned);
            values
                .iter()
                .map(role)
                .collect::<Option<_>>()
                .ok_or_else(|| wrong("must be a list of strings"))?
        }
        _ => return Err(wrong("must be a list of strings")),
    };
    if roles.len() > ROLES_MAX || !roles.iter().all(|role| is_role(role)) {
        let detail = format!(
            "must have at most {ROLES_MAX} roles of 1 to {ROLE_MAX_CHARS} characters without \
             control characters"
        );
        return Err(wrong(&detail));
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::notification::Timestamp;

    fn event(data: &Value) -> Event {
        Event {
            id: String::new(),
            identity: None,
            name: "users.upserted".into(),
            code: "USERS_UPSERTED".into(),
            source: None,
            user_id: UserId::parse("u1").ok(),
            actor_id: None,
            recipients: Vec::new(),
            time: Timestamp(0),
            data: data.as_object().cloned().unwrap_or_default(),
            bytes: 0,
            publisher: None,
            direct: None,
            trace: None,
            destination: None,
        }
    }

    #[test]
    fn one_user_or_several() {
        let one = patches(&event(&json!({"login":"budi","roles":["admin"]})));
        assert_eq!(
            one.map(|p| (p[0].person.user_id.to_string(), p[0].set_roles)),
            Ok(("u1".into(), true))
        );
        let many = patches(&event(&json!({"users":[{"user_id":1,"login":"a"},{"userId":"2"}]})));
        assert_eq!(
            many.map(|p| p.iter().map(|p| p.person.user_id.to_string()).collect::<Vec<_>>()),
            Ok(vec!["1".into(), "2".into()])
        );
    }

    #[test]
    fn invalid_input_is_reported_by_field() {
        for (data, field) in [
            (json!({"users":[{}]}), "user_id"),
            (json!({"users":7}), "users"),
            (json!({"roles":[7]}), "roles"),
            (json!({"roles":["a\u{0}"]}), "roles"),
            (json!({"roles":["r".repeat(129)]}), "roles"),
            (json!({"roles":vec!["r"; 101]}), "roles"),
            (json!({"login":"x".repeat(257)}), "login"),
            (json!({"email":"x".repeat(321)}), "email"),
            (json!({"email":7}), "email"),
            (json!({"email":"not-an-address"}), "email"),
            (json!({"locale":"zzzzz"}), "locale"),
            (json!({"timezone":"Mars/Base"}), "timezone"),
            (json!({"roles":["night\nshift"]}), "roles"),
        ] {
            assert_eq!(
                patches(&event(&data)).err().and_then(|r| r.field).as_deref(),
                Some(field),
                "{data}"
            );
        }
    }
}
