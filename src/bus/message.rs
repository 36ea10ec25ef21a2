//! Messages between the bus and the actors.

use std::sync::Arc;

use actix::{Actor, Handler, Message, dev::ToEnvelope};
use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;

use super::control::ControlContent;
use crate::{
    domain::{event::Event, inbox::RevisionStep, trace_context::TraceContext, user::UserId},
    runtime::{Handle, MessageHandle},
};

/// Committed change of an inbox, encoded for the connections of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusChange {
    /// Owner of the inbox.
    pub user_id: UserId,
    /// Position in the history of the inbox.
    pub step: RevisionStep,
    /// Code of the type, if the limit of live notifications applies.
    pub limited: Option<String>,
    /// ID of the notification, if it is new.
    pub created: Option<Uuid>,
    /// Trace of the event that caused it.
    pub trace: Option<Arc<TraceContext>>,
    /// WebSocket frame.
    pub frame: Bytes,
}

/// Messages from this hub to the others.
#[derive(Debug, Clone)]
pub enum Publish {
    /// Changes of inboxes.
    Changes(Vec<BusChange>),
    /// Events that live feeds show.
    Events(Vec<Arc<Event>>),
}

/// Message from another hub, with the time of its arrival.
#[derive(Debug, Clone)]
pub struct Received<T> {
    /// Content.
    pub content: T,
    /// Time of the arrival.
    pub at: Instant,
}

/// Delivers changes that other hubs have committed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DeliverRemote(pub Vec<Received<BusChange>>);

/// Shows events that other hubs have received to the watchers of live feeds.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ShowRemote(pub Vec<Arc<Event>>);

/// Queues messages for the other hubs.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Enqueue(pub Publish);

/// Queues a message to hubs.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EnqueueControl {
    /// Boot ID of the receiver; `None` for all hubs.
    pub(super) to: Option<String>,
    /// Content.
    pub(super) content: ControlContent,
}

/// Addresses of the publisher.
#[derive(Debug, Clone)]
pub struct PublisherHandle {
    /// Queues messages.
    pub(super) messages: MessageHandle<Enqueue>,
    /// Queues messages to hubs.
    pub(super) control: MessageHandle<EnqueueControl>,
}

impl<A> From<&Handle<A>> for PublisherHandle
where
    A: Actor + Handler<Enqueue> + Handler<EnqueueControl>,
    A::Context: ToEnvelope<A, Enqueue> + ToEnvelope<A, EnqueueControl>,
{
    fn from(handle: &Handle<A>) -> Self {
        Self { messages: MessageHandle::from(handle), control: MessageHandle::from(handle) }
    }
}
