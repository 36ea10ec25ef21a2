//! `lonceng key`: API keys for services.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use sha2::{Digest as _, Sha256};

use super::Failure;
use crate::{
    channels::generate_vapid,
    config::SCOPES,
    domain::limits::{IDENTIFIER_MAX_CHARS, is_plain},
};

/// Number of random bytes of a key, as in its hash.
const KEY_BYTES: usize = 32;

/// Prefix of every key, for scanners of leaked secrets.
const PREFIX: &str = "lonceng_";

/// Make keys for services
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lonceng key new shop --scope publish")]
pub(super) struct Key {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a new key, once, and the line of config.toml that makes it known
    #[command(after_help = "Example:\n  lonceng key new shop --scope publish\n\n\
        Standard output has two lines: the key, which is kept nowhere, and the line for the \
        section [auth] of config.toml, \
        which has only its SHA-256.")]
    New(New),
    /// Print a new private key for Web Push, in PEM
    #[command(after_help = "Example:\n  lonceng keys vapid > data/vapid.pem")]
    Vapid,
}

#[derive(Debug, Args)]
struct New {
    /// Name of the service that gets the key
    name: String,
    /// Scope of the key: publish or admin; may be given more than once
    #[arg(long = "scope", value_name = "SCOPE", default_value = "publish", value_parser = scope)]
    scopes: Vec<String>,
}

fn scope(text: &str) -> Result<String, String> {
    if SCOPES.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("known scopes: {}", SCOPES.join(", ")))
    }
}

/// Quotes a text for TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Key {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::New(new) => new.run(),
            Command::Vapid => {
                print!("{}", generate_vapid().map_err(anyhow::Error::msg)?);
                Ok(())
            }
        }
    }
}

impl New {
    fn run(self) -> Result<(), Failure> {
        if self.name.is_empty() || !is_plain(&self.name, IDENTIFIER_MAX_CHARS) {
            return Err(Failure::Usage(format!(
                "NAME must have 1 to {IDENTIFIER_MAX_CHARS} characters, and no control characters"
            )));
        }
        // A cryptographic generator, seeded by the system.
        let bytes: [u8; KEY_BYTES] = rand::random();
        let key = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
        println!("{key}");
        println!("{}", self.line(&key));
        eprintln!(
            "The key on the first line is shown only now. The second line goes into the section \
             [auth] of config.toml; \
             where api_keys is there already, add the new element to its list."
        );
        Ok(())
    }

    /// Returns the line of config.toml for `key`.
    fn line(&self, key: &str) -> String {
        let hash = hex::encode(Sha256::digest(key));
        let scopes: Vec<String> = self.scopes.iter().map(|scope| quoted(scope)).collect();
        let name = quoted(&self.name);
        format!(
            "api_keys = [{{ name = {name}, sha256 = \"{hash}\", scopes = [{}] }}]",
            scopes.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{auth::ApiKeys, config::ApiKey};

    #[test]
    fn printed_line_configures_the_printed_key() {
        let new = New {
            name: "the \"shop\"".to_owned(),
            scopes: vec!["publish".to_owned(), "admin".to_owned()],
        };
        let line = new.line("lonceng_secret");
        let table: toml::Table = line.parse().expect("it is TOML");
        let keys: Vec<ApiKey> = table["api_keys"].clone().try_into().expect("it is a list of keys");
        assert!(
            ApiKeys::new(&keys).find("lonceng_secret").is_some_and(|caller| caller.may_publish())
        );
        assert_eq!((keys.len(), keys[0].name.as_str()), (1, "the \"shop\""));
    }
}
