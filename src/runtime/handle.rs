//! Addresses of actors that survive a restart of the actor.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use actix::{Actor, Addr, Handler, Message, dev::ToEnvelope, prelude::SendError};
use futures_util::future::LocalBoxFuture;

/// The actor is not running, or died before it replied: the effect of the message is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a part of the hub is restarting")]
pub struct Gone;

/// Reason for which a message was not sent at once.
pub enum NotPosted<M> {
    /// The mailbox is full.
    Full(M),
    /// The actor is not running.
    Gone,
}

/// Receiver that closes when the granting actor ends; nothing is sent.
pub type Lease = tokio::sync::oneshot::Receiver<()>;

/// Address of an actor, updated when the supervisor replaces the actor.
///
/// The one `Addr` inside is used by reference: a clone per send would get a free slot in the
/// mailbox each time, and no mailbox would have a limit.
pub struct Handle<A: Actor>(Arc<RwLock<Option<Addr<A>>>>);

impl<A: Actor> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Actor> Default for Handle<A> {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(None)))
    }
}

impl<A: Actor> fmt::Debug for Handle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<A>())
    }
}

impl<A: Actor> Handle<A> {
    /// Sets the address of a new actor.
    pub fn fill(&self, address: Addr<A>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// Returns the current address.
    #[must_use]
    pub fn address(&self) -> Option<Addr<A>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a message, waits for room in the mailbox and for the reply.
    ///
    /// # Errors
    /// [`Gone`] when the actor is not running or died before it replied.
    pub async fn send<M>(&self, message: M) -> Result<M::Result, Gone>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let request = {
            let address = self.0.read().unwrap_or_else(PoisonError::into_inner);
            address.as_ref().map(|address| address.send(message))
        };
        match request {
            Some(request) => request.await.map_err(|_| Gone),
            None => Err(Gone),
        }
    }

    /// Sends a message if the mailbox has room.
    ///
    /// # Errors
    /// The message, when it was not sent.
    fn try_post<M>(&self, message: M) -> Result<(), NotPosted<M>>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let address = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(address) = address.as_ref() else { return Err(NotPosted::Gone) };
        address.try_send(message).map_err(|error| match error {
            SendError::Full(message) => NotPosted::Full(message),
            SendError::Closed(_) => NotPosted::Gone,
        })
    }

    /// Sends a message, and waits for room in the mailbox, but not until the message is handled:
    /// waking the sender again would cost more than handling most messages.
    ///
    /// # Errors
    /// [`Gone`] when the actor is not running.
    pub async fn post<M>(&self, message: M) -> Result<(), Gone>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        match self.try_post(message) {
            Ok(()) => Ok(()),
            Err(NotPosted::Full(message)) => self.send(message).await.map(drop),
            Err(NotPosted::Gone) => Err(Gone),
        }
    }

    /// Sends a message if the mailbox has room. Returns whether it was sent. For messages that may
    /// be dropped.
    pub fn offer<M>(&self, message: M) -> bool
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let address = self.0.read().unwrap_or_else(PoisonError::into_inner);
        address.as_ref().is_some_and(|address| address.try_send(message).is_ok())
    }
}

/// Address for one type of message, independent of the type of the receiving actor.
///
/// An actor that only sends `M` holds this instead of a [`Handle`]: it need not know the type of
/// the receiver, so folders stay free of cycles and a test puts a recording actor in the receiver's
/// place.
pub struct MessageHandle<M: Message>(Arc<dyn Deliver<M>>);

/// Object-safe sending of one type of message.
trait Deliver<M: Message>: Send + Sync {
    fn send(&self, message: M) -> LocalBoxFuture<'static, Result<M::Result, Gone>>;
    fn try_post(&self, message: M) -> Result<(), NotPosted<M>>;
    fn offer(&self, message: M) -> bool;
}

impl<A, M> Deliver<M> for Handle<A>
where
    M: Message + Send + 'static,
    M::Result: Send,
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
{
    fn send(&self, message: M) -> LocalBoxFuture<'static, Result<M::Result, Gone>> {
        let handle = self.clone();
        Box::pin(async move { Handle::send(&handle, message).await })
    }

    fn try_post(&self, message: M) -> Result<(), NotPosted<M>> {
        Handle::try_post(self, message)
    }

    fn offer(&self, message: M) -> bool {
        Handle::offer(self, message)
    }
}

impl<M: Message> Clone for MessageHandle<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Message> fmt::Debug for MessageHandle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<M>())
    }
}

impl<A, M> From<&Handle<A>> for MessageHandle<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
{
    fn from(handle: &Handle<A>) -> Self {
        Self(Arc::new(handle.clone()))
    }
}

#[cfg(test)]
impl<M: Message + 'static> MessageHandle<M> {
    /// Creates a handle whose messages go to a function; `None` means that the receiver is gone.
    pub(crate) fn stub(receive: impl Fn(M) -> Option<M::Result> + Send + Sync + 'static) -> Self
    where
        M::Result: 'static,
    {
        struct Stub<F>(F);

        impl<M, F> Deliver<M> for Stub<F>
        where
            M: Message + 'static,
            M::Result: 'static,
            F: Fn(M) -> Option<M::Result> + Send + Sync,
        {
            fn send(&self, message: M) -> LocalBoxFuture<'static, Result<M::Result, Gone>> {
                let result = (self.0)(message).ok_or(Gone);
                Box::pin(async move { result })
            }

            fn try_post(&self, message: M) -> Result<(), NotPosted<M>> {
                (self.0)(message).map(drop).ok_or(NotPosted::Gone)
            }

            fn offer(&self, message: M) -> bool {
                (self.0)(message).is_some()
            }
        }

        Self(Arc::new(Stub(receive)))
    }

    /// Creates the handle of an actor that is not running.
    pub(crate) fn gone() -> Self
    where
        M::Result: 'static,
    {
        Self::stub(|_| None)
    }
}

impl<M: Message> MessageHandle<M> {
    /// Sends a message, waits for room in the mailbox and for the reply.
    ///
    /// # Errors
    /// [`Gone`] when the actor is not running or died before it replied.
    pub async fn send(&self, message: M) -> Result<M::Result, Gone> {
        self.0.send(message).await
    }

    /// Sends a message, and waits for room in the mailbox, but not until the message is handled.
    ///
    /// # Errors
    /// [`Gone`] when the actor is not running.
    pub async fn post(&self, message: M) -> Result<(), Gone> {
        match self.0.try_post(message) {
            Ok(()) => Ok(()),
            Err(NotPosted::Full(message)) => self.0.send(message).await.map(drop),
            Err(NotPosted::Gone) => Err(Gone),
        }
    }

    /// Sends if the mailbox has room now; returns whether it was sent. For messages that may be
    /// dropped.
    #[must_use]
    pub fn offer(&self, message: M) -> bool {
        self.0.offer(message)
    }
}
