//! Users: IDs, entries of the directory, and identities of callers.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::limits::{ROLES_MAX, is_role};

/// Maximum length of a user ID, in characters.
pub const USER_ID_MAX_CHARS: usize = 128;

/// Largest whole number that JavaScript holds exactly: beyond it, the JSON number of one user is
/// read as that of another.
const EXACT_NUMBER_MAX: u64 = (1 << 53) - 1;

/// User ID: 1 to 128 characters without control characters.
///
/// Cheap to clone: every change, draft and session carries one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Arc<str>);

/// Error of a text that is not a user ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUserId {
    /// Empty.
    #[error("a user id must not be empty")]
    Empty,
    /// More than [`USER_ID_MAX_CHARS`] characters.
    #[error("a user id has at most {USER_ID_MAX_CHARS} characters")]
    TooLong,
    /// Contains a control character (U+0000 to U+001F, U+007F to U+009F).
    #[error("a user id must not contain control characters")]
    Control,
}

impl UserId {
    /// Validates a user ID.
    ///
    /// # Errors
    /// [`BadUserId`] if it is empty, too long or has a control character.
    pub fn parse(text: &str) -> Result<Self, BadUserId> {
        if text.is_empty() {
            Err(BadUserId::Empty)
        } else if text.chars().any(char::is_control) {
            Err(BadUserId::Control)
        } else if text.chars().count() > USER_ID_MAX_CHARS {
            Err(BadUserId::TooLong)
        } else {
            Ok(Self(Arc::from(text)))
        }
    }

    /// Returns the ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the ID in the format of the older API: a JSON number if it is a whole number that
    /// JavaScript can hold, else a string.
    #[must_use]
    pub fn to_legacy_json(&self) -> Value {
        match self.0.parse::<i64>() {
            // Only a number that is written back the same way: "007" and "+7" stay strings.
            Ok(number)
                if number.unsigned_abs() <= EXACT_NUMBER_MAX && number.to_string() == *self.0 =>
            {
                Value::from(number)
            }
            _ => Value::from(&*self.0),
        }
    }

    /// Parses an ID from a JSON string or a whole JSON number.
    ///
    /// # Errors
    /// A description for the publisher.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::parse(text).map_err(|error| error.to_string()),
            Value::Number(number) if number.is_i64() || number.is_u64() => {
                Self::parse(&number.to_string()).map_err(|error| error.to_string())
            }
            _ => Err("a user id must be a string or a whole number".to_owned()),
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).map_err(serde::de::Error::custom)
    }
}

/// User of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The user's id.
    pub user_id: UserId,
    /// Login.
    #[serde(default)]
    pub login: Option<String>,
    /// Display name.
    #[serde(default)]
    pub name: Option<String>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Roles; `admin` may administer and receives notifications for ADMIN.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Language tag such as `id`: selects the folder of templates.
    #[serde(default)]
    pub locale: Option<String>,
    /// IANA time zone such as `Asia/Jakarta`, used for dates in messages.
    #[serde(default)]
    pub timezone: Option<String>,
    /// Whether the e-mail address is known to be the user's; nothing is sent to one that is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// Further addresses by channel, such as `{"phone": "+62…"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, String>,
}

impl Person {
    /// Creates a user without any field but the ID.
    #[must_use]
    pub fn unknown(user_id: UserId) -> Self {
        Self {
            user_id,
            login: None,
            name: None,
            email: None,
            roles: Vec::new(),
            locale: None,
            timezone: None,
            email_verified: None,
            addresses: BTreeMap::new(),
        }
    }

    /// Returns the name for messages: the login, else the name, else the ID.
    #[must_use]
    pub fn display(&self) -> &str {
        let known = |text: &'_ Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        if known(&self.login) {
            self.login.as_deref().unwrap_or_default()
        } else if known(&self.name) {
            self.name.as_deref().unwrap_or_default()
        } else {
            self.user_id.as_str()
        }
    }
}

/// Partial update of a user; absent fields stay unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonPatch {
    /// New values; `roles` applies only with `set_roles`.
    pub person: Person,
    /// True if the roles are updated.
    pub set_roles: bool,
}

impl PersonPatch {
    /// Returns the user after the update, as the store makes it; `known` is the user before, if the
    /// directory has it.
    #[must_use]
    pub fn apply(&self, known: Option<&Person>) -> Person {
        let new = self.person.clone();
        let Some(known) = known else {
            let roles = if self.set_roles { new.roles.clone() } else { Vec::new() };
            return Person { roles, ..new };
        };
        let same_email = new.email.is_none() || new.email == known.email;
        let known = known.clone();
        Person {
            user_id: known.user_id,
            login: new.login.or(known.login),
            name: new.name.or(known.name),
            email: new.email.or(known.email),
            roles: if self.set_roles { new.roles } else { known.roles },
            locale: new.locale.or(known.locale),
            timezone: new.timezone.or(known.timezone),
            // Another address is not known to be the user's.
            email_verified: match new.email_verified {
                None if same_email => known.email_verified,
                verified => verified,
            },
            addresses: if new.addresses.is_empty() { known.addresses } else { new.addresses },
        }
    }
}

/// Role whose users may administer.
pub const ADMIN: &str = "admin";

/// Value of a session cookie, for checking the sign-in again. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey(Arc<str>);

impl SessionKey {
    /// Wraps the value of a cookie.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self(Arc::from(value))
    }

    /// Returns the value.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// Authenticated user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's id.
    pub user_id: UserId,
    /// Login, if known.
    pub login: Option<String>,
    /// Roles, from the token or the parameters of dev authentication.
    pub roles: Vec<String>,
    /// Expiry of the credentials, in seconds since 1970-01-01T00:00:00Z.
    pub expires_at: Option<i64>,
    /// Cookie session, if the user signed in with one.
    pub session: Option<SessionKey>,
}

impl Identity {
    /// Returns whether the user has the role `admin`.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == ADMIN)
    }
}

/// Returns `roles`, or else `role`, as a list; JSON null counts as absent, and invalid names are
/// left out.
#[must_use]
pub fn roles_of<'a>(field: impl Fn(&str) -> Option<&'a Value>) -> Option<Vec<String>> {
    let present = |name| field(name).filter(|value| !value.is_null());
    let roles: Vec<&str> = match present("roles").or_else(|| present("role"))? {
        Value::String(role) => vec![role],
        Value::Array(roles) => roles.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    Some(
        roles.into_iter().filter(|role| is_role(role)).take(ROLES_MAX).map(str::to_owned).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_to_128_characters_and_no_control_character() {
        assert_eq!(UserId::parse(""), Err(BadUserId::Empty));
        assert_eq!(UserId::parse("a\nb"), Err(BadUserId::Control));
        assert_eq!(UserId::parse("a\u{0}b"), Err(BadUserId::Control));
        assert!(UserId::parse(&"é".repeat(128)).is_ok());
        assert_eq!(UserId::parse(&"é".repeat(129)), Err(BadUserId::TooLong));
    }

    #[test]
    fn only_whole_numbers_that_javascript_holds_are_json_numbers_in_the_older_api() {
        for (id, expected) in [
            ("1", serde_json::json!(1)),
            ("-5", serde_json::json!(-5)),
            ("007", serde_json::json!("007")),
            ("1.5", serde_json::json!("1.5")),
            ("9007199254740991", serde_json::json!(9_007_199_254_740_991_i64)),
            ("9007199254740993", serde_json::json!("9007199254740993")),
            ("-9007199254740993", serde_json::json!("-9007199254740993")),
            ("-9223372036854775808", serde_json::json!("-9223372036854775808")),
            ("99999999999999999999", serde_json::json!("99999999999999999999")),
            ("budi", serde_json::json!("budi")),
        ] {
            assert_eq!(UserId::parse(id).map(|id| id.to_legacy_json()), Ok(expected));
        }
    }

    #[test]
    fn display_name_is_login_then_name_then_id() -> Result<(), BadUserId> {
        let mut person = Person::unknown(UserId::parse("u1")?);
        assert_eq!(person.display(), "u1");
        person.name = Some("Budi Santoso".into());
        assert_eq!(person.display(), "Budi Santoso");
        person.login = Some("budi".into());
        assert_eq!(person.display(), "budi");
        Ok(())
    }
}
