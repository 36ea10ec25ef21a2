//! Heartbeats and leases of hubs that share a PostgreSQL store.

use lonceng::{
    domain::{inbox::SweepKind, user::UserId},
    store::{Filter, HubRow, Store, StoreError},
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
async fn hubs_that_start_together_migrate_once() {
    let Some(url) = stores::postgres_url().await else { return };
    let migrate = async |_| {
        let store = Store::open(&url).await.expect("it opens");
        store.migrate().await.expect("it migrates");
        let epoch = store.epoch().await.expect("it has an epoch");
        store.close().await;
        epoch
    };
    let epochs = futures_util::future::join_all((0..6).map(migrate)).await;
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
}

#[tokio::test]
async fn lists_are_read_from_the_replica_and_from_the_store_when_it_is_away() {
    let Some(test) = stores::postgres().await else { return };
    let Some(copy) = stores::postgres().await else { return };
    // Another store in place of a standby, to tell them apart.
    let only_there = planned(None, vec![draft("budi", "at the replica")]);
    copy.store.commit(&[only_there], NOW).await.expect("it is committed");
    let list = async |replica: &str| {
        let store = Store::open(&test.url).await.expect("it opens");
        let store = store.with_replica(replica).expect("a URL");
        let user = UserId::parse("budi").expect("a user ID");
        let listing = store.list(&user, &Filter::default(), 10).await.expect("it is listed");
        store.close().await;
        listing.items.len()
    };
    assert_eq!(list(&copy.url).await, 1);
    assert_eq!(list("postgres://lonceng@127.0.0.1:1/nowhere").await, 0);
    test.store.close().await;
    copy.store.close().await;
}

#[tokio::test]
async fn a_lease_has_one_holder_and_an_earlier_one_cannot_write() {
    let Some(test) = stores::postgres().await else { return };
    let store = &test.store;
    let due = planned(None, vec![draft("budi", "brief")]);
    store.commit(&[due], NOW).await.expect("it is committed");
    store
        .execute_by_hand("UPDATE notifications SET expires_at = to_timestamp(1)")
        .await
        .expect("it is written");
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
