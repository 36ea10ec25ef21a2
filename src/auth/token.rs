//! JSON Web Tokens (RFC 7519): claims, and signing.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    config,
    domain::{
        limits::{
            EMAIL_MAX_CHARS, IDENTIFIER_MAX_CHARS, LOCALE_MAX_CHARS, TIMEZONE_MAX_CHARS, is_email,
            is_language_tag, is_plain,
        },
        notification::Timestamp,
        user::{Identity, Person, PersonPatch, UserId, roles_of},
    },
};

/// Tolerance for clock differences, in seconds: a token is valid for so long after its end and
/// before its beginning.
pub(super) const LEEWAY_SECONDS: f64 = 5.0;

/// Reason for which a token is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Tokens are not configured.
    #[error("this hub takes no tokens; add \"jwt\" to auth.methods")]
    NotConfigured,
    /// Malformed.
    #[error("it is neither a JSON Web Token nor a known API key")]
    Malformed,
    /// No key fits the header.
    #[error("the hub has no key for its algorithm (alg) and key ID (kid)")]
    NoKey,
    /// Signed with another secret or key.
    #[error(
        "its signature does not match: it was signed with another secret or key than the hub's"
    )]
    Signature,
    /// Expired.
    #[error("it expired at {}", .0.to_rfc3339())]
    Expired(Timestamp),
    /// Not valid yet.
    #[error("it is not valid before {}", .0.to_rfc3339())]
    TooEarly(Timestamp),
    /// Wrong issuer.
    #[error("its issuer (iss) is not the hub's auth.jwt_issuer")]
    Issuer,
    /// Wrong audience.
    #[error("its audience (aud) is not the hub's auth.jwt_audience")]
    Audience,
    /// Unknown key, and the issuer is unavailable.
    #[error("its key cannot be fetched now; try again")]
    KeysAway,
    /// Missing or invalid claim.
    #[error("its claim {0} is missing or cannot be used")]
    Claim(&'static str),
    /// The header demands an unknown extension (RFC 7515, section 4.1.11).
    #[error("its header demands an extension (crit) that is not known here")]
    Critical,
}

/// Claims of a token (RFC 7519, section 4); unknown ones are ignored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// ID of the user, a string or a whole number.
    #[serde(default)]
    pub sub: Value,
    /// All other claims.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Claims {
    /// Returns a text claim; one that is too long is left out.
    fn text(&self, name: &str, max_chars: usize) -> Option<String> {
        let text = self.other.get(name).and_then(Value::as_str)?;
        (!text.is_empty() && is_plain(text, max_chars)).then(|| text.to_owned())
    }

    /// Returns `roles`, or else `role`, as a list; JSON null counts as absent.
    fn roles(&self) -> Option<Vec<String>> {
        roles_of(|name| self.other.get(name))
    }

    fn login(&self) -> Option<String> {
        ["login", "preferred_username"]
            .into_iter()
            .find_map(|name| self.text(name, IDENTIFIER_MAX_CHARS))
    }

    /// Returns a time in seconds since 1970 (RFC 7519, section 2, `NumericDate`: it may have a
    /// fraction). JSON null counts as absent.
    ///
    /// # Errors
    /// When it is not a number.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<f64>, TokenError> {
        match self.other.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_f64()
                .filter(|time| time.is_finite())
                .map(Some)
                .ok_or(TokenError::Claim(name)),
        }
    }

    /// Returns the user of the token. The identity ends with the token, plus the tolerance.
    ///
    /// # Errors
    /// When `sub` is not a user ID, or `exp` not a time.
    pub fn identity(&self) -> Result<Identity, TokenError> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the cast saturates; a time beyond i64 never comes"
        )]
        let end = |time: f64| (time + LEEWAY_SECONDS).ceil() as i64;
        Ok(Identity {
            user_id: UserId::from_json(&self.sub).map_err(|_| TokenError::Claim("sub"))?,
            login: self.login(),
            roles: self.roles().unwrap_or_default(),
            expires_at: self.time("exp")?.map(end),
            session: None,
        })
    }

    /// Returns the update of the directory. A claim that is no address, language tag or time zone
    /// is left out.
    ///
    /// # Errors
    /// When `sub` is not a user ID.
    pub fn patch(&self) -> Result<PersonPatch, TokenError> {
        let roles = self.roles();
        Ok(PersonPatch {
            set_roles: roles.is_some(),
            person: Person {
                user_id: self.identity()?.user_id,
                login: self.login(),
                name: self.text("name", IDENTIFIER_MAX_CHARS),
                email: self.text("email", EMAIL_MAX_CHARS).filter(|email| is_email(email)),
                roles: roles.unwrap_or_default(),
                locale: self.text("locale", LOCALE_MAX_CHARS).filter(|tag| is_language_tag(tag)),
                timezone: self
                    .text("zoneinfo", TIMEZONE_MAX_CHARS)
                    .filter(|zone| zone.parse::<chrono_tz::Tz>().is_ok()),
                email_verified: None,
                addresses: std::collections::BTreeMap::new(),
            },
        })
    }
}

/// Signs a token with the configured secret.
///
/// # Errors
/// When there is no secret, or the claims cannot be signed.
pub fn mint(config: &config::Auth, claims: &Claims) -> Result<String, TokenError> {
    if config.jwt_secret.is_empty() {
        return Err(TokenError::NotConfigured);
    }
    let key = EncodingKey::from_secret(config.jwt_secret.reveal().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)
        .map_err(|_| TokenError::Malformed)
}
