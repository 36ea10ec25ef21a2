//! Commit of events: identities, revisions of the inboxes and notifications in one transaction.
//!
//! Locks are taken in the same order everywhere, so that two hubs cannot deadlock: identities
//! first, sorted; then inboxes, sorted by user.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    Backend, Part, Store, StoreError, fan_outs,
    on::{keep, within},
    planned::{Placed, Planned, Steps, counts_by_user, notification_of},
    postgres,
    sql_types::Json,
};
use crate::domain::{
    event::Identity,
    inbox::{Change, ChangeKind},
    notification::{Notification, Timestamp},
};

/// Result of committing an event.
#[derive(Debug, Clone)]
pub enum Committed {
    /// An event with its identity was committed before; nothing was stored.
    Duplicate,
    /// Its notifications are stored, with these changes of inboxes.
    Stored(Vec<Change>),
}

const SHARE_METADATA: &str =
    "INSERT INTO shared_metadata (id, metadata, created_at) VALUES ($1, $2, $3)";

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
        let (accepted, notifications) = match &self.backend {
            Backend::Postgres(_) if postgres::commit::takes_one_statement(events) => {
                self.commit_in_one_statement(events, now).await?
            }
            Backend::Postgres(_) | Backend::Sqlite(_) => self.commit_in_steps(events, now).await?,
        };
        Ok(outcomes(events, accepted, notifications))
    }

    async fn commit_in_one_statement(
        &self,
        events: &[Planned],
        now: Timestamp,
    ) -> Result<(Vec<bool>, Vec<Placed>), StoreError> {
        let Backend::Postgres(pool) = &self.backend else {
            return self.commit_in_steps(events, now).await;
        };
        self.admit()?;
        let mut owned = self.record_failure(pool.acquire().await)?;
        let result = within(postgres::commit::commit(&mut owned, events, now)).await;
        keep(&mut owned, &result, postgres::makes_unusable);
        self.record_outcome(result)
    }

    async fn commit_in_steps(
        &self,
        events: &[Planned],
        now: Timestamp,
    ) -> Result<(Vec<bool>, Vec<Placed>), StoreError> {
        let identities: BTreeSet<&str> = events
            .iter()
            .filter_map(|event| event.identity.as_ref().map(Identity::as_str))
            .collect();
        let identities: Vec<&str> = identities.into_iter().collect();
        Ok(in_inbox_transaction!(self, |db, tx| {
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
            let mut notifications: Vec<Placed> = Vec::new();
            for event in new() {
                let shared = event.shared_metadata();
                if let Some((id, metadata)) = &shared {
                    db::run!(tx, SHARE_METADATA, id, Json::from(*metadata), now)?;
                }
                let metadata_id = shared.map(|(id, _)| id);
                for (id, draft) in &event.drafts {
                    let metadata_id = metadata_id.clone();
                    let notification = Notification { metadata_id, ..notification_of(*id, draft) };
                    notifications.push(steps.place(notification)?);
                }
            }
            db::insert_notifications(&mut tx, &notifications).await?;
            (accepted, notifications)
        }))
    }
}

/// Assigns the stored notifications, which are in the order of `events`, to their events.
fn outcomes(events: &[Planned], accepted: Vec<bool>, notifications: Vec<Placed>) -> Vec<Committed> {
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

/// Claims an identity. Returns false if another event of the batch has claimed it, or it was known.
fn claim(identity: Option<&Identity>, fresh: &mut HashSet<String>) -> bool {
    identity.is_none_or(|identity| fresh.remove(identity.as_str()))
}

fn change((notification, step): Placed, quiet: bool) -> Change {
    Change {
        user_id: notification.user_id.clone(),
        kind: ChangeKind::New { quiet },
        notification: Some(Arc::new(notification)),
        step,
        origin: None,
    }
}
