//! WebSocket protocol `lonceng.v1`: messages of clients, messages of the hub, and close codes.

mod client;
pub mod frame;
mod server;
mod snooze;

pub use client::{ClientError, ClientMessage, ErrorCode, Scope};
pub use server::{
    Connected, Frames, ack, behind, closed, connected, encode_change, error, going_away, pong,
    push_of, reset, retention_set, shown, subscribed, summary, sync_response, unsubscribed, whole,
};
pub use snooze::{SnoozeEnd, snooze};

/// Name of the subprotocol.
pub const SUBPROTOCOL: &str = "lonceng.v1";

/// Close code of a connection.
///
/// 4001, 4003 and 4009: reconnecting in the same way fails again. After the others, clients
/// reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The client closed the connection.
    Normal,
    /// The hub is stopping.
    GoingAway,
    /// The client violated RFC 6455.
    Protocol,
    /// A text message was not UTF-8.
    NotText,
    /// A message was larger than `server.max_message_bytes`.
    TooBig,
    /// Internal error.
    Internal,
    /// The token expired or was revoked.
    NotSignedIn,
    /// Not allowed.
    Forbidden,
    /// The client read too slowly.
    TooSlow,
    /// The user has more than `server.max_connections_per_user` connections.
    TooManyConnections,
    /// The client continued to send after `rate_limited`.
    TooManyMessages,
}

impl CloseCode {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Normal,
        Self::GoingAway,
        Self::Protocol,
        Self::NotText,
        Self::TooBig,
        Self::Internal,
        Self::NotSignedIn,
        Self::Forbidden,
        Self::TooSlow,
        Self::TooManyConnections,
        Self::TooManyMessages,
    ];

    /// Returns the code (RFC 6455, section 7.4; 4000 and above are private use).
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Protocol => 1002,
            Self::NotText => 1007,
            Self::TooBig => 1009,
            Self::Internal => 1011,
            Self::NotSignedIn => 4001,
            Self::Forbidden => 4003,
            Self::TooSlow => 4008,
            Self::TooManyConnections => 4009,
            Self::TooManyMessages => 4029,
        }
    }

    /// Returns the reason in the close frame.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Normal => "bye",
            Self::GoingAway => "going away",
            Self::Protocol => "protocol error",
            Self::NotText => "text messages must be UTF-8",
            Self::TooBig => "message too big",
            Self::Internal => "internal error",
            Self::NotSignedIn => "not signed in any more",
            Self::Forbidden => "forbidden",
            Self::TooSlow => "reading too slowly",
            Self::TooManyConnections => "too many connections of this user",
            Self::TooManyMessages => "too many messages",
        }
    }
}
