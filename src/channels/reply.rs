//! Replies of HTTP endpoints.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Response, StatusCode, header};

use super::{SendError, SendErrorKind};
use crate::{clock, domain::notification::Timestamp};

/// Maximum length of the part of a reply that is kept, in bytes.
const REPLY_MAX_BYTES: usize = 300;

/// Maximum pause that an endpoint can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// Returns the kind of failure of a request without a reply.
pub(super) fn of_error(error: &reqwest::Error) -> SendError {
    let mut reason =
        if error.is_timeout() { "no answer in time".to_owned() } else { "not reached".to_owned() };
    // The address may contain a secret; the cause does not.
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.source().is_none() {
            reason = format!("{reason}: {inner}");
        }
        cause = inner.source();
    }
    let kind = if reason.contains("no public address") {
        SendErrorKind::Invalid
    } else {
        SendErrorKind::Unreachable
    };
    SendError::new(kind, reason)
}

/// Returns the pause that a reply asks for with `Retry-After` (RFC 9110, section 10.2.3).
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let pause = if let Ok(seconds) = value.trim().parse() {
        Duration::from_secs(seconds)
    } else {
        let time = httpdate::parse_http_date(value).ok()?;
        let ms = Timestamp::from(DateTime::<Utc>::from(time)).0 - clock::now().0;
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    };
    Some(pause.min(RETRY_AFTER_MAX))
}

/// Returns the beginning of the body, in one line.
pub(super) async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk[..chunk.len().min(REPLY_MAX_BYTES)]);
        if bytes.len() >= REPLY_MAX_BYTES {
            break;
        }
    }
    bytes.truncate(REPLY_MAX_BYTES);
    let text = String::from_utf8_lossy(&bytes);
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('\0', "\u{fffd}")
}

/// Interprets the reply of a webhook or push service. Returns the reply in one line.
///
/// # Errors
/// When it did not accept the message: 5xx, 408 and 429 are tried again, a redirect and other 4xx
/// are not.
pub(super) async fn interpret(response: Response) -> Result<String, SendError> {
    let (status, pause) = (response.status(), retry_after(&response));
    let body = beginning(response).await;
    let reply = if body.is_empty() { status.to_string() } else { format!("{status}: {body}") };
    if status.is_success() {
        return Ok(reply);
    }
    let kind = match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => SendErrorKind::Later(pause),
        status if status.is_server_error() => SendErrorKind::Later(pause),
        _ => SendErrorKind::Refused,
    };
    let reason = if status.is_redirection() {
        format!("{reply}; redirects are not followed")
    } else {
        reply
    };
    Err(SendError::new(kind, reason))
}
