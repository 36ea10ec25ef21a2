//! Public key or secret that verifies token signatures.

use jsonwebtoken::{Algorithm, DecodingKey};

/// Key, and the one algorithm it is used with.
pub(super) struct VerificationKey {
    /// `kid`, if it has one.
    pub(super) id: Option<String>,
    /// Algorithm, decided by the key: the `alg` of a token is only compared with it (RFC 8725,
    /// section 3.1).
    pub(super) algorithm: Algorithm,
    /// Key material.
    pub(super) decoding: DecodingKey,
}

impl VerificationKey {
    /// Returns whether a token with this `alg` and `kid` may have been signed with the key.
    pub(super) fn fits(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let named = match (id, &self.id) {
            (Some(wanted), Some(own)) => wanted == own,
            // A key without `kid` may be the one, and a token need not have one.
            _ => true,
        };
        self.algorithm == algorithm && named
    }
}
