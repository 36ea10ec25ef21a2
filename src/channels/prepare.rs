//! Preparation of a delivery that is due: is it still wanted, and what exactly is sent.

use std::{collections::BTreeMap, sync::Arc};

use super::{Message, outcome::without_attempt};
use crate::{
    domain::{
        channel::PUSH,
        deliveries::{Decision, QUIET, Situation, decide},
        notification::{Notification, Timestamp},
        preferences::Preferences,
        user::{Person, UserId},
    },
    pipeline::catalog::SharedCatalog,
    store::{Delivery, DeliveryOutcome, PushSubscription, Store, StoreError},
};

/// Deliveries that are sent as one message.
pub(super) struct Prepared {
    /// Deliveries, the first of which gives the message its ID.
    pub(super) deliveries: Vec<Delivery>,
    /// Message.
    pub(super) message: Message,
}

/// Result of preparing: messages to send, and outcomes of deliveries that are not sent now.
#[derive(Default)]
pub(super) struct Preparation {
    pub(super) messages: Vec<Prepared>,
    pub(super) outcomes: Vec<DeliveryOutcome>,
}

/// Recipient of a delivery, with what decides.
struct Recipient {
    person: Person,
    preferences: Option<Preferences>,
    browsers: Vec<PushSubscription>,
}

impl Recipient {
    async fn load(store: &Store, delivery: &Delivery) -> Result<Self, StoreError> {
        // A delivery that stands for all recipients has none of its own.
        let Ok(user) = UserId::parse(&delivery.user_id) else {
            let nobody =
                UserId::parse("-").map_err(|error| StoreError::Corrupt(error.to_string()))?;
            return Ok(Self {
                person: Person::unknown(nobody),
                preferences: None,
                browsers: Vec::new(),
            });
        };
        let (person, preferences) = store.recipient(&user).await?;
        let browsers = match delivery.channel.as_str() {
            PUSH => store.subscriptions(user.as_str()).await?,
            _ => Vec::new(),
        };
        Ok(Self { person, preferences, browsers })
    }
}

/// Claimed deliveries by message: those of a user's digest form one.
fn by_message(claimed: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let (mut single, mut digests) = (Vec::new(), BTreeMap::<String, Vec<Delivery>>::new());
    for delivery in claimed {
        if delivery.digest {
            digests.entry(delivery.user_id.clone()).or_default().push(delivery);
        } else {
            single.push(vec![delivery]);
        }
    }
    single.extend(digests.into_values());
    single
}

/// Prepares claimed deliveries. Those of a digest collect what else is due for its user.
///
/// # Errors
/// When the store is unavailable: the claims expire.
pub(super) async fn prepare(
    store: &Store,
    catalog: &SharedCatalog,
    claimed: Vec<Delivery>,
    (now, until): (Timestamp, Timestamp),
) -> Result<Preparation, StoreError> {
    let mut preparation = Preparation::default();
    for mut deliveries in by_message(claimed) {
        let Some(first) = deliveries.first().cloned() else { continue };
        if first.digest {
            // A window that has ended takes later notifications of its type along.
            let further = store.claim_digest(&first.user_id, now, until, &first.type_code).await?;
            let known: Vec<_> = deliveries.iter().map(|one| one.delivery_id).collect();
            deliveries.extend(further.into_iter().filter(|one| !known.contains(&one.delivery_id)));
            deliveries.sort_by_key(|one| one.delivery_id);
        }
        let recipient = Recipient::load(store, &first).await?;
        let (mut wanted, mut items) = (Vec::new(), Vec::new());
        for delivery in deliveries {
            let found = store.any_notification(delivery.notification_id).await?;
            match decision(&delivery, found.as_ref(), &recipient, catalog, now) {
                Decision::Send => {
                    wanted.push(delivery);
                    items.extend(found.map(Arc::new));
                }
                Decision::Wait(until, reason) => preparation.outcomes.push(without_attempt(
                    &delivery,
                    "scheduled",
                    reason,
                    Some(until),
                )),
                Decision::Cancel(reason) => {
                    preparation.outcomes.push(without_attempt(
                        &delivery,
                        "cancelled",
                        reason,
                        None,
                    ));
                }
                Decision::Skip(reason) => {
                    preparation.outcomes.push(without_attempt(&delivery, "skipped", reason, None));
                }
            }
        }
        let Some(first) = wanted.first() else { continue };
        let browsers = recipient.browsers;
        let message = Message {
            id: first.delivery_id,
            recipient: recipient.person,
            items,
            digest: first.digest,
            closes: first.closes,
            recipients: first.recipients,
            browsers: browsers
                .into_iter()
                .filter(|browser| !first.confirmed.contains(&browser.id))
                .collect(),
            now,
            trace: first.trace.clone(),
        };
        preparation.messages.push(Prepared { deliveries: wanted, message });
    }
    Ok(preparation)
}

fn decision(
    delivery: &Delivery,
    found: Option<&Notification>,
    recipient: &Recipient,
    catalog: &SharedCatalog,
    now: Timestamp,
) -> Decision {
    let Some(item) = found else {
        return Decision::Cancel("the notification does not exist any more".to_owned());
    };
    if delivery.closes {
        return if recipient.browsers.is_empty() {
            Decision::Skip("no browser of the person receives Web Push".to_owned())
        } else {
            Decision::Send
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
        recipient: &recipient.person,
        preferences: recipient.preferences.as_ref(),
        browsers: recipient.browsers.len(),
        now,
    })
}
