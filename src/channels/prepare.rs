//! Preparation of deliveries that are due: are they still wanted, and what exactly is sent.
//!
//! Everything that decides is looked up for all of them together: a query for each would limit how
//! many are sent.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{Message, outcome::without_attempt};
use crate::{
    domain::{
        channel::PUSH,
        deliveries::{Decision, QUIET, Situation, decide, decide_broadcast},
        notification::{Notification, Status, Timestamp},
        preferences::Preferences,
        user::{Person, UserId},
    },
    pipeline::catalog::SharedCatalog,
    store::{Delivery, DeliveryOutcome, PushSubscription, Store, StoreError},
};

/// Maximum number of deliveries of one e-mail; the others make another one.
const DIGEST_MAX: usize = 1_000;

/// Deliveries that are sent as one message.
pub(super) struct Prepared {
    /// Deliveries, the first of which gives the message its ID.
    pub(super) deliveries: Vec<Delivery>,
    /// Message.
    pub(super) message: Message,
    /// Time of the claim.
    pub(super) claimed: Instant,
}

/// Result of preparing: messages to send, and outcomes of deliveries that are not sent now.
#[derive(Default)]
pub(super) struct Preparation {
    pub(super) messages: Vec<Prepared>,
    pub(super) outcomes: Vec<DeliveryOutcome>,
}

impl Preparation {
    /// Adds the outcome of a delivery that is not sent now.
    fn settle(&mut self, delivery: &Delivery, decision: Decision) {
        let (state, reason, due_at) = match decision {
            Decision::Send => return,
            Decision::Wait(until, reason) => ("scheduled", reason, Some(until)),
            Decision::Cancel(reason) => ("cancelled", reason, None),
            Decision::Skip(reason) => ("skipped", reason, None),
        };
        self.outcomes.push(without_attempt(delivery, state, reason, due_at));
    }
}

/// Notifications and people of deliveries.
#[derive(Default)]
struct Lookups {
    notifications: HashMap<Uuid, Arc<Notification>>,
    people: HashMap<UserId, Person>,
    preferences: HashMap<UserId, Preferences>,
    browsers: HashMap<UserId, Vec<PushSubscription>>,
}

impl Lookups {
    async fn load(store: &Store, messages: &[Vec<Delivery>]) -> Result<Self, StoreError> {
        let all = || messages.iter().flatten();
        let ids: Vec<Uuid> = all().map(|delivery| delivery.notification_id).collect();
        let notifications = store.notifications(&ids).await?;
        let mut users: Vec<UserId> = all().filter_map(|one| one.user_id.clone()).collect();
        users.sort_unstable();
        users.dedup();
        let (people, preferences) = store.recipients(&users).await?;
        let mut browsers = HashMap::new();
        if all().any(|delivery| delivery.channel == PUSH) {
            for user in users {
                let own = store.subscriptions(user.as_str()).await?;
                browsers.insert(user, own);
            }
        }
        let by_id = |item: Notification| (item.notification_id, Arc::new(item));
        Ok(Self {
            notifications: notifications.into_iter().map(by_id).collect(),
            people: people.into_iter().map(|person| (person.user_id.clone(), person)).collect(),
            preferences: preferences.into_iter().collect(),
            browsers,
        })
    }

    fn person(&self, user: &UserId) -> Person {
        self.people.get(user).cloned().unwrap_or_else(|| Person::unknown(user.clone()))
    }

    fn browsers(&self, user: &UserId) -> &[PushSubscription] {
        self.browsers.get(user).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Claimed deliveries by message: those of a user's digest form one, with what else is due for
/// that user. A window that has ended takes later notifications of its type along.
async fn by_message(
    store: &Store,
    claimed: Vec<Delivery>,
    (now, until): (Timestamp, Timestamp),
) -> Result<Vec<Vec<Delivery>>, StoreError> {
    let (mut messages, mut digests) = (Vec::new(), BTreeMap::<UserId, Vec<Delivery>>::new());
    for delivery in claimed {
        match &delivery.user_id {
            Some(user) if delivery.digest => {
                digests.entry(user.clone()).or_default().push(delivery);
            }
            _ => messages.push(vec![delivery]),
        }
    }
    for (user, deliveries) in digests {
        messages.push(digest(store, &user, deliveries, (now, until)).await?);
    }
    Ok(messages)
}

/// Adds to the due deliveries of a user's digest what else is due, and what came later of every
/// type whose window has ended.
async fn digest(
    store: &Store,
    user: &UserId,
    mut deliveries: Vec<Delivery>,
    (now, until): (Timestamp, Timestamp),
) -> Result<Vec<Delivery>, StoreError> {
    let mut known: HashSet<Uuid> = deliveries.iter().map(|one| one.delivery_id).collect();
    let mut open: BTreeSet<String> = deliveries.iter().map(|one| one.type_code.clone()).collect();
    let mut closed = BTreeSet::new();
    while let Some(kind) = open.pop_first() {
        let room = DIGEST_MAX.saturating_sub(deliveries.len());
        if room == 0 {
            break;
        }
        let further = store.claim_digest(user.as_str(), (now, until), &kind, room).await?;
        closed.insert(kind);
        for one in further {
            if one.due_at <= now && !closed.contains(&one.type_code) {
                open.insert(one.type_code.clone());
            }
            if known.insert(one.delivery_id) {
                deliveries.push(one);
            }
        }
    }
    deliveries.sort_by_key(|one| one.delivery_id);
    Ok(deliveries)
}

/// Prepares claimed deliveries.
///
/// # Errors
/// When the store is unavailable: the claims expire.
pub(super) async fn prepare(
    store: &Store,
    catalog: &SharedCatalog,
    claimed: Vec<Delivery>,
    (now, until, claimed_at): (Timestamp, Timestamp, Instant),
) -> Result<Preparation, StoreError> {
    let mut preparation = Preparation::default();
    if claimed.is_empty() {
        return Ok(preparation);
    }
    let messages = by_message(store, claimed, (now, until)).await?;
    let lookups = Lookups::load(store, &messages).await?;
    for deliveries in messages {
        let (mut wanted, mut items) = (Vec::new(), Vec::new());
        for delivery in deliveries {
            let found = lookups.notifications.get(&delivery.notification_id);
            let (decision, item) = match (&delivery.user_id, found) {
                (_, None) => (gone(), None),
                (Some(user), Some(item)) => {
                    let decision = of_person(&delivery, item, user, &lookups, catalog, now);
                    (decision, Some(Arc::clone(item)))
                }
                (None, Some(item)) => of_everyone(store, &delivery, item).await?,
            };
            match (decision, item) {
                (Decision::Send, Some(item)) => {
                    // A group that grew while it was sent has two deliveries.
                    if !items.iter().any(|other: &Arc<Notification>| is_same(other, &item)) {
                        items.push(item);
                    }
                    wanted.push(delivery);
                }
                (decision, _) => preparation.settle(&delivery, decision),
            }
        }
        let Some(first) = wanted.first() else { continue };
        let browsers = first.user_id.as_ref().map(|user| lookups.browsers(user));
        let is_open = |browser: &&PushSubscription| !first.confirmed.contains(&browser.id);
        let kind = items.first().and_then(|item| catalog.current().find(&item.type_code).cloned());
        let message = Message {
            id: first.delivery_id,
            mandatory: kind.is_some_and(|kind| kind.mandatory),
            recipient: first.user_id.as_ref().map(|user| lookups.person(user)),
            items,
            digest: first.digest,
            closes: first.closes,
            recipients: first.recipients,
            browsers: browsers.unwrap_or_default().iter().filter(is_open).cloned().collect(),
            created_at: first.created_at,
            now,
            trace: first.trace.clone(),
        };
        preparation.messages.push(Prepared { deliveries: wanted, message, claimed: claimed_at });
    }
    Ok(preparation)
}

fn is_same(one: &Notification, other: &Notification) -> bool {
    one.notification_id == other.notification_id
}

fn gone() -> Decision {
    Decision::Cancel("the notification does not exist any more".to_owned())
}

/// Decides about the delivery of one person.
fn of_person(
    delivery: &Delivery,
    item: &Notification,
    user: &UserId,
    lookups: &Lookups,
    catalog: &SharedCatalog,
    now: Timestamp,
) -> Decision {
    let browsers = lookups.browsers(user).len();
    if delivery.closes {
        return match browsers {
            0 => Decision::Skip("no browser of the person receives Web Push".to_owned()),
            _ => Decision::Send,
        };
    }
    if delivery.reason.as_deref() == Some(QUIET) && item.read_at.is_some() {
        return Decision::Cancel("the notification was read during the quiet hours".to_owned());
    }
    if delivery.digest && item.read_at.is_some() {
        return Decision::Cancel("the notification was read before the digest".to_owned());
    }
    let kind = catalog.current().find(&item.type_code).cloned();
    decide(&Situation {
        channel: &delivery.channel,
        unless: delivery.unless,
        type_code: &item.type_code,
        mandatory: kind.is_some_and(|kind| kind.mandatory),
        priority: item.priority,
        status: item.status,
        is_seen: item.seen_at.is_some(),
        is_read: item.read_at.is_some(),
        recipient: &lookups.person(user),
        preferences: lookups.preferences.get(user),
        browsers,
        now,
    })
}

/// Decides about a delivery that stands for all recipients of an event, and whose notification is
/// sent: that of the first recipient, or of another one if it was deleted.
async fn of_everyone(
    store: &Store,
    delivery: &Delivery,
    first: &Arc<Notification>,
) -> Result<(Decision, Option<Arc<Notification>>), StoreError> {
    let item = match first.status {
        Status::Deleted => store.not_deleted_like(first).await?.map(Arc::new),
        _ => Some(Arc::clone(first)),
    };
    let noticed = match delivery.unless {
        None => false,
        Some(unless) => store.was_noticed_by_anyone(first, unless).await?,
    };
    Ok((decide_broadcast(item.is_some(), delivery.unless, noticed), item))
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
