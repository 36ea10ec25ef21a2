//! The WebSocket protocol `lonceng.v1`: what clients send, what the hub sends, and how a connection ends.

mod client;
pub mod frame;
mod server;

pub use client::{ClientError, ClientMessage, ErrorCode, Scope};
pub use server::{
    Connected, Frames, ack, closed, connected, encode_change, error, going_away, pong, push_of,
    reset, retention_set, shown, subscribed, summary, sync_response, unsubscribed, whole,
};

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "lonceng.v1";

/// Every way the hub ends a connection.
///
/// 4001, 4003, 4009: connecting again in the same way is of no use. The others: come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The client closed; said back to it.
    Normal,
    /// The hub is stopping.
    GoingAway,
    /// The client broke RFC 6455.
    Protocol,
    /// A text message was not UTF-8.
    NotText,
    /// A message was larger than `server.max_message_bytes`.
    TooBig,
    /// Something of the hub's own failed.
    Internal,
    /// The token expired or was revoked.
    NotSignedIn,
    /// Not allowed.
    Forbidden,
    /// More than `server.outbound_queue` messages waited.
    TooSlow,
    /// The user has more than `server.max_connections_per_user` connections.
    TooManyConnections,
    /// It went on sending after `rate_limited`.
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

    /// The code on the wire (RFC 6455, section 7.4; 4000 and above are ours).
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

    /// The reason on the wire.
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
