//! `lonceng doctor`: checks everything that a hub depends on, and what stands in front of it.
//!
//! The checks run together, each within five seconds, and print one line each. The exit code is 1
//! if a check fails; what is optional is a warning.

mod brokers;
mod hub;
mod parts;
mod streams;

use std::{fmt, future::Future, path::Path, time::Duration};

use anyhow::anyhow;
use clap::Args;
use futures_util::{StreamExt as _, future::LocalBoxFuture, stream};
use tokio::time::timeout;

use super::{Failure, client};
use crate::config::{Config, Loaded};
use hub::HubAddress;

/// Time limit of a check.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Check the configuration, the store, the brokers, and a proxy in front of the hub
#[derive(Debug, Args)]
#[command(
    after_help = "Each line begins with ok, warn, fail or off. The exit code is 1 if a line begins \
                  with fail, and 2 if the configuration is invalid.\n\nExample:\n  lonceng doctor \
                  --url https://hub.example.com --token \"$TOKEN\""
)]
pub(super) struct Doctor {
    /// Address of a hub, or of the proxy in front of it; the configured one by default
    #[arg(long)]
    url: Option<String>,
    /// User to sign in as (dev sign-in)
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    #[command(flatten)]
    credentials: client::Credentials,
}

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// In order.
    Ok,
    /// Not in order, and the hub works without it.
    Warn,
    /// Not in order, and the hub or its clients do not work without it.
    Fail,
    /// Not configured, or not there to be checked.
    Off,
}

/// Line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    verdict: Verdict,
    part: &'static str,
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
            Verdict::Off => "off",
        };
        // An error of a library may have several lines.
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{word:<6}{}: {text}", self.part)
    }
}

impl Finding {
    fn new(verdict: Verdict, part: &'static str, text: impl Into<String>) -> Self {
        Self { verdict, part, text: text.into() }
    }

    fn ok(part: &'static str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Ok, part, text)
    }

    fn warn(part: &'static str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Warn, part, text)
    }

    fn fail(part: &'static str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, part, text)
    }

    fn off(part: &'static str) -> Self {
        Self::new(Verdict::Off, part, "not configured")
    }

    /// Creates a failure of a required part, and a warning of an optional one.
    fn away(part: &'static str, required: bool, text: impl Into<String>) -> Self {
        let verdict = if required { Verdict::Fail } else { Verdict::Warn };
        Self::new(verdict, part, text)
    }
}

impl Doctor {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let loaded = crate::app::check_values(config).map_err(|error| invalid(&error))?;
        let address = HubAddress::new(self.url, &loaded.config, self.user, self.credentials);
        let mut failed = 0;
        let mut checks = stream::iter(checks(&loaded, &address)).buffered(usize::MAX);
        while let Some(findings) = checks.next().await {
            for finding in findings {
                println!("{finding}");
                failed += usize::from(finding.verdict == Verdict::Fail);
            }
        }
        match failed {
            0 => Ok(()),
            1 => Err(anyhow!("1 check failed").into()),
            failed => Err(anyhow!("{failed} checks failed").into()),
        }
    }
}

/// Creates the failure of an invalid configuration: a line per problem.
fn invalid(error: &crate::config::ConfigError) -> Failure {
    let lines: Vec<String> = error
        .problems
        .iter()
        .map(|problem| format!("{problem}; correct it"))
        .map(|text| Finding::fail("configuration", text).to_string())
        .collect();
    Failure::Usage(lines.join("\n"))
}

/// Returns the checks, in the order of their lines.
fn checks<'a>(
    loaded: &'a Loaded,
    address: &'a HubAddress,
) -> Vec<LocalBoxFuture<'a, Vec<Finding>>> {
    let config = &loaded.config;
    let amqp = &config.amqp;
    let kafka = &config.kafka;
    vec![
        Box::pin(async { configuration(&loaded.file, config) }),
        bounded("store", true, parts::store(config)),
        bounded("nats", config.nats.required, brokers::nats(&config.nats)),
        bounded("kafka", kafka.required, brokers::kafka(kafka)),
        bounded("amqp", amqp.required, brokers::amqp(amqp)),
        bounded("outbox", false, brokers::outbox(config)),
        bounded("redis", false, parts::redis(&config.redis)),
        bounded("smtp", false, parts::smtp(&config.channels.email)),
        bounded("hub", address.is_named, hub::check(address)),
        bounded("websocket", true, streams::web_socket(address)),
        bounded("event stream", true, streams::event_stream(address)),
    ]
}

/// Limits the time of a check.
fn bounded<'a>(
    part: &'static str,
    required: bool,
    check: impl Future<Output = Vec<Finding>> + 'a,
) -> LocalBoxFuture<'a, Vec<Finding>> {
    Box::pin(async move {
        timeout(TIME_LIMIT, check).await.unwrap_or_else(|_| {
            let text = format!(
                "no answer within {} s; look at the server and at the network between",
                TIME_LIMIT.as_secs()
            );
            vec![Finding::away(part, required, text)]
        })
    })
}

fn configuration(file: &Path, config: &Config) -> Vec<Finding> {
    let part = "configuration";
    let valid = Finding::ok(part, format!("{} is valid", file.display()));
    let unused = config.unused().into_iter().map(|line| Finding::warn(part, line));
    std::iter::once(valid).chain(unused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_with_its_verdict() {
        let line = |finding: Finding| finding.to_string();
        assert_eq!(line(Finding::ok("store", "it\n answers")), "ok    store: it answers");
        assert_eq!(line(Finding::away("kafka", true, "x")), "fail  kafka: x");
        assert_eq!(line(Finding::away("kafka", false, "x")), "warn  kafka: x");
        assert_eq!(line(Finding::off("amqp")), "off   amqp: not configured");
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_without_an_end_is_given_up() {
        let findings = bounded("store", true, std::future::pending()).await;
        assert_eq!(findings[0].verdict, Verdict::Fail);
        assert!(findings[0].text.contains("within 5 s"), "{}", findings[0].text);
    }
}
