//! What the commands that talk to a hub share: its address, and its answers.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use reqwest::{Client, Response};
use serde_json::Value;

use crate::config::Config;

/// How long a hub may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The hub that a configuration runs, as its own machine reaches it.
pub(super) fn base_url(config: &Config) -> String {
    match config.server.listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => format!("http://127.0.0.1:{}", address.port()),
        Ok(address) => format!("http://{address}"),
        Err(_) => "http://127.0.0.1:8080".to_owned(),
    }
}

pub(super) fn http() -> anyhow::Result<Client> {
    Client::builder().timeout(TIMEOUT).build().context("the HTTP client cannot be built")
}

/// The answer's JSON, or the problem it names as an error.
pub(super) async fn answer(url: &str, sent: reqwest::Result<Response>) -> anyhow::Result<Value> {
    let response = sent.map_err(|error| {
        if error.is_connect() || error.is_timeout() {
            anyhow!("no hub answers at {url}; start one with `lonceng`, or name another with its option")
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

/// The API key of the environment, for a hub that asks for one.
pub(super) fn authorized(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    match std::env::var("LONCENG_API_KEY") {
        Ok(key) if !key.is_empty() => request.bearer_auth(key),
        _ => request,
    }
}
