//! `lonceng publish`: publishes events over HTTP or a broker.

mod amqp;
mod kafka;
mod nats;

use std::path::Path;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Failure, client, load_if_there, progress::progress};
use crate::{config::Config, domain::event::code_of};

/// Maximum number of publishes in progress.
const IN_FLIGHT: usize = 500;

/// Number of events per HTTP request.
const HTTP_BATCH: u64 = 200;

/// Publish an event, or many
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lonceng publish REFUND_REQUESTED --user budi --data \
    '{\"amount\":100000,\"refund_id\":\"ref456\"}'\n  \
                        lonceng publish events.note.created --user budi --data \
                        '{\"title\":\"Hi\"}' --nats --count 1000")]
pub(super) struct Publish {
    /// The type's code, such as `REFUND_REQUESTED`, or the subject, such as events.refund.requested
    #[arg(value_name = "TYPE|SUBJECT")]
    name: String,
    /// ID of the user that the event is about
    #[arg(long)]
    user: Option<String>,
    /// Its data as a JSON object; - reads it from standard input
    #[arg(long, value_name = "JSON|-")]
    data: Option<String>,
    /// Publish over NATS, at this address or the configured one
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "",
        conflicts_with = "http")]
    nats: Option<String>,
    /// Publish to Kafka, at the configured brokers; the topic is the subject without events.
    #[arg(long, conflicts_with_all = ["http", "nats"])]
    kafka: bool,
    /// Publish to `RabbitMQ`, at the configured URL; the routing key is the subject without events.
    #[arg(long, conflicts_with_all = ["http", "nats", "kafka"])]
    amqp: bool,
    /// Publish over HTTP, at this address or the configured one (the default)
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    http: Option<String>,
    /// The event's id: the same one again is the same event
    #[arg(long)]
    id: Option<String>,
    /// Exit with 0 although an event was skipped because it makes no notification
    #[arg(long)]
    allow_skipped: bool,
    #[command(flatten)]
    credentials: client::Credentials,
    /// Number of events
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
}

impl Publish {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let config = load_if_there(config)?;
        let event = self.event()?;
        let (count, code) = (self.count, self.code());
        let broker = if let Some(url) = &self.nats {
            self.over_nats(&config, url, &event).await?;
            true
        } else if self.kafka {
            self.over_kafka(&config.kafka, &event).await?;
            true
        } else if self.amqp {
            self.over_amqp(&config.amqp, &event).await?;
            true
        } else {
            false
        };
        if broker {
            if let Some(warning) = self.unread(&config) {
                eprintln!("lonceng: warning: {warning}");
            }
            println!("published {count} × {code}; the hub processes them when it receives them");
            return Ok(());
        }
        let outcomes = self.over_http(&config, &event).await?;
        println!("published {count} × {code}: {outcomes}");
        outcomes.check(self.allow_skipped)
    }

    fn code(&self) -> String {
        code_of(&self.name)
    }

    /// Returns the given subject, or the one of the code.
    fn subject(&self) -> String {
        if self.name.contains('.') {
            self.name.clone()
        } else {
            format!("events.{}", self.name.to_lowercase().replace('_', "."))
        }
    }

    /// Returns the topic of Kafka, and the routing key of AMQP.
    fn topic(&self) -> String {
        let subject = self.subject();
        subject.strip_prefix("events.").unwrap_or(&subject).to_owned()
    }

    /// Returns the reason for which the hub of this configuration will not receive the events.
    fn unread(&self, config: &Config) -> Option<String> {
        let topic = self.topic();
        let (kind, key, read) = if self.kafka {
            ("topic", "kafka.topics", &config.kafka.topics)
        } else if self.amqp {
            ("routing key", "amqp.bindings", &config.amqp.bindings)
        } else {
            return None;
        };
        let is_read = if self.kafka {
            read.contains(&topic)
        } else {
            read.iter().any(|pattern| amqp::matches(pattern, &topic))
        };
        (!is_read).then(|| {
            format!(
                "the hub of this configuration does not read the {kind} {topic}; add it to {key}, \
                 which has {}",
                if read.is_empty() { "none".to_owned() } else { read.join(", ") }
            )
        })
    }

    fn event(&self) -> Result<Map<String, Value>, Failure> {
        let text = match self.data.as_deref() {
            None => "{}".to_owned(),
            Some("-") => std::io::read_to_string(std::io::stdin())
                .context("standard input cannot be read")?,
            Some(text) => text.to_owned(),
        };
        let data: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::Usage(format!("--data is not JSON: {error}")))?;
        let Value::Object(mut event) = data else {
            return Err(Failure::Usage(
                "--data must be a JSON object, such as {\"amount\":1}".to_owned(),
            ));
        };
        event.insert("type".to_owned(), self.code().into());
        if let Some(user) = &self.user {
            event.insert("user_id".to_owned(), user.clone().into());
        }
        Ok(event)
    }

    /// Returns the ID of the `n`th event, each different.
    fn id(&self, n: u64) -> String {
        match &self.id {
            Some(id) if self.count == 1 => id.clone(),
            Some(id) => format!("{id}-{n}"),
            None => Uuid::now_v7().to_string(),
        }
    }

    async fn over_http(
        &self,
        config: &Config,
        event: &Map<String, Value>,
    ) -> anyhow::Result<Outcomes> {
        let base = self
            .http
            .clone()
            .filter(|url| !url.is_empty())
            .unwrap_or_else(|| client::base_url(config));
        let url = format!("{}/api/v1/events", base.trim_end_matches('/'));
        let http = client::http(&url)?;
        let progress = progress(self.count);
        let (mut sent, mut outcomes) = (0, Outcomes::default());
        while sent < self.count {
            let size = HTTP_BATCH.min(self.count - sent);
            let batch: Vec<Value> = (sent..sent + size)
                .map(|n| {
                    let mut event = event.clone();
                    event.entry("event_id").or_insert_with(|| self.id(n).into());
                    Value::Object(event)
                })
                .collect();
            let body = if self.count == 1 { batch[0].clone() } else { Value::Array(batch) };
            let request = self.credentials.authorize(http.post(&url)).json(&body);
            let answer = client::answer(&url, request.send().await).await?;
            for result in answer["results"].as_array().into_iter().flatten() {
                let line = outcomes.add(result);
                progress.suspend(|| println!("{line}"));
            }
            sent += size;
            progress.inc(size);
        }
        progress.finish_and_clear();
        Ok(outcomes)
    }
}

/// Counts of outcomes over HTTP.
#[derive(Debug, Default)]
struct Outcomes {
    accepted: u64,
    duplicate: u64,
    skipped: u64,
    notifications: u64,
}

impl Outcomes {
    /// Counts a result. Returns the line to print.
    fn add(&mut self, result: &Value) -> String {
        let outcome = result["outcome"].as_str().unwrap_or("accepted");
        let notifications = result["notifications"].as_u64().unwrap_or(0);
        self.notifications += notifications;
        match outcome {
            "skipped" => self.skipped += 1,
            "duplicate" => self.duplicate += 1,
            _ => self.accepted += 1,
        }
        let id = result["id"].as_str().unwrap_or_default();
        match result["reason"].as_str() {
            Some(reason) => format!("{id} {outcome}: {reason}"),
            None => format!("{id} {outcome}: {}", notifications_of(notifications)),
        }
    }

    fn check(&self, allow_skipped: bool) -> Result<(), Failure> {
        match self.skipped {
            0 => Ok(()),
            _ if allow_skipped => Ok(()),
            skipped => Err(Failure::Failed(anyhow!(
                "{skipped} of the events made no notification; pass --allow-skipped if that is \
                 intended"
            ))),
        }
    }
}

impl std::fmt::Display for Outcomes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} accepted", self.accepted)?;
        for (count, word) in [(self.duplicate, "duplicate"), (self.skipped, "skipped")] {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        write!(f, "; {}", notifications_of(self.notifications))
    }
}

fn notifications_of(count: u64) -> String {
    format!("{count} {}", if count == 1 { "notification" } else { "notifications" })
}
