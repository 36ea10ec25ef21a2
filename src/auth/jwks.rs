//! Published keys of an issuer (RFC 7517).
//!
//! All waiting sign-ins share one fetch, and each waits at most [`Timing::wait`], however long the
//! issuer takes. Known keys are used meanwhile, and are refreshed in the background before they
//! expire.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::verification_key::VerificationKey;

/// Maximum age of keys: a key that its issuer withdraws is valid for no longer.
const KEPT: Duration = Duration::from_mins(10);

/// Age at which keys are refreshed in the background.
const REFRESHED: Duration = Duration::from_mins(5);

/// Maximum size of a response, in bytes.
const ANSWER_MAX_BYTES: usize = 1 << 20;

/// Limits of the fetches.
#[derive(Debug, Clone, Copy)]
struct Timing {
    /// Time limit for a response of the issuer.
    answer: Duration,
    /// Time limit for a sign-in waiting for a fetch.
    wait: Duration,
    /// Minimum pause between two fetches, whatever unknown key IDs are presented: clients must not
    /// make the hub flood the issuer.
    between: Duration,
}

const TIMING: Timing = Timing {
    answer: Duration::from_secs(5),
    wait: Duration::from_secs(2),
    between: Duration::from_secs(2),
};

/// Reason for which the keys could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keys at auth.jwks_url could not be fetched: {0}")]
pub struct FetchError(String);

/// Outcome of a fetch, when it has ended.
type Outcome = Option<Result<Arc<Vec<VerificationKey>>, FetchError>>;

/// Keys of one URL, cheap to clone.
#[derive(Clone)]
pub struct Jwks(Arc<SharedFetch>);

struct SharedFetch {
    url: String,
    http: reqwest::Client,
    timing: Timing,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Arc<Vec<VerificationKey>>,
    fetched_at: Option<Instant>,
    /// End of the last fetch, and its error.
    ended: Option<(Instant, Option<FetchError>)>,
    /// Fetch in progress.
    fetching: Option<watch::Receiver<Outcome>>,
}

impl State {
    /// Returns the keys that are still valid.
    fn kept(&self) -> Option<Arc<Vec<VerificationKey>>> {
        self.fetched_at.filter(|at| at.elapsed() < KEPT).map(|_| Arc::clone(&self.keys))
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jwks")
    }
}

impl Jwks {
    /// Creates the set of keys published at `url`, fetched on first use.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(url: &str) -> Result<Self, FetchError> {
        Self::with_timing(url, TIMING)
    }

    fn with_timing(url: &str, timing: Timing) -> Result<Self, FetchError> {
        // A second call finds a provider installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(timing.answer).build();
        let http = http.map_err(|error| FetchError(error.to_string()))?;
        Ok(Self(Arc::new(SharedFetch {
            url: url.to_owned(),
            http,
            timing,
            state: Mutex::default(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held half changed.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the keys; fetches them if there are none, or none is `wanted`.
    ///
    /// # Errors
    /// When there are none and none can be fetched in time. Known keys are used while the issuer is
    /// unavailable, up to their maximum age.
    pub async fn keys(
        &self,
        wanted: impl Fn(&VerificationKey) -> bool,
    ) -> Result<Arc<Vec<VerificationKey>>, FetchError> {
        let (kept, mut fetching) = {
            let mut state = self.state();
            let kept = state.kept();
            if let Some(keys) = kept.as_ref().filter(|keys| keys.iter().any(&wanted)) {
                if state.fetched_at.is_some_and(|at| at.elapsed() > REFRESHED) {
                    self.fetch(&mut state);
                }
                return Ok(Arc::clone(keys));
            }
            if let Some(fetching) = self.fetch(&mut state) {
                (kept, fetching)
            } else {
                let failed = state.ended.as_ref().and_then(|(_, error)| error.clone());
                return kept.ok_or_else(|| {
                    failed.unwrap_or_else(|| FetchError("there are none".to_owned()))
                });
            }
        };
        let outcome = timeout(self.0.timing.wait, fetching.wait_for(Option::is_some)).await;
        match outcome {
            Ok(Ok(outcome)) => match &*outcome {
                Some(Ok(keys)) => Ok(Arc::clone(keys)),
                Some(Err(error)) => kept.ok_or_else(|| error.clone()),
                None => kept.ok_or_else(|| FetchError("the fetch was given up".to_owned())),
            },
            Ok(Err(_)) => kept.ok_or_else(|| FetchError("the fetch was given up".to_owned())),
            Err(_) => {
                kept.ok_or_else(|| FetchError("the issuer takes too long to answer".to_owned()))
            }
        }
    }

    /// Returns the fetch in progress, or begins one; `None` shortly after the last one.
    fn fetch(&self, state: &mut State) -> Option<watch::Receiver<Outcome>> {
        if let Some(fetching) = &state.fetching {
            return Some(fetching.clone());
        }
        if state.ended.as_ref().is_some_and(|(at, _)| at.elapsed() < self.0.timing.between) {
            return None;
        }
        let (tell, told) = watch::channel(None);
        state.fetching = Some(told.clone());
        let jwks = self.clone();
        // A separate task: the caller may give up, and others wait for it too.
        tokio::spawn(async move {
            let fetched = jwks.0.fetch().await.map(Arc::new);
            let mut state = jwks.state();
            if let Ok(keys) = &fetched {
                state.keys = Arc::clone(keys);
                state.fetched_at = Some(Instant::now());
            }
            let error = fetched.as_ref().err().cloned();
            if let Some(error) = &error {
                tracing::warn!(%error, "auth: tokens with new keys are refused until the keys \
                can be fetched");
            }
            state.ended = Some((Instant::now(), error));
            state.fetching = None;
            drop(state);
            // There may be no receiver any more.
            let _ = tell.send(Some(fetched));
        });
        Some(told)
    }
}

impl SharedFetch {
    async fn fetch(&self) -> Result<Vec<VerificationKey>, FetchError> {
        let failed = |error: reqwest::Error| FetchError(error.without_url().to_string());
        let mut answer = self
            .http
            .get(&self.url)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > ANSWER_MAX_BYTES {
                return Err(FetchError(format!(
                    "the answer has more than {ANSWER_MAX_BYTES} bytes"
                )));
            }
            bytes.extend_from_slice(&chunk);
        }
        parse(&bytes)
    }
}

/// Parses a key set; keys for unsupported signatures are left out.
fn parse(bytes: &[u8]) -> Result<Vec<VerificationKey>, FetchError> {
    let set: Value = serde_json::from_slice(bytes)
        .map_err(|error| FetchError(format!("it is not JSON: {error}")))?;
    let keys = set
        .get("keys")
        .and_then(Value::as_array)
        .ok_or_else(|| FetchError("it has no keys".to_owned()))?;
    Ok(keys.iter().filter_map(|key| usable(serde_json::from_value(key.clone()).ok()?)).collect())
}

fn usable(jwk: Jwk) -> Option<VerificationKey> {
    if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature)
    {
        return None;
    }
    // The key decides the algorithm, never the token (RFC 8725, section 3.1). A published symmetric
    // key is not secret.
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
    Some(VerificationKey { id: jwk.common.key_id, algorithm, decoding })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::net::TcpListener;

    use super::*;

    /// Issuer that accepts connections, counts them and never responds.
    async fn hanging_issuer() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/keys", listener.local_addr().expect("it is bound"));
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok(connection) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                held.push(connection);
            }
        });
        (url, connections)
    }

    #[tokio::test]
    async fn hanging_issuer_is_requested_once_and_sign_ins_time_out() {
        let (url, connections) = hanging_issuer().await;
        let hour = Duration::from_hours(1);
        let timing = Timing { answer: hour, wait: Duration::from_millis(50), between: hour };
        let jwks = Jwks::with_timing(&url, timing).expect("a client can be built");
        let outcomes = join_all((0..100).map(|_| jwks.keys(|_| true))).await;
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.as_ref().is_err_and(|error| error.0.contains("too long")))
        );
        assert!(jwks.keys(|_| true).await.is_err(), "later ones share it too");
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn unknown_key_ids_do_not_trigger_immediate_fetches() {
        // No listener: the fetch fails at once.
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/keys", listener.local_addr().expect("it is bound"));
        drop(listener);
        let timing =
            Timing { answer: Duration::from_secs(5), wait: Duration::from_secs(5), ..TIMING };
        let jwks = Jwks::with_timing(&url, Timing { between: Duration::from_hours(1), ..timing })
            .expect("it is built");
        assert!(jwks.keys(|_| true).await.is_err());
        let ended = jwks.state().ended.as_ref().map(|(at, _)| *at);
        assert!(ended.is_some());
        assert!(jwks.keys(|_| true).await.is_err());
        assert_eq!(jwks.state().ended.as_ref().map(|(at, _)| *at), ended, "it was not asked again");
    }

    #[test]
    fn unsupported_keys_are_left_out() {
        let set = serde_json::json!({"keys":[
            {"kty":"OKP","crv":"Ed25519","kid":"a",
                "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
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
