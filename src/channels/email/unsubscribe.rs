//! Links that mute a type on e-mail without a sign-in (RFC 8058).

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::domain::user::UserId;

/// Purpose of the signature: a token of another kind is not taken for one of these.
const PURPOSE: &[u8] = b"lonceng unsubscribe\0";

/// Maximum length of what a token says, in bytes: a line of an e-mail has at most 998 (RFC 5322).
const PAYLOAD_MAX_BYTES: usize = 600;

/// Signer of unsubscribe links.
#[derive(Clone)]
pub struct Unsubscribe {
    key: Vec<u8>,
}

impl std::fmt::Debug for Unsubscribe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unsubscribe(…)")
    }
}

impl Unsubscribe {
    /// Creates a signer with a secret key.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self { key: key.to_vec() }
    }

    fn mac(&self, payload: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes a key of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(PURPOSE);
        mac.update(payload);
        Some(mac)
    }

    /// Returns the token of a user and types. It never expires. Types beyond the length of a link
    /// in an e-mail are left out; the first one never is.
    #[must_use]
    pub fn token(&self, user: &UserId, type_codes: &[&str]) -> String {
        let mut payload = user.to_string();
        for (at, code) in type_codes.iter().enumerate() {
            if at == 0 || payload.len() + code.len() < PAYLOAD_MAX_BYTES {
                payload.push('\0');
                payload.push_str(code);
            }
        }
        let signature = self.mac(payload.as_bytes()).map(|mac| mac.finalize().into_bytes());
        format!(
            "{}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(payload),
            BASE64_URL_SAFE_NO_PAD.encode(signature.unwrap_or_default())
        )
    }

    /// Returns the user and the types of a token; `None` if the hub has not made it.
    #[must_use]
    pub fn verify(&self, token: &str) -> Option<(UserId, Vec<String>)> {
        let (payload, signature) = token.split_once('.')?;
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(&payload)?.verify_slice(&signature).ok()?;
        let payload = String::from_utf8(payload).ok()?;
        let (user, codes) = payload.split_once('\0')?;
        Some((UserId::parse(user).ok()?, codes.split('\0').map(str::to_owned).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_user_and_type_and_cannot_be_forged() {
        let signer = Unsubscribe::new(b"key");
        let user = UserId::parse("budi@example.com").expect("a user ID");
        let token = signer.token(&user, &["NOTE_CREATED", "PAID"]);
        let types = vec!["NOTE_CREATED".to_owned(), "PAID".to_owned()];
        assert_eq!(signer.verify(&token), Some((user.clone(), types)));
        assert_eq!(Unsubscribe::new(b"other").verify(&token), None);
        let other = signer.token(&user, &["OTHER"]);
        let forged = format!(
            "{}.{}",
            &other[..other.find('.').unwrap_or(0)],
            &token[token.find('.').unwrap_or(0) + 1..]
        );
        assert_eq!(signer.verify(&forged), None);
        for wrong in ["", ".", "a.b", &token[1..], &token[..token.len() - 2]] {
            assert_eq!(signer.verify(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_link_fits_into_a_line_of_an_e_mail() {
        let signer = Unsubscribe::new(b"key");
        let user = UserId::parse("budi").expect("a user ID");
        let codes: Vec<String> = (0..100).map(|n| format!("TYPE_NUMBER_{n:03}")).collect();
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        let token = signer.token(&user, &codes);
        assert!(token.len() < 900, "{}", token.len());
        let (_, known) = signer.verify(&token).expect("its own token");
        assert!(known.len() > 30 && known[..] == codes[..known.len()]);
    }
}
