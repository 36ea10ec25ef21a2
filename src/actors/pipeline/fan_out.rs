//! An event for very many: in pieces, so that nobody else waits for it and no memory grows with the directory.
//!
//! It is rendered for everybody before anything is stored: a bad event stores nothing. Then one piece after the other is committed,
//! each together with how far the event has come, so that whoever takes it up again goes on there; the last one together with the
//! event's identity. One such event at a time.

use std::sync::Arc;

use tokio::{
    sync::{Semaphore, oneshot},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    actors::{
        Handle, Outcome,
        persistence::{Commit, Persistence},
    },
    clock,
    domain::{
        catalog::{Catalog, NotificationType},
        event::Event,
        notification::Timestamp,
        plan::{Audience, Draft, People, Skipped, plan},
        user::{Person, UserId},
    },
    store::{FanOutStart, Part, Planned, Store, StoreError},
};

/// Recipients from which an event goes in pieces, and how many are in one: some milliseconds of the store's time.
pub(super) const PIECE: usize = 250;

/// An event for very many.
pub(super) struct FanOut {
    pub(super) store: Store,
    pub(super) catalog: Arc<Catalog>,
    pub(super) persistence: Handle<Persistence>,
    pub(super) turn: Arc<Semaphore>,
    pub(super) event: Arc<Event>,
    pub(super) kind: Arc<NotificationType>,
    pub(super) audience: Audience,
    pub(super) received: Instant,
}

/// A piece: those after somebody, up to somebody, and what they get.
struct Piece {
    to: String,
    last: bool,
    drafts: Vec<Draft>,
}

impl FanOut {
    /// Brings it to everybody. Says how that ended, and how many got it.
    pub(super) async fn run(self) -> (Outcome, usize) {
        let turn = Arc::clone(&self.turn);
        // Never closed.
        let _turn = turn.acquire().await;
        match self.bring().await {
            Ok((0, 0)) => (Outcome::Skipped(Skipped::Muted), 0),
            // Who they are is nobody's business here, and may be a long list.
            Ok((_, brought)) => (Outcome::Accepted(Vec::new()), brought),
            Err(outcome) => (outcome, 0),
        }
    }

    /// How many it was for in all, and how many of them got it just now.
    async fn bring(&self) -> Result<(usize, usize), Outcome> {
        let now = clock::now();
        let start = match &self.event.identity {
            None => FanOutStart::After(String::new()),
            Some(identity) => self.store.begin_fan_out(identity, now).await.map_err(|error| Outcome::from(&error))?,
        };
        let FanOutStart::After(start) = start else { return Err(Outcome::Duplicate) };
        let named: Vec<UserId> = self.event.user_id.iter().chain(&self.event.actor_id).cloned().collect();
        let named = self.store.people(&named).await.map_err(|error| Outcome::from(&error))?;
        // One whose event is bad finds out here, before anything is stored.
        let (mut all, mut after) = (0, start.clone());
        loop {
            let piece = self.piece(&after, &named, now).await?;
            all += piece.drafts.len();
            if piece.last {
                break;
            }
            after = piece.to;
        }
        let (mut brought, mut after) = (0, start);
        loop {
            let Piece { to, last, drafts } = self.piece(&after, &named, now).await?;
            brought += drafts.len();
            self.commit(&after, &to, last, drafts).await?;
            if last {
                return Ok((all, brought));
            }
            after = to;
        }
    }

    async fn piece(&self, after: &str, named: &[Person], now: Timestamp) -> Result<Piece, Outcome> {
        let recipients =
            page(&self.store, &self.audience, after, PIECE).await.map_err(|error| Outcome::from(&error))?;
        let ids: Vec<UserId> = recipients.iter().map(|person| person.user_id.clone()).collect();
        let preferences = self.store.preferences_of(&ids).await.map_err(|error| Outcome::from(&error))?;
        let people = People::new(named.iter().cloned()).with_preferences(preferences);
        let drafts =
            plan(&self.event, &self.kind, &recipients, &people, &self.catalog, now).map_err(Outcome::Rejected)?;
        // Rendering shares its thread with other events'.
        tokio::task::yield_now().await;
        let to = ids.last().map_or_else(|| after.to_owned(), |user| user.as_str().to_owned());
        Ok(Piece { to, last: recipients.len() < PIECE, drafts })
    }

    async fn commit(&self, after: &str, to: &str, last: bool, drafts: Vec<Draft>) -> Result<(), Outcome> {
        let of = |identity| Part { identity, after: after.to_owned(), to: to.to_owned() };
        let planned = Planned {
            identity: self.event.identity.clone().filter(|_| last),
            part: self.event.identity.clone().map(of),
            drafts: drafts.into_iter().map(|draft| (Uuid::now_v7(), draft)).collect(),
        };
        let (reply, answer) = oneshot::channel();
        let commit = Commit { events: vec![planned], atomic: true, received: self.received, reply };
        let gone = || Outcome::Unavailable(crate::actors::Gone.to_string());
        self.persistence.send(commit).await.map_err(|_| gone())?;
        match answer.await.ok().and_then(|outcomes| outcomes.into_iter().next()).ok_or_else(gone)? {
            Outcome::Accepted(_) => Ok(()),
            Outcome::Duplicate => {
                Err(Outcome::Unavailable("another hub is bringing this event to its readers".to_owned()))
            }
            other => Err(other),
        }
    }
}

/// Up to `limit` of an audience of the directory, in the order of their ids.
pub(super) async fn page(
    store: &Store,
    audience: &Audience,
    after: &str,
    limit: usize,
) -> Result<Vec<Person>, StoreError> {
    let role = match audience {
        Audience::Users(_) => return Ok(Vec::new()),
        Audience::Role(role) => Some(role.as_str()),
        Audience::Everyone => None,
    };
    store.audience(role, after, i64::try_from(limit).unwrap_or(i64::MAX)).await
}
