//! Messages between the registry, its sessions and the HTTP interface.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
    },
};

use actix::{Actor, Handler, Message, Recipient, dev::ToEnvelope};
use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    domain::{
        inbox::{Change, ClientId, RevisionStep},
        notification::Timestamp,
        user::{Identity, UserId},
    },
    protocol,
    runtime::{Handle, Lease, MessageHandle},
};

/// The user has `server.max_connections_per_user` connections already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyConnections;

/// Attaches a session to the changes of its user's inbox.
#[derive(Message)]
#[rtype(result = "Result<Lease, TooManyConnections>")]
pub struct Attach {
    /// Connection and its user.
    pub info: Arc<ClientInfo>,
    /// Mailbox of its session.
    pub address: Recipient<SessionMessage>,
    /// Signals beside the mailbox.
    pub signals: Arc<Signals>,
}

/// Detaches a session.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Detach {
    /// Owner of the inbox.
    pub user_id: UserId,
    /// Connection.
    pub client: ClientId,
}

/// Closes all sessions, because the hub is stopping.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DismissAll;

/// Addresses of the registry that a session needs.
#[derive(Debug, Clone)]
pub struct RegistryHandle {
    /// Attaches the session.
    pub attach: MessageHandle<Attach>,
    /// Detaches it.
    pub detach: MessageHandle<Detach>,
}

impl<A> From<&Handle<A>> for RegistryHandle
where
    A: Actor + Handler<Attach> + Handler<Detach>,
    A::Context: ToEnvelope<A, Attach> + ToEnvelope<A, Detach>,
{
    fn from(handle: &Handle<A>) -> Self {
        Self { attach: MessageHandle::from(handle), detach: MessageHandle::from(handle) }
    }
}

/// Lists the connected clients.
#[derive(Message)]
#[rtype(result = "Vec<Arc<ClientInfo>>")]
pub struct ListClients;

/// Connections to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignOutTarget {
    /// All connections of a user.
    User(UserId),
    /// One connection, by its ID.
    Client(String),
}

/// Signs out connections. Returns their number.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Revoke(pub SignOutTarget);

/// Writes the number of each user's connections to Redis again, which may have lost them.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RestoreCounts;

/// Returns the number of attached sessions.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct CountSessions;

/// Encoded change of an inbox.
#[derive(Clone)]
pub struct Push {
    /// Encoded frame.
    pub frame: Bytes,
    /// Position in the inbox's history.
    pub step: RevisionStep,
    /// Content of the frame.
    pub content: Content,
    /// Time at which its cause arrived.
    pub received: Instant,
}

/// Content of a push.
#[derive(Debug, Clone)]
pub enum Content {
    /// Change with the revision that follows the client's.
    Change,
    /// Reply to this session's own request, sent even if nothing changed.
    Ack(Arc<Change>),
    /// Summary of notifications beyond the live limit: their number, and their number by type code.
    Summary(i64, Arc<BTreeMap<String, i64>>),
}

impl Push {
    /// Returns whether it is the reply to this session's own request.
    pub(super) fn is_ack(&self) -> bool {
        matches!(self.content, Content::Ack(_))
    }

    /// Encodes it again for a client that has received a part of what it covers.
    pub(super) fn encoded_at(&self, step: RevisionStep) -> Bytes {
        match &self.content {
            Content::Change => self.frame.clone(),
            Content::Ack(change) => protocol::ack(change, step),
            Content::Summary(count, types) => protocol::summary(*count, types, step),
        }
    }
}

/// Message from the registry to a session.
#[derive(Message)]
#[rtype(result = "()")]
pub enum SessionMessage {
    /// An encoded change of the inbox.
    Push(Push),
    /// The inbox has reached this revision: a session with an earlier one reads the difference from
    /// the store.
    Behind {
        /// Revision of the inbox.
        revision: i64,
    },
    /// The session looks at its [`Signals`].
    Wake,
    /// The hub is stopping.
    Leave,
    /// Panics, for tests of what a panic costs.
    #[doc(hidden)]
    Crash,
}

/// Description of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// Number within this hub.
    pub client: ClientId,
    /// ID, as in `connected`.
    pub client_id: String,
    /// Identity of the user.
    pub identity: Identity,
    /// Time of the connection.
    pub connected_at: Timestamp,
    /// `websocket` or `sse`.
    pub transport: &'static str,
}

/// Signals from the registry to a session beside its mailbox, which may be full.
#[derive(Debug, Default)]
pub struct Signals {
    /// True if a push did not fit into the mailbox.
    pub overflow: AtomicBool,
    /// True if an administrator has signed the user out.
    pub revoked: AtomicBool,
    /// Size of the pushes in the mailbox, in bytes.
    pub mailbox_bytes: AtomicUsize,
}
