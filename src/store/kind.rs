//! Kind of database.

/// Kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// File on this machine.
    Sqlite,
    /// Server.
    Postgres,
}

impl Kind {
    /// Returns whether only one hub can use the store at a time.
    pub(super) fn has_one_hub(self) -> bool {
        match self {
            Self::Sqlite => true,
            Self::Postgres => false,
        }
    }

    /// Returns the kind that a URL is for; `None` for an unknown scheme.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        let is = |scheme: &&str| url.starts_with(*scheme);
        if is(&"sqlite:") {
            Some(Self::Sqlite)
        } else if ["postgres://", "postgresql://"].iter().any(is) {
            Some(Self::Postgres)
        } else {
            None
        }
    }
}
