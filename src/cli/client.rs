//! Common part of commands that call a hub.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use reqwest::{Client, Response};
use serde_json::Value;

use crate::config::Config;

/// Time limit for a response.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the local URL of the hub of a configuration.
pub(super) fn base_url(config: &Config) -> String {
    let scheme = if config.server.tls.is_some() { "https" } else { "http" };
    match config.server.listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => {
            format!("{scheme}://127.0.0.1:{}", address.port())
        }
        Ok(address) => format!("{scheme}://{address}"),
        Err(_) => format!("{scheme}://127.0.0.1:8080"),
    }
}

/// Creates a client for a hub. The certificate of a hub on this machine is for its public name, and
/// is not checked: what is sent does not leave the machine.
pub(super) fn http(base: &str) -> anyhow::Result<Client> {
    Client::builder()
        .timeout(TIMEOUT)
        .tls_danger_accept_invalid_certs(is_loopback(base))
        .build()
        .context("the HTTP client cannot be built")
}

fn is_loopback(base: &str) -> bool {
    let host = url::Url::parse(base).ok().and_then(|url| url.host().map(|host| host.to_owned()));
    match host {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Returns the JSON of a response, or its problem as an error.
pub(super) async fn answer(url: &str, sent: reqwest::Result<Response>) -> anyhow::Result<Value> {
    let response = sent.map_err(|error| {
        if error.is_connect() || error.is_timeout() {
            anyhow!(
                "no hub answers at {url}; start one with `lonceng`, or name another with its option"
            )
        } else {
            anyhow::Error::from(error)
        }
    })?;
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    if status.is_success() {
        return Ok(body);
    }
    match body.get("detail").and_then(Value::as_str) {
        Some(detail) => bail!("{status}: {detail}"),
        None => bail!("{url} answers {status}"),
    }
}

/// Credentials for a hub that asks for some.
#[derive(Debug, Default, Args)]
pub(super) struct Credentials {
    /// A token; without --token and --key, that of the environment variable `LONCENG_TOKEN`
    #[arg(long, value_name = "JWT", conflicts_with = "key")]
    token: Option<String>,
    /// An API key; without --token and --key, that of the environment variable `LONCENG_API_KEY`
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Credentials {
    /// Returns the headers with the credentials. The command line takes precedence over the
    /// environment.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        self.or_environment(|name| std::env::var(name).ok())
    }

    fn or_environment(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Vec<(&'static str, String)> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let (token, key) = match (&self.token, &self.key) {
            (None, None) => (variable("LONCENG_TOKEN"), variable("LONCENG_API_KEY")),
            (token, key) => (token.clone(), key.clone()),
        };
        // With both, the key is used: it is for publishing, and the token may be a reader's.
        match (key, token) {
            (Some(key), _) => vec![("X-API-Key", key)],
            (None, Some(token)) => vec![("Authorization", format!("Bearer {token}"))],
            (None, None) => Vec::new(),
        }
    }

    /// Adds the credentials to a request.
    pub(super) fn authorize(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        self.headers()
            .into_iter()
            .fold(request, |request, (name, value)| request.header(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_replaces_the_environment() {
        let environment =
            |name: &str| Some(if name == "LONCENG_TOKEN" { "t" } else { "k" }.to_owned());
        let shown = |token: Option<&str>, key: Option<&str>| {
            let credentials =
                Credentials { token: token.map(str::to_owned), key: key.map(str::to_owned) };
            credentials.or_environment(environment)
        };
        assert_eq!(shown(None, None), [("X-API-Key", "k".to_owned())]);
        assert_eq!(shown(Some("own"), None), [("Authorization", "Bearer own".to_owned())]);
        assert_eq!(shown(None, Some("own")), [("X-API-Key", "own".to_owned())]);
        assert_eq!(Credentials::default().or_environment(|_| Some(String::new())), []);
    }
}
