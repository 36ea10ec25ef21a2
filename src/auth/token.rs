//! Tokens: JSON Web Tokens (RFC 7519), signed with HS256.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    config,
    domain::user::{Identity, Person, PersonPatch, UserId},
};

/// How far clocks may be apart, in seconds.
const LEEWAY_SECONDS: u64 = 5;

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

/// Checks tokens.
pub struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(HS256)")
    }
}

impl Tokens {
    /// Tokens signed with the configured secret.
    #[must_use]
    pub fn new(config: &config::Auth) -> Self {
        // One algorithm, chosen here: what a token's own header says is only compared (RFC 8725, section 3.1).
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        // A token without an end is taken; one with an end is checked.
        validation.required_spec_claims.clear();
        if !config.jwt_issuer.is_empty() {
            validation.set_issuer(&[&config.jwt_issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        if config.jwt_audience.is_empty() {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&[&config.jwt_audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        Self { key: DecodingKey::from_secret(config.jwt_secret.reveal().as_bytes()), validation }
    }

    /// What a token says, if it can be believed.
    ///
    /// # Errors
    /// When it cannot.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).map(|data| data.claims).map_err(|error| {
            match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                ErrorKind::ImmatureSignature => TokenError::TooEarly,
                ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_) => {
                    TokenError::NotForUs
                }
                _ => TokenError::Invalid,
            }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock, config::Secret};

    fn config() -> config::Auth {
        config::Auth { jwt_secret: Secret::from("0123456789abcdef0123456789abcdef"), ..config::Auth::default() }
    }

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).expect("the test's claims are claims")
    }

    fn seconds(offset: i64) -> i64 {
        clock::now().0 / 1_000 + offset
    }

    fn verify(config: &config::Auth, value: Value) -> Result<Claims, TokenError> {
        Tokens::new(config).verify(&mint(config, &claims(value))?)
    }

    #[test]
    fn a_minted_token_is_believed() {
        let said = verify(&config(), json!({"sub":"7","preferred_username":"budi","role":"admin","exp":seconds(60)}));
        let identity = said.and_then(|claims| claims.identity());
        assert_eq!(
            identity.map(|identity| (identity.user_id.to_string(), identity.login, identity.roles)),
            Ok(("7".to_owned(), Some("budi".to_owned()), vec!["admin".to_owned()]))
        );
    }

    #[test]
    fn time_is_checked_with_five_seconds_of_leeway() {
        assert!(verify(&config(), json!({"sub":"u","exp":seconds(-3)})).is_ok());
        assert_eq!(verify(&config(), json!({"sub":"u","exp":seconds(-20)})).err(), Some(TokenError::Expired));
        assert_eq!(verify(&config(), json!({"sub":"u","nbf":seconds(20)})).err(), Some(TokenError::TooEarly));
        assert!(verify(&config(), json!({"sub":"u"})).is_ok());
    }

    #[test]
    fn issuer_and_audience_are_checked_where_configured() {
        let config = config::Auth { jwt_issuer: "us".into(), jwt_audience: "hub".into(), ..config() };
        assert!(verify(&config, json!({"sub":"u","iss":"us","aud":["hub","x"]})).is_ok());
        for wrong in
            [json!({"sub":"u","iss":"them","aud":"hub"}), json!({"sub":"u","iss":"us"}), json!({"sub":"u","aud":"hub"})]
        {
            assert_eq!(verify(&config, wrong).err(), Some(TokenError::NotForUs));
        }
    }

    #[test]
    fn other_algorithms_and_signatures_are_refused() {
        let tokens = Tokens::new(&config());
        // {"alg":"none"} . {"sub":"u"} .
        assert_eq!(tokens.verify("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1In0.").err(), Some(TokenError::Invalid));
        let other = config::Auth { jwt_secret: Secret::from("another secret of thirty-two byte"), ..config() };
        let token = mint(&other, &claims(json!({"sub":"u"}))).expect("it signs");
        assert_eq!(tokens.verify(&token).err(), Some(TokenError::Invalid));
        let key = EncodingKey::from_secret(config().jwt_secret.reveal().as_bytes());
        let hs512 = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims(json!({"sub":"u"})), &key);
        assert_eq!(tokens.verify(&hs512.expect("it signs")).err(), Some(TokenError::Invalid));
        assert_eq!(tokens.verify("").err(), Some(TokenError::Invalid));
    }
}
