//! Messages between the registry, its sessions and whoever has a change to deliver.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
    },
};

use actix::{Message, Recipient};
use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    domain::{
        inbox::{Change, ClientId, RevisionStep},
        notification::Timestamp,
        user::{Identity, UserId},
    },
    protocol,
};

/// Ends when the registry that gave it is gone.
pub type Lease = oneshot::Receiver<()>;

/// The user has `server.max_connections_per_user` connections already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyConnections;

/// From now on, tell this session what happens to this user's inbox.
#[derive(Message)]
#[rtype(result = "Result<Lease, TooManyConnections>")]
pub struct Attach {
    /// The connection, and whose it is.
    pub info: Arc<ClientInfo>,
    /// Mailbox of its session.
    pub address: Recipient<SessionMessage>,
    /// What it is told beside its mailbox.
    pub signals: Arc<Signals>,
}

/// The session is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Detach {
    /// Whose inbox.
    pub user_id: UserId,
    /// The connection.
    pub client: ClientId,
}

/// The hub is stopping: let every session say good-bye.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DismissAll;

/// Everybody who is connected.
#[derive(Message)]
#[rtype(result = "Vec<Arc<ClientInfo>>")]
pub struct ListClients;

/// Whose connections to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignOutTarget {
    /// All of a user.
    User(UserId),
    /// This one, by its id.
    Client(String),
}

/// Close connections as not signed in any more; says how many there were.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Revoke(pub SignOutTarget);

/// How many sessions are attached.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct CountSessions;

/// Encoded change of an inbox.
#[derive(Clone)]
pub struct Push {
    /// The frame.
    pub frame: Bytes,
    /// Its place in the inbox's history.
    pub step: RevisionStep,
    /// Content of the frame.
    pub content: Content,
    /// When what caused it arrived.
    pub received: Instant,
}

/// Content of a push.
#[derive(Debug, Clone)]
pub enum Content {
    /// One change, which takes the revision that follows the client's.
    Change,
    /// Answer to this session's own request: it is sent even when it changes nothing.
    Ack(Arc<Change>),
    /// Summary of notifications beyond the live limit: their number, and their number by type code.
    Summary(i64, Arc<BTreeMap<String, i64>>),
}

impl Push {
    /// Whether it answers this session's own request.
    pub(super) fn is_ack(&self) -> bool {
        matches!(self.content, Content::Ack(_))
    }

    /// Encodes it anew for a client that has been given a part of what it covers.
    pub(super) fn encoded_at(&self, step: RevisionStep) -> Bytes {
        match &self.content {
            Content::Change => self.frame.clone(),
            Content::Ack(change) => protocol::ack(change, step),
            Content::Summary(count, types) => protocol::summary(*count, types, step),
        }
    }
}

/// Everything that the registry tells a session.
#[derive(Message)]
#[rtype(result = "()")]
pub enum SessionMessage {
    /// An encoded change of the inbox.
    Push(Push),
    /// The inbox has reached this revision: a session with an earlier one reads the difference from the store.
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

/// A connection, as the list of clients shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its number in this hub.
    pub client: ClientId,
    /// Its id, as `connected` says it.
    pub client_id: String,
    /// Who it is.
    pub identity: Identity,
    /// Since when.
    pub connected_at: Timestamp,
    /// `websocket` or `sse`.
    pub transport: &'static str,
}

/// What the registry tells a session beside its mailbox, which may be full.
#[derive(Debug, Default)]
pub struct Signals {
    /// A push did not fit into the mailbox.
    pub overflow: AtomicBool,
    /// An administrator has signed the user out.
    pub revoked: AtomicBool,
    /// Size of the pushes in the mailbox, in bytes.
    pub mailbox_bytes: AtomicUsize,
}
