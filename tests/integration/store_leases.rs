//! Heartbeats and leases of hubs that share a PostgreSQL store.

use lonceng::{
    domain::inbox::SweepKind,
    store::{HubRow, StoreError},
};

use crate::{
    store::{NOW, draft, planned},
    support::stores,
};

fn hub(boot: &str) -> HubRow {
    HubRow {
        boot: boot.to_owned(),
        instance: format!("hub {boot}"),
        version: "1".to_owned(),
        started_at: 5,
        last_seen: 0,
        connections: 3,
        ready: true,
        bus: true,
        watches_all: false,
        age_ms: 0,
    }
}

#[tokio::test]
async fn a_hub_sees_the_heartbeats_of_the_others_until_they_leave() {
    let Some(test) = stores::postgres().await else { return };
    let store = &test.store;
    assert_eq!(store.heartbeat(&hub("a"), 10_000).await.expect("it is written"), []);
    let others = store.heartbeat(&hub("b"), 10_000).await.expect("it is written");
    let [a] = &others[..] else { panic!("one other hub: {others:?}") };
    assert_eq!((a.instance.as_str(), a.connections, a.ready), ("hub a", 3, true));
    assert!((0..5_000).contains(&a.age_ms), "{a:?}");
    assert_eq!(store.heartbeat(&hub("b"), -1).await.expect("it is written"), [], "none is younger");
    store.leave("a").await.expect("it is deleted");
    assert_eq!(store.heartbeat(&hub("b"), 10_000).await.expect("it is written"), []);
    store.close().await;
}

#[tokio::test]
async fn a_lease_has_one_holder_and_an_earlier_one_cannot_write() {
    let Some(test) = stores::postgres().await else { return };
    let store = &test.store;
    let due = planned(None, vec![draft("budi", "brief")]);
    store.commit(&[due], NOW).await.expect("it is committed");
    store.execute_by_hand("UPDATE notifications SET expires_at = 1").await.expect("it is written");
    let first = store.take_lease("sweeper", "a", 60_000).await.expect("an answer").expect("free");
    assert_eq!(store.take_lease("sweeper", "b", 60_000).await.expect("an answer"), None);
    let again = store.take_lease("sweeper", "a", 60_000).await.expect("an answer");
    assert_eq!(again.as_ref(), Some(&first), "a renewal keeps the token");

    // It expires while its holder sleeps.
    store.execute_by_hand("UPDATE leases SET expires_at = 0").await.expect("it is written");
    let second = store.take_lease("sweeper", "b", 60_000).await.expect("an answer").expect("free");
    assert_ne!(first.token, second.token);
    let late = store.sweep(SweepKind::Expire, NOW, 10, NOW, &first).await;
    assert!(matches!(late, Err(StoreError::LeaseLost("sweeper"))), "{late:?}");
    let swept = store.sweep(SweepKind::Expire, NOW, 10, NOW, &second).await.expect("it sweeps");
    assert_eq!(swept.len(), 1);

    store.leave("b").await.expect("it gives its leases back");
    assert!(store.take_lease("sweeper", "c", 60_000).await.expect("an answer").is_some());
    store.close().await;
}
