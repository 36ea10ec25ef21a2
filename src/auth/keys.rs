//! API keys of services, stored as hashes.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Caller;
use crate::config::ApiKey;

/// Known API keys.
#[derive(Debug, Default)]
pub struct ApiKeys(Vec<Known>);

#[derive(Debug)]
struct Known {
    name: String,
    sha256: String,
    scopes: Vec<String>,
}

impl ApiKeys {
    /// Creates the keys of a configuration.
    #[must_use]
    pub fn new(keys: &[ApiKey]) -> Self {
        let known = |key: &ApiKey| Known {
            name: key.name.clone(),
            sha256: key.sha256.to_ascii_lowercase(),
            scopes: key.scopes.clone(),
        };
        Self(keys.iter().map(known).collect())
    }

    /// Returns the owner of a key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Caller> {
        let hash = hex::encode(Sha256::digest(key.as_bytes()));
        // Every key is compared completely, so the time does not depend on the content.
        let mut found = None;
        for known in &self.0 {
            if known.sha256.as_bytes().ct_eq(hash.as_bytes()).into() {
                found = Some(known);
            }
        }
        found
            .map(|known| Caller::Service { name: known.name.clone(), scopes: known.scopes.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash() {
        let keys = ApiKeys::new(&[ApiKey {
            name: "shop".into(),
            // printf secret | sha256sum
            sha256: "2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B".into(),
            scopes: vec!["publish".into()],
        }]);
        assert_eq!(
            keys.find("secret"),
            Some(Caller::Service { name: "shop".into(), scopes: vec!["publish".into()] })
        );
        assert_eq!(keys.find("Secret"), None);
    }
}
