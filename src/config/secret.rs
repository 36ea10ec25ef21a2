//! Secret values: passwords in URLs, signing secrets.

use std::{cell::Cell, fmt, path::Path};

use super::files::{SECRET_MAX_BYTES, read_text};
use sha2::{Digest as _, Sha256};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
};

/// Secret value, given in place, as `{ env = "NAME" }` or as `{ file = "PATH" }`, and never
/// printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Returns the value.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Beginning of a fingerprint. No value of config.toml has a NUL.
const FINGERPRINT: &str = "\0secret:";

thread_local! {
    static FINGERPRINTS: Cell<bool> = const { Cell::new(false) };
}

/// Serializes secrets as fingerprints while `serialize` runs, to notice a change. A fingerprint
/// must not leave the process.
pub fn with_fingerprints<T>(serialize: impl FnOnce() -> T) -> T {
    FINGERPRINTS.set(true);
    let serialized = serialize();
    FINGERPRINTS.set(false);
    serialized
}

/// Returns whether a text is the fingerprint of a secret.
#[must_use]
pub fn is_fingerprint(text: &str) -> bool {
    text.starts_with(FINGERPRINT)
}

/// Serializes as empty text, or as a fingerprint: only the kind of the value is of interest, and it
/// is never printed.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if FINGERPRINTS.get() && !self.0.is_empty() {
            let hash = hex::encode(Sha256::digest(self.0.as_bytes()));
            return serializer.serialize_str(&format!("{FINGERPRINT}{hash}"));
        }
        serializer.serialize_str("")
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(empty)" } else { "Secret(…)" })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, { env = \"NAME\" } or { file = \"PATH\" }")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Secret, E> {
        Ok(Secret(value.to_owned()))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Secret, M::Error> {
        use de::Error as _;
        let Some((kind, name)) = map.next_entry::<String, String>()? else {
            return Err(M::Error::custom(
                "expected { env = \"NAME\" } or { file = \"PATH\" }, found {}",
            ));
        };
        if map.next_key::<String>()?.is_some() {
            return Err(M::Error::custom("expected either env or file, not both"));
        }
        let value = match kind.as_str() {
            "env" => std::env::var(&name).map_err(|_| {
                M::Error::custom(format!("the environment variable {name} is not set"))
            })?,
            "file" => read_text(Path::new(&name), SECRET_MAX_BYTES).map_err(|error| {
                M::Error::custom(format!("cannot read the file {name}: {error}"))
            })?,
            other => return Err(M::Error::custom(format!("expected env or file, found {other}"))),
        };
        // The final newline of a file is not part of the secret.
        Ok(Secret(value.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        value: Secret,
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_never_printed() -> Result<(), Box<dyn std::error::Error>>
    {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), "hush\n")?;
        let text = format!("value = {{ file = {:?} }}", file.path());
        let holder: Holder = toml::from_str(&text)?;
        assert_eq!(holder.value.reveal(), "hush");
        assert_eq!(format!("{:?}", holder.value), "Secret(…)");
        Ok(())
    }

    #[test]
    fn missing_variable_or_file_is_named() {
        let error = toml::from_str::<Holder>("value = { env = \"LONCENG_NO_SUCH\" }")
            .err()
            .map(|e| e.to_string());
        assert!(error.is_some_and(|text| text.contains("LONCENG_NO_SUCH is not set")));
    }
}
