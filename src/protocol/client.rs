//! Messages of clients.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::snooze::{SnoozeEnd, snooze};
use crate::domain::{
    feed::FiltersErrorKind,
    inbox::{BulkMark, Mark, Since},
    preferences::RETENTION_DAYS,
    presentation::ACTIONS_MAX,
};

/// Maximum number of notifications in a `sync.response`.
const SYNC_LIMIT_MAX: i64 = 1_000;

/// Code of an `error` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Not JSON, not an object, or an invalid field.
    BadMessage,
    /// Unknown `type`.
    UnknownType,
    /// Unknown filter, or invalid value.
    BadFilter,
    /// Too many filters.
    TooMany,
    /// No such notification in this inbox, or no such feed.
    NotFound,
    /// Not allowed.
    Forbidden,
    /// More than `limits.client_messages_per_minute`.
    RateLimited,
    /// The store is unavailable; the request may be repeated.
    Unavailable,
}

impl From<FiltersErrorKind> for ErrorCode {
    fn from(kind: FiltersErrorKind) -> Self {
        match kind {
            FiltersErrorKind::Bad => Self::BadFilter,
            FiltersErrorKind::TooMany => Self::TooMany,
        }
    }
}

impl ErrorCode {
    /// Returns the code in the message.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadMessage => "bad_message",
            Self::UnknownType => "unknown_type",
            Self::BadFilter => "bad_filter",
            Self::TooMany => "too_many",
            Self::NotFound => "not_found",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Error reply; the connection stays open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientError {
    /// Kind of error.
    pub code: ErrorCode,
    /// Description of the error, and what is expected.
    pub message: String,
}

impl ClientError {
    /// Creates an error.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// Mark one notification; `None` for an ID that is not a UUID, which no notification has.
    Mark(Mark, Option<Uuid>),
    /// Snooze one notification.
    Snooze(SnoozeEnd, Option<Uuid>),
    /// Mark all unread notifications created up to a revision; `None` for all.
    MarkAll(BulkMark, Option<i64>),
    /// Send the changes after `since`, or else the newest notifications.
    Sync {
        /// Position of the client.
        since: Option<Since>,
        /// Maximum number of entries.
        limit: Option<i64>,
    },
    /// Set the retention period, in days.
    SetRetention(i64),
    /// Subscribe to a feed, or to every event.
    Subscribe {
        /// Target.
        scope: Scope,
        /// Filters, as written by the client.
        filters: Map<String, Value>,
    },
    /// Unsubscribe.
    Unsubscribe(Scope),
    /// Application-level ping.
    Ping,
}

/// Target of a subscription, as named by the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every event, for administrators.
    All,
    /// Feed of this name.
    Feed(String),
    /// The feed that the connection is for.
    Own,
}

impl ClientMessage {
    /// Parses a message: `{"type":…,"data":{…}}`, or with the fields beside `type`.
    ///
    /// # Errors
    /// Error to reply with.
    pub fn parse(text: &[u8]) -> Result<Self, ClientError> {
        let bad = |message: String| ClientError::new(ErrorCode::BadMessage, message);
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| bad(format!("the message is not JSON: {error}")))?;
        let Value::Object(mut map) = value else {
            return Err(bad("a message must be a JSON object with a type".to_owned()));
        };
        let kind = match map.remove("type") {
            Some(Value::String(kind)) => kind,
            Some(_) => return Err(bad("type must be a string".to_owned())),
            None => return Err(bad("the message has no type".to_owned())),
        };
        let fields = match map.remove("data") {
            Some(Value::Object(data)) => data,
            None | Some(Value::Null) => map,
            Some(_) => return Err(bad("data must be an object".to_owned())),
        };
        Self::of(&kind, &fields)
    }

    fn of(kind: &str, fields: &Map<String, Value>) -> Result<Self, ClientError> {
        if let Some(word) = kind.strip_prefix("notification.") {
            if let Some(mark) = Mark::ALL.into_iter().find(|mark| mark.word() == word) {
                let mark = match mark {
                    Mark::Click(_) => Mark::Click(action(fields)?),
                    other => other,
                };
                return Ok(Self::Mark(mark, notification_id(fields)?));
            }
            if word == "snooze" {
                let until = snooze(fields)
                    .map_err(|message| ClientError::new(ErrorCode::BadMessage, message))?;
                return Ok(Self::Snooze(until, notification_id(fields)?));
            }
            if let Some(mark) =
                [BulkMark::Read, BulkMark::Seen].into_iter().find(|mark| mark.word() == word)
            {
                return Ok(Self::MarkAll(mark, integer(fields, "up_to_revision", 0, i64::MAX)?));
            }
        }
        match kind {
            "retention.set" => {
                integer(fields, "days", *RETENTION_DAYS.start(), *RETENTION_DAYS.end())?
                    .map(Self::SetRetention)
                    .ok_or_else(|| ClientError::new(ErrorCode::BadMessage, "days is missing"))
            }
            "sync.request" => Ok(Self::Sync {
                since: since(fields)?,
                limit: integer(fields, "limit", 1, SYNC_LIMIT_MAX)?,
            }),
            "subscribe" => Ok(Self::Subscribe { scope: scope(fields)?, filters: filters(fields)? }),
            "unsubscribe" => scope(fields).map(Self::Unsubscribe),
            "ping" => Ok(Self::Ping),
            other => Err(ClientError::new(
                ErrorCode::UnknownType,
                format!("messages of type {other:?} are not known"),
            )),
        }
    }
}

/// Reads `scope`, or `feed`, which older clients call `topic`.
fn scope(fields: &Map<String, Value>) -> Result<Scope, ClientError> {
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ClientError::new(ErrorCode::BadMessage, format!("{name} must be a string"))),
    };
    let feed = match text("feed")? {
        None => text("topic")?,
        feed => feed,
    };
    match (text("scope")?.as_deref(), feed) {
        (Some("all"), None) => Ok(Scope::All),
        (Some("feed") | None, Some(feed)) => Ok(Scope::Feed(feed)),
        (None, None) => Ok(Scope::Own),
        (Some("all"), Some(_)) => {
            Err(ClientError::new(ErrorCode::BadMessage, "name a feed or scope all, not both"))
        }
        (Some(_), _) => {
            Err(ClientError::new(ErrorCode::BadMessage, "the only scope is all; or name a feed"))
        }
    }
}

fn filters(fields: &Map<String, Value>) -> Result<Map<String, Value>, ClientError> {
    match fields.get("filters") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(filters)) => Ok(filters.clone()),
        Some(_) => Err(ClientError::new(
            ErrorCode::BadFilter,
            "filters must be an object of keys and their values",
        )),
    }
}

fn notification_id(fields: &Map<String, Value>) -> Result<Option<Uuid>, ClientError> {
    match fields.get("notification_id") {
        Some(Value::String(text)) => Ok(Uuid::try_parse(text).ok()),
        Some(_) => Err(ClientError::new(ErrorCode::BadMessage, "notification_id must be a string")),
        None => Err(ClientError::new(ErrorCode::BadMessage, "notification_id is missing")),
    }
}

/// Highest index of an action.
const LAST_ACTION: i64 = 1;
const _: () = assert!(ACTIONS_MAX == 2, "LAST_ACTION is the index of the last one");

/// Reads the index of the action that was pressed.
fn action(fields: &Map<String, Value>) -> Result<Option<u8>, ClientError> {
    let index = integer(fields, "action", 0, LAST_ACTION)?;
    Ok(index.and_then(|index| u8::try_from(index).ok()))
}

fn integer(
    fields: &Map<String, Value>,
    name: &str,
    least: i64,
    most: i64,
) -> Result<Option<i64>, ClientError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ if most == i64::MAX => Err(ClientError::new(
                ErrorCode::BadMessage,
                format!("{name} must be a whole number from {least}"),
            )),
            _ => {
                let message = format!("{name} must be a whole number from {least} to {most}");
                Err(ClientError::new(ErrorCode::BadMessage, message))
            }
        },
    }
}

fn since(fields: &Map<String, Value>) -> Result<Option<Since>, ClientError> {
    let text = match fields.get("since") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Since::parse(&text)
        .map(Some)
        .map_err(|message| ClientError::new(ErrorCode::BadMessage, message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "01978a3e-0000-7000-8000-000000000001";

    fn code(text: &str) -> Option<ErrorCode> {
        ClientMessage::parse(text.as_bytes()).err().map(|error| error.code)
    }

    #[test]
    fn fields_are_read_from_data_or_beside_the_type() {
        let expected = Ok(ClientMessage::Mark(Mark::Read, Uuid::try_parse(ID).ok()));
        for text in [
            format!(r#"{{"type":"notification.read","data":{{"notification_id":"{ID}"}}}}"#),
            format!(r#"{{"type":"notification.read","notification_id":"{ID}","stream_id":"1-1"}}"#),
        ] {
            assert_eq!(ClientMessage::parse(text.as_bytes()), expected);
        }
        assert_eq!(
            ClientMessage::parse(br#"{"type":"sync.request","since":"e.4","limit":7}"#),
            Ok(ClientMessage::Sync {
                since: Some(Since { epoch: Some("e".into()), revision: 4 }),
                limit: Some(7)
            })
        );
        assert_eq!(ClientMessage::parse(br#"{"type":"ping"}"#), Ok(ClientMessage::Ping));
    }

    #[test]
    fn subscription_target_is_parsed_in_all_spellings() {
        let subscribe = |text: &str| ClientMessage::parse(text.as_bytes());
        let (feed, all) = (Scope::Feed("a".to_owned()), Scope::All);
        for text in [
            r#"{"type":"unsubscribe","feed":"a"}"#,
            r#"{"type":"unsubscribe","data":{"topic":"a"}}"#,
        ] {
            assert_eq!(subscribe(text), Ok(ClientMessage::Unsubscribe(feed.clone())), "{text}");
        }
        let Ok(ClientMessage::Subscribe { scope, filters }) =
            subscribe(r#"{"type":"subscribe","feed":"a","filters":{"b":["c"]}}"#)
        else {
            panic!("it is good")
        };
        assert_eq!((scope, filters.len()), (feed, 1));
        let message = subscribe(r#"{"type":"subscribe","scope":"all"}"#);
        assert_eq!(message, Ok(ClientMessage::Subscribe { scope: all, filters: Map::new() }));
        let message = subscribe(r#"{"type":"subscribe"}"#);
        assert_eq!(
            message,
            Ok(ClientMessage::Subscribe { scope: Scope::Own, filters: Map::new() })
        );
    }

    #[test]
    fn invalid_messages_have_distinct_error_codes() {
        for text in ["", "{", "7", "[]", "{}", r#"{"type":7}"#, r#"{"type":"ping","data":7}"#] {
            assert_eq!(code(text), Some(ErrorCode::BadMessage), "{text}");
        }
        assert_eq!(code(r#"{"type":"dance"}"#), Some(ErrorCode::UnknownType));
        assert_eq!(code(r#"{"type":"sync.request","limit":0}"#), Some(ErrorCode::BadMessage));
        assert_eq!(code(r#"{"type":"sync.request","limit":1001}"#), Some(ErrorCode::BadMessage));
        assert_eq!(code(r#"{"type":"notification.read"}"#), Some(ErrorCode::BadMessage));
        for days in ["0", "16", "1.5", "\"3\"", "null"] {
            assert_eq!(
                code(&format!(r#"{{"type":"retention.set","days":{days}}}"#)),
                Some(ErrorCode::BadMessage)
            );
        }
        assert_eq!(code(r#"{"type":"subscribe","scope":"some"}"#), Some(ErrorCode::BadMessage));
        assert_eq!(code(r#"{"type":"subscribe","feed":7}"#), Some(ErrorCode::BadMessage));
        assert_eq!(
            code(r#"{"type":"subscribe","feed":"a","scope":"all"}"#),
            Some(ErrorCode::BadMessage)
        );
        assert_eq!(
            code(r#"{"type":"subscribe","feed":"a","filters":["x"]}"#),
            Some(ErrorCode::BadFilter)
        );
        assert_eq!(
            code(r#"{"type":"notification.dance","notification_id":"x"}"#),
            Some(ErrorCode::UnknownType)
        );
    }

    proptest! {
        #[test]
        fn parser_never_panics(text in ".{0,200}") {
            let _ = ClientMessage::parse(text.as_bytes());
        }
    }
}
