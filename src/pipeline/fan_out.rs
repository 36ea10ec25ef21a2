//! Large fan-outs: commits an event for many recipients in chunks, so that other events need not
//! wait for it and memory does not grow with the directory.
//!
//! An event over HTTP is acknowledged when it is stored itself; an event from a broker, which
//! keeps it, when all recipients have it. It is rendered before anything is stored, for the first
//! recipients or for all, so that an invalid event stores nothing. Each chunk is committed together
//! with the position reached, so another attempt continues there; the last chunk is committed
//! together with the event's identity. One fan-out runs at a time.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{
    Outcome, Stored,
    fan_out_limiter::Permit,
    fan_out_report::{Chunk, Failed, FanOutReport},
    recipients::{CHUNK_SIZE, page, without_draft},
};
use crate::{
    clock,
    domain::{
        catalog::{Catalog, NotificationType},
        deliveries::{self, DeliveryDraft},
        event::{Event, Identity},
        notification::Timestamp,
        plan::{Draft, People, Planner, RecipientSet},
        skipped::Skipped,
        user::{Person, UserId},
    },
    inbox::Commit,
    runtime::{Gone, MessageHandle},
    store::{FanOutStart, Part, Planned, Store},
};

/// Attempts to commit a chunk, and the pause between two: half a minute of a store that is
/// unavailable or overloaded.
const ATTEMPTS: usize = 60;
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Chunks that are rendered before an event over HTTP is acknowledged: 4,000 recipients. With more,
/// the publisher would wait longer than it takes to store the event.
const CHUNKS_BEFORE_ACCEPTANCE: usize = 16;

/// Interval at which the claim of an acknowledged event is renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(2);

/// Fan-out of one event to many recipients.
pub(super) struct FanOut {
    pub(super) store: Store,
    pub(super) catalog: Arc<Catalog>,
    pub(super) persistence: MessageHandle<Commit>,
    pub(super) permit: Permit,
    pub(super) event: Arc<Event>,
    pub(super) kind: Arc<NotificationType>,
    pub(super) recipient_set: RecipientSet,
    pub(super) received: Instant,
    /// True if the event is acknowledged: it is owed to every recipient.
    pub(super) owed: bool,
}

/// Result of committing a chunk.
enum Committed {
    Stored,
    /// The position was another one: another hub continued the fan-out, or the reply to an earlier
    /// commit was lost.
    Elsewhere,
}

/// Treatment of a recipient for whom rendering fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnError {
    /// The chunk is rejected.
    Reject,
    /// The recipient is skipped: others have the notification already.
    Skip,
}

impl FanOut {
    /// Commits all chunks. Returns the outcome, and a report of the recipients.
    pub(super) async fn run(self) -> (Outcome, FanOutReport) {
        let limiter = self.permit.limiter();
        let _running = limiter.turn().await;
        let mut report = FanOutReport::default();
        let outcome = match self.commit_all(&mut report).await {
            Ok(()) if report.delivered_count == 0 && report.muted_count > 0 => {
                Outcome::Skipped(Skipped::Muted)
            }
            // The list of recipients may be long, and is not for the publisher.
            Ok(()) => {
                Outcome::Accepted(Stored { notifications: report.delivered_count, ids: Vec::new() })
            }
            Err(outcome) if report.begun => self.interrupted(outcome, report.stored),
            Err(outcome) => outcome,
        };
        (outcome, report)
    }

    /// Accepts the event, so that its publisher need not wait until all recipients have it: from
    /// now on the store remembers it, and this hub or another one finishes it. The first recipients
    /// are rendered before, so that the publisher of an invalid event learns of it. Returns the
    /// number of recipients.
    pub(super) async fn accept(&mut self) -> Result<usize, Outcome> {
        let now = clock::now();
        let store_error = |error| Outcome::from(&error);
        let named = self.named().await?;
        let mut after = String::new();
        for _ in 0..CHUNKS_BEFORE_ACCEPTANCE {
            let chunk = self.chunk(&self.recipient_set, &after, &named, now, OnError::Reject);
            let chunk = chunk.await?;
            if chunk.last {
                break;
            }
            after = chunk.to;
        }
        let (identity, event) = (self.identity(), self.event.to_stored());
        let event = String::from_utf8_lossy(&event);
        let accepted = self.store.accept_fan_out(&identity, &self.recipient_set, &event, now);
        if !accepted.await.map_err(store_error)? {
            return Err(Outcome::Duplicate);
        }
        self.permit.take(&identity);
        self.owed = true;
        let role = match &self.recipient_set {
            RecipientSet::Role(role) => Some(role.as_str()),
            RecipientSet::All | RecipientSet::Users(_) => None,
        };
        let counted = self.store.count_of_directory(role).await;
        Ok(usize::try_from(counted.unwrap_or_default()).unwrap_or(0))
    }

    /// Returns the users that the event names.
    async fn named(&self) -> Result<Vec<Person>, Outcome> {
        let named: Vec<UserId> =
            self.event.user_id.iter().chain(&self.event.actor_id).cloned().collect();
        self.store.people(&named).await.map_err(|error| Outcome::from(&error))
    }

    async fn commit_all(&self, report: &mut FanOutReport) -> Result<(), Outcome> {
        let now = clock::now();
        let identity = self.identity();
        let begin = || self.store.begin_fan_out(&identity, &self.recipient_set, now);
        let (mut after, recipient_set) =
            match begin().await.map_err(|error| Outcome::from(&error))? {
                FanOutStart::Over => return Err(Outcome::Duplicate),
                FanOutStart::After(after, recipient_set) => (after, recipient_set),
            };
        report.begun = !after.is_empty();
        let named = self.named().await?;
        if !self.owed {
            self.render_all(&identity, &recipient_set, &after, &named, now).await?;
        }
        let mut announced = report.begun && self.has_notification().await?;
        let mut renewed = Instant::now();
        loop {
            if self.owed && renewed.elapsed() > RENEW_INTERVAL {
                // Without a renewal another hub continues, and this one notices.
                let _ = self.store.renew_fan_out(&identity).await;
                renewed = Instant::now();
            }
            let chunk = self.chunk(&recipient_set, &after, &named, now, OnError::Skip).await?;
            match self.commit(&identity, &after, &chunk, !announced).await? {
                Committed::Stored => {
                    report.add(&chunk);
                    announced |= !chunk.drafts.is_empty();
                    if chunk.last {
                        return Ok(());
                    }
                    after = chunk.to;
                }
                Committed::Elsewhere => {
                    match begin().await.map_err(|error| Outcome::from(&error))? {
                        FanOutStart::Over => return Ok(()),
                        FanOutStart::After(position, _) if position != after => {
                            announced = self.has_notification().await?;
                            after = position;
                        }
                        FanOutStart::After(..) => {
                            return Err(Outcome::Unavailable(
                                "another hub is processing this event".to_owned(),
                            ));
                        }
                    }
                }
            }
        }
    }

    /// Renders every chunk once, so that the publisher of an invalid event learns of it before
    /// anything is stored.
    async fn render_all(
        &self,
        identity: &Identity,
        recipient_set: &RecipientSet,
        after: &str,
        named: &[Person],
        now: Timestamp,
    ) -> Result<(), Outcome> {
        let mut position = after.to_owned();
        loop {
            let chunk =
                match self.chunk(recipient_set, &position, named, now, OnError::Reject).await {
                    Err(outcome @ Outcome::Rejected(_)) if after.is_empty() => {
                        let _ = self.store.forget_fan_out(identity).await;
                        return Err(outcome);
                    }
                    // An earlier attempt has committed chunks.
                    Err(Outcome::Rejected(_)) => return Ok(()),
                    other => other?,
                };
            if chunk.last {
                return Ok(());
            }
            position = chunk.to;
        }
    }

    /// Returns the identity of the event. An event without one gets the ID under which it was
    /// accepted, so that a commit whose reply is lost is not repeated, and the publisher can
    /// continue an interrupted fan-out.
    fn identity(&self) -> Identity {
        self.event.identity.clone().unwrap_or_else(|| Identity::key(&self.event.id))
    }

    /// Returns the outcome of a fan-out that ended after some of its chunks were committed.
    fn interrupted(&self, outcome: Outcome, stored: usize) -> Outcome {
        let reason = match outcome {
            Outcome::Unavailable(reason) | Outcome::Failed(reason) => reason,
            Outcome::Overloaded => "the hub has too much to do".to_owned(),
            other => return other,
        };
        let event_id = self.event.identity.is_none().then(|| self.event.id.clone());
        Outcome::Interrupted { stored, event_id, reason }
    }

    /// Renders the recipients that follow `after`.
    async fn chunk(
        &self,
        recipient_set: &RecipientSet,
        after: &str,
        named: &[Person],
        now: Timestamp,
        on_error: OnError,
    ) -> Result<Chunk, Outcome> {
        let store_error = |error| Outcome::from(&error);
        let recipients =
            page(&self.store, recipient_set, after, CHUNK_SIZE).await.map_err(store_error)?;
        let ids: Vec<UserId> = recipients.iter().map(|person| person.user_id.clone()).collect();
        let preferences = self.store.preferences_of(&ids).await.map_err(store_error)?;
        let people = People::new(named.iter().cloned()).with_preferences(preferences);
        let planner = Planner::new(&self.event, &self.kind, &people, &self.catalog, now)
            .map_err(Outcome::Rejected)?;
        let (failed, drafts) = match planner.drafts(&recipients) {
            Ok(drafts) => (Failed::default(), drafts),
            Err(rejected) if on_error == OnError::Reject => {
                return Err(Outcome::Rejected(rejected));
            }
            Err(_) => self.render_one_by_one(&planner, &recipients),
        };
        let muted = without_draft(&recipients, &drafts);
        let muted = muted.into_iter().filter(|user| !failed.users.contains(user)).collect();
        // Other events are rendered on the same thread.
        tokio::task::yield_now().await;
        let to = ids.last().map_or_else(|| after.to_owned(), |user| user.as_str().to_owned());
        let drafts = drafts.into_iter().map(|draft| (Uuid::now_v7(), draft)).collect();
        Ok(Chunk { to, last: recipients.len() < CHUNK_SIZE, drafts, muted, failed })
    }

    /// Renders each recipient by itself. Returns the recipients for whom rendering fails, and the
    /// drafts of the others.
    fn render_one_by_one(
        &self,
        planner: &Planner<'_>,
        recipients: &[Person],
    ) -> (Failed, Vec<Draft>) {
        let (mut failed, mut drafts) = (Failed::default(), Vec::with_capacity(recipients.len()));
        for recipient in recipients {
            match planner.drafts(std::slice::from_ref(recipient)) {
                Ok(own) => drafts.extend(own),
                Err(rejected) => {
                    failed.users.push(recipient.user_id.clone());
                    failed.reason.get_or_insert(rejected);
                }
            }
        }
        if let Some(reason) = &failed.reason {
            let (code, recipients) = (&self.kind.code, failed.users.len());
            let trace_id = self.event.trace_id();
            tracing::warn!(code, recipients, %reason, trace_id, "pipeline: rendering failed for \
            some recipients of a large fan-out; they are skipped");
        }
        (failed, drafts)
    }

    /// Returns the deliveries that stand for all recipients.
    async fn broadcasts(&self) -> Vec<DeliveryDraft> {
        let role = match &self.recipient_set {
            RecipientSet::Role(role) => Some(role.as_str()),
            RecipientSet::All | RecipientSet::Users(_) => None,
        };
        let recipients = self.store.count_of_directory(role).await.unwrap_or_default();
        deliveries::broadcasts(&self.kind, recipients, clock::now())
    }

    /// Returns whether anyone has a notification of the event.
    async fn has_notification(&self) -> Result<bool, Outcome> {
        let source = self.event.source.as_deref().unwrap_or_default();
        let found = self.store.has_notification_of(&self.event.id, source).await;
        found.map_err(|error| Outcome::from(&error))
    }

    /// Commits a chunk, with retries while the store is unavailable. With the first one that has
    /// notifications, if `announces`, what stands for all recipients is committed.
    async fn commit(
        &self,
        identity: &Identity,
        after: &str,
        chunk: &Chunk,
        announces: bool,
    ) -> Result<Committed, Outcome> {
        let mut outcome = Outcome::Unavailable(Gone.to_string());
        let announces = announces && !chunk.drafts.is_empty();
        let broadcasts = if announces { self.broadcasts().await } else { Vec::new() };
        for _ in 0..ATTEMPTS {
            let planned = Planned {
                identity: chunk.last.then(|| identity.clone()),
                part: Some(Part {
                    identity: identity.clone(),
                    after: after.to_owned(),
                    to: chunk.to.clone(),
                }),
                drafts: chunk.drafts.clone(),
                broadcasts: broadcasts.clone(),
                trace: self.event.trace.clone(),
            };
            let (reply, answer) = oneshot::channel();
            let commit =
                Commit { events: vec![planned], atomic: true, received: self.received, reply };
            if self.persistence.send(commit).await.is_ok()
                && let Some(committed) =
                    answer.await.ok().and_then(|outcomes| outcomes.into_iter().next())
            {
                outcome = committed.into();
            }
            match outcome {
                Outcome::Accepted(_) => return Ok(Committed::Stored),
                Outcome::Duplicate => return Ok(Committed::Elsewhere),
                Outcome::Unavailable(_) | Outcome::Overloaded => sleep(RETRY_AFTER).await,
                other => return Err(other),
            }
            outcome = Outcome::Unavailable(Gone.to_string());
        }
        Err(outcome)
    }
}
