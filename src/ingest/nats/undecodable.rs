//! Messages that the client library cannot decode, such as one with a space in the name of a
//! header.
//!
//! Their delivery breaks the connection, so they never arrive as a message, and the server delivers
//! them again after each ack wait. So the unacknowledged messages are read over JetStream's API
//! after a lost connection: there, headers are Base64.

use std::time::Duration;

use async_nats::{
    HeaderName, StatusCode,
    jetstream::{self, Context, context::RequestError, stream::Stream},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    domain::{event::Identity, rejected::Rejected},
    ingest::{Consumer, Disposition, SourceMessage},
};

/// Maximum number of messages read, from the first that is not acknowledged.
const MESSAGES_MAX: u64 = 10_000;

/// Maximum number of requests in flight.
const REQUESTS_MAX: usize = 50;

/// Time limit for reading.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Answer to a request for a message; without one, it does not exist any more.
#[derive(Deserialize)]
struct Answer {
    message: Option<Stored>,
}

/// Message as JetStream's API returns it.
#[derive(Deserialize)]
struct Stored {
    /// Subject; bytes that are not UTF-8 are replaced.
    subject: String,
    seq: u64,
    /// Block of headers in Base64.
    #[serde(default)]
    hdrs: String,
    /// Payload in Base64.
    #[serde(default)]
    data: String,
}

/// Finds the unacknowledged messages that cannot be decoded, stores them as dead letters, and
/// deletes them from the stream.
pub(super) async fn reject_undecodable(
    consumer: &Consumer,
    context: &Context,
    (stream, created_ms): (&Stream, i64),
    pending: &jetstream::consumer::Info,
) {
    if pending.num_ack_pending == 0 {
        return;
    }
    if timeout(TIME_LIMIT, check(consumer, context, (stream, created_ms), pending)).await.is_err() {
        tracing::debug!("nats: not all unacknowledged messages were read in time");
    }
}

async fn check(
    consumer: &Consumer,
    context: &Context,
    (stream, created_ms): (&Stream, i64),
    pending: &jetstream::consumer::Info,
) {
    let acknowledged = pending.ack_floor.stream_sequence;
    let last = pending.delivered.stream_sequence.min(acknowledged + MESSAGES_MAX);
    let name = &stream.cached_info().config.name;
    let subject = format!("STREAM.MSG.GET.{name}");
    let mut read = stream::iter(acknowledged + 1..=last)
        .map(|sequence| get(context, &subject, json!({ "seq": sequence })))
        .buffered(REQUESTS_MAX);
    while let Some(read) = read.next().await {
        let stored = match read {
            Ok(Some(stored)) => stored,
            Ok(None) => continue,
            Err(error) => {
                tracing::debug!(%error, "nats: unacknowledged messages cannot be read");
                return;
            }
        };
        let rejected = match stored.check() {
            Err(rejected) => rejected,
            Ok(()) if is_lossy(context, &subject, &stored).await => {
                Rejected::invalid("subject", "the subject is not UTF-8")
            }
            Ok(()) => continue,
        };
        let sequence = stored.seq;
        let identity = Identity::stream(name, created_ms, sequence);
        let disposition = consumer.reject(&stored.into_message(identity), rejected).await;
        if !matches!(disposition, Disposition::Reject(_)) {
            // The store is away. The next delivery breaks the connection again.
            return;
        }
        match stream.delete_message(sequence).await {
            Ok(_) => tracing::warn!(
                stream = name,
                sequence,
                "nats: a message that cannot be decoded was stored as a dead letter and deleted \
                 from the stream"
            ),
            Err(error) => tracing::warn!(
                %error, stream = name, sequence,
                "nats: a message that cannot be decoded breaks the connection, and cannot be \
                 deleted; delete it from the stream"
            ),
        }
    }
}

/// Requests a message; `None` if it does not exist.
async fn get(
    context: &Context,
    subject: &str,
    request: serde_json::Value,
) -> Result<Option<Stored>, RequestError> {
    let answer: Answer = context.request(subject.to_owned(), &request).await?;
    Ok(answer.message)
}

/// Returns whether the subject has bytes that are not UTF-8: JSON replaces them, and the server
/// does not find the message under the subject with replacements.
async fn is_lossy(context: &Context, subject: &str, stored: &Stored) -> bool {
    if !stored.subject.contains(char::REPLACEMENT_CHARACTER) {
        return false;
    }
    let request = json!({ "seq": stored.seq, "next_by_subj": stored.subject });
    let found = get(context, subject, request).await;
    found.is_ok_and(|found| found.is_none_or(|found| found.seq != stored.seq))
}

impl Stored {
    /// Checks subject and headers by the rules of the client library.
    fn check(&self) -> Result<(), Rejected> {
        let block = self.header_block();
        if block.is_empty() {
            return Ok(());
        }
        if self.subject.contains(char::is_whitespace) {
            return Err(Rejected::invalid("subject", "the subject has white space"));
        }
        check_headers(&block).map_err(|detail| Rejected::invalid("headers", detail))
    }

    fn header_block(&self) -> Vec<u8> {
        BASE64_STANDARD.decode(&self.hdrs).unwrap_or_default()
    }

    /// Converts the message; bytes of the headers that are not UTF-8 are replaced.
    fn into_message(self, identity: Identity) -> SourceMessage {
        let block = self.header_block();
        let headers = String::from_utf8_lossy(&block)
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        SourceMessage {
            subject: self.subject,
            headers,
            payload: BASE64_STANDARD.decode(&self.data).unwrap_or_default().into(),
            identity: Some(identity),
            delivered: 1,
        }
    }
}

fn check_headers(block: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(block).map_err(|_| "the headers are not UTF-8")?;
    let mut lines = text.lines().peekable();
    let version = lines.next().and_then(|line| line.strip_prefix("NATS/1.0"));
    let status = version.ok_or("the headers do not begin with NATS/1.0")?.trim();
    let status = status.split_once(' ').map_or(status, |(status, _)| status);
    if !status.is_empty() && status.parse::<StatusCode>().is_err() {
        return Err(format!("the status {status:?} of the headers is not a number"));
    }
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, _) =
            line.split_once(':').ok_or_else(|| format!("the header {line:?} has no colon"))?;
        if name.parse::<HeaderName>().is_err() {
            return Err(format!("the name {name:?} of a header is not printable ASCII"));
        }
        // A value may go on in further lines.
        while lines.next_if(|line| line.starts_with(char::is_whitespace)).is_some() {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(subject: &str, headers: &[u8]) -> Stored {
        let (hdrs, data) = (BASE64_STANDARD.encode(headers), BASE64_STANDARD.encode("{}"));
        let text = format!(r#"{{"subject":"{subject}","seq":7,"hdrs":"{hdrs}","data":"{data}"}}"#);
        serde_json::from_str(&text).expect("it is JSON")
    }

    #[test]
    fn messages_that_the_client_library_cannot_decode_are_found() {
        for headers in [
            &b""[..],
            b"NATS/1.0\r\n\r\n",
            b"NATS/1.0\r\nNats-Msg-Id: 1\r\nA:b\r\n c\r\n\r\n",
            b"NATS/1.0\r\nA: \xc3\xa9\r\n\r\n",
            b"NATS/1.0 200 OK\r\n\r\n",
        ] {
            assert_eq!(stored("events.x", headers).check(), Ok(()), "{headers:?}");
        }
        for headers in [
            &b"NATS/1.0\r\nA b: c\r\n\r\n"[..],
            b"NATS/1.0\r\nA: \xff\r\n\r\n",
            b"NATS/1.0\r\n\xc3\xa9: c\r\n\r\n",
            b"NATS/1.0\r\nno colon\r\n\r\n",
            b"NATS/1.0 x\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
        ] {
            assert!(stored("events.x", headers).check().is_err(), "{headers:?}");
        }
        assert!(stored("events.a\u{a0}b", b"NATS/1.0\r\nA: b\r\n\r\n").check().is_err());
    }

    #[test]
    fn dead_letter_has_headers_and_payload() {
        let headers = b"NATS/1.0\r\nA b: c\r\nX: \xff\r\n\r\n";
        let message = stored("events.x", headers).into_message(Identity::stream("S", 1, 7));
        let expected =
            [("a b".to_owned(), "c".to_owned()), ("x".to_owned(), "\u{fffd}".to_owned())];
        assert_eq!(message.headers, expected);
        assert_eq!((message.subject.as_str(), &message.payload[..]), ("events.x", &b"{}"[..]));
    }
}
