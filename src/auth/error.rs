//! Reasons for which a sign-in is refused.

use super::TokenError;

/// Reason for which authentication failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No credentials.
    #[error("there is no token; send one as \"Authorization: Bearer\"")]
    Missing,
    /// No session cookie, on a hub without another way to sign in.
    #[error("there is no session cookie; sign in first")]
    NoCookie,
    /// No user, with dev authentication.
    #[error("name a user: ?user_id=")]
    NoUser,
    /// Invalid token.
    #[error("the token is not accepted: {0}")]
    Token(#[from] TokenError),
    /// Unknown API key.
    #[error("the API key is not known")]
    Key,
    /// Unknown session cookie.
    #[error("the session is over; sign in again")]
    Cookie,
    /// The source of identities is unavailable.
    #[error("identities cannot be checked now; try again")]
    Unavailable,
    /// Invalid dev parameter.
    #[error("{0}")]
    BadParameter(String),
}

impl AuthError {
    /// Returns the kind of a refused sign-in, for logs; `None` if nothing was refused, because the
    /// credentials cannot be checked or the request is malformed.
    #[must_use]
    pub fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Missing | Self::NoCookie | Self::NoUser => Some("none"),
            Self::Token(error) => Some(match error {
                TokenError::NotConfigured => "not_configured",
                TokenError::Malformed => "malformed",
                TokenError::NoKey | TokenError::Critical => "header",
                TokenError::Signature => "signature",
                TokenError::Expired(_) => "expired",
                TokenError::TooEarly(_) => "too_early",
                TokenError::Issuer => "issuer",
                TokenError::Audience => "audience",
                TokenError::Claim(_) => "claim",
                TokenError::KeysAway => return None,
            }),
            Self::Key => Some("key"),
            Self::Cookie => Some("cookie"),
            Self::Unavailable | Self::BadParameter(_) => None,
        }
    }
}
