//! Catch-up: history in pages, then held pushes, then live, without a gap or a repeat.
//!
//! Only the client's revision matters: a push that continues it is sent, one that it has is
//! dropped, and one beyond it shows that something is missing, which is then read from the store.

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{Held, Phase, Session, Start};
use crate::{
    clock,
    connection::{ConnectionActor as _, WAITING_BYTES_MAX},
    delivery::Push,
    domain::{
        follow::{Continuity, Follower},
        inbox::{InboxState, Resume, RevisionStep, resume},
        notification::Notification,
    },
    protocol::{self, CloseCode, Connected},
    store::{Page, StoreError},
    telemetry::LogLimit,
};

/// Maximum number of unread notifications sent to a new connection.
pub(super) const FRESH_UNREAD: i64 = 100;

/// Maximum number of notifications read from the store at once. The next page is read when these
/// are written, so a long gap takes little memory and does not delay other sessions.
const PAGE_MAX: i64 = 100;

/// Changes that a connection has missed.
enum Missed {
    /// The next of them.
    Page(Page),
    /// Some were removed from the store: the client starts over.
    Removed(Page),
}

/// First messages of a connection.
enum Opening {
    Fresh(Page),
    Reset(Page),
    After(i64, InboxState),
    LiveOnly(InboxState),
}

impl Session {
    /// Starts after attaching: reads history, sends `connected` and the first messages. After a
    /// registry was replaced, only what was missed is read.
    pub(super) fn begin(&mut self, ctx: &mut Context<Self>) {
        if self.opened {
            self.read_page(ctx);
            return;
        }
        let (context, user, start) =
            (self.context.clone(), self.user_id().clone(), self.start.clone());
        let opened = async move {
            let store = &context.store;
            Ok::<_, StoreError>(match start {
                Start::Fresh => Opening::Fresh(store.newest_unread(&user, FRESH_UNREAD).await?),
                Start::LiveOnly => Opening::LiveOnly(store.inbox(&user).await?),
                Start::Since(since) => {
                    let now = store.position(&user).await?;
                    match resume(&since, &context.epoch, now) {
                        Resume::After(revision) => Opening::After(revision, now.counters),
                        Resume::Reset => {
                            Opening::Reset(store.newest_unread(&user, FRESH_UNREAD).await?)
                        }
                    }
                }
            })
        };
        ctx.spawn(opened.into_actor(self).map(|opening, session, ctx| {
            match opening {
                Ok(opening) => session.open(opening, ctx),
                Err(error) => session.history_failed(&error),
            }
            session.connection.wake();
        }));
    }

    fn open(&mut self, opening: Opening, ctx: &mut Context<Self>) {
        // Requests are read from now on: `connected` is the first message.
        self.opened = true;
        match opening {
            Opening::LiveOnly(now) => {
                self.send_connected(now);
                self.advance_to(now);
                self.connection.set_position(self.follower.revision());
                self.go_live(ctx);
            }
            Opening::Fresh(page) => {
                self.send_connected(page.inbox);
                self.send_unread(&page);
                self.go_live(ctx);
            }
            Opening::Reset(page) => {
                self.send_connected(page.inbox);
                self.answer(protocol::reset(&self.context.epoch, page.inbox));
                self.send_unread(&page);
                self.go_live(ctx);
            }
            Opening::After(revision, now) => {
                self.send_connected(now);
                self.follower = Follower::at(revision);
                self.caught_up_from = revision;
                if revision == now.revision {
                    self.go_live(ctx);
                } else {
                    self.read_page(ctx);
                }
            }
        }
    }

    fn send_connected(&mut self, counters: InboxState) {
        let frame = protocol::connected(&Connected {
            client_id: &self.info.client_id,
            identity: &self.info.identity,
            instance: &self.context.instance,
            epoch: &self.context.epoch,
            counters,
            heartbeat_seconds: self.context.limits.heartbeat.as_secs(),
            server_time: clock::now(),
        });
        self.answer(frame);
    }

    /// Sends unread notifications as a snapshot; each has its own position.
    pub(super) fn send_unread(&mut self, page: &Page) {
        let positions = page.positions();
        for (item, position) in page.items.iter().zip(positions) {
            let step = RevisionStep {
                previous_revision: item.revision - 1,
                revision: item.revision,
                unread: page.inbox.unread,
                unseen: page.inbox.unseen,
            };
            self.enqueue_history(protocol::push_of(item, false, step), position);
        }
        self.advance_to(page.inbox);
        self.connection.set_position(self.follower.revision());
    }

    /// Starts reading missing changes from the store; pushes are held meanwhile.
    pub(super) fn catch_up(&mut self, ctx: &mut Context<Self>) {
        match &self.phase {
            Phase::Live => {
                self.phase = Phase::CatchingUp(Held::default());
                self.caught_up_from = self.follower.revision();
                // With a full queue the driver reads the page when the queue is written.
                if self.has_room_for_history() {
                    self.read_page(ctx);
                }
            }
            Phase::CatchingUp(_) | Phase::Closing => {}
        }
    }

    /// Returns whether at most half of the queue is used, in messages and in bytes.
    fn has_room_for_history(&self) -> bool {
        let connection = &self.connection;
        connection.waiting() * 2 <= self.context.limits.outbound_queue
            && connection.waiting_bytes() * 2 <= WAITING_BYTES_MAX
    }

    /// Reads the next page when the queue is written.
    pub(super) fn read_next_page(&mut self, ctx: &mut Context<Self>) {
        if matches!(&self.phase, Phase::CatchingUp(held) if !held.reading) {
            self.read_page(ctx);
        }
    }

    fn read_page(&mut self, ctx: &mut Context<Self>) {
        let Phase::CatchingUp(held) = &mut self.phase else { return };
        held.reading = true;
        let (context, user, since) =
            (self.context.clone(), self.user_id().clone(), self.follower.revision());
        let size = i64::try_from(self.context.limits.outbound_queue)
            .map_or(PAGE_MAX, |queue| PAGE_MAX.min(queue));
        let read = async move {
            let store = &context.store;
            let page = store.changed_since(&user, since, size).await?;
            // Read after the page, so that a removal in between is noticed.
            if since < store.position(&user).await?.purged {
                return Ok(Missed::Removed(store.newest_unread(&user, FRESH_UNREAD).await?));
            }
            Ok::<_, StoreError>(Missed::Page(page))
        };
        let attachment = self.attachment;
        ctx.spawn(read.into_actor(self).map(move |missed, session, ctx| {
            if session.attachment != attachment {
                // The registry was replaced; another read follows the new attachment.
                return;
            }
            match missed {
                Ok(Missed::Page(page)) => session.send_page(&page, ctx),
                Ok(Missed::Removed(page)) => session.start_over(&page, ctx),
                Err(error) => session.history_failed(&error),
            }
            session.connection.wake();
        }));
    }

    fn send_page(&mut self, page: &Page, ctx: &mut Context<Self>) {
        let Phase::CatchingUp(held) = &mut self.phase else { return };
        held.reading = false;
        // Changes sent meanwhile in reply to a sync are not repeated.
        let reached = self.follower.revision();
        for item in page.items.iter().filter(|item| item.revision > reached) {
            self.send_missed(item, page.inbox);
        }
        // Revisions between the last item and the inbox's belong to purged notifications.
        self.advance_to(InboxState { revision: page.reached(), ..page.inbox });
        if page.complete {
            self.go_live(ctx);
        }
    }

    /// Makes the client start over with the unread notifications.
    fn start_over(&mut self, page: &Page, ctx: &mut Context<Self>) {
        let Phase::CatchingUp(held) = &mut self.phase else { return };
        held.reading = false;
        self.answer(protocol::reset(&self.context.epoch, page.inbox));
        self.send_unread(page);
        self.go_live(ctx);
    }

    /// Sends a missed change as the continuation of the client's position: nothing between the two
    /// is left to send.
    fn send_missed(&mut self, item: &Notification, inbox: InboxState) {
        let InboxState { unread, unseen, .. } = inbox;
        let step = RevisionStep {
            previous_revision: self.follower.revision(),
            revision: item.revision,
            unread,
            unseen,
        };
        self.enqueue_history(
            protocol::push_of(item, item.seq <= self.caught_up_from, step),
            Some(item.revision),
        );
        self.follower.advance_to(item.revision);
    }

    fn go_live(&mut self, ctx: &mut Context<Self>) {
        if self.connection.is_closing() {
            return;
        }
        if !self.has_room_for_history() {
            // Live pushes need room behind the history: the driver continues when that is written.
            if let Phase::CatchingUp(held) = &mut self.phase {
                held.reading = false;
            }
            return;
        }
        let Phase::CatchingUp(held) = std::mem::replace(&mut self.phase, Phase::Live) else {
            return;
        };
        for push in held.pushes {
            self.on_push(push, ctx);
        }
        if held.dropped {
            self.catch_up(ctx);
        }
        self.answer_deferred();
    }

    /// Advances the client's position to a state of the inbox.
    pub(super) fn advance_to(&mut self, counters: InboxState) {
        if counters.revision >= self.counters.revision {
            self.counters = counters;
        }
        self.follower.advance_to(counters.revision);
    }

    /// Handles a push from the registry.
    pub(super) fn on_push(&mut self, push: Push, ctx: &mut Context<Self>) {
        match &mut self.phase {
            Phase::Closing => {}
            Phase::CatchingUp(held) => {
                // Replies are always held: there are at most as many as requests in progress.
                let bytes = held.bytes + push.frame.len();
                let fits = held.pushes.is_empty() || bytes <= WAITING_BYTES_MAX;
                if push.is_ack()
                    || (fits && held.pushes.len() * 2 < self.context.limits.outbound_queue)
                {
                    held.bytes = bytes;
                    held.pushes.push_back(push);
                } else {
                    self.lag(ctx);
                }
            }
            Phase::Live => self.forward_live(push, ctx),
        }
    }

    fn forward_live(&mut self, push: Push, ctx: &mut Context<Self>) {
        match self.follower.classify(push.step) {
            // A push was lost: read it from the store first.
            Continuity::Missing => {
                self.catch_up(ctx);
                self.on_push(push, ctx);
            }
            Continuity::Known if !push.is_ack() => {}
            Continuity::Known | Continuity::Send
                if !self
                    .connection
                    .has_room(push.frame.len(), self.context.limits.outbound_queue) =>
            {
                self.lag(ctx);
                self.on_push(push, ctx);
            }
            // A reply is sent even if nothing changed.
            Continuity::Known | Continuity::Send => {
                self.latency.record(push.received.elapsed().as_secs_f64() * 1_000.0);
                let step = self.follower.rebase(push.step, self.counters);
                let frame = if step == push.step { push.frame } else { push.encoded_at(step) };
                self.advance_to(step.counters());
                self.connection.enqueue(frame, Some(self.follower.revision()));
            }
        }
    }

    fn history_failed(&mut self, error: &StoreError) {
        static LIMIT: LogLimit = LogLimit::new();
        if let Some(suppressed) = LIMIT.admit(clock::monotonic().0) {
            tracing::warn!(%error, suppressed, "session: history could not be read; closing the \
                connection, the client reconnects");
        }
        self.close(CloseCode::Internal);
    }
}
