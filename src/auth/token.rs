//! Tokens: JSON Web Tokens (RFC 7519): what they say, and making one.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    config,
    domain::user::{Identity, Person, PersonPatch, UserId},
};

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Tokens are not configured.
    #[error("this hub takes no tokens; add \"jwt\" to auth.methods")]
    NotConfigured,
    /// It is not a token, or its signature is wrong.
    #[error("it is not valid")]
    Invalid,
    /// It is over.
    #[error("it has expired")]
    Expired,
    /// It is for later.
    #[error("it is not valid yet")]
    TooEarly,
    /// It comes from somebody else, or is for somebody else.
    #[error("its issuer or audience is another")]
    NotForUs,
    /// Its key is not there, and the issuer cannot be asked for it now.
    #[error("its key cannot be fetched now; try again")]
    KeysAway,
    /// A claim is missing or unusable.
    #[error("its claim {0} is missing or cannot be used")]
    Claim(&'static str),
}

/// What a token says. Claims that the hub does not know stay unread.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The user's id.
    pub sub: Value,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Claims {
    fn text(&self, name: &str) -> Option<String> {
        self.other.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// `roles` or `role`, as a list or as one text.
    fn roles(&self) -> Option<Vec<String>> {
        match self.other.get("roles").or_else(|| self.other.get("role"))? {
            Value::String(role) => Some(vec![role.clone()]),
            Value::Array(roles) => Some(roles.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            _ => None,
        }
    }

    fn login(&self) -> Option<String> {
        self.text("login").or_else(|| self.text("preferred_username"))
    }

    /// Who it names.
    ///
    /// # Errors
    /// When `sub` is no user id.
    pub fn identity(&self) -> Result<Identity, TokenError> {
        Ok(Identity {
            user_id: UserId::from_json(&self.sub).map_err(|_| TokenError::Claim("sub"))?,
            login: self.login(),
            roles: self.roles().unwrap_or_default(),
            expires_at: self.exp,
        })
    }

    /// What it tells the directory.
    ///
    /// # Errors
    /// When `sub` is no user id.
    pub fn patch(&self) -> Result<PersonPatch, TokenError> {
        let roles = self.roles();
        Ok(PersonPatch {
            set_roles: roles.is_some(),
            person: Person {
                user_id: self.identity()?.user_id,
                login: self.login(),
                name: self.text("name"),
                email: self.text("email"),
                roles: roles.unwrap_or_default(),
                locale: self.text("locale"),
                timezone: self.text("zoneinfo"),
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
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).map_err(|_| TokenError::Invalid)
}
