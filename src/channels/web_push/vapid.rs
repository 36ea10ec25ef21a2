//! Keys of the hub for Web Push (VAPID, RFC 8292).

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::{
    SecretKey,
    elliptic_curve::sec1::ToEncodedPoint as _,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding},
};
use serde_json::json;

use crate::clock;

/// Lifetime of a signature, in seconds; at most 24 hours are allowed.
const LIFETIME_SECONDS: i64 = 12 * 60 * 60;

/// Private key of the hub, and its public key.
pub struct VapidKeys {
    signing: EncodingKey,
    public: String,
}

impl fmt::Debug for VapidKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VapidKeys({})", self.public)
    }
}

/// Makes a private key. Returns it in PEM (PKCS #8).
///
/// # Errors
/// When the key cannot be encoded.
pub fn generate() -> Result<String, String> {
    let key = loop {
        let bytes: [u8; 32] = rand::random();
        // All but very few numbers are keys.
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            break key;
        }
    };
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| error.to_string())?;
    Ok(pem.to_string())
}

impl VapidKeys {
    /// Reads a private key in PEM (PKCS #8, or SEC 1 as of `openssl ecparam`).
    ///
    /// # Errors
    /// A description when it is no key of the curve P-256.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let wrong = || {
            "is no private key of the curve P-256 in PEM; `lonceng keys vapid` makes one".to_owned()
        };
        let key = SecretKey::from_pkcs8_pem(pem.trim())
            .or_else(|_| SecretKey::from_sec1_pem(pem.trim()))
            .map_err(|_| wrong())?;
        let public = key.public_key().to_encoded_point(false);
        let pkcs8 = key.to_pkcs8_der().map_err(|_| wrong())?;
        Ok(Self {
            signing: EncodingKey::from_ec_der(pkcs8.as_bytes()),
            public: BASE64_URL_SAFE_NO_PAD.encode(public.as_bytes()),
        })
    }

    /// Returns the public key as browsers take it: base64url of the uncompressed point.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Returns the header `Authorization` for a push service.
    pub(super) fn authorization(&self, origin: &str, subject: &str) -> Result<String, String> {
        let claims = json!({
            "aud": origin,
            "exp": clock::now().0.div_euclid(1_000) + LIFETIME_SECONDS,
            "sub": subject,
        });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.signing)
            .map_err(|error| error.to_string())?;
        Ok(format!("vapid t={token}, k={}", self.public))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_read_and_signs() {
        let pem = generate().expect("a key");
        let keys = VapidKeys::from_pem(&pem).expect("its own key");
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(keys.public()).expect("base64").len(), 65);
        let header = keys.authorization("https://push.example.com", "mailto:a@b.c").expect("signs");
        assert!(header.starts_with("vapid t=") && header.ends_with(keys.public()), "{header}");
        assert!(VapidKeys::from_pem("no key").is_err());
    }
}
