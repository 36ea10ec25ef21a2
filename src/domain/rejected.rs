//! Rejection of an invalid event, with a description for its publisher.

use std::fmt;

use super::limits::{IDENTIFIER_MAX_CHARS, shortened};

/// Maximum length of the description, in characters: it may quote the input.
const DETAIL_MAX_CHARS: usize = 500;

/// Kind of rejection: the label `reason` of `lonceng_dead_letters_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectedKind {
    /// The payload is not JSON.
    InvalidJson,
    /// The payload is larger than `server.max_event_bytes`.
    TooLarge,
    /// A required field is missing.
    MissingField,
    /// A field is invalid.
    InvalidField,
    /// The event makes no notification, and its publisher asked for strict publishing.
    Unprocessable,
    /// The template of its type could not be rendered with its data.
    Template,
    /// The hub failed `nats.max_deliver` times.
    GaveUp,
}

impl RejectedKind {
    /// Returns the name in metrics and in `dead_letters.kind`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::TooLarge => "too_large",
            Self::MissingField => "missing_field",
            Self::InvalidField => "invalid_field",
            Self::Unprocessable => "unprocessable",
            Self::Template => "template",
            Self::GaveUp => "gave_up",
        }
    }
}

/// Rejection of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Kind.
    pub kind: RejectedKind,
    /// Missing or invalid field, as the publisher spells it.
    pub field: Option<String>,
    /// Index in the batch, from 0.
    pub index: Option<usize>,
    /// Description, without a full stop.
    pub detail: String,
}

impl Rejected {
    /// Creates a rejection for a missing field.
    #[must_use]
    pub fn missing(field: &str, detail: impl Into<String>) -> Self {
        Self::new(RejectedKind::MissingField, Some(field), &detail.into())
    }

    /// Creates a rejection for an invalid field.
    #[must_use]
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(RejectedKind::InvalidField, Some(field), &detail.into())
    }

    /// Creates a rejection for an event that strict publishing does not skip.
    #[must_use]
    pub fn unprocessable(field: Option<&str>, detail: impl Into<String>) -> Self {
        Self::new(RejectedKind::Unprocessable, field, &detail.into())
    }

    /// Creates a rejection of the event as a whole.
    #[must_use]
    pub fn whole(kind: RejectedKind, detail: impl Into<String>) -> Self {
        Self::new(kind, None, &detail.into())
    }

    fn new(kind: RejectedKind, field: Option<&str>, detail: &str) -> Self {
        let field = field.map(|field| shortened(field, IDENTIFIER_MAX_CHARS));
        Self { kind, field, index: None, detail: shortened(detail, DETAIL_MAX_CHARS) }
    }

    /// Adds the place of the template that failed to the description.
    #[must_use]
    pub fn in_place(self, place: &str) -> Self {
        let detail = shortened(&format!("{} ({place})", self.detail), DETAIL_MAX_CHARS);
        Self { detail, ..self }
    }

    /// Sets the index in the batch.
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) if !self.detail.contains(field.as_str()) => {
                write!(f, "{field}: {}", self.detail)
            }
            _ => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Rejected {}
