//! What a client asks for.

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Phase, Session};
use crate::{
    actors::persistence::{MarkAll, MarkOne, Persistence},
    clock,
    domain::{
        inbox::{Mark, Resume, Since, resume},
        protocol::{self, ClientError, ClientMessage, CloseCode, ErrorCode},
    },
    store::{MarkOutcome, Page, StoreError},
};

/// What becomes of a mark.
type Answer = oneshot::Receiver<Result<MarkOutcome, StoreError>>;

impl Session {
    pub(super) fn on_text(&mut self, text: &[u8], ctx: &mut Context<Self>) {
        if std::str::from_utf8(text).is_err() {
            self.close(CloseCode::NotText);
            return;
        }
        match ClientMessage::parse(text) {
            Ok(ClientMessage::Ping) => self.enqueue(protocol::pong(clock::now())),
            Ok(ClientMessage::Mark(mark, Some(id))) => self.on_mark(mark, id, ctx),
            Ok(ClientMessage::Mark(_, None)) => self.not_found(),
            Ok(ClientMessage::ReadAll(up_to)) => self.on_read_all(up_to, ctx),
            Ok(ClientMessage::Sync { since, limit }) => self.on_sync(since, limit, ctx),
            Err(error) => self.enqueue(protocol::error(&error)),
        }
    }

    pub(super) fn on_binary(&mut self) {
        self.complain(ErrorCode::BadMessage, "binary messages are not understood; send JSON as text");
    }

    fn complain(&mut self, code: ErrorCode, message: &str) {
        self.enqueue(protocol::error(&ClientError::new(code, message)));
    }

    fn not_found(&mut self) {
        self.complain(ErrorCode::NotFound, "there is no such notification in this inbox");
    }

    fn on_mark(&mut self, mark: Mark, id: Uuid, ctx: &mut Context<Self>) {
        let (reply, answer) = oneshot::channel();
        let user_id = self.identity.user_id.clone();
        self.ask(MarkOne { user_id, id, mark, origin: Some(self.client), reply }, answer, ctx);
    }

    fn on_read_all(&mut self, up_to: Option<i64>, ctx: &mut Context<Self>) {
        let (reply, answer) = oneshot::channel();
        let user_id = self.identity.user_id.clone();
        self.ask(MarkAll { user_id, up_to, origin: Some(self.client), reply }, answer, ctx);
    }

    /// Sends a mark to persistence and waits for what becomes of it.
    fn ask<M>(&mut self, mark: M, answer: Answer, ctx: &mut Context<Self>)
    where
        M: Message<Result = ()> + Send + 'static,
        Persistence: Handler<M>,
    {
        let persistence = self.hub.persistence.clone();
        let marked = async move {
            persistence.send(mark).await.ok()?;
            answer.await.ok()
        };
        self.in_flight += 1;
        ctx.spawn(marked.into_actor(self).map(|outcome, session, _| session.after_mark(outcome)));
    }

    /// What went well is acknowledged by the registry's push, which keeps the order of the revisions.
    fn after_mark(&mut self, outcome: Option<Result<MarkOutcome, StoreError>>) {
        self.in_flight -= 1;
        match outcome {
            Some(Ok(MarkOutcome::Done(_))) => {}
            Some(Ok(MarkOutcome::NotFound)) => self.not_found(),
            Some(Err(error)) if !error.is_transient() => {
                self.complain(ErrorCode::Unavailable, "the mark could not be stored");
            }
            Some(Err(_)) | None => self.complain(ErrorCode::Unavailable, "the store is away; try again"),
        }
        self.socket.wake();
    }

    fn on_sync(&mut self, since: Option<Since>, limit: Option<i64>, ctx: &mut Context<Self>) {
        let limit = limit.unwrap_or(self.hub.history);
        let (hub, user) = (self.hub.clone(), self.identity.user_id.clone());
        let asked = since.clone();
        let read = async move {
            let store = &hub.store;
            Ok::<_, StoreError>(match asked {
                None => Ok(store.newest(&user, limit).await?),
                Some(since) => {
                    let now = store.inbox(&user).await?;
                    match resume(&since, &hub.epoch, now) {
                        Resume::After(revision) => Ok(store.changed_since(&user, revision, limit).await?),
                        Resume::Reset => Err(store.newest_unread(&user, super::catchup::FRESH_UNREAD).await?),
                    }
                }
            })
        };
        self.in_flight += 1;
        ctx.spawn(read.into_actor(self).map(move |answer, session, _| {
            session.in_flight -= 1;
            match answer {
                Ok(Ok(page)) => session.answer_sync(&page, since.as_ref()),
                Ok(Err(page)) => {
                    session.enqueue(protocol::reset(&session.hub.epoch, page.inbox));
                    session.send_unread(&page);
                }
                Err(_) => session.complain(ErrorCode::Unavailable, "the store is away; try again"),
            }
            session.socket.wake();
        }));
    }

    fn answer_sync(&mut self, page: &Page, since: Option<&Since>) {
        let reached = crate::domain::inbox::Counters { revision: page.reached(), unread: page.inbox.unread };
        self.enqueue(protocol::sync_response(&page.items, reached, page.complete));
        // A client that asked from where it stands has all this now; the pushes still on their way would repeat it.
        let continues = since.is_some_and(|since| since.revision <= self.revision);
        if continues && matches!(self.phase, Phase::Live) {
            self.revision = self.revision.max(reached.revision);
        }
    }
}
