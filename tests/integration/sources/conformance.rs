//! Conformance suite of event sources.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::brokers::{Broker, KafkaBroker, Nats, Outbox, Publication, Rabbit};
use crate::{
    fan_outs::{add_users, write_type_for_all},
    support::{
        hub::Hub,
        proxy::{Network, Proxy},
        wait::{PATIENCE, until},
    },
};

/// Makes each test for each source.
macro_rules! on_all_sources {
    ($($name:ident),* $(,)?) => {
        mod nats { $(#[tokio::test] async fn $name() { super::$name::<super::Nats>().await; })* }
        mod kafka {
            $(#[tokio::test] async fn $name() { super::$name::<super::KafkaBroker>().await; })*
        }
        mod amqp { $(#[tokio::test] async fn $name() { super::$name::<super::Rabbit>().await; })* }
        mod outbox {
            $(#[tokio::test] async fn $name() { super::$name::<super::Outbox>().await; })*
        }
    };
}

on_all_sources!(
    events_published_while_the_hub_was_away_arrive_once,
    five_kills_during_two_thousand_events_lose_and_repeat_nothing,
    two_hubs_share_the_work_and_one_leaves,
    restart_of_the_broker_loses_and_repeats_nothing,
    bad_messages_become_dead_letters_and_block_nothing,
    event_published_twice_with_one_id_is_one_notification,
    optional_broker_that_is_away_leaves_the_hub_ready,
    outage_of_the_store_loses_and_repeats_nothing,
    large_fan_out_does_not_hold_up_later_events,
);

fn note(user: &str, n: usize) -> Publication {
    Publication::event(&json!({ "user_id": user, "title": format!("n{n}") }))
}

fn notes(user: &str, numbers: std::ops::Range<usize>) -> Vec<Publication> {
    numbers.map(|n| note(user, n)).collect()
}

/// Starts a broker and a hub that receives from it.
async fn start<B: Broker>(more: &[(&str, &str)]) -> Option<(B, Hub)> {
    let mut broker = B::start().await?;
    let env = broker.env();
    let mut all: Vec<(&str, &str)> =
        env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.push(("LONCENG_SERVER__INSTANCE_ID", "hub-1"));
    all.extend(more);
    let mut hub = Hub::prepare(B::store(), &all).await?;
    hub.run().await;
    broker.attach(&hub).await;
    receives::<B>(&hub).await;
    Some((broker, hub))
}

async fn state<B: Broker>(hub: &Hub) -> (u16, Value) {
    let (status, body) = hub.get("/health/ready").await;
    (status, body[B::NAME].clone())
}

async fn receives<B: Broker>(hub: &Hub) {
    let what = format!("{} is ok: {}", B::NAME, hub.log());
    until(&what, PATIENCE * 2, async || (state::<B>(hub).await.1 == "ok").then_some(())).await;
}

/// Waits until the inbox has `count` notifications. Then they are n0, n1, …, each once.
async fn exactly(hub: &Hub, user: &str, count: usize) {
    let what = format!("{user} has {count}");
    until(&what, PATIENCE * 4, async || {
        let (_, body) =
            hub.get(&format!("/api/v1/notifications/unread-count?user_id={user}")).await;
        (body["unread"].as_u64() >= Some(count as u64)).then_some(())
    })
    .await;
    let mut titles: BTreeMap<String, usize> = BTreeMap::new();
    for item in hub.inbox(user).await {
        let title = item["metadata"]["title"].as_str().expect("a title").to_owned();
        *titles.entry(title).or_default() += 1;
    }
    let repeated: Vec<_> = titles.iter().filter(|(_, times)| **times > 1).collect();
    assert!(repeated.is_empty(), "more than once: {repeated:?}");
    assert_eq!(titles.len(), count, "{user}");
}

async fn events_published_while_the_hub_was_away_arrive_once<B: Broker>() {
    let Some((broker, mut hub)) = start::<B>(&[]).await else { return };
    broker.publish(notes("before", 0..3)).await;
    exactly(&hub, "before", 3).await;
    hub.terminate().await;
    broker.publish(notes("u", 0..500)).await;
    hub.run().await;
    exactly(&hub, "u", 500).await;
    // Nothing is delivered again after another restart.
    hub.terminate().await;
    hub.run().await;
    receives::<B>(&hub).await;
    broker.publish(notes("after", 0..3)).await;
    exactly(&hub, "after", 3).await;
    exactly(&hub, "u", 500).await;
    let accepted = format!("lonceng_events_total{{source=\"{}\",outcome=\"accepted\"}}", B::NAME);
    assert!(hub.metric(&accepted).await >= 3.0, "{accepted}");
    super::brokers::drop_database(&hub).await;
}

async fn five_kills_during_two_thousand_events_lose_and_repeat_nothing<B: Broker>() {
    let Some((broker, mut hub)) = start::<B>(&[]).await else { return };
    for round in 0..5 {
        broker.publish(notes("u", round * 400..(round + 1) * 400)).await;
        let wanted = round * 400 + 20;
        until("the hub works", PATIENCE * 2, async || {
            let (_, body) = hub.get("/api/v1/notifications/unread-count?user_id=u").await;
            (body["unread"].as_u64() >= Some(wanted as u64)).then_some(())
        })
        .await;
        hub.kill();
        hub.run().await;
    }
    exactly(&hub, "u", 2_000).await;
    super::brokers::drop_database(&hub).await;
}

async fn two_hubs_share_the_work_and_one_leaves<B: Broker>() {
    let Some((broker, hub)) = start::<B>(&[]).await else { return };
    let env = broker.env();
    let mut all: Vec<(&str, &str)> =
        env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.push(("LONCENG_SERVER__INSTANCE_ID", "hub-2"));
    let mut other = hub.beside(&all).await;
    receives::<B>(&other).await;
    receives::<B>(&hub).await;
    let accepted = format!("lonceng_events_total{{source=\"{}\",outcome=\"accepted\"}}", B::NAME);
    let mut published = 0;
    // A group may still be about to give the newcomer its share.
    until("both have worked", PATIENCE * 2, async || {
        broker.publish(notes("u", published..published + 100)).await;
        published += 100;
        exactly(&hub, "u", published).await;
        let both = hub.metric(&accepted).await > 0.0 && other.metric(&accepted).await > 0.0;
        both.then_some(())
    })
    .await;
    broker.publish(notes("v", 0..500)).await;
    other.terminate().await;
    broker.publish(notes("v", 500..600)).await;
    exactly(&hub, "v", 600).await;
    super::brokers::drop_database(&hub).await;
}

async fn restart_of_the_broker_loses_and_repeats_nothing<B: Broker>() {
    if !B::STOPS {
        return;
    }
    let Some((mut broker, hub)) = start::<B>(&[]).await else { return };
    broker.publish(notes("u", 0..100)).await;
    exactly(&hub, "u", 100).await;
    broker.kill().await;
    until("readiness shows it", Duration::from_secs(15), async || {
        (state::<B>(&hub).await == (200, json!("down"))).then_some(())
    })
    .await;
    broker.run().await;
    until("it is back by itself", Duration::from_secs(40), async || {
        (state::<B>(&hub).await == (200, json!("ok"))).then_some(())
    })
    .await;
    broker.publish(notes("v", 0..100)).await;
    exactly(&hub, "v", 100).await;
    exactly(&hub, "u", 100).await;
    super::brokers::drop_database(&hub).await;
}

async fn bad_messages_become_dead_letters_and_block_nothing<B: Broker>() {
    let Some((broker, hub)) = start::<B>(&[("LONCENG_SERVER__MAX_EVENT_BYTES", "2000")]).await
    else {
        return;
    };
    let large = json!({ "user_id": "u", "title": "x".repeat(3_000) });
    let mut messages = notes("u", 0..50);
    messages.push(Publication::event(&json!({ "user_id": "u".repeat(300), "title": "x" })));
    messages.push(Publication::event(&large));
    let mut bad = 2;
    if B::takes_bytes() {
        messages
            .extend([b"".as_slice(), b"no JSON", b"7", b"[]", b"\xff\xfe"].map(Publication::bytes));
        bad += 5;
    }
    messages.extend(notes("u", 50..100));
    broker.publish(messages).await;
    exactly(&hub, "u", 100).await;
    let letters = until("the dead letters are stored", PATIENCE, async || {
        let (_, body) = hub.get("/api/v1/admin/dead-letters").await;
        let items = body["dead_letters"].as_array()?.clone();
        (items.len() >= bad).then_some(items)
    })
    .await;
    assert_eq!(letters.len(), bad, "{letters:#?}");
    for letter in &letters {
        assert_eq!(letter["subject"], super::brokers::SUBJECT, "{letter}");
        assert_eq!(letter["source"], B::NAME, "{letter}");
    }
    super::brokers::drop_database(&hub).await;
}

async fn event_published_twice_with_one_id_is_one_notification<B: Broker>() {
    let Some((broker, hub)) = start::<B>(&[]).await else { return };
    let event = json!({ "user_id": "u", "title": "n0" });
    broker.publish(vec![Publication::event(&event).with("event_id", "order-7")]).await;
    exactly(&hub, "u", 1).await;
    broker.publish(vec![Publication::event(&event).with("event_id", "order-7")]).await;
    let (status, _) = hub
        .post(
            "/api/v1/events",
            &json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "n0",
            "event_id": "order-7" }),
        )
        .await;
    assert_eq!(status, 202);
    broker.publish(notes("last", 0..1)).await;
    exactly(&hub, "last", 1).await;
    let duplicate = format!("lonceng_events_total{{source=\"{}\",outcome=\"duplicate\"}}", B::NAME);
    until("the second one is a duplicate", PATIENCE, async || {
        (hub.metric(&duplicate).await >= 1.0).then_some(())
    })
    .await;
    exactly(&hub, "u", 1).await;
    super::brokers::drop_database(&hub).await;
}

async fn optional_broker_that_is_away_leaves_the_hub_ready<B: Broker>() {
    if !B::STOPS {
        return;
    }
    let Some(mut broker) = B::start().await else { return };
    broker.kill().await;
    let env = broker.env();
    let all: Vec<(&str, &str)> =
        env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let hub = Hub::sqlite(&all).await;
    until("readiness shows it", Duration::from_secs(15), async || {
        (state::<B>(&hub).await == (200, json!("down"))).then_some(())
    })
    .await;
    let required = format!("LONCENG_{}__REQUIRED", B::NAME.to_uppercase());
    let mut strict = Hub::prepare(crate::support::hub::On::Sqlite, &all).await.expect("SQLite");
    strict.set_env(&required, "true");
    strict.run_unready().await;
    until("a hub that requires it is not ready", Duration::from_secs(15), async || {
        (state::<B>(&strict).await == (503, json!("down"))).then_some(())
    })
    .await;
    broker.run().await;
    until("both receive", Duration::from_secs(40), async || {
        let ok = (200, json!("ok"));
        (state::<B>(&hub).await == ok && state::<B>(&strict).await == ok).then_some(())
    })
    .await;
}

async fn outage_of_the_store_loses_and_repeats_nothing<B: Broker>() {
    let Some(mut broker) = B::start().await else { return };
    let env = broker.env();
    let all: Vec<(&str, &str)> =
        env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let Some(mut hub) = Hub::prepare(B::store(), &all).await else { return };
    let mut url = url::Url::parse(&hub.store_url).expect("a URL");
    let proxy = Proxy::start(url.port().unwrap_or(5432)).await;
    url.set_port(Some(proxy.port)).expect("a URL with a host");
    hub.set_env("LONCENG_STORE__URL", url.as_str());
    hub.run().await;
    broker.attach(&hub).await;
    receives::<B>(&hub).await;
    broker.publish(notes("u", 0..1)).await;
    exactly(&hub, "u", 1).await;
    proxy.set(Network::Cut);
    until("the store is down", PATIENCE, async || {
        (hub.get("/health/ready").await.1["store"] == "down").then_some(())
    })
    .await;
    broker.publish(notes("u", 1..50)).await;
    proxy.set(Network::Open);
    exactly(&hub, "u", 50).await;
    receives::<B>(&hub).await;
    super::brokers::drop_database(&hub).await;
}

async fn large_fan_out_does_not_hold_up_later_events<B: Broker>() {
    let Some((broker, hub)) = start::<B>(&[]).await else { return };
    add_users(&hub, 1_500).await;
    write_type_for_all(&hub, "news for all").await;
    broker.publish(vec![Publication::event(&json!({ "type": "NEWS", "title": "x" }))]).await;
    broker.publish(notes("later", 0..20)).await;
    until("later events arrive", PATIENCE * 2, async || {
        let (_, body) = hub.get("/api/v1/notifications/unread-count?user_id=later").await;
        (body["unread"].as_u64() >= Some(20)).then_some(())
    })
    .await;
    for user in ["p00000", "p01499"] {
        until("the fan-out ends", PATIENCE * 2, async || {
            let (_, body) =
                hub.get(&format!("/api/v1/notifications/unread-count?user_id={user}")).await;
            (body["unread"] == 1).then_some(())
        })
        .await;
    }
    super::brokers::drop_database(&hub).await;
}
