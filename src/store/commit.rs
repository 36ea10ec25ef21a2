//! Commit of events: identities, revisions of the inboxes and notifications in one transaction.
//!
//! Locks are taken in the same order everywhere, so that two hubs cannot deadlock: identities
//! first, sorted; then inboxes, sorted by user.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::{Part, Store, StoreError, fan_outs};
use crate::domain::{
    event::Identity,
    inbox::{Change, ChangeKind, InboxState, RevisionStep},
    notification::{Notification, Status, Timestamp, stream_id},
    plan::Draft,
};

/// Notifications of an event, ready to be stored.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Identity for deduplication.
    pub identity: Option<Identity>,
    /// Chunk of a large fan-out; the last chunk has the identity.
    pub part: Option<Part>,
    /// Notifications, each with its ID.
    pub drafts: Vec<(Uuid, Draft)>,
}

impl Planned {
    /// Returns the size of the notifications in bytes of text; shared metadata counts once.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let metadata = self.drafts.first().map_or(0, |(_, draft)| draft.metadata.get().len());
        let texts = self
            .drafts
            .iter()
            .map(|(_, draft)| draft.title.len() + draft.message.len() + DRAFT_BYTES);
        metadata + texts.sum::<usize>()
    }
}

/// Result of committing an event.
#[derive(Debug, Clone)]
pub enum Committed {
    /// An event with its identity was committed before; nothing was stored.
    Duplicate,
    /// Its notifications are stored, with these changes of inboxes.
    Stored(Vec<Change>),
}

/// Size from which the metadata of an event with several recipients is stored once for all of them,
/// in bytes.
const SHARED_METADATA_MIN_BYTES: usize = 2 * 1024;

/// Average size of a draft without its texts, in bytes.
const DRAFT_BYTES: usize = 512;

const SHARE_METADATA: &str =
    "INSERT INTO shared_metadata (id, metadata, created_at) VALUES ($1, $2, $3)";

/// Returns the metadata as it is stored with the notification itself.
pub(super) fn stored_metadata(notification: &Notification) -> &str {
    if notification.metadata_id.is_some() { "{}" } else { notification.metadata.get() }
}

const FORGET_IDENTITY: &str = "DELETE FROM event_identities WHERE identity = $1";

/// Checks whether a chunk is the next one of its fan-out; other events always pass.
macro_rules! advanced {
    ($event:expr, $db:ident, $tx:ident) => {
        match &$event.part {
            None => true,
            Some(Part { identity, after, to }) => {
                let advanced = $db::run!($tx, fan_outs::ADVANCE, identity.as_str(), after, to)? > 0;
                if advanced && $event.identity.is_some() {
                    $db::run!($tx, fan_outs::END, identity.as_str())?;
                }
                advanced
            }
        }
    };
}

impl Store {
    /// Stores events in one transaction. An event whose identity is known, or occurs earlier in
    /// `events`, is a duplicate.
    ///
    /// # Errors
    /// When the store is unavailable or refuses; then nothing is stored.
    pub async fn commit(
        &self,
        events: &[Planned],
        now: Timestamp,
    ) -> Result<Vec<Committed>, StoreError> {
        let identities: BTreeSet<&str> = events
            .iter()
            .filter_map(|event| event.identity.as_ref().map(Identity::as_str))
            .collect();
        let identities: Vec<&str> = identities.into_iter().collect();
        let (accepted, notifications) = in_inbox_transaction!(self, |db, tx| {
            let mut fresh = db::insert_identities(&mut tx, &identities, now).await?;
            let mut accepted = Vec::with_capacity(events.len());
            for event in events {
                let claimed = claim(event.identity.as_ref(), &mut fresh);
                let taken = claimed && advanced!(event, db, tx);
                if let (true, false, Some(identity)) = (claimed, taken, &event.identity) {
                    // Another hub has continued this fan-out, which is not finished.
                    db::run!(tx, FORGET_IDENTITY, identity.as_str())?;
                }
                accepted.push(taken);
            }
            let new = || events.iter().zip(&accepted).filter_map(|(e, taken)| taken.then_some(e));
            let counts = counts_by_user(new());
            let mut steps = Steps::new(&counts, db::raise_inboxes(&mut tx, &counts).await?);
            let mut notifications: Vec<(Notification, RevisionStep)> = Vec::new();
            for event in new() {
                let shared = shared_metadata(event);
                if let Some((id, metadata)) = &shared {
                    db::run!(tx, SHARE_METADATA, id, *metadata, now.0)?;
                }
                let metadata_id = shared.map(|(id, _)| id);
                for (id, draft) in &event.drafts {
                    let (notification, step) = steps.place(*id, draft)?;
                    notifications.push((
                        Notification { metadata_id: metadata_id.clone(), ..notification },
                        step,
                    ));
                }
            }
            db::insert_notifications(&mut tx, &notifications).await?;
            (accepted, notifications)
        });
        Ok(outcomes(events, accepted, notifications))
    }
}

/// Returns the number of new notifications of each user, in the order of the users' IDs.
fn counts_by_user<'a>(events: impl Iterator<Item = &'a Planned>) -> Vec<(&'a str, i64)> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for (_, draft) in events.flat_map(|event| &event.drafts) {
        *counts.entry(draft.user_id.as_str()).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// Assigns the stored notifications, which are in the order of `events`, to their events.
fn outcomes(
    events: &[Planned],
    accepted: Vec<bool>,
    notifications: Vec<(Notification, RevisionStep)>,
) -> Vec<Committed> {
    let mut placed = notifications.into_iter();
    let outcome = |(event, accepted): (&Planned, bool)| {
        if !accepted {
            return Committed::Duplicate;
        }
        let quiet = event.drafts.iter().map(|(_, draft)| draft.quiet);
        // The shorter iterator first: zip advances its first iterator before the second.
        let placed = quiet.zip(placed.by_ref());
        Committed::Stored(placed.map(|(quiet, placed)| change(placed, quiet)).collect())
    };
    events.iter().zip(accepted).map(outcome).collect()
}

/// Returns the metadata that is stored once for all recipients of an event, with the ID of the
/// first notification.
fn shared_metadata(event: &Planned) -> Option<(String, &str)> {
    let (id, first) = event.drafts.first()?;
    let metadata = first.metadata.get();
    (event.drafts.len() > 1 && metadata.len() >= SHARED_METADATA_MIN_BYTES)
        .then(|| (id.to_string(), metadata))
}

/// Claims an identity. Returns false if another event of the batch has claimed it, or it was known.
fn claim(identity: Option<&Identity>, fresh: &mut HashSet<String>) -> bool {
    identity.is_none_or(|identity| fresh.remove(identity.as_str()))
}

fn change((notification, step): (Notification, RevisionStep), quiet: bool) -> Change {
    Change {
        user_id: notification.user_id.clone(),
        kind: ChangeKind::New { quiet },
        notification: Some(Arc::new(notification)),
        step,
        origin: None,
    }
}

/// New revisions of each inbox, in order.
struct Steps(BTreeMap<String, std::vec::IntoIter<RevisionStep>>);

impl Steps {
    fn new(counts: &[(&str, i64)], raised: Vec<(String, InboxState)>) -> Self {
        let counts: BTreeMap<&str, i64> = counts.iter().copied().collect();
        let steps = raised.into_iter().map(|(user, counters)| {
            let count = counts.get(user.as_str()).copied().unwrap_or_default();
            (user, counters.steps_of_new(count).collect::<Vec<_>>().into_iter())
        });
        Self(steps.collect())
    }

    fn place(
        &mut self,
        id: Uuid,
        draft: &Draft,
    ) -> Result<(Notification, RevisionStep), StoreError> {
        let step =
            self.0.get_mut(draft.user_id.as_str()).and_then(Iterator::next).ok_or_else(|| {
                StoreError::Corrupt(format!("the inbox of {:?} was not raised", draft.user_id))
            })?;
        let draft = draft.clone();
        let notification = Notification {
            notification_id: id,
            stream_id: stream_id(draft.created_at, step.revision),
            revision: step.revision,
            type_code: draft.type_code,
            title: draft.title,
            message: draft.message,
            priority: draft.priority,
            source: draft.source,
            actor_id: draft.actor_id,
            entity_type: draft.entity_type,
            entity_id: draft.entity_id,
            action_url: draft.action_url,
            metadata: draft.metadata,
            count: 1,
            created_at: draft.created_at,
            expires_at: draft.expires_at,
            status: Status::Unread,
            read: false,
            read_at: None,
            seen_at: None,
            keep_until: draft.keep_until,
            clicked_at: None,
            variant: draft.variant,
            metadata_id: None,
            user_id: draft.user_id,
            seq: step.revision,
        };
        Ok((notification, step))
    }
}
