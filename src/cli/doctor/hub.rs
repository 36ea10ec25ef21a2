//! Hub, directly or behind a proxy: readiness, and its clock.

use std::error::Error;

use httpdate::parse_http_date;
use reqwest::{Client, RequestBuilder, Response};
use rustls::CertificateError;
use serde_json::Value;

use super::{
    Finding, TIME_LIMIT,
    parts::{CLOCK_SKEW_MAX_MS, clock_of},
};
use crate::{
    cli::client::{Credentials, base_url},
    clock,
    config::{AuthMethod, Config},
    domain::notification::Timestamp,
};

/// User of the probes with dev sign-in, if the configuration has no public feed.
const DEV_USER: &str = "lonceng-doctor";

/// Hub to check, and how to sign in.
pub(super) struct HubAddress {
    /// Scheme, host, and path without a slash at its end.
    pub(super) base: String,
    /// True if it was named on the command line: then it must answer.
    pub(super) is_named: bool,
    user: Option<String>,
    credentials: Credentials,
    /// Live feed that needs no sign-in.
    feed: Option<String>,
    is_dev: bool,
}

/// Address of a probe: its path behind the base, with a query.
pub(super) enum Probe {
    /// Inbox.
    Inbox(String),
    /// Live feed.
    Feed(String),
}

impl HubAddress {
    pub(super) fn new(
        url: Option<String>,
        config: &Config,
        user: Option<String>,
        credentials: Credentials,
    ) -> Self {
        let is_named = url.is_some();
        let base = url.unwrap_or_else(|| {
            let base = base_url(config);
            match config.server.tls {
                Some(_) => base.replacen("http://", "https://", 1),
                None => base,
            }
        });
        let is_plain = |name: &&String| name.bytes().all(|byte| byte.is_ascii_graphic());
        let mut feeds = config.feeds.iter().filter(|feed| feed.public).map(|feed| &feed.name);
        Self {
            base: base.trim_end_matches('/').to_owned(),
            is_named,
            user,
            credentials,
            feed: feeds.find(is_plain).cloned(),
            is_dev: config.auth.methods.contains(&AuthMethod::Dev),
        }
    }

    /// Returns the addresses to try one after the other, until one accepts: the inbox at `inbox`,
    /// then what needs no sign-in.
    pub(super) fn probes(&self, inbox: &str, feeds: &str) -> Vec<Probe> {
        let of_user = |user: &str| {
            let user =
                percent_encoding::utf8_percent_encode(user, percent_encoding::NON_ALPHANUMERIC);
            Probe::Inbox(format!("{inbox}?user_id={user}"))
        };
        let signs_in = self.user.is_some() || !self.credentials.headers().is_empty();
        let mut probes = vec![match &self.user {
            Some(user) => of_user(user),
            None => Probe::Inbox(inbox.to_owned()),
        }];
        match &self.feed {
            Some(feed) => probes.push(Probe::Feed(format!("{feeds}{feed}"))),
            None if self.is_dev && !signs_in => probes.push(of_user(DEV_USER)),
            None => {}
        }
        probes
    }

    /// Returns the headers of the sign-in.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        self.credentials.headers()
    }

    /// Adds the sign-in to a request.
    pub(super) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        self.credentials.authorize(request)
    }

    /// Returns the finding of a probe that does not reach the hub.
    pub(super) fn unreachable(&self, part: &'static str, why: &Unreached) -> Finding {
        let base = &self.base;
        match why {
            Unreached::Untrusted(_) => {
                let text = format!("not checked, because the certificate of {base} is not trusted");
                Finding::away(part, self.is_named, text)
            }
            Unreached::Away(reason) if self.is_named => {
                let text = format!("{base} is not reached ({reason}); start it, or correct --url");
                Finding::fail(part, text)
            }
            Unreached::Away(_) => {
                let mut finding = Finding::off(part);
                finding.text =
                    format!("no hub answers at {base}; start it, or name one with --url");
                finding
            }
        }
    }

    /// Returns the finding for a server whose certificate is not trusted.
    async fn untrusted(&self, reason: &str) -> Finding {
        let base = &self.base;
        // No credentials are sent.
        let builder = Client::builder().tls_danger_accept_invalid_certs(true);
        let sent = match builder.connect_timeout(TIME_LIMIT).build() {
            Ok(client) => client.get(format!("{base}/health/ready")).send().await.ok(),
            Err(_) => None,
        };
        let body: Option<Value> = match sent {
            Some(response) => response.json().await.ok(),
            None => None,
        };
        let is_hub = body.is_some_and(|body| body.get("store").is_some());
        let server = if is_hub { "a hub" } else { "a server" };
        let text = format!(
            "{server} answers at {base} with a certificate that is not trusted ({reason}); name \
             the certificate (PEM) of its authority in the environment variable SSL_CERT_FILE, or \
             add it to those of the system"
        );
        Finding::away("hub", self.is_named, text)
    }
}

/// Reason for which a probe does not reach the hub.
pub(super) enum Unreached {
    /// No server answers.
    Away(String),
    /// The certificate of the server is not trusted.
    Untrusted(String),
}

impl Unreached {
    /// Describes an error by its cause.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = error;
        loop {
            if let Some(rustls::Error::InvalidCertificate(wrong)) = cause.downcast_ref() {
                return Self::Untrusted(match wrong {
                    CertificateError::UnknownIssuer => "its issuer is unknown".to_owned(),
                    other => other.to_string(),
                });
            }
            // The error within one of I/O is not its source.
            let within = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            match within.map(|error| error as &(dyn Error + 'static)).or_else(|| cause.source()) {
                Some(source) => cause = source,
                None => return Self::Away(cause.to_string()),
            }
        }
    }
}

/// Returns a client that follows no redirects: a WebSocket would not either.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(TIME_LIMIT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

/// Checks that the hub answers and is ready, and compares its clock.
pub(super) async fn check(address: &HubAddress) -> Vec<Finding> {
    let url = format!("{}/health/ready", address.base);
    let sent = match client() {
        Ok(client) => client.get(&url).send().await,
        Err(error) => Err(error),
    };
    let response = match sent {
        Ok(response) => response,
        Err(error) => {
            return vec![match Unreached::of(&error) {
                Unreached::Untrusted(reason) => address.untrusted(&reason).await,
                away @ Unreached::Away(_) => address.unreachable("hub", &away),
            }];
        }
    };
    let clock = clock_finding(&response);
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    let base = &address.base;
    let finding = if body.get("store").is_none() {
        let text = format!(
            "{base} answers {status} and is not a hub; correct the address, or the routes of the \
             proxy"
        );
        Finding::away("hub", address.is_named, text)
    } else if status.is_success() {
        Finding::ok("hub", format!("{base} is ready"))
    } else {
        let detail = body["detail"].as_str().unwrap_or("no reason is given");
        Finding::warn("hub", format!("{base} is not ready: {detail}; look at {url}"))
    };
    std::iter::once(finding).chain(clock).collect()
}

fn clock_finding(response: &Response) -> Option<Finding> {
    let date = response.headers().get("date")?.to_str().ok()?;
    let since_1970 =
        parse_http_date(date).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    let there = Timestamp(i64::try_from(since_1970).ok()?);
    // The header has whole seconds.
    Some(clock_of("the hub", there.0 - clock::now().0, CLOCK_SKEW_MAX_MS + 1_000))
}
