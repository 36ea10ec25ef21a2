//! Errors of the HTTP interface: problem details (RFC 9457). Only this file chooses the status.

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    auth::AuthError,
    domain::{
        limits::{IDENTIFIER_MAX_CHARS, shortened},
        message_code::{self, MessageCode},
        rejected::{Rejected, RejectedKind},
    },
    pipeline::Outcome,
    runtime::Gone,
    store::StoreError,
};

/// `Retry-After` while a part of the hub is unavailable, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// Maximum length of a description, in characters.
const DETAIL_MAX_CHARS: usize = 1_000;

/// Error of the HTTP interface.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// Code of the description, if it has one.
    #[serde(flatten)]
    code: Option<MessageCode>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// Additional members, such as the state of each part.
    #[serde(flatten)]
    extra: Map<String, Value>,
    #[serde(skip)]
    retry_after: Option<u64>,
    #[serde(skip)]
    allow: Option<String>,
}

/// Error of one field.
#[derive(Debug, Clone, Serialize)]
struct FieldError {
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Index in the batch, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    detail: String,
    /// Code of the description, if it has one.
    #[serde(flatten)]
    code: Option<MessageCode>,
}

impl FieldError {
    fn new(field: Option<String>, index: Option<usize>, detail: String) -> Self {
        Self { field, index, code: message_code::of_field(&detail), detail }
    }
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        // It may quote the input, which may be very long.
        let detail = shortened(&detail.into(), DETAIL_MAX_CHARS);
        Self {
            kind,
            title,
            status: status.as_u16(),
            code: message_code::of_problem(&detail),
            detail,
            errors: Vec::new(),
            extra: Map::new(),
            retry_after: None,
            allow: None,
        }
    }

    /// Creates 400: the request is malformed.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:lonceng:bad-request", "Bad request", detail)
    }

    /// Creates 400: a field or parameter is invalid.
    pub fn bad_field(field: &str, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        // Some descriptions begin with the name of the field.
        let without = detail.strip_prefix(field).and_then(|rest| rest.strip_prefix(' '));
        let detail = shortened(without.unwrap_or(&detail), DETAIL_MAX_CHARS);
        let field = shortened(field, IDENTIFIER_MAX_CHARS);
        let mut problem = Self::bad_request(format!("{field}: {detail}"));
        problem.errors = vec![FieldError::new(Some(field), None, detail)];
        problem
    }

    /// Creates 401: credentials are required.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "urn:lonceng:unauthorized", "Not signed in", detail)
    }

    /// Creates 403: not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "urn:lonceng:forbidden", "Forbidden", detail)
    }

    /// Creates 404: not found, or not the caller's.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "urn:lonceng:not-found", "Not found", detail)
    }

    /// Creates 405: method not allowed.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        let detail = format!("allowed methods: {allow}");
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "urn:lonceng:method-not-allowed",
            "Method not allowed",
            detail,
        );
        Self { allow: Some(allow), ..problem }
    }

    /// Creates 408: the request arrived too slowly.
    pub fn too_late(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "urn:lonceng:request-timeout",
            "Request timeout",
            detail,
        )
    }

    /// Creates 409: conflict with the current state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "urn:lonceng:conflict", "Conflict", detail)
    }

    /// Creates 412: the precondition failed.
    pub fn precondition_failed(detail: impl Into<String>) -> Self {
        let title = "Precondition failed";
        Self::new(StatusCode::PRECONDITION_FAILED, "urn:lonceng:precondition-failed", title, detail)
    }

    /// Creates 422: valid, but refused.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "urn:lonceng:unprocessable",
            "Unprocessable",
            detail,
        )
    }

    /// Creates 429: too many requests, with `Retry-After`.
    pub fn too_many(detail: impl Into<String>, retry_after_seconds: u64) -> Self {
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "urn:lonceng:too-many",
            "Too many requests",
            detail,
        );
        Self { retry_after: Some(retry_after_seconds.max(1)), ..problem }
    }

    /// Creates 413: too large.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "urn:lonceng:too-large", "Too large", detail)
    }

    /// Creates 426: the path requires a WebSocket.
    #[must_use]
    pub fn upgrade_required() -> Self {
        let detail = "this address speaks WebSocket; connect with a WebSocket client";
        Self::new(
            StatusCode::UPGRADE_REQUIRED,
            "urn:lonceng:upgrade-required",
            "Upgrade required",
            detail,
        )
    }

    /// Creates 500: internal error.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "urn:lonceng:internal",
            "Internal error",
            detail,
        )
    }

    /// Creates 503: unavailable, may be retried.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:lonceng:unavailable",
            "Unavailable",
            detail,
        );
        Self { retry_after: Some(RETRY_AFTER_SECONDS), ..problem }
    }

    /// Returns whether the request was at fault, and had no effect.
    #[must_use]
    pub fn is_client_error(&self) -> bool {
        self.status < 500
    }

    /// Adds the line of the body.
    #[must_use]
    pub fn in_line(mut self, line: usize) -> Self {
        self.detail = format!("line {line}: {}", self.detail);
        self.code = None;
        self
    }

    /// Adds members.
    #[must_use]
    pub fn with(mut self, extra: Map<String, Value>) -> Self {
        self.extra = extra;
        self
    }

    /// Returns the problem for an outcome, if it is a failure.
    #[must_use]
    pub fn of_outcome(outcome: &Outcome, batch: bool) -> Option<Self> {
        match outcome {
            Outcome::Accepted(_)
            | Outcome::Duplicate
            | Outcome::Skipped(_)
            | Outcome::InProgress(_) => None,
            Outcome::Rejected(rejected) => {
                let index = rejected.index.filter(|_| batch);
                Some(Self::from(&Rejected { index, ..rejected.clone() }))
            }
            Outcome::Unavailable(why) => {
                Some(Self::unavailable(format!("nothing was stored, try again: {why}")))
            }
            Outcome::Interrupted { stored, event_id, reason } => {
                let how = event_id.as_ref().map_or_else(
                    || "publish it again with the same identity".to_owned(),
                    |id| format!("publish it again with \"event_id\": \"{id}\""),
                );
                let problem = Self::unavailable(format!(
                    "the event was stored for {stored} of its recipients; {how} to continue with \
                     the others: {reason}"
                ));
                let members = [
                    ("stored".to_owned(), Value::from(*stored)),
                    ("event_id".to_owned(), json!(event_id)),
                ];
                Some(problem.with(members.into_iter().collect()))
            }
            Outcome::Overloaded => {
                Some(Self::unavailable("the hub has too much to do; nothing was stored, try again"))
            }
            Outcome::Failed(_) => {
                Some(Self::internal("the event could not be stored; the log says why"))
            }
        }
    }
}

impl From<&Rejected> for Problem {
    fn from(rejected: &Rejected) -> Self {
        let mut problem = match rejected.kind {
            RejectedKind::TooLarge => Self::too_large(rejected.to_string()),
            RejectedKind::Unprocessable => Self::unprocessable(rejected.to_string()),
            RejectedKind::InvalidJson
            | RejectedKind::MissingField
            | RejectedKind::InvalidField
            | RejectedKind::Template
            | RejectedKind::GaveUp => Self::bad_request(rejected.to_string()),
        };
        let (field, detail) = (rejected.field.clone(), rejected.detail.clone());
        problem.errors = vec![FieldError::new(field, rejected.index, detail)];
        problem
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Missing
            | AuthError::NoCookie
            | AuthError::NoUser
            | AuthError::Token(_)
            | AuthError::Key
            | AuthError::Cookie => Self::unauthorized(error.to_string()),
            AuthError::Unavailable => Self::unavailable(error.to_string()),
            AuthError::BadParameter(detail) => match detail.split_once(": ") {
                Some((field, detail)) => Self::bad_field(field, detail),
                None => Self::bad_request(detail),
            },
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Overloaded) {
            return Self::unavailable("the hub has too much to do; try again");
        }
        if error.is_transient() {
            return Self::unavailable("the store is unavailable; try again");
        }
        tracing::error!(%error, "a request failed in the store");
        Self::internal("the store rejected the request; see the log")
    }
}

impl From<Gone> for Problem {
    fn from(gone: Gone) -> Self {
        Self::unavailable(gone.to_string())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if self.status_code() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        // A type of this crate with string keys always serializes.
        response.body(serde_json::to_vec(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_event_names_field_and_index() {
        let problem = Problem::from(&Rejected::missing("user_id", "it needs user_id").at(3));
        let json = serde_json::to_value(&problem).expect("it serializes");
        assert_eq!(json["status"], 400);
        assert_eq!(json["errors"][0]["field"], "user_id");
        assert_eq!(json["errors"][0]["index"], 3);
    }

    #[test]
    fn problem_and_its_fields_have_codes_beside_the_sentences() {
        let json = |problem: &Problem| serde_json::to_value(problem).expect("it serializes");
        let field = json(&Problem::bad_field("limit", "must be from 1 to 1000"));
        let error = json!({ "field": "limit", "detail": "must be from 1 to 1000",
            "code": "range", "params": { "min": 1, "max": 1000 } });
        assert_eq!((&field["errors"][0], field.get("code")), (&error, None));
        let missing = json(&Problem::not_found("there is no such job"));
        assert_eq!((&missing["code"], &missing["params"]), (&json!("no_job"), &json!({})));
        assert_eq!(json(&Problem::not_found("nothing")).get("code"), None);
    }

    #[test]
    fn transient_problems_have_retry_after() {
        let response = Problem::unavailable("x").error_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}
