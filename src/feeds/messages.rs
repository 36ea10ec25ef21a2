//! Messages of the broadcaster.

use std::{collections::HashMap, sync::Arc};

use actix::{Message, Recipient};

use crate::{
    connection::ConflatingQueue,
    domain::{
        event::Event,
        feed::{Feed, FeedId, Filters},
        inbox::ClientId,
        user::UserId,
    },
    protocol::CloseCode,
    runtime::Lease,
};

/// Target of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WatchTarget {
    /// Every event, complete.
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

/// Adds a connection. Returns a lease the first time.
#[derive(Message)]
#[rtype(result = "Option<Lease>")]
pub struct Join {
    /// Connection.
    pub client: ClientId,
    /// Queue for its messages.
    pub queue: Arc<ConflatingQueue>,
    /// Address of a connection that only the broadcaster can close.
    pub close_address: Option<Recipient<Dismiss>>,
    /// User, if the feed requires an identity.
    pub user: Option<UserId>,
}

/// Closes a connection that only watches a feed.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "()")]
pub struct Dismiss(pub CloseCode);

/// Signs out the connections of a user that only watch a feed. Returns their number.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct SignOut(pub UserId);

/// Subscribes a connection, or replaces its filters. Returns a lease if the connection was not
/// known.
#[derive(Message)]
#[rtype(result = "Option<Lease>")]
pub struct Subscribe {
    /// Connection.
    pub client: ClientId,
    /// Queue for its messages.
    pub queue: Arc<ConflatingQueue>,
    /// Target.
    pub target: WatchTarget,
    /// Filters.
    pub filters: Filters,
}

/// Unsubscribes a connection.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    /// Connection.
    pub client: ClientId,
    /// Target.
    pub target: WatchTarget,
}

/// Removes a connection.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Quit(pub ClientId);

/// Replaces the feed definitions at run time.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetFeeds(pub Vec<Feed>);

/// Shows events to their watchers.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ShowEvents(pub Vec<Arc<Event>>);

/// Lists the subscriptions of every connection: names of feeds, and `all`.
#[derive(Message)]
#[rtype(result = "HashMap<ClientId, Vec<String>>")]
pub struct ListSubscriptions;

/// Closes the connections that only watch a feed, because the hub is stopping.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DismissWatchers;

/// Returns the number of connections that only watch a feed.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct CountWatchers;
