//! Commit of events: identities, revisions of the inboxes and notifications in one transaction.
//!
//! Locks are taken in the same order everywhere, so that two hubs cannot deadlock: identities
//! first, sorted; then inboxes, sorted by user.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    Backend, Part, Store, StoreError,
    deliveries::DeliveryRow,
    fan_outs,
    groups::{
        ADD_MEMBER, FIND_GROUP, MEMBERS_MAX, MEMBERS_MAX_BYTES, PENDING, TRIM_EVERY, TRIM_MEMBERS,
    },
    marks::SET_INBOX,
    on::{keep, within},
    planned::{
        Placed, Planned, Steps, counts_by_user, notification_of, stored_actors, stored_presentation,
    },
    postgres,
    rows::{InboxRow, NotificationRow, counters},
    sql_types::{Id, Json},
};
use crate::domain::{
    deliveries::DeliveryDraft,
    event::Identity,
    group::{Group, with_actor},
    inbox::{Change, ChangeKind, InboxState, RevisionStep},
    notification::{Notification, NotificationState, Timestamp, stream_id},
    presentation::Presentation,
    user::UserId,
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

/// Changes a notification to one of a larger group; it becomes the newest.
const GROW: &str = "UPDATE notifications SET count = $2, message = $3, actors = $4, seen_at = \
     NULL, seq = $5, revision = $5, changed_at = $6, presentation = $8 WHERE user_id = $7 AND \
     notification_id = $1";

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

/// Changes the notification that a draft is grouped with, if there is one. The inbox is locked.
macro_rules! grown {
    ($draft:expr, $now:expr, $db:ident, $tx:ident) => {
        match &$draft.group {
            None => None,
            Some(group) => {
                let user = $draft.user_id.as_str();
                let (code, key) = ($draft.type_code.as_str(), group.key.as_str());
                let row =
                    $db::first!($tx, NotificationRow, FIND_GROUP, user, code, key, group.since)?;
                match row.map(Notification::try_from).transpose()? {
                    None => None,
                    Some(found) => {
                        let inbox = $db::first!($tx, InboxRow, $db::LOCK_INBOX, user)?;
                        let (found, step) = grow(found, group, counters(inbox), $now);
                        $db::run!(
                            $tx,
                            GROW,
                            Id(found.notification_id),
                            found.count,
                            found.message.as_str(),
                            stored_actors(&found),
                            step.revision,
                            $now,
                            user,
                            stored_presentation(&found)
                        )?;
                        $db::run!($tx, SET_INBOX, user, step.revision, step.unread, step.unseen)?;
                        Some((found, step))
                    }
                }
            }
        }
    };
}

/// Inserts one notification with the next revision of its inbox.
macro_rules! inserted {
    ($notification:expr, $db:ident, $tx:ident) => {{
        let notification: Notification = $notification;
        let counts = [(notification.user_id.as_str(), 1)];
        let raised = $db::raise_inboxes(&mut $tx, &counts).await?;
        let placed = Steps::new(&counts, raised).place(notification.clone())?;
        $db::insert_notifications(&mut $tx, std::slice::from_ref(&placed)).await?;
        placed
    }};
}

/// Adds the event of a draft to the group of its notification, for recall.
macro_rules! joined {
    ($placed:expr, $draft:expr, $group:expr, $now:expr, $db:ident, $tx:ident) => {{
        let id = Id($placed.0.notification_id);
        let event: &str = &$group.event;
        $db::run!(
            $tx,
            ADD_MEMBER,
            id,
            $placed.1.revision,
            $draft.user_id.as_str(),
            $draft.event_id.as_deref(),
            $draft.source.as_deref(),
            $draft.publisher.as_deref(),
            $draft.actor_id.as_ref().map(UserId::as_str),
            $group.actor.as_deref(),
            event,
            i64::try_from(event.len()).unwrap_or(i64::MAX),
            $now
        )?;
        if $placed.0.count % TRIM_EVERY == 0 {
            $db::run!($tx, TRIM_MEMBERS, id, MEMBERS_MAX, MEMBERS_MAX_BYTES)?;
        }
    }};
}

/// Checks whether a notification has a delivery on a channel that is still to be made.
macro_rules! is_pending {
    ($id:expr, $delivery:expr, $db:ident, $tx:ident) => {
        $db::first!($tx, (i64,), PENDING, $id, $delivery.channel.as_str())?
            .is_some_and(|(count,)| count > 0)
    };
}

/// Stores a notification that may belong to a group: the group grows, or begins.
macro_rules! grouped {
    (
        $notification:expr, $draft:expr, $trace:expr, $deliveries:ident, $now:expr, $db:ident,
        $tx:ident
    ) => {{
        let (placed, grew) = match grown!($draft, $now, $db, $tx) {
            Some(placed) => (placed, true),
            None => (inserted!($notification, $db, $tx), false),
        };
        if let Some(group) = &$draft.group {
            joined!(placed, $draft, group, $now, $db, $tx);
        }
        let id = Id(placed.0.notification_id);
        // A group sends once when it begins; later as its digest or escalation says.
        let is_wanted = |one: &&DeliveryDraft| !grew || one.digest || one.unless.is_some();
        for delivery in $draft.deliveries.iter().filter(is_wanted) {
            if !(grew && is_pending!(id, delivery, $db, $tx)) {
                $deliveries.push(DeliveryRow::of(delivery, &placed.0, $trace, $now));
            }
        }
        placed
    }};
}

/// Adds the deliveries that stand for all recipients of an event, whose notifications are placed.
/// As with those of one recipient, a group sends once when it begins, here for anyone.
macro_rules! broadcast {
    ($event:expr, $placed:expr, $deliveries:ident, $now:expr, $db:ident, $tx:ident) => {{
        let (placed, trace): (&[Placed], _) = ($placed, $event.trace.as_deref());
        let began = placed.iter().any(|(item, _)| item.count == 1);
        if let Some((item, _)) = placed.first() {
            let id = item.notification_id;
            for one in &$event.broadcasts {
                if began || one.unless.is_some() && !is_pending!(Id(id), one, $db, $tx) {
                    $deliveries.push(DeliveryRow::broadcast(one, item, trace, $now));
                }
            }
        }
    }};
}

/// Returns a notification with a further event of its group: unseen, and the newest.
fn grow(
    found: Notification,
    group: &Group,
    inbox: InboxState,
    now: Timestamp,
) -> (Notification, RevisionStep) {
    let (before, count) = (found.state(), found.count + 1);
    let step = inbox.next(before, NotificationState { seen_at: None, ..before });
    let actors = with_actor(found.actors.clone(), group.actor.as_deref());
    let presentation = found.presentation.clone();
    let (message, presentation) = match group.text.render(count, &actors) {
        Some(text) => (text.plain, Presentation { rich: text.rich, ..presentation }),
        None => (found.message.clone(), presentation),
    };
    let grown = Notification {
        count,
        actors,
        message,
        presentation,
        seen_at: None,
        changed_at: now,
        seq: step.revision,
        revision: step.revision,
        stream_id: stream_id(found.created_at, step.revision),
        ..found
    };
    (grown, step)
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
            let mut notifications: Vec<Placed> = Vec::new();
            let mut deliveries = Vec::new();
            let is_grouped = new().any(Planned::is_grouped);
            let mut counts = counts_by_user(new());
            if is_grouped {
                // Lock the inboxes in order; each notification then takes its own revision.
                for (_, count) in &mut counts {
                    *count = 0;
                }
            }
            let mut steps = Steps::new(&counts, db::raise_inboxes(&mut tx, &counts).await?);
            for event in new() {
                let trace = event.trace.as_deref();
                let shared = event.shared_metadata();
                if let Some((id, metadata)) = &shared {
                    db::run!(tx, SHARE_METADATA, id, Json::from(*metadata), now)?;
                }
                let metadata_id = shared.map(|(id, _)| id);
                let first = notifications.len();
                for (id, draft) in &event.drafts {
                    let metadata_id = metadata_id.clone();
                    let notification =
                        Notification { metadata_id, ..notification_of(*id, draft, now) };
                    if is_grouped {
                        let placed = grouped!(notification, draft, trace, deliveries, now, db, tx);
                        notifications.push(placed);
                        continue;
                    }
                    let placed = steps.place(notification)?;
                    let own = draft.deliveries.iter();
                    deliveries.extend(own.map(|one| DeliveryRow::of(one, &placed.0, trace, now)));
                    notifications.push(placed);
                }
                if is_grouped {
                    // Groups that only grew keep the metadata of their first event.
                    db::drop_metadata_of_one(&mut tx, metadata_id.as_deref()).await?;
                }
                broadcast!(event, &notifications[first..], deliveries, now, db, tx);
            }
            if !is_grouped {
                db::insert_notifications(&mut tx, &notifications).await?;
            }
            db::insert_deliveries(&mut tx, &deliveries).await?;
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
    let kind = match notification.count {
        1 => ChangeKind::New { quiet },
        _ => ChangeKind::Grown { quiet },
    };
    Change {
        user_id: notification.user_id.clone(),
        kind,
        notification: Some(Arc::new(notification)),
        step,
        origin: None,
        trace: None,
    }
}
