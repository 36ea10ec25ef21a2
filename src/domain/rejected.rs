//! Why an event cannot become notifications, in words its publisher can act on.

use std::fmt;

use super::limits::{IDENTIFIER_MAX_CHARS, shortened};

/// Maximum length of an explanation, in characters: it may quote what is wrong.
const DETAIL_MAX_CHARS: usize = 500;

/// The kinds of bad event; the word is the `reason` label of `lonceng_dead_letters_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectedKind {
    /// The payload is not JSON.
    InvalidJson,
    /// The payload is larger than `server.max_event_bytes`.
    TooLarge,
    /// A field that must be there is not.
    MissingField,
    /// A field is there but unusable.
    InvalidField,
    /// Its publisher asked that an event be refused that makes no notification.
    Unprocessable,
    /// The type's template could not be rendered with this data.
    Template,
    /// The hub failed `nats.max_deliver` times for reasons of its own.
    GaveUp,
}

impl RejectedKind {
    /// The word used in metrics and in `dead_letters.kind`.
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

/// A bad event: what is wrong with it, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// What kind of wrong.
    pub kind: RejectedKind,
    /// The field that is missing or unusable, as the publisher would write it.
    pub field: Option<String>,
    /// Which event of a batch, from 0.
    pub index: Option<usize>,
    /// One sentence without a full stop.
    pub detail: String,
}

impl Rejected {
    /// A field that must be there is not.
    #[must_use]
    pub fn missing(field: &str, detail: impl Into<String>) -> Self {
        Self::new(RejectedKind::MissingField, Some(field), &detail.into())
    }

    /// A field is there but unusable.
    #[must_use]
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(RejectedKind::InvalidField, Some(field), &detail.into())
    }

    /// Strict publishing: the event would be skipped.
    #[must_use]
    pub fn unprocessable(field: Option<&str>, detail: impl Into<String>) -> Self {
        Self::new(RejectedKind::Unprocessable, field, &detail.into())
    }

    /// A fault of the event as a whole.
    #[must_use]
    pub fn whole(kind: RejectedKind, detail: impl Into<String>) -> Self {
        Self::new(kind, None, &detail.into())
    }

    fn new(kind: RejectedKind, field: Option<&str>, detail: &str) -> Self {
        let field = field.map(|field| shortened(field, IDENTIFIER_MAX_CHARS));
        Self { kind, field, index: None, detail: shortened(detail, DETAIL_MAX_CHARS) }
    }

    /// The same, as the `index`th event of a batch.
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
