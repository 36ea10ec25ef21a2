//! A reader of Server-Sent Events that none of our code is in.

use serde_json::Value;
use tokio::time::timeout;

use super::wait::PATIENCE;

pub struct Stream {
    pub response: reqwest::Response,
    text: String,
}

/// One event: its id, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: Option<String>,
    pub data: Option<Value>,
}

impl Stream {
    pub fn new(response: reqwest::Response) -> Self {
        Self { response, text: String::new() }
    }

    /// Returns the next block, without its comments; `None` at the end.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|value| value.trim_start().to_owned())
                };
                let event = Event {
                    id: field("id:"),
                    data: field("data:")
                        .map(|data| serde_json::from_str(&data).expect("data is JSON")),
                };
                self.text = rest.to_string();
                if event.id.is_some() || event.data.is_some() {
                    return Some(event);
                }
                continue;
            }
            let chunk =
                timeout(PATIENCE, self.response.chunk()).await.expect("something comes in time");
            match chunk {
                Ok(Some(bytes)) => {
                    self.text.push_str(std::str::from_utf8(&bytes).expect("events are text"));
                }
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Returns the next message of this type; what comes before is skipped.
    pub async fn skip_to(&mut self, kind: &str) -> Event {
        loop {
            let event =
                self.next().await.unwrap_or_else(|| panic!("the stream ended before {kind}"));
            if event.data.as_ref().is_some_and(|data| data["type"] == kind) {
                return event;
            }
        }
    }

    /// Returns whether a comment comes in time.
    pub async fn comment(&mut self) -> bool {
        loop {
            if self.text.lines().any(|line| line.starts_with(':')) {
                return true;
            }
            match timeout(PATIENCE, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                _ => return false,
            }
        }
    }
}
