//! Connections to one feed, and the peers of their sockets.

use super::*;
use crate::{runtime::settings::SettingValues, testing::ManualClock};

fn subscribe_to(course: &str) -> serde_json::Value {
    json!({ "type": "subscribe", "filters": { "course_id": course } })
}

#[actix::test]
async fn watcher_is_answered_before_its_first_message() {
    let fixture = Fixture::start(true);
    fixture.show(vec![booking("PIANO", 3)]).await;
    let (_watcher, mut peer) = fixture.watcher(1);
    peer.send(&subscribe_to("PIANO")).await;
    assert_eq!(peer.next().await["type"], "subscribed");
    assert_eq!(peer.next().await["data"]["slots"], 3);
}

#[actix::test]
async fn watcher_cannot_watch_another_feed_or_an_inbox() {
    let fixture = Fixture::start(false);
    let (_watcher, mut peer) = fixture.watcher(1);
    peer.send(&json!({ "type": "subscribe", "feed": "prices" })).await;
    assert_eq!(peer.next().await["data"]["code"], "not_found");
    peer.send(&json!({ "type": "sync.request" })).await;
    assert_eq!(peer.next().await["data"]["code"], "forbidden");
    peer.send(&json!({ "type": "subscribe", "filters": { "teacher": "x" } })).await;
    assert_eq!(peer.next().await["type"], "error");
}

#[actix::test]
async fn watcher_is_told_to_retry_while_the_broadcaster_is_gone() {
    let feeds_handle =
        FeedsHandle::new(feeds(false), Handle::default(), crate::bus::Bus::default());
    let fixture = Fixture { feeds_handle, ..Fixture::start(false) };
    let (_watcher, mut peer) = fixture.watcher(1);
    peer.send(&subscribe_to("PIANO")).await;
    assert_eq!(peer.next().await["data"]["code"], "unavailable");
}

#[actix::test]
async fn watcher_watches_again_at_a_new_broadcaster() {
    let clock = ManualClock::pause();
    let fixture = Fixture::start(false);
    let (_watcher, mut peer) = fixture.watcher(1);
    peer.send(&subscribe_to("PIANO")).await;
    assert_eq!(peer.next().await["type"], "subscribed");
    assert!(fixture.broadcaster.send(Crash).await.is_err());
    let next = Broadcaster::new(fixture.feeds_handle.clone(), 2, DropGuard::detached()).start();
    fixture.feeds_handle.broadcaster.fill(next.clone());
    clock.advance(Duration::from_millis(100)).await;
    until("it is counted", || {
        fixture.feeds_handle.subscriber_counts().has_audience("BOOKING_CREATED")
    })
    .await;
    let events = vec![Arc::new(booking("PIANO", 1))];
    next.send(ShowEvents(events)).await.expect("it lives");
    assert_eq!(peer.next().await["data"]["slots"], 1);
}

#[actix::test]
async fn watcher_of_a_stopping_hub_is_told_when_to_reconnect() {
    let fixture = Fixture::start(false);
    let (watcher, mut peer) = fixture.watcher(1);
    until("it has joined", || watcher.connected()).await;
    settle().await;
    fixture.broadcaster.send(DismissWatchers).await.expect("it lives");
    assert_eq!(peer.next().await["type"], "going_away");
    assert_eq!(peer.closed().await, CloseCode::GoingAway.code());
}

#[actix::test]
async fn changed_rate_limit_applies_to_a_connected_watcher() {
    let fixture = Fixture::start(false);
    let (_watcher, mut peer) = fixture.watcher(1);
    let ping = json!({ "type": "ping" });
    peer.send(&ping).await;
    assert_eq!(peer.next().await["type"], "pong");
    fixture.settings.set(SettingValues {
        live_per_minute: 0,
        client_messages_per_minute: 1,
        archive_after_days: 30,
        delete_after_days: 0,
        history: 50,
    });
    peer.send_all(&[ping.clone(), ping]).await;
    assert_eq!(peer.next().await["type"], "pong");
    assert_eq!(peer.next().await["data"]["code"], "rate_limited");
}
