//! Addresses of NATS servers, separated from the secrets in them.
//!
//! async-nats logs the addresses it tries. So user, password and token are removed from `nats.url`
//! and passed to the client separately.

use std::path::Path;

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use tokio::task::spawn_blocking;

use crate::config::{
    self,
    files::{SECRET_MAX_BYTES, read_text},
};

/// Invalid address or credentials. The message never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Invalid address.
    #[error(
        "nats.url: address {0} of {1} cannot be read; write a list of addresses such as \
         nats://127.0.0.1:4222, separated by commas"
    )]
    Url(usize, usize),
    /// Unusable credentials file.
    #[error("nats.credentials_file: cannot use {file}: {reason}")]
    Credentials {
        /// Path of the file.
        file: String,
        /// Reason.
        reason: String,
    },
}

/// Addresses of the servers, and the credentials.
#[derive(Debug)]
pub struct Servers {
    /// Addresses without secrets.
    pub addresses: Vec<ServerAddr>,
    sign_in: Option<SignIn>,
}

/// Credentials from an address.
enum SignIn {
    UserAndPassword(String, String),
    Token(String),
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignIn(…)")
    }
}

impl Servers {
    /// Parses one address, or several separated by commas.
    ///
    /// # Errors
    /// [`AddressError`] for an invalid one.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let texts: Vec<&str> =
            text.split(',').map(str::trim).filter(|address| !address.is_empty()).collect();
        let (mut addresses, mut sign_in) = (Vec::with_capacity(texts.len()), None);
        for (index, text) in texts.iter().enumerate() {
            let wrong = || AddressError::Url(index + 1, texts.len());
            let mut url = text.parse::<ServerAddr>().map_err(|_| wrong())?.into_inner();
            if url.host_str().is_none_or(str::is_empty) {
                return Err(wrong());
            }
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let found = match (url.username(), url.password()) {
                ("", _) => None,
                (user, Some(password)) => {
                    Some(SignIn::UserAndPassword(decoded(user), decoded(password)))
                }
                (token, None) => Some(SignIn::Token(decoded(token))),
            };
            sign_in = sign_in.or(found);
            // Both fail only for an address without a host.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            addresses.push(ServerAddr::from_url(url).map_err(|_| wrong())?);
        }
        if addresses.is_empty() {
            return Err(AddressError::Url(1, 1));
        }
        Ok(Self { addresses, sign_in })
    }

    /// Adds the credentials of the address and of the credentials file to the options.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn sign_in(
        &self,
        options: ConnectOptions,
        config: &config::Nats,
    ) -> Result<ConnectOptions, AddressError> {
        let options = match &self.sign_in {
            None => options,
            Some(SignIn::UserAndPassword(user, password)) => {
                options.user_and_password(user.clone(), password.clone())
            }
            Some(SignIn::Token(token)) => options.token(token.clone()),
        };
        let options = match config.nkey_seed.reveal() {
            "" => options,
            seed => options.nkey(seed.to_owned()),
        };
        let options = match config.tls_ca_file.as_str() {
            "" => options,
            file => options.add_root_certificates(Path::new(file).to_owned()),
        };
        if config.credentials_file.is_empty() {
            return Ok(options);
        }
        let file = config.credentials_file.clone();
        let failed = |error: std::io::Error| AddressError::Credentials {
            file: file.clone(),
            reason: error.to_string(),
        };
        let path = config.credentials_file.clone();
        let read = spawn_blocking(move || read_text(Path::new(&path), SECRET_MAX_BYTES)).await;
        let text =
            read.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(&failed)?;
        options.credentials(&text).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_contain_no_secrets() {
        for (text, count) in [
            ("nats://user:hunter2@127.0.0.1:4222", 1),
            ("nats://hunter2@a:4222, tls://b:4223", 2),
            ("nats://u:hunter2%40@[::1]:4222", 1),
            ("127.0.0.1:4222", 1),
        ] {
            let servers = Servers::parse(text).expect("it can be read");
            assert_eq!(servers.addresses.len(), count, "{text}");
            assert!(!format!("{servers:?}").contains("hunter2"), "{servers:?}");
        }
        let Ok(Servers { sign_in: Some(SignIn::UserAndPassword(user, password)), .. }) =
            Servers::parse("nats://u%3A1:hunter%402@h")
        else {
            panic!("it has both")
        };
        assert_eq!((user.as_str(), password.as_str()), ("u:1", "hunter@2"));
    }

    #[test]
    fn an_error_names_the_address_by_its_number() {
        for text in ["", "nats://[bad", "http://127.0.0.1", "nats://a, ::"] {
            let error = Servers::parse(text).expect_err("it is wrong").to_string();
            assert!(error.contains("nats.url") && !error.contains("[bad"), "{text}: {error}");
        }
    }
}
