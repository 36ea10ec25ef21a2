//! Reasons for which a valid event makes no notification.

/// Reason for which a valid event makes no notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skipped {
    /// No type has its code.
    NoType,
    /// The row of its type is invalid, so the type is off.
    InvalidType,
    /// Its type is switched off.
    Inactive,
    /// Its type is for live feeds only.
    FeedOnly,
    /// No user matches the target of its type.
    NoRecipient,
    /// All recipients muted its type.
    Muted,
}

impl Skipped {
    /// Returns the code of the reason, as in `results` and the delivery trace.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoType => "no_type",
            Self::InvalidType => "invalid_type",
            Self::Inactive => "inactive",
            Self::FeedOnly => "feed_only",
            Self::NoRecipient => "no_recipient",
            Self::Muted => "muted",
        }
    }

    /// Returns the reason as a sentence.
    #[must_use]
    pub fn explained(self) -> &'static str {
        match self {
            Self::NoType => "no type has the event's code",
            Self::InvalidType => "the type's row is invalid, so the type is off",
            Self::Inactive => "the type is inactive",
            Self::FeedOnly => "the type has the target FEED, and no open live feed shows it",
            Self::NoRecipient => "no user matches the type's target",
            Self::Muted => "all recipients muted the type",
        }
    }

    /// Returns whether strict publishing refuses the event.
    #[must_use]
    pub fn is_refused_when_strict(self) -> bool {
        matches!(self, Self::NoType | Self::InvalidType | Self::Inactive | Self::NoRecipient)
    }
}
