//! Verification of tokens: key, algorithm and claims.

use std::{fmt, path::Path};

use base64::Engine as _;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header, errors::ErrorKind};
use serde_json::{Map, Value};

use super::{
    Claims, TokenError, jwks::Jwks, token::LEEWAY_SECONDS, verification_key::VerificationKey,
};
use crate::{
    clock,
    config::{
        self,
        files::{SECRET_MAX_BYTES, read_bytes},
    },
    domain::notification::Timestamp,
};

/// Invalid key in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Unreadable file.
    #[error("auth.jwt_public_key_file: cannot read {0}: {1}")]
    File(String, String),
    /// Unusable content.
    #[error(
        "auth.jwt_public_key_file: {0} contains no public key in PEM for RS256, ES256 (P-256) or \
         EdDSA (Ed25519)"
    )]
    NoKey(String),
    /// Invalid URL of the key set.
    #[error("auth.jwks_url: {0}")]
    Jwks(String),
}

/// Verifier of tokens.
pub struct Tokens {
    keys: Vec<VerificationKey>,
    jwks: Option<Jwks>,
    validation: Validation,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<Algorithm> = self.keys.iter().map(|key| key.algorithm).collect();
        write!(f, "Tokens({algorithms:?}, {:?})", self.jwks)
    }
}

impl Tokens {
    /// Creates a verifier with the configured keys.
    ///
    /// # Errors
    /// When a key is invalid.
    pub fn new(config: &config::Auth) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        if !config.jwt_secret.is_empty() {
            let decoding = DecodingKey::from_secret(config.jwt_secret.reveal().as_bytes());
            keys.push(VerificationKey { id: None, algorithm: Algorithm::HS256, decoding });
        }
        if !config.jwt_public_key_file.is_empty() {
            keys.push(from_file(&config.jwt_public_key_file)?);
        }
        let jwks = match config.jwks_url.as_str() {
            "" => None,
            url => Some(Jwks::new(url).map_err(|error| KeyError::Jwks(error.to_string()))?),
        };
        // Times are checked here: RFC 7519 allows a fraction, which the library does not support.
        let mut validation = Validation {
            validate_exp: false,
            validate_nbf: false,
            ..Validation::new(Algorithm::HS256)
        };
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
        Ok(Self { keys, jwks, validation })
    }

    /// Verifies a token. Returns its claims.
    ///
    /// # Errors
    /// When it is invalid, or its key cannot be fetched now.
    pub async fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let fields = header_fields(token).ok_or(TokenError::Malformed)?;
        // The library refuses the header of an algorithm that it does not know, such as "none".
        let header = decode_header(token).map_err(|_| match fields.get("alg") {
            Some(Value::String(_)) => TokenError::NoKey,
            _ => TokenError::Malformed,
        })?;
        // The listed extensions must be supported, and none is (RFC 7515, section 4.1.11).
        if fields.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        let id = header.kid.as_deref();
        let error = match self.check_all(token, &self.keys, header.alg, id) {
            Ok(claims) => return Ok(claims),
            Err(error) => error,
        };
        // A symmetric key is never published.
        let Some(jwks) = self.jwks.as_ref().filter(|_| header.alg != Algorithm::HS256) else {
            return Err(error);
        };
        let keys =
            jwks.keys(|key| key.fits(header.alg, id)).await.map_err(|_| TokenError::KeysAway)?;
        self.check_all(token, &keys, header.alg, id).map_err(|last| more_telling(error, last))
    }

    /// Checks a token with each key that fits.
    fn check_all(
        &self,
        token: &str,
        keys: &[VerificationKey],
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<Claims, TokenError> {
        let mut error = TokenError::NoKey;
        for key in keys.iter().filter(|key| key.fits(algorithm, id)) {
            match self.check(token, key) {
                Ok(claims) => return Ok(claims),
                Err(last) => error = more_telling(error, last),
            }
        }
        Err(error)
    }

    fn check(&self, token: &str, key: &VerificationKey) -> Result<Claims, TokenError> {
        let mut validation = self.validation.clone();
        validation.algorithms = vec![key.algorithm];
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation);
        let claims = decoded.map(|data| data.claims).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => TokenError::Signature,
            ErrorKind::InvalidIssuer => TokenError::Issuer,
            ErrorKind::InvalidAudience => TokenError::Audience,
            ErrorKind::MissingRequiredClaim(name) if name == "iss" => TokenError::Claim("iss"),
            ErrorKind::MissingRequiredClaim(_) => TokenError::Claim("aud"),
            _ => TokenError::Malformed,
        })?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 fit into a float for 280,000 years"
        )]
        let now = clock::now().0 as f64 / 1_000.0;
        if let Some(end) = claims.time("exp")?.filter(|end| now > end + LEEWAY_SECONDS) {
            return Err(TokenError::Expired(timestamp(end)));
        }
        if let Some(begin) = claims.time("nbf")?.filter(|begin| now < begin - LEEWAY_SECONDS) {
            return Err(TokenError::TooEarly(timestamp(begin)));
        }
        Ok(claims)
    }
}

/// Returns the error that says more about a token: another key than its own says only that it does
/// not fit.
fn more_telling(first: TokenError, second: TokenError) -> TokenError {
    let is_vague = matches!(first, TokenError::NoKey | TokenError::Signature);
    if is_vague && second != TokenError::NoKey { second } else { first }
}

/// Converts seconds since 1970.
fn timestamp(seconds: f64) -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates; the fraction of a second does not matter"
    )]
    Timestamp((seconds as i64).saturating_mul(1_000))
}

/// Returns the fields of the header; `None` if it is not a JSON object in base64url.
fn header_fields(token: &str) -> Option<Map<String, Value>> {
    let header = token.split('.').next().unwrap_or_default();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).ok()?;
    serde_json::from_slice(&json).ok()
}

fn from_file(path: &str) -> Result<VerificationKey, KeyError> {
    let pem = read_bytes(Path::new(path), SECRET_MAX_BYTES)
        .map_err(|error| KeyError::File(path.to_owned(), error.to_string()))?;
    // The PEM file determines the kind of key.
    let kinds = [
        (Algorithm::RS256, DecodingKey::from_rsa_pem(&pem)),
        (Algorithm::ES256, DecodingKey::from_ec_pem(&pem)),
        (Algorithm::EdDSA, DecodingKey::from_ed_pem(&pem)),
    ];
    kinds
        .into_iter()
        .find_map(|(algorithm, key)| {
            key.ok().map(|decoding| VerificationKey { id: None, algorithm, decoding })
        })
        .ok_or_else(|| KeyError::NoKey(path.to_owned()))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
