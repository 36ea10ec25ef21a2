//! `lonceng listen`: a terminal client that resumes after a disconnect.

use std::{io::Write as _, path::Path, time::Duration};

use anyhow::{anyhow, bail};
use clap::Args;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, ClientRequestBuilder, Message, http::Uri},
};

use super::{Failure, client, load_if_there};
use crate::protocol::SUBPROTOCOL;

/// Maximum delay before reconnecting.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// First delay before reconnecting.
const BACKOFF_FIRST: Duration = Duration::from_millis(250);

/// Print notifications as they come
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lonceng listen --user admin --role admin --ack\n  \
    lonceng listen --feed availability --filter course_id=PIANO-101 --filter course_id=PIANO-102")]
pub(super) struct Listen {
    /// The user's id (dev sign-in)
    #[arg(long, required_unless_present_any = ["token", "key", "feed"])]
    user: Option<String>,
    /// The name they sign in with (dev sign-in)
    #[arg(long)]
    login: Option<String>,
    /// A role (dev sign-in)
    #[arg(long)]
    role: Option<String>,
    #[command(flatten)]
    credentials: client::Credentials,
    /// The hub's WebSocket; the configured one by default
    #[arg(long, value_name = "WS-URL")]
    url: Option<String>,
    /// Watch a live feed instead of an inbox
    #[arg(long, value_name = "NAME")]
    feed: Option<String>,
    /// Filter of the feed; may be given several times
    #[arg(long, value_name = "KEY=VALUE", requires = "feed", value_parser = filter)]
    filter: Vec<(String, String)>,
    /// Mark each notification read
    #[arg(long, conflicts_with = "feed")]
    ack: bool,
    /// Print each message as JSON, one on a line
    #[arg(long)]
    json: bool,
}

fn filter(text: &str) -> Result<(String, String), String> {
    let (key, value) =
        text.split_once('=').ok_or("write KEY=VALUE, such as course_id=PIANO-101")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Position of the client, for resuming.
#[derive(Default)]
struct Position {
    epoch: String,
    revision: Option<i64>,
    /// True while the notifications of a summary are being fetched.
    fetching: bool,
}

impl Listen {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let base = if let Some(url) = &self.url {
            url.clone()
        } else {
            let base = client::base_url(&load_if_there(config)?);
            format!("{}/ws", base.replacen("http", "ws", 1))
        };
        let base = match &self.feed {
            Some(feed) => format!("{}/{feed}", base.trim_end_matches('/')),
            None => base,
        };
        let mut position = Position::default();
        let mut backoff = BACKOFF_FIRST;
        loop {
            if self.session(&base, &mut position).await? {
                backoff = BACKOFF_FIRST;
            }
            eprintln!("disconnected; connecting again in {backoff:?}");
            sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    fn request(&self, base: &str, position: &Position) -> anyhow::Result<ClientRequestBuilder> {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let mut parameters: Vec<String> =
            [("user_id", &self.user), ("login", &self.login), ("role", &self.role)]
                .into_iter()
                .filter_map(|(name, value)| Some(format!("{name}={}", encode(value.as_deref()?))))
                .collect();
        if let Some(revision) = position.revision {
            parameters.push(format!("since={}.{revision}", position.epoch));
        }
        let separator = if base.contains('?') { '&' } else { '?' };
        let uri: Uri = format!("{base}{separator}{}", parameters.join("&"))
            .parse()
            .map_err(|error| anyhow!("--url {base}: {error}"))?;
        let mut request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
        for (name, value) in self.credentials.headers() {
            request = request.with_header(name, value);
        }
        Ok(request)
    }

    /// Runs one connection. Returns whether it was established. An error is one that reconnecting
    /// would not fix.
    async fn session(&self, base: &str, position: &mut Position) -> anyhow::Result<bool> {
        let (mut socket, _) = match connect_async(self.request(base, position)?).await {
            Ok(connected) => connected,
            Err(tungstenite::Error::Http(response)) => {
                let body: Value = response
                    .body()
                    .as_deref()
                    .and_then(|b| serde_json::from_slice(b).ok())
                    .unwrap_or_default();
                let detail = body["detail"].as_str().unwrap_or("refused");
                if response.status().is_server_error() {
                    eprintln!("{}: {detail}", response.status());
                    return Ok(false);
                }
                bail!("{}: {detail}", response.status());
            }
            Err(tungstenite::Error::Url(error)) => bail!("--url {base}: {error}"),
            Err(error) => {
                eprintln!("{base}: {error}");
                return Ok(false);
            }
        };
        if let Some(subscribe_request) = self.subscribe_request()
            && socket.send(Message::text(subscribe_request.to_string())).await.is_err()
        {
            return Ok(true);
        }
        while let Some(message) = socket.next().await {
            match message {
                Ok(Message::Text(text)) => {
                    let Ok(message) = serde_json::from_str::<Value>(&text) else { continue };
                    if self.feed.is_some() && message["type"] == "error" {
                        // Invalid filters stay invalid.
                        bail!(
                            "{}",
                            message["data"]["message"]
                                .as_str()
                                .unwrap_or("the hub rejected the filters")
                        );
                    }
                    if self.show(&text, &message).is_err() {
                        // The reader of the output has closed it.
                        std::process::exit(0);
                    }
                    let mut answers: Vec<Value> = self.to_acknowledge(&message);
                    answers.extend(position.to_fetch(&message));
                    position.follow(&message);
                    for answer in answers {
                        if socket.send(Message::text(answer.to_string())).await.is_err() {
                            return Ok(true);
                        }
                    }
                }
                Ok(Message::Close(Some(frame))) => {
                    let code = u16::from(frame.code);
                    if matches!(code, 4001 | 4003 | 4009) {
                        bail!("the hub closed the connection: {code} {}", frame.reason);
                    }
                    return Ok(true);
                }
                Ok(_) => {}
                Err(_) => return Ok(true),
            }
        }
        Ok(true)
    }

    /// Returns the first message: the filters of the feed.
    fn subscribe_request(&self) -> Option<Value> {
        self.feed.as_ref()?;
        let mut filters: serde_json::Map<String, Value> = serde_json::Map::new();
        for (key, value) in &self.filter {
            let values = filters.entry(key.clone()).or_insert_with(|| json!([]));
            values.as_array_mut()?.push(json!(value));
        }
        Some(json!({ "type": "subscribe", "filters": filters }))
    }

    /// Returns the marks for printed notifications.
    fn to_acknowledge(&self, message: &Value) -> Vec<Value> {
        let mark = |item: &Value| {
            json!({ "type": "notification.read",
            "notification_id": item["notification_id"] })
        };
        printed(message).filter(|_| self.ack).map(mark).collect()
    }

    fn show(&self, text: &str, message: &Value) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            return writeln!(out, "{text}");
        }
        let data = &message["data"];
        let word = |name: &str| data[name].as_str().unwrap_or_default();
        match message["type"].as_str() {
            Some("connected") => {
                eprintln!("connected as {}: {} unread", word("user_id"), data["unread"]);
            }
            Some("subscribed") => eprintln!("watching {}", word("feed")),
            Some("error") => eprintln!("{}: {}", word("code"), word("message")),
            _ => {}
        }
        if let Some(kind) = message["type"].as_str().filter(|_| message.get("feed").is_some()) {
            let fields =
                data.as_object().into_iter().flatten().map(|(name, value)| match value.as_str() {
                    Some(text) => format!("{name}={text}"),
                    None => format!("{name}={value}"),
                });
            let fields: Vec<String> = fields.collect();
            writeln!(
                out,
                "{} {kind} {}",
                message["timestamp"].as_str().unwrap_or_default(),
                fields.join(" ")
            )?;
        }
        for item in printed(message) {
            let word = |name: &str| item[name].as_str().unwrap_or_default();
            let (title, message) = (word("title"), word("message"));
            writeln!(out, "{} [{}] {title}: {message}", word("created_at"), word("priority"))?;
        }
        Ok(())
    }
}

/// Returns the new notifications of a message: a push, or fetched ones.
fn printed(message: &Value) -> impl Iterator<Item = &Value> {
    let items: &[Value] = match message["type"].as_str() {
        Some("notification.push") => std::slice::from_ref(&message["data"]),
        Some("sync.response") => message["data"].as_array().map_or(&[], Vec::as_slice),
        _ => &[],
    };
    let pushed = message["type"] == "notification.push";
    items.iter().filter(move |item| pushed || item["status"] == "unread")
}

impl Position {
    /// Returns the request for the next page of a summary.
    fn to_fetch(&self, message: &Value) -> Option<Value> {
        let since = match message["type"].as_str() {
            Some("notifications.summary") => &message["data"]["previous_revision"],
            Some("sync.response") if message["complete"] == false => &message["revision"],
            _ => return None,
        };
        let since = format!("{}.{}", self.epoch, since.as_i64()?);
        Some(json!({ "type": "sync.request", "since": since, "limit": 1_000 }))
    }

    fn follow(&mut self, message: &Value) {
        let data = &message["data"];
        // A sync response has its revision beside the list.
        let reached = data["revision"].as_i64().or(message["revision"].as_i64());
        if let Some(epoch) = data["epoch"].as_str() {
            epoch.clone_into(&mut self.epoch);
        }
        match message["type"].as_str() {
            // Without a position, `connected` is followed by a snapshot up to its revision.
            Some("connected") if self.revision.is_none() => {
                self.revision = data["revision"].as_i64();
            }
            Some("connected") => {}
            Some("reset") => self.revision = data["revision"].as_i64(),
            // Its notifications have not arrived yet. Pushes before them are printed again if the
            // connection is lost now.
            Some("notifications.summary") => self.fetching = true,
            Some("sync.response") => {
                self.fetching = message["complete"] == false;
                self.revision = self.revision.max(reached);
            }
            _ if self.fetching => {}
            _ => {
                if let Some(revision) = reached {
                    self.revision = self.revision.max(Some(revision));
                }
            }
        }
    }
}
