//! Sessions of another service: `session:{cookie value}` is a JSON object with the user.

use serde_json::{Map, Value};

use super::{Redis, RedisError, unavailable};
use crate::domain::{
    limits::{IDENTIFIER_MAX_CHARS, is_plain},
    user::{UserId, roles_of},
};

/// Maximum size of a cookie value that is looked up, in bytes.
const VALUE_MAX_BYTES: usize = 512;

/// User of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieSession {
    /// `user_id`, a string or a whole number.
    pub user_id: UserId,
    /// `login`.
    pub login: Option<String>,
    /// `roles`, or `role`.
    pub roles: Vec<String>,
}

impl CookieSession {
    /// Parses a session; `None` if it is invalid.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(text).ok()?;
        let login = fields.get("login").and_then(Value::as_str);
        Some(Self {
            user_id: UserId::from_json(fields.get("user_id")?).ok()?,
            login: login
                .filter(|login| !login.is_empty() && is_plain(login, IDENTIFIER_MAX_CHARS))
                .map(str::to_owned),
            roles: roles_of(|name| fields.get(name)).unwrap_or_default(),
        })
    }
}

/// Lookup of sessions.
#[derive(Debug, Clone)]
pub struct Sessions(Redis);

impl Sessions {
    /// Creates a lookup of sessions in this Redis.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self(redis)
    }

    /// Returns the session of a cookie value; `None` if there is none.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn find(&self, value: &str) -> Result<Option<CookieSession>, RedisError> {
        if value.is_empty() || value.len() > VALUE_MAX_BYTES {
            return Ok(None);
        }
        let mut connection = self.0.connection.clone();
        let text: Option<String> = redis::cmd("GET")
            .arg(format!("session:{value}"))
            .query_async(&mut connection)
            .await
            .map_err(unavailable)?;
        Ok(text.as_deref().and_then(CookieSession::parse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_is_parsed_in_both_spellings() {
        let session =
            CookieSession::parse(r#"{"user_id":7,"role":"admin","login":"budi","other":1}"#);
        let session = session.expect("it is a session");
        assert_eq!((session.user_id.as_str(), session.login.as_deref()), ("7", Some("budi")));
        assert_eq!(session.roles, ["admin"]);
        let roles = CookieSession::parse(r#"{"user_id":"u","roles":null,"role":"a"}"#)
            .map(|session| session.roles);
        assert_eq!(roles, Some(vec!["a".to_owned()]));
        let roles = CookieSession::parse(r#"{"user_id":"u","roles":["a","b"]}"#)
            .map(|session| session.roles);
        assert_eq!(roles, Some(vec!["a".to_owned(), "b".to_owned()]));
        for none in ["", "7", "{}", r#"{"user_id":""}"#, r#"{"user_id":1.5}"#, "not json"] {
            assert_eq!(CookieSession::parse(none), None, "{none}");
        }
    }
}
