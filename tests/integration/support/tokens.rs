//! Tokens as an issuer would sign them, with the keys in `tests/keys`.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub fn path(name: &str) -> String {
    format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn pem(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect("the key is there")
}

/// Signed with the key of this name: `secret`, `rsa`, `ec` or `ed`.
pub fn signed(with: &str, key_id: Option<&str>, claims: &Value) -> String {
    let (algorithm, key) = match with {
        "rsa" => (Algorithm::RS256, EncodingKey::from_rsa_pem(&pem("rsa.pem"))),
        "ec" => (Algorithm::ES256, EncodingKey::from_ec_pem(&pem("ec.pem"))),
        "ed" => (Algorithm::EdDSA, EncodingKey::from_ed_pem(&pem("ed.pem"))),
        // Algorithm confusion: the public key used as an HMAC secret.
        "rsa-as-secret" => (Algorithm::HS256, Ok(EncodingKey::from_secret(&pem("rsa.pub.pem")))),
        _ => (Algorithm::HS256, Ok(EncodingKey::from_secret(SECRET.as_bytes()))),
    };
    let header = Header { kid: key_id.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, &key.expect("the key is one")).expect("it signs")
}

/// Returns the public half as an issuer publishes it.
pub fn published(with: &str, key_id: &str) -> Value {
    let (algorithm, key) = match with {
        "rsa" => (Algorithm::RS256, EncodingKey::from_rsa_pem(&pem("rsa.pem"))),
        _ => (Algorithm::ES256, EncodingKey::from_ec_pem(&pem("ec.pem"))),
    };
    let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key.expect("the key is one"), algorithm);
    let mut jwk = serde_json::to_value(jwk.expect("it has a public half")).expect("it is JSON");
    jwk["kid"] = key_id.into();
    jwk
}
