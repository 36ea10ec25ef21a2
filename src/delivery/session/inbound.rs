//! Requests of the client.

use actix::{ActorFutureExt, AsyncContext, Context, Message, WrapFuture};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Phase, Session};
use crate::{
    clock,
    connection::ConnectionActor as _,
    domain::{
        feed::Filters,
        inbox::{BulkMark, InboxState, Mark, Resume, Since, resume},
    },
    feeds::{WatchTarget, subscribe, unsubscribe},
    inbox::{MarkAll, MarkOne},
    protocol::{self, ClientMessage, ErrorCode, Scope},
    runtime::MessageHandle,
    store::{MarkOutcome, Page, StoreError},
};

/// Weight of a sync among the requests in progress: its reply may be a whole page.
const SYNC_WEIGHT: usize = 8;

/// Receiver of the result of a mark.
type MarkReply = oneshot::Receiver<Result<MarkOutcome, StoreError>>;

impl Session {
    pub(super) fn handle_message(&mut self, text: &[u8], ctx: &mut Context<Self>) {
        match ClientMessage::parse(text) {
            Ok(ClientMessage::Ping) => self.answer(protocol::pong(clock::now())),
            Ok(ClientMessage::Mark(mark, Some(id))) => self.on_mark(mark, id, ctx),
            Ok(ClientMessage::Mark(_, None) | ClientMessage::Snooze(_, None)) => self.not_found(),
            Ok(ClientMessage::Snooze(end, Some(id))) => match end.after(clock::now()) {
                Ok(until) => self.on_mark(Mark::Snooze(until), id, ctx),
                Err(message) => self.send_error(ErrorCode::BadMessage, &message),
            },
            Ok(ClientMessage::MarkAll(mark, up_to)) => self.on_mark_all(mark, up_to, ctx),
            Ok(ClientMessage::SetRetention(days)) => self.on_set_retention(days, ctx),
            Ok(ClientMessage::Sync { since, limit }) => self.on_sync(since, limit, ctx),
            Ok(ClientMessage::Subscribe { scope, filters }) => {
                self.on_subscribe(&scope, &filters, ctx);
            }
            Ok(ClientMessage::Unsubscribe(scope)) => {
                let Some(target) = self.resolve_target(&scope) else { return };
                let answer = protocol::unsubscribed(self.feed_name(target).as_deref());
                unsubscribe(self, target, answer, ctx);
            }
            Err(error) => self.answer(protocol::error(&error)),
        }
    }

    fn on_subscribe(
        &mut self,
        scope: &Scope,
        wanted: &Map<String, Value>,
        ctx: &mut Context<Self>,
    ) {
        let Some(target) = self.resolve_target(scope) else { return };
        let filters = match target {
            WatchTarget::All => {
                if !self.is_admin {
                    self.send_error(
                        ErrorCode::Forbidden,
                        "watching everything needs the role admin",
                    );
                    return;
                }
                if !wanted.is_empty() {
                    self.send_error(
                        ErrorCode::BadFilter,
                        "scope all has no filters; name a feed to filter",
                    );
                    return;
                }
                Filters::default()
            }
            WatchTarget::Feed(feed) => {
                match Filters::of_json(self.context.feeds_handle.feeds().get(feed), wanted) {
                    Ok(filters) => filters,
                    Err(error) => {
                        self.send_error(error.kind.into(), &error.detail);
                        return;
                    }
                }
            }
        };
        let answer = protocol::subscribed(self.feed_name(target).as_deref(), wanted);
        subscribe(self, target, filters, answer, ctx);
    }

    /// Returns the target that a client names; replies with an error if there is none.
    fn resolve_target(&mut self, scope: &Scope) -> Option<WatchTarget> {
        let feeds = self.context.feeds_handle.feeds();
        match scope {
            Scope::All => Some(WatchTarget::All),
            Scope::Feed(name) => {
                let found = feeds.find(name);
                if found.is_none() {
                    self.send_error(ErrorCode::NotFound, &format!("there is no feed {name:?}"));
                }
                found.map(WatchTarget::Feed)
            }
            Scope::Own => {
                self.send_error(ErrorCode::BadMessage, "name a feed, or scope all");
                None
            }
        }
    }

    fn feed_name(&self, target: WatchTarget) -> Option<String> {
        match target {
            WatchTarget::All => None,
            WatchTarget::Feed(feed) => {
                Some(self.context.feeds_handle.feeds().get(feed).name.clone())
            }
        }
    }

    fn not_found(&mut self) {
        self.send_error(ErrorCode::NotFound, "there is no such notification in this inbox");
    }

    fn on_mark(&mut self, mark: Mark, id: Uuid, ctx: &mut Context<Self>) {
        let (reply, answer) = oneshot::channel();
        let user_id = self.user_id().clone();
        let mark = MarkOne { user_id, id, mark, origin: Some(self.info.client), reply };
        self.ask(self.context.marks.one.clone(), mark, answer, ctx);
    }

    fn on_mark_all(&mut self, mark: BulkMark, up_to: Option<i64>, ctx: &mut Context<Self>) {
        let (reply, answer) = oneshot::channel();
        let user_id = self.user_id().clone();
        let mark = MarkAll { user_id, mark, up_to, origin: Some(self.info.client), reply };
        self.ask(self.context.marks.all.clone(), mark, answer, ctx);
    }

    fn on_set_retention(&mut self, days: i64, ctx: &mut Context<Self>) {
        let (context, user) = (self.context.clone(), self.user_id().clone());
        let set = async move { context.store.set_retention(&user, days, clock::now()).await };
        self.connection.in_flight += 1;
        ctx.spawn(set.into_actor(self).map(move |set, session, _| {
            session.connection.in_flight -= 1;
            match set {
                Ok(()) => session.answer(protocol::retention_set(days)),
                Err(_) => {
                    session.send_error(
                        ErrorCode::Unavailable,
                        "the store is unavailable; try \
                    again",
                    );
                }
            }
            session.connection.wake();
        }));
    }

    /// Sends a mark to persistence and waits for the result.
    fn ask<M>(
        &mut self,
        persistence: MessageHandle<M>,
        mark: M,
        answer: MarkReply,
        ctx: &mut Context<Self>,
    ) where
        M: Message<Result = ()> + Send + 'static,
    {
        let marked = async move {
            persistence.send(mark).await.ok()?;
            answer.await.ok()
        };
        self.connection.in_flight += 1;
        ctx.spawn(marked.into_actor(self).map(|outcome, session, _| session.after_mark(outcome)));
    }

    /// Handles the result of a mark. A success is acknowledged by the push from the registry, which
    /// keeps the order of revisions.
    fn after_mark(&mut self, outcome: Option<Result<MarkOutcome, StoreError>>) {
        self.connection.in_flight -= 1;
        match outcome {
            Some(Ok(MarkOutcome::Done(_))) => {}
            Some(Ok(MarkOutcome::NotFound)) => self.not_found(),
            Some(Err(error)) if !error.is_transient() => {
                self.send_error(ErrorCode::Unavailable, "the mark could not be stored");
            }
            Some(Err(_)) | None => {
                self.send_error(ErrorCode::Unavailable, "the store is unavailable; try again");
            }
        }
        self.connection.wake();
    }

    fn on_sync(&mut self, since: Option<Since>, limit: Option<i64>, ctx: &mut Context<Self>) {
        let limit = limit.unwrap_or(self.context.settings.history());
        let (context, user) = (self.context.clone(), self.user_id().clone());
        let asked = since.clone();
        let read = async move {
            let store = &context.store;
            Ok::<_, StoreError>(match asked {
                None => Ok(store.newest(&user, limit).await?),
                Some(since) => {
                    let now = store.position(&user).await?;
                    match resume(&since, &context.epoch, now) {
                        Resume::After(revision) => {
                            Ok(store.changed_since(&user, revision, limit).await?)
                        }
                        Resume::Reset => {
                            Err(store.newest_unread(&user, super::catchup::FRESH_UNREAD).await?)
                        }
                    }
                }
            })
        };
        self.connection.in_flight += SYNC_WEIGHT;
        ctx.spawn(read.into_actor(self).map(move |answer, session, ctx| {
            session.connection.in_flight -= SYNC_WEIGHT;
            match answer {
                Ok(Ok(page))
                    if since.is_none() && page.inbox.revision > session.follower.revision() =>
                {
                    session.defer(page, ctx);
                }
                Ok(Ok(page)) => session.answer_sync(&page),
                Ok(Err(page)) => {
                    session.answer(protocol::reset(&session.context.epoch, page.inbox));
                    session.send_unread(&page);
                }
                Err(_) => {
                    session.send_error(
                        ErrorCode::Unavailable,
                        "the store is unavailable; try \
                    again",
                    );
                }
            }
            session.connection.wake();
        }));
    }

    /// Replies to a sync, which advances the client's position: later messages continue from there,
    /// and pushes in flight would repeat it.
    fn answer_sync(&mut self, page: &Page) {
        let reached = InboxState { revision: page.reached(), ..page.inbox };
        self.answer(protocol::sync_response(&page.items, reached, page.complete));
        self.advance_to(reached);
    }

    /// Defers a reply with the newest notifications until the client has received the changes
    /// before it, which are not part of the reply.
    fn defer(&mut self, page: Page, ctx: &mut Context<Self>) {
        self.connection.in_flight += SYNC_WEIGHT;
        self.deferred.push(page);
        self.catch_up(ctx);
    }

    /// Sends deferred replies, when the client has everything before them.
    pub(super) fn answer_deferred(&mut self) {
        if !matches!(self.phase, Phase::Live) {
            return;
        }
        for mut page in std::mem::take(&mut self.deferred) {
            self.connection.in_flight -= SYNC_WEIGHT;
            // The client's position by now.
            page.inbox = if self.counters.revision > page.inbox.revision {
                self.counters
            } else {
                page.inbox
            };
            let complete = page.complete;
            self.answer(protocol::sync_response(&page.items, page.inbox, complete));
        }
    }
}
