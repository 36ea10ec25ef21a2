//! Probes through a proxy: whether a WebSocket opens, and an event stream is not held back.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{StatusCode, header::CONTENT_TYPE};
use tokio::time::timeout;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, ClientRequestBuilder, Message, http},
};

use super::{
    Finding,
    hub::{HubAddress, Probe, Unreached, client},
};
use crate::protocol::SUBPROTOCOL;

const WEB_SOCKET: &str = "websocket";
const EVENT_STREAM: &str = "event stream";

/// Time within which the first bytes must arrive, below the limit of the whole check.
const FIRST_BYTES: Duration = Duration::from_secs(4);

/// Media type of the hub's own errors (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// Remedy for a proxy that breaks `WebSocket`.
const PASS_UPGRADE: &str = "let the proxy use HTTP/1.1 to the hub and pass the headers Upgrade and \
                            Connection (nginx: proxy_http_version 1.1; proxy_set_header Upgrade \
                            $http_upgrade; proxy_set_header Connection \"upgrade\")";

/// Remedy for a proxy that buffers event streams.
const DO_NOT_BUFFER: &str = "switch its buffering off for /api/v1/stream and /api/v1/feeds (nginx: \
                             proxy_buffering off)";

/// Result of a probe.
enum Outcome {
    /// Success.
    Works,
    /// Refusal by the hub itself: the request has reached it.
    Refused(String),
    /// Failure, with the reason.
    Broken(String),
    /// No answer, with the reason.
    Unreachable(Unreached),
}

/// Checks that a WebSocket opens and a message arrives.
pub(super) async fn web_socket(address: &HubAddress) -> Vec<Finding> {
    let mut refused = None;
    for probe in address.probes("/ws", "/ws/") {
        match open_web_socket(address, &probe).await {
            Outcome::Works => return vec![Finding::ok(WEB_SOCKET, "opens, and messages arrive")],
            Outcome::Refused(answer) => refused = refused.or(Some(answer)),
            Outcome::Broken(why) => {
                return vec![Finding::fail(WEB_SOCKET, format!("{why}; {PASS_UPGRADE}"))];
            }
            Outcome::Unreachable(why) => return vec![address.unreachable(WEB_SOCKET, &why)],
        }
    }
    let answer = refused.unwrap_or_default();
    let text = format!(
        "an upgrade reaches the hub, which answers {answer}; sign in with --user, --token or --key \
         to check messages too"
    );
    vec![Finding::ok(WEB_SOCKET, text)]
}

async fn open_web_socket(address: &HubAddress, probe: &Probe) -> Outcome {
    let (Probe::Inbox(path) | Probe::Feed(path)) = probe;
    let url = format!("{}{path}", address.base.replacen("http", "ws", 1));
    let uri: http::Uri = match url.parse() {
        Ok(uri) => uri,
        Err(error) => {
            return Outcome::Unreachable(Unreached::Away(format!("invalid address: {error}")));
        }
    };
    let mut request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
    for (name, value) in address.headers() {
        request = request.with_header(name, value);
    }
    let (mut socket, _) = match connect_async(request).await {
        Ok(opened) => opened,
        Err(tungstenite::Error::Http(response)) => return of_response(&response),
        Err(
            error @ (tungstenite::Error::Io(_)
            | tungstenite::Error::Tls(_)
            | tungstenite::Error::Url(_)),
        ) => return Outcome::Unreachable(Unreached::of(&error)),
        Err(error) => return Outcome::Broken(format!("the upgrade fails ({error})")),
    };
    if let Probe::Feed(_) = probe {
        let subscribe = Message::text(r#"{"type":"subscribe","filters":{}}"#);
        if let Err(error) = socket.send(subscribe).await {
            return Outcome::Broken(format!("the connection ends after the upgrade ({error})"));
        }
    }
    let first = timeout(FIRST_BYTES, async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(_))) => break Ok(()),
                Some(Ok(Message::Close(frame))) => {
                    break Err(frame.map_or_else(String::new, |frame| frame.to_string()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => break Err(error.to_string()),
                None => break Err("closed".to_owned()),
            }
        }
    });
    match first.await {
        Ok(Ok(())) => Outcome::Works,
        Ok(Err(why)) => Outcome::Broken(format!("the connection ends after the upgrade ({why})")),
        Err(_) => Outcome::Broken(format!(
            "opens, and no message arrives within {} s",
            FIRST_BYTES.as_secs()
        )),
    }
}

/// Interprets the answer to an upgrade that is not one.
fn of_response(response: &http::Response<Option<Vec<u8>>>) -> Outcome {
    let status = response.status();
    let kind = response.headers().get(http::header::CONTENT_TYPE);
    let is_own = kind.is_some_and(|kind| kind.as_bytes().starts_with(PROBLEM.as_bytes()));
    match (is_own, status.as_u16()) {
        (true, 401 | 403 | 429 | 503) => Outcome::Refused(status.to_string()),
        (true, 426) => Outcome::Broken("the hub gets the request without its upgrade".to_owned()),
        (true, _) => {
            let body = response.body().as_deref().unwrap_or_default();
            let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            let detail = body["detail"].as_str().unwrap_or_default();
            Outcome::Broken(format!("the hub answers {status}: {detail}"))
        }
        (false, _) => Outcome::Broken(format!("the proxy answers {status} instead of the hub")),
    }
}

/// Checks that the first bytes of an event stream arrive while it stays open.
pub(super) async fn event_stream(address: &HubAddress) -> Vec<Finding> {
    let probes = address.probes("/api/v1/stream", "/api/v1/feeds/");
    let opened = timeout(FIRST_BYTES, async {
        let mut refused = None;
        for probe in probes {
            match open_event_stream(address, &probe).await {
                Outcome::Refused(answer) => refused = refused.or(Some(answer)),
                other => return other,
            }
        }
        Outcome::Refused(refused.unwrap_or_default())
    });
    vec![match opened.await {
        Ok(Outcome::Works) => Finding::ok(EVENT_STREAM, "opens, and its first event arrives"),
        Ok(Outcome::Refused(answer)) => Finding::warn(
            EVENT_STREAM,
            format!(
                "not checked, because the hub answers {answer}; sign in with --user, --token or \
                 --key"
            ),
        ),
        Ok(Outcome::Broken(why)) => Finding::fail(EVENT_STREAM, format!("{why}; {DO_NOT_BUFFER}")),
        Ok(Outcome::Unreachable(why)) => address.unreachable(EVENT_STREAM, &why),
        Err(_) => Finding::fail(
            EVENT_STREAM,
            format!(
                "nothing arrives within {} s while it is open, so something buffers it; \
                 {DO_NOT_BUFFER}",
                FIRST_BYTES.as_secs()
            ),
        ),
    }]
}

async fn open_event_stream(address: &HubAddress, probe: &Probe) -> Outcome {
    let (Probe::Inbox(path) | Probe::Feed(path)) = probe;
    let client = match client() {
        Ok(client) => client,
        Err(error) => return Outcome::Unreachable(Unreached::of(&error)),
    };
    let request =
        client.get(format!("{}{path}", address.base)).header("accept", "text/event-stream");
    let mut response = match address.authorize(request).send().await {
        Ok(response) => response,
        Err(error) => return Outcome::Unreachable(Unreached::of(&error)),
    };
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    if status != StatusCode::OK || !kind.starts_with("text/event-stream") {
        let is_own = kind.starts_with(PROBLEM);
        return match (is_own, status.as_u16()) {
            (true, 401 | 403 | 404 | 429 | 503) => Outcome::Refused(status.to_string()),
            (true, _) => Outcome::Broken(format!("the hub answers {status}")),
            (false, _) => Outcome::Broken(format!("the proxy answers {status} instead of the hub")),
        };
    }
    match response.chunk().await {
        Ok(Some(_)) => Outcome::Works,
        Ok(None) => Outcome::Broken("ends without an event".to_owned()),
        Err(error) => Outcome::Broken(format!("ends without an event ({error})")),
    }
}
