//! An event for very many: in pieces, so that nobody else waits for it and no memory grows with the directory.
//!
//! It is rendered for everybody before anything is stored: a bad event stores nothing. Then one piece after the other is committed,
//! each together with how far the event has come, so that whoever takes it up again goes on there; the last one together with the
//! event's identity. One such event at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, oneshot},
    time::{Instant, sleep},
};
use uuid::Uuid;

use crate::{
    clock,
    domain::{
        catalog::{Catalog, NotificationType},
        event::{Event, Identity},
        notification::Timestamp,
        plan::{Audience, Draft, People, Planner, Skipped},
        user::{Person, UserId},
    },
    inbox::Commit,
    pipeline::{Outcome, Stored},
    runtime::MessageHandle,
    store::{FanOutStart, Part, Planned, Store, StoreError},
    telemetry::trace::{PEOPLE_MAX, Reached},
};

/// Recipients from which an event goes in pieces, and how many are in one: some milliseconds of the store's time.
pub(super) const PIECE: usize = 250;

/// Events for very many that may wait for their turn; whoever brings another is told to come back.
const WAITING_MAX: usize = 64;

/// Tries to commit a piece, and the pause between two: half a minute of a store that is away or has too much to do.
const TRIES: usize = 60;
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Events for very many take turns.
pub(super) struct FanOutLimiter {
    turn: Semaphore,
    waiting: AtomicUsize,
}

impl FanOutLimiter {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { turn: Semaphore::new(1), waiting: AtomicUsize::new(0) })
    }

    /// A place among those that wait, if there is one.
    pub(super) fn wait(self: &Arc<Self>) -> Option<Place> {
        let place = Place(Arc::clone(self));
        (self.waiting.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(place)
    }
}

/// A place among those that wait; given back when dropped.
pub(super) struct Place(Arc<FanOutLimiter>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An event for very many.
pub(super) struct FanOut {
    pub(super) store: Store,
    pub(super) catalog: Arc<Catalog>,
    pub(super) persistence: MessageHandle<Commit>,
    pub(super) place: Place,
    pub(super) event: Arc<Event>,
    pub(super) kind: Arc<NotificationType>,
    pub(super) audience: Audience,
    pub(super) received: Instant,
}

/// Whom it was brought to: how many, and the first of them.
#[derive(Default)]
pub(super) struct FanOutReport {
    /// Whether a chunk is committed, in this attempt or an earlier one.
    pub(super) begun: bool,
    /// Recipients of the chunks that this attempt committed.
    pub(super) stored: usize,
    pub(super) reached_count: usize,
    pub(super) reached: Vec<Reached>,
    pub(super) muted_count: usize,
    pub(super) muted: Vec<UserId>,
}

/// A piece: up to somebody, and what they get.
struct Piece {
    to: String,
    last: bool,
    drafts: Vec<(Uuid, Draft)>,
    muted: Vec<UserId>,
}

/// What became of a piece.
enum Committed {
    Stored,
    /// The event has come elsewhere meanwhile: by another hub, or by a commit whose answer was lost.
    Elsewhere,
}

/// Whether a piece with somebody who cannot be rendered is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bad {
    Refuse,
    /// Others have it by now: whoever cannot be rendered since is left out.
    LeaveOut,
}

impl FanOut {
    /// Brings it to everybody. Says how that ended, and who got it.
    pub(super) async fn run(self) -> (Outcome, FanOutReport) {
        let turns = Arc::clone(&self.place.0);
        // Never closed.
        let _turn = turns.turn.acquire().await;
        let mut brought = FanOutReport::default();
        let outcome = match self.bring(&mut brought).await {
            Ok(()) if brought.reached_count == 0 && brought.muted_count > 0 => Outcome::Skipped(Skipped::Muted),
            // Who they are is nobody's business here, and may be a long list.
            Ok(()) => Outcome::Accepted(Stored { notifications: brought.reached_count, ids: Vec::new() }),
            Err(outcome) if brought.begun => self.interrupted(outcome, brought.stored),
            Err(outcome) => outcome,
        };
        (outcome, brought)
    }

    async fn bring(&self, brought: &mut FanOutReport) -> Result<(), Outcome> {
        let now = clock::now();
        let identity = self.identity();
        let begin = || self.store.begin_fan_out(&identity, &self.audience, now);
        let (mut after, audience) = match begin().await.map_err(|error| Outcome::from(&error))? {
            FanOutStart::Over => return Err(Outcome::Duplicate),
            FanOutStart::After(after, audience) => (after, audience),
        };
        brought.begun = !after.is_empty();
        let named: Vec<UserId> = self.event.user_id.iter().chain(&self.event.actor_id).cloned().collect();
        let named = self.store.people(&named).await.map_err(|error| Outcome::from(&error))?;
        // Whose event is bad finds out here, before anything is stored.
        let mut looked = after.clone();
        loop {
            let piece = match self.piece(&audience, &looked, &named, now, Bad::Refuse).await {
                Err(outcome @ Outcome::Rejected(_)) if after.is_empty() => {
                    let _ = self.store.forget_fan_out(&identity).await;
                    return Err(outcome);
                }
                // Some have it already.
                Err(Outcome::Rejected(_)) => break,
                other => other?,
            };
            if piece.last {
                break;
            }
            looked = piece.to;
        }
        loop {
            let piece = self.piece(&audience, &after, &named, now, Bad::LeaveOut).await?;
            match self.commit(&identity, &after, &piece).await? {
                Committed::Stored => {
                    brought.add(&piece);
                    brought.stored += piece.drafts.len();
                    brought.begun = true;
                    if piece.last {
                        return Ok(());
                    }
                    after = piece.to;
                }
                Committed::Elsewhere => match begin().await.map_err(|error| Outcome::from(&error))? {
                    FanOutStart::Over => return Ok(()),
                    FanOutStart::After(place, _) if place > after => after = place,
                    FanOutStart::After(..) => {
                        return Err(Outcome::Unavailable("another hub is bringing this event".to_owned()));
                    }
                },
            }
        }
    }

    /// Identity of the event. One that its publisher gave none has the ID under which it was accepted, so that a commit
    /// whose answer is lost is not made twice, and the publisher can continue what was interrupted.
    fn identity(&self) -> Identity {
        self.event.identity.clone().unwrap_or_else(|| Identity::key(&self.event.id))
    }

    /// Outcome of a fan-out that ended after some of its chunks were committed.
    fn interrupted(&self, outcome: Outcome, stored: usize) -> Outcome {
        let reason = match outcome {
            Outcome::Unavailable(reason) | Outcome::Failed(reason) => reason,
            Outcome::Overloaded => "the hub has too much to do".to_owned(),
            other => return other,
        };
        let event_id = self.event.identity.is_none().then(|| self.event.id.clone());
        Outcome::Interrupted { stored, event_id, reason }
    }

    async fn piece(
        &self,
        audience: &Audience,
        after: &str,
        named: &[Person],
        now: Timestamp,
        bad: Bad,
    ) -> Result<Piece, Outcome> {
        let recipients = page(&self.store, audience, after, PIECE).await.map_err(|error| Outcome::from(&error))?;
        let ids: Vec<UserId> = recipients.iter().map(|person| person.user_id.clone()).collect();
        let preferences = self.store.preferences_of(&ids).await.map_err(|error| Outcome::from(&error))?;
        let people = People::new(named.iter().cloned()).with_preferences(preferences);
        let planner = Planner::new(&self.event, &self.kind, &people, &self.catalog, now).map_err(Outcome::Rejected)?;
        let plan = |recipients: &[Person]| planner.drafts(recipients);
        let (left_out, drafts) = match plan(&recipients) {
            Ok(drafts) => (Vec::new(), drafts),
            Err(rejected) if bad == Bad::Refuse => return Err(Outcome::Rejected(rejected)),
            Err(_) => {
                let mut drafts = Vec::with_capacity(recipients.len());
                let mut left_out = Vec::new();
                for recipient in &recipients {
                    match plan(std::slice::from_ref(recipient)) {
                        Ok(own) => drafts.extend(own),
                        Err(rejected) => left_out.push((recipient.user_id.clone(), rejected)),
                    }
                }
                (left_out, drafts)
            }
        };
        if let Some((_, why)) = left_out.first() {
            let (code, people) = (&self.kind.code, left_out.len());
            tracing::warn!(code, people, reason = %why, "some whom an event for very many cannot be rendered for are left out");
        }
        let muted = super::batch::without(&recipients, &drafts);
        let muted = muted.into_iter().filter(|user| !left_out.iter().any(|(known, _)| known == user)).collect();
        // Rendering shares its thread with other events'.
        tokio::task::yield_now().await;
        let to = ids.last().map_or_else(|| after.to_owned(), |user| user.as_str().to_owned());
        let drafts = drafts.into_iter().map(|draft| (Uuid::now_v7(), draft)).collect();
        Ok(Piece { to, last: recipients.len() < PIECE, drafts, muted })
    }

    async fn commit(&self, identity: &Identity, after: &str, piece: &Piece) -> Result<Committed, Outcome> {
        let mut outcome = Outcome::Unavailable(crate::runtime::Gone.to_string());
        for _ in 0..TRIES {
            let planned = Planned {
                identity: piece.last.then(|| identity.clone()),
                part: Some(Part { identity: identity.clone(), after: after.to_owned(), to: piece.to.clone() }),
                drafts: piece.drafts.clone(),
            };
            let (reply, answer) = oneshot::channel();
            let commit = Commit { events: vec![planned], atomic: true, received: self.received, reply };
            if self.persistence.send(commit).await.is_ok()
                && let Some(answered) = answer.await.ok().and_then(|outcomes| outcomes.into_iter().next())
            {
                outcome = answered.into();
            }
            match outcome {
                Outcome::Accepted(_) => return Ok(Committed::Stored),
                Outcome::Duplicate => return Ok(Committed::Elsewhere),
                Outcome::Unavailable(_) | Outcome::Overloaded => sleep(AGAIN_AFTER).await,
                other => return Err(other),
            }
            outcome = Outcome::Unavailable(crate::runtime::Gone.to_string());
        }
        Err(outcome)
    }
}

impl FanOutReport {
    fn add(&mut self, piece: &Piece) {
        self.reached_count += piece.drafts.len();
        let room = PEOPLE_MAX.saturating_sub(self.reached.len());
        self.reached.extend(piece.drafts.iter().take(room).map(|(id, draft)| Reached::of(*id, draft)));
        self.muted_count += piece.muted.len();
        let room = PEOPLE_MAX.saturating_sub(self.muted.len());
        self.muted.extend(piece.muted.iter().take(room).cloned());
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
