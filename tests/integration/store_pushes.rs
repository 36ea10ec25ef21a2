//! Pushes that are closed on the devices of a person, and deliveries beside what is being sent, on
//! both stores.

use lonceng::{
    domain::{
        catalog::MessageText,
        deliveries::DeliveryDraft,
        group::{Group, GroupText},
        inbox::{BulkMark, Mark},
        notification::Timestamp,
        plan::Draft,
    },
    store::{Delivery, DeliveryOutcome, Kind, Store},
};
use uuid::Uuid;

use crate::store::{NOW, draft, fill, mark, planned, user};

/// End of the claims.
const UNTIL: Timestamp = Timestamp(NOW.0 + 60_000);

fn delivery(channel: &str, digest: bool) -> DeliveryDraft {
    let channel = channel.to_owned();
    DeliveryDraft { channel, due_at: NOW, unless: None, digest, recipients: 1 }
}

/// Commits a number of notifications of the user `u` that are to be pushed, and claims the pushes.
async fn claimed_pushes(store: &Store, count: usize) -> Vec<Delivery> {
    let drafts = (0..count)
        .map(|n| {
            let (id, plain) = draft("u", &format!("m{n}"));
            (id, Draft { deliveries: vec![delivery("push", false)], ..plain })
        })
        .collect();
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    claim(store, "push").await
}

async fn claim(store: &Store, channel: &str) -> Vec<Delivery> {
    store.claim_deliveries(channel, (NOW, UNTIL), 10_000, true).await.expect("claimed")
}

/// Claims the pushes that close others. Returns the notifications that they close, in order.
async fn closings(store: &Store) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = claim(store, "push")
        .await
        .into_iter()
        .filter(|one| one.closes)
        .map(|one| one.notification_id)
        .collect();
    ids.sort_unstable();
    ids
}

async fn record(store: &Store, pushes: &[Delivery], state: &'static str, confirmed: &[&str]) {
    let outcome = |push: &Delivery| DeliveryOutcome {
        delivery_id: push.delivery_id,
        state,
        reason: None,
        attempts: 1,
        due_at: Some(Timestamp(NOW.0 + 5_000)),
        sent_at: (state == "sent").then_some(NOW),
        confirmed: Some(confirmed.iter().map(|id| (*id).to_owned()).collect()),
    };
    let outcomes: Vec<DeliveryOutcome> = pushes.iter().map(outcome).collect();
    store.record_deliveries(&outcomes).await.expect("it writes");
}

async fn reading_everything_closes_every_push(store: Store) {
    let first = fill(&store, "u", 3).await;
    let pushes = claimed_pushes(&store, 1_203).await;
    record(&store, &pushes, "sent", &["a"]).await;
    // Read before: that mark has closed it.
    mark(&store, "u", pushes[0].notification_id, Mark::Read).await;
    let read = store.mark_all(&user("u"), BulkMark::Read, None, None, NOW).await;
    let before = read.expect("it writes").step.previous_revision;
    assert!(store.close_read(&user("u"), before, NOW).await.expect("it writes"));
    let mut expected: Vec<Uuid> = pushes[1..].iter().map(|push| push.notification_id).collect();
    expected.sort_unstable();
    let closed = closings(&store).await;
    assert!(closed.iter().all(|id| !first.contains(id)), "these were never pushed");
    assert_eq!(closed.len(), 1_202);
    assert!(closed == expected);
}

async fn what_one_of_several_browsers_has_is_closed(store: Store) {
    let pushes = claimed_pushes(&store, 3).await;
    // The push services of the other browsers are away, for good and for now.
    record(&store, &pushes[..1], "failed", &["a"]).await;
    record(&store, &pushes[1..2], "scheduled", &["a"]).await;
    record(&store, &pushes[2..], "failed", &[]).await;
    let mut closed = Vec::new();
    for push in &pushes {
        let item = store.any_notification(push.notification_id).await.expect("it reads");
        let item = item.expect("it is there");
        closed.push(store.close_pushed(&item, NOW).await.expect("it writes"));
    }
    assert_eq!(closed, [true, true, false]);
}

async fn a_push_that_was_on_its_way_is_closed_when_it_arrives(store: Store) {
    let pushes = claimed_pushes(&store, 4).await;
    let [read, archived, unread, never] = &pushes[..] else { panic!("four are claimed") };
    mark(&store, "u", read.notification_id, Mark::Read).await;
    mark(&store, "u", archived.notification_id, Mark::Archive).await;
    mark(&store, "u", never.notification_id, Mark::Read).await;
    let ids: Vec<Uuid> = pushes.iter().map(|push| push.delivery_id).collect();
    let overtaken = async || store.close_overtaken(&ids, NOW).await.expect("it writes");
    assert!(!overtaken().await, "no browser has one yet");
    record(&store, &[read.clone(), archived.clone(), unread.clone()], "sent", &["a"]).await;
    record(&store, std::slice::from_ref(never), "failed", &[]).await;
    assert!(overtaken().await);
    let mut expected = [read.notification_id, archived.notification_id];
    expected.sort_unstable();
    assert_eq!(closings(&store).await, expected);
}

async fn a_group_that_grows_while_it_is_sent_is_sent_again(store: Store) {
    let grow = async |channel: &DeliveryDraft| {
        let (id, plain) = draft("u", "1");
        let group = Group {
            key: "k".to_owned(),
            since: NOW,
            actor: None,
            text: GroupText::new(|count, _| {
                Some(MessageText { plain: count.to_string(), rich: None })
            }),
            event: "{}".into(),
        };
        let one = Draft { group: Some(group), deliveries: vec![channel.clone()], ..plain };
        store.commit(&[planned(None, vec![(id, one)])], NOW).await.expect("it commits");
    };
    let digest = delivery("email", true);
    grow(&digest).await;
    grow(&digest).await;
    let sending = claim(&store, "email").await;
    assert_eq!(sending.len(), 1, "two events wait for the same digest");
    grow(&digest).await;
    grow(&digest).await;
    let next = claim(&store, "email").await;
    assert_eq!(next.len(), 1, "what is being sent does not show the other two");
    assert_eq!(next[0].notification_id, sending[0].notification_id);
}

async fn a_claim_holds_whatever_the_clock_of_another_hub_says(store: Store) {
    if store.kind() == Kind::Sqlite {
        return;
    }
    assert_eq!(claimed_pushes(&store, 3).await.len(), 3);
    let ahead = Timestamp(UNTIL.0 + 1);
    let until = Timestamp(ahead.0 + 60_000);
    let others = store.claim_deliveries("push", (ahead, until), 10, true).await;
    assert_eq!(others.expect("claimed"), []);
}

on_both! {
    a_claim_holds_whatever_the_clock_of_another_hub_says,
    reading_everything_closes_every_push,
    what_one_of_several_browsers_has_is_closed,
    a_push_that_was_on_its_way_is_closed_when_it_arrives,
    a_group_that_grows_while_it_is_sent_is_sent_again,
}
