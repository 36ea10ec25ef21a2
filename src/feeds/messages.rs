//! What the broadcaster is told and asked.

use std::{collections::HashMap, sync::Arc};

use actix::{Message, Recipient};
use tokio::sync::oneshot;

use crate::{
    connection::ConflatingQueue,
    domain::{
        event::Event,
        feed::{Feed, FeedId, Filters},
        inbox::ClientId,
        user::UserId,
    },
    protocol::CloseCode,
};

/// Ends when the broadcaster that gave it is gone.
pub type Lease = oneshot::Receiver<()>;

/// What a connection may watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WatchTarget {
    /// Every event, whole.
    All,
    /// A feed.
    Feed(FeedId),
}

impl WatchTarget {
    pub(crate) fn feed(self) -> Option<FeedId> {
        match self {
            Self::All => None,
            Self::Feed(feed) => Some(feed),
        }
    }
}

/// A connection is there. Answers with a lease the first time.
#[derive(Message)]
#[rtype(result = "Option<Lease>")]
pub struct Join {
    /// The connection.
    pub client: ClientId,
    /// Where its messages go.
    pub queue: Arc<ConflatingQueue>,
    /// Set by a connection that nobody else tells when it has to end.
    pub goodbye: Option<Recipient<Dismiss>>,
    /// Who it is, where the feed asked.
    pub user: Option<UserId>,
}

/// The connection has to end.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "()")]
pub struct Dismiss(pub CloseCode);

/// Close the connections of a user that only watch, as not signed in any more; says how many there were.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct SignOut(pub UserId);

/// From now on this connection watches this; what it watched of the same before is replaced. Answers with a lease when it was not
/// there before.
#[derive(Message)]
#[rtype(result = "Option<Lease>")]
pub struct Subscribe {
    /// The connection.
    pub client: ClientId,
    /// Where its messages go.
    pub queue: Arc<ConflatingQueue>,
    /// What it watches.
    pub what: WatchTarget,
    /// What of it.
    pub filters: Filters,
}

/// It watches this no longer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    /// The connection.
    pub client: ClientId,
    /// What it watched.
    pub what: WatchTarget,
}

/// The connection is gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Quit(pub ClientId);

/// From now on, these are the feeds.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetFeeds(pub Vec<Feed>);

/// These have happened: show them.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ShowEvents(pub Vec<Arc<Event>>);

/// What every connection watches: the names of feeds, and `all`.
#[derive(Message)]
#[rtype(result = "HashMap<ClientId, Vec<String>>")]
pub struct ListSubscriptions;

/// The hub is stopping: tell those that nobody else tells.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DismissWatchers;

/// How many of those are left.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct CountWatchers;
