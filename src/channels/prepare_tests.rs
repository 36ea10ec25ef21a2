use std::collections::{HashMap, HashSet};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::{
    clock,
    domain::{
        channel::{EMAIL, UnlessState},
        deliveries::DeliveryDraft,
        inbox::Mark,
        plan::Draft,
    },
    store::Planned,
    testing::{TestStore, draft, user},
};

const HOOK: &str = "webhook:ops";

fn escalation(due_at: Timestamp, unless: UnlessState, recipients: i64) -> DeliveryDraft {
    let channel = HOOK.to_owned();
    DeliveryDraft { channel, due_at, unless: Some(unless), digest: false, recipients }
}

async fn commit(store: &Store, drafts: Vec<(Uuid, Draft)>, broadcasts: Vec<DeliveryDraft>) {
    let planned = Planned { identity: None, part: None, drafts, broadcasts, trace: None };
    store.commit(&[planned], clock::now()).await.expect("it commits");
}

async fn mark(store: &Store, name: &str, id: Uuid, mark: Mark) {
    store.mark(&user(name), id, mark, None, clock::now()).await.expect("it writes");
}

async fn prepared(store: &Store, now: Timestamp) -> Preparation {
    let until = Timestamp(now.0 + 60_000);
    let claimed = store.claim_deliveries(HOOK, (now, until), 1_000, false).await.expect("claimed");
    let times = (now, until, Instant::now());
    prepare(store, &SharedCatalog::default(), claimed, times).await.expect("it reads")
}

/// Carries out random acts on a notification. Returns whether it is gone, seen and read.
async fn interfere(store: &Store, random: &mut StdRng, name: &str, id: Uuid) -> [bool; 3] {
    let [mut gone, mut seen, mut read] = [false; 3];
    for _ in 0..random.random_range(0..6) {
        match random.random_range(0..9) {
            0..=2 => {
                mark(store, name, id, Mark::Seen).await;
                seen |= !gone;
            }
            3..=4 => {
                mark(store, name, id, Mark::Read).await;
                (seen, read) = (seen || !gone, read || !gone);
            }
            5..=7 => {
                mark(store, name, id, Mark::Unread).await;
                read &= gone;
            }
            _ => {
                store.cancel_deliveries(id, "recalled").await.expect("it writes");
                mark(store, name, id, Mark::Delete).await;
                gone = true;
            }
        }
    }
    [gone, seen, read]
}

// A plain model: what the notification is when its escalation is due decides.
#[tokio::test]
async fn escalations_are_sent_only_if_nobody_noticed_in_time_whatever_happened_before() {
    let test = TestStore::open().await;
    let (store, mut random) = (&test.store, StdRng::seed_from_u64(5));
    let start = clock::now();
    let due = Timestamp(start.0 + 1_000_000);
    let mut expected = HashMap::new();
    for n in 0..150 {
        let (name, id) = (format!("u{n}"), Uuid::now_v7());
        let unless = if n % 2 == 0 { UnlessState::Seen } else { UnlessState::Read };
        let draft = Draft { deliveries: vec![escalation(due, unless, 1)], ..draft(&name, "x") };
        commit(store, vec![(id, draft)], Vec::new()).await;
        let [gone, seen, read] = interfere(store, &mut random, &name, id).await;
        let noticed = if n % 2 == 0 { seen } else { read };
        expected.insert(id, !gone && !noticed);
    }
    let early = prepared(store, Timestamp(due.0 - 1)).await;
    assert!(early.messages.is_empty() && early.outcomes.is_empty(), "its time has not come");
    let Preparation { messages, outcomes } = prepared(store, due).await;
    let sent: HashSet<Uuid> =
        messages.iter().map(|one| one.message.items[0].notification_id).collect();
    for (id, is_sent) in &expected {
        assert_eq!(sent.contains(id), *is_sent, "{id}");
    }
    assert!(sent.len() > 10 && outcomes.len() > 10, "{} and {}", sent.len(), outcomes.len());
    store.record_deliveries(&outcomes).await.expect("it writes");
    let later = prepared(store, due).await;
    assert!(later.messages.is_empty() && later.outcomes.is_empty(), "each is decided once");
}

#[tokio::test]
async fn broadcast_has_no_recipient_and_ends_when_anyone_noticed_or_nobody_has_it() {
    let test = TestStore::open().await;
    let store = &test.store;
    let due = clock::now();
    let event = async |name: &str| {
        let drafts: Vec<(Uuid, Draft)> = ["ani", "budi"]
            .map(|user| {
                let event_id = Some(name.to_owned());
                (Uuid::now_v7(), Draft { event_id, ..draft(user, name) })
            })
            .into();
        let ids: Vec<Uuid> = drafts.iter().map(|(id, _)| *id).collect();
        commit(store, drafts, vec![escalation(due, UnlessState::Seen, 2)]).await;
        ids
    };
    let (unnoticed, noticed, gone) =
        (event("unnoticed").await, event("noticed").await, event("gone").await);
    mark(store, "ani", unnoticed[0], Mark::Delete).await;
    mark(store, "budi", noticed[1], Mark::Seen).await;
    mark(store, "ani", gone[0], Mark::Delete).await;
    mark(store, "budi", gone[1], Mark::Delete).await;
    let Preparation { messages, outcomes } = prepared(store, due).await;
    let [Prepared { message, .. }] = &messages[..] else { panic!("one is sent") };
    assert_eq!((&message.recipient, message.recipients), (&None, 2));
    assert_eq!((message.items[0].message.as_str(), message.items.len()), ("unnoticed", 1));
    let mut reasons: Vec<&str> = outcomes.iter().filter_map(|one| one.reason.as_deref()).collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            "a recipient has seen the notification in time",
            "every notification of the event was deleted"
        ]
    );
    assert!(outcomes.iter().all(|one| one.state == "cancelled"));
}

fn digest_of(code: &str, due_at: Timestamp) -> Draft {
    let channel = EMAIL.to_owned();
    let digest = DeliveryDraft { channel, due_at, unless: None, digest: true, recipients: 1 };
    Draft { type_code: code.to_owned(), deliveries: vec![digest], ..draft("ani", code) }
}

#[tokio::test]
async fn windows_of_several_types_that_end_together_are_all_closed() {
    let test = TestStore::open().await;
    let (store, start) = (&test.store, clock::now());
    let end = Timestamp(start.0 + 1_000);
    let later = Timestamp(start.0 + 30_000);
    // Of each type one event begins the window, and one comes in it; C has a window of its own.
    let codes = [("A", end), ("B", end), ("A", later), ("B", later), ("C", later)];
    let drafts = codes.map(|(code, due_at)| (Uuid::now_v7(), digest_of(code, due_at)));
    commit(store, drafts.into(), Vec::new()).await;
    let claim = async |now: Timestamp| {
        let until = Timestamp(now.0 + 60_000);
        // One at a time, so that the other types are not among what is claimed at first.
        let claimed = store.claim_deliveries(EMAIL, (now, until), 1, true).await.expect("claimed");
        let messages = by_message(store, claimed, (now, until)).await.expect("it reads");
        let types = |all: &Vec<Delivery>| all.iter().map(|one| one.type_code.clone()).collect();
        messages.iter().map(types).collect::<Vec<Vec<String>>>()
    };
    let [message] = &claim(end).await[..] else { panic!("there is one e-mail") };
    let mut types = message.clone();
    types.sort_unstable();
    assert_eq!(types, ["A", "A", "B", "B"]);
    assert_eq!(claim(later).await, [["C"]]);
}

#[tokio::test]
async fn push_of_what_was_dealt_with_is_not_sent() {
    let test = TestStore::open().await;
    let (store, now) = (&test.store, clock::now());
    let subscription = PushSubscription {
        id: "a".to_owned(),
        endpoint: "https://push.example/a".to_owned(),
        p256dh: "p".to_owned(),
        auth: "s".to_owned(),
    };
    store.put_subscription(&user("ani"), &subscription, now).await.expect("it writes");
    let push = || {
        let channel = PUSH.to_owned();
        let push =
            DeliveryDraft { channel, due_at: now, unless: None, digest: false, recipients: 1 };
        (Uuid::now_v7(), Draft { deliveries: vec![push], ..draft("ani", "x") })
    };
    let drafts = vec![push(), push(), push(), push()];
    let ids: Vec<Uuid> = drafts.iter().map(|(id, _)| *id).collect();
    commit(store, drafts, Vec::new()).await;
    mark(store, "ani", ids[0], Mark::Read).await;
    mark(store, "ani", ids[1], Mark::Archive).await;
    mark(store, "ani", ids[2], Mark::Seen).await;
    let until = Timestamp(now.0 + 60_000);
    let claimed = store.claim_deliveries(PUSH, (now, until), 10, false).await.expect("claimed");
    let times = (now, until, Instant::now());
    let Preparation { messages, outcomes } =
        prepare(store, &SharedCatalog::default(), claimed, times).await.expect("it reads");
    let sent: HashSet<Uuid> =
        messages.iter().map(|one| one.message.items[0].notification_id).collect();
    assert_eq!(sent, HashSet::from([ids[2], ids[3]]));
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().all(|one| one.state == "cancelled"));
}
