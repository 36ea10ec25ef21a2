//! Keys that an issuer publishes (RFC 7517): fetched when first needed, kept, and fetched again when a token names one that
//! is not there.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use super::verify::Key;

/// How long keys are believed without asking again: a key that its issuer withdraws is good for no longer.
const KEPT: Duration = Duration::from_mins(10);

/// Between two fetches, whatever unknown key ids are shown: nobody makes the hub flood the issuer.
const BETWEEN_FETCHES: Duration = Duration::from_secs(2);

/// How long the issuer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes of an answer.
const ANSWER_MAX_BYTES: usize = 1 << 20;

/// Why the keys could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keys at auth.jwks_url could not be fetched: {0}")]
pub struct FetchError(String);

#[derive(Default)]
struct Known {
    keys: Arc<Vec<Key>>,
    fetched: Option<Instant>,
}

/// The keys of one address.
pub struct Jwks {
    url: String,
    http: reqwest::Client,
    known: RwLock<Known>,
    /// When the issuer was last asked; held while it is, so that one asks for all.
    asked: Mutex<Option<Instant>>,
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwks({})", self.url)
    }
}

impl Jwks {
    /// Keys published at `url`.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(url: &str) -> Result<Self, FetchError> {
        // A second call finds one installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(TIMEOUT).build();
        Ok(Self {
            url: url.to_owned(),
            http: http.map_err(|error| FetchError(error.to_string()))?,
            known: RwLock::default(),
            asked: Mutex::default(),
        })
    }

    /// The keys there are, fetched when there are none, they are old, or none of them is `wanted`.
    ///
    /// # Errors
    /// When there are none and none can be fetched. Keys that are there are good while the issuer is away, but not when old.
    pub async fn keys(&self, wanted: impl Fn(&Key) -> bool) -> Result<Arc<Vec<Key>>, FetchError> {
        if let Some(keys) = self.fresh(&wanted) {
            return Ok(keys);
        }
        let mut asked = self.asked.lock().await;
        // Whoever held the lock may have fetched just what is wanted.
        if let Some(keys) = self.fresh(&wanted) {
            return Ok(keys);
        }
        if asked.is_some_and(|at| at.elapsed() < BETWEEN_FETCHES) {
            return self.kept().ok_or_else(|| FetchError("it failed a moment ago".to_owned()));
        }
        *asked = Some(Instant::now());
        match self.fetch().await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                *known = Known { keys: Arc::clone(&keys), fetched: Some(Instant::now()) };
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(%error, "tokens with new keys are not accepted meanwhile");
                self.kept().ok_or(error)
            }
        }
    }

    fn fresh(&self, wanted: impl Fn(&Key) -> bool) -> Option<Arc<Vec<Key>>> {
        self.kept().filter(|keys| keys.iter().any(wanted))
    }

    fn kept(&self) -> Option<Arc<Vec<Key>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.fetched.filter(|at| at.elapsed() < KEPT).map(|_| Arc::clone(&known.keys))
    }

    async fn fetch(&self) -> Result<Vec<Key>, FetchError> {
        let failed = |error: reqwest::Error| FetchError(error.without_url().to_string());
        let mut answer =
            self.http.get(&self.url).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > ANSWER_MAX_BYTES {
                return Err(FetchError(format!("the answer has more than {ANSWER_MAX_BYTES} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        parse(&bytes)
    }
}

/// Reads a key set; keys that cannot be used for signatures the hub knows are left out.
fn parse(bytes: &[u8]) -> Result<Vec<Key>, FetchError> {
    let set: Value = serde_json::from_slice(bytes).map_err(|error| FetchError(format!("it is not JSON: {error}")))?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or_else(|| FetchError("it has no keys".to_owned()))?;
    Ok(keys.iter().filter_map(|key| usable(serde_json::from_value(key.clone()).ok()?)).collect())
}

fn usable(jwk: Jwk) -> Option<Key> {
    if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return None;
    }
    // The key decides the algorithm, never the token (RFC 8725, section 3.1). A published secret is no secret.
    let algorithm = match (&jwk.algorithm, jwk.common.key_algorithm) {
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::RS256)) => Algorithm::RS256,
        (AlgorithmParameters::EllipticCurve(key), None | Some(KeyAlgorithm::ES256))
            if key.curve == EllipticCurve::P256 =>
        {
            Algorithm::ES256
        }
        (AlgorithmParameters::OctetKeyPair(key), None | Some(KeyAlgorithm::EdDSA))
            if key.curve == EllipticCurve::Ed25519 =>
        {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id, algorithm, decoding })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_cannot_be_used_are_left_out() {
        let set = serde_json::json!({"keys":[
            {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty":"oct","kid":"secret","alg":"HS256","k":"c2VjcmV0"},
            {"kty":"RSA","kid":"enc","use":"enc","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","kid":"oaep","alg":"RSA-OAEP","n":"AQAB","e":"AQAB"},
            {"kty":"??"}, 7
        ]});
        let keys = parse(set.to_string().as_bytes()).expect("it is a set");
        let ids: Vec<_> = keys.iter().map(|key| (key.id.as_deref(), key.algorithm)).collect();
        assert_eq!(ids, [(Some("a"), Algorithm::EdDSA)]);
        assert!(parse(b"{}").is_err() && parse(b"<html>").is_err());
    }
}
