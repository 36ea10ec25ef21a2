//! The broadcaster and the connections that watch its feeds.

mod watcher_tests;

use std::{
    sync::{Arc, atomic::AtomicUsize},
    task::Wake,
    time::Duration,
};

use actix::{Actor as _, Addr};
use serde_json::{Map, json};

use super::{
    Broadcaster, CountWatchers, Dismiss, DismissWatchers, FeedsHandle, Join, ListSubscriptions,
    SetFeeds, ShowEvents, SignOut, Subscribe, Subscriptions, Unsubscribe, WatchTarget,
    watcher::{Watcher, WatcherConfig},
};
use crate::{
    connection::{ConflatingQueue, Limits, Slot},
    domain::{
        event::{Event, Identity},
        feed::{Feed, FeedId, Feeds, Filters, Rule},
        inbox::ClientId,
    },
    protocol::CloseCode,
    runtime::{
        Handle, Lease, RuntimeSettings,
        supervisor::{Crash, DropGuard},
    },
    testing::{Peer, Recorded, event, recipient, settings, settle, until, user},
};

/// Feed `availability`, filtered by `course_id`; with a snapshot or without.
fn feeds(snapshot: bool) -> Feeds {
    let rule = Rule {
        on: vec!["booking.created".to_owned()],
        kind: "availability.updated".to_owned(),
        fields: vec!["course_id".to_owned(), "slots".to_owned()],
        key: vec!["course_id".to_owned()],
    };
    Feeds::new(vec![Feed {
        name: "availability".to_owned(),
        public: true,
        filters: vec!["course_id".to_owned()],
        snapshot,
        rules: vec![rule],
    }])
}

const FEED: WatchTarget = WatchTarget::Feed(FeedId(0));

/// Booking of a course that leaves `slots` places.
fn booking(course: &str, slots: u64) -> Event {
    let mut booking = event("e", "budi");
    booking.name = "booking.created".to_owned();
    booking.code = "BOOKING_CREATED".to_owned();
    booking.identity = Some(Identity::key(&format!("{course}-{slots}")));
    booking.data = Map::from_iter([
        ("course_id".to_owned(), json!(course)),
        ("slots".to_owned(), json!(slots)),
        ("student".to_owned(), json!("budi")),
    ]);
    booking
}

struct Fixture {
    broadcaster: Addr<Broadcaster>,
    feeds_handle: FeedsHandle,
    settings: Arc<RuntimeSettings>,
}

impl Fixture {
    fn start(snapshot: bool) -> Self {
        let feeds_handle =
            FeedsHandle::new(feeds(snapshot), Handle::default(), crate::bus::Bus::default());
        let broadcaster = Broadcaster::new(feeds_handle.clone(), 2, DropGuard::detached()).start();
        feeds_handle.broadcaster.fill(broadcaster.clone());
        Self { broadcaster, feeds_handle, settings: settings() }
    }

    /// Subscribes a connection to a course.
    async fn subscribe(&self, client: ClientId, course: &str) -> (Arc<ConflatingQueue>, Lease) {
        let queue = ConflatingQueue::new(16);
        let lease = self.subscribe_queue(client, &queue, course).await;
        (queue, lease.expect("it is new"))
    }

    async fn subscribe_queue(
        &self,
        client: ClientId,
        queue: &Arc<ConflatingQueue>,
        course: &str,
    ) -> Option<Lease> {
        let (queue, filters) = (Arc::clone(queue), self.filters(course));
        let subscribe = Subscribe { client, queue, target: FEED, filters };
        self.broadcaster.send(subscribe).await.expect("it lives")
    }

    /// Subscribes a connection without filters.
    async fn subscribe_unfiltered(
        &self,
        client: ClientId,
        queue: &Arc<ConflatingQueue>,
        target: WatchTarget,
    ) -> Option<Lease> {
        let (queue, filters) = (Arc::clone(queue), Filters::default());
        let subscribe = Subscribe { client, queue, target, filters };
        self.broadcaster.send(subscribe).await.expect("it lives")
    }

    fn filters(&self, course: &str) -> Filters {
        let feeds = self.feeds_handle.feeds();
        Filters::of_pairs(feeds.get(FeedId(0)), [("course_id", course)].into_iter())
            .expect("a filter of the feed")
    }

    async fn show(&self, events: Vec<Event>) {
        let events = events.into_iter().map(Arc::new).collect();
        self.broadcaster.send(ShowEvents(events)).await.expect("it lives");
    }

    /// Connects a watcher of the feed. Its peer has not been told anything yet.
    fn watcher(&self, client: ClientId) -> (Addr<Watcher>, Peer) {
        let (transport, peer) = Peer::connect(64 * 1024);
        let config = WatcherConfig {
            feeds: self.feeds_handle.feeds(),
            feed: FeedId(0),
            limits: Limits {
                heartbeat: Duration::from_secs(30),
                heartbeat_timeout: Duration::from_secs(10),
                outbound_queue: 16,
                client_messages_per_minute: 0,
            },
            settings: Arc::clone(&self.settings),
            sign_in: None,
        };
        let subscriptions = Subscriptions::new(self.feeds_handle.clone(), client, None, 16);
        let slot = Slot(Arc::new(AtomicUsize::new(1)));
        (Watcher::new(config, subscriptions, transport, slot, None).start(), peer)
    }
}

/// Returns the data of the queued messages.
fn shown(queue: &ConflatingQueue) -> Vec<serde_json::Value> {
    let messages = queue.take_all();
    messages
        .iter()
        .map(|frame| serde_json::from_slice(crate::protocol::frame::payload(frame)).expect("JSON"))
        .collect()
}

#[actix::test]
async fn event_reaches_the_watchers_of_its_course_with_the_fields_of_the_rule() {
    let fixture = Fixture::start(false);
    let (piano, _lease) = fixture.subscribe(1, "PIANO").await;
    let (guitar, _lease) = fixture.subscribe(2, "GUITAR").await;
    fixture.show(vec![booking("PIANO", 3)]).await;
    let messages = shown(&piano);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["type"], "availability.updated");
    assert_eq!(messages[0]["data"], json!({ "course_id": "PIANO", "slots": 3 }));
    assert_eq!(shown(&guitar).len(), 0);
}

#[actix::test]
async fn redelivered_event_is_shown_once() {
    let fixture = Fixture::start(false);
    let (queue, _lease) = fixture.subscribe(1, "PIANO").await;
    fixture.show(vec![booking("PIANO", 3)]).await;
    assert_eq!(shown(&queue).len(), 1);
    fixture.show(vec![booking("PIANO", 3)]).await;
    assert_eq!(shown(&queue).len(), 0);
}

#[actix::test]
async fn newer_message_replaces_a_waiting_one_about_the_same_subject() {
    let fixture = Fixture::start(false);
    let (queue, _lease) = fixture.subscribe(1, "PIANO").await;
    fixture.show(vec![booking("PIANO", 3), booking("PIANO", 2)]).await;
    let messages = shown(&queue);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["data"]["slots"], 2);
}

#[actix::test]
async fn new_watcher_gets_the_snapshot_of_its_course() {
    let fixture = Fixture::start(true);
    fixture.show(vec![booking("PIANO", 3), booking("GUITAR", 9)]).await;
    let (queue, _lease) = fixture.subscribe(1, "PIANO").await;
    let messages = shown(&queue);
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (&messages[0]["snapshot"], &messages[0]["data"]["slots"]),
        (&json!(true), &json!(3))
    );
}

#[actix::test]
async fn live_message_leaves_a_waiting_snapshot_complete() {
    let fixture = Fixture::start(true);
    let courses = |name: &str| (0..40).map(|n| booking(&format!("{name}{n}"), 3)).collect();
    fixture.show(courses("A")).await;
    let queue = ConflatingQueue::new(16);
    let _lease = fixture.subscribe_unfiltered(1, &queue, FEED).await;
    fixture.show(vec![booking("B", 3)]).await;
    let messages = shown(&queue);
    assert_eq!((messages.len(), &messages[0]["data"]["course_id"]), (41, &json!("A0")));
    // The room of the snapshot is gone with it.
    fixture.show(courses("C")).await;
    assert_eq!(shown(&queue).len(), 16);
}

#[actix::test]
async fn message_of_a_feed_leaves_the_waiting_events_of_an_administrator() {
    let fixture = Fixture::start(false);
    let queue = ConflatingQueue::new(16);
    let _lease = fixture.subscribe_unfiltered(1, &queue, WatchTarget::All).await;
    fixture.show((0..40).map(|n| booking("PIANO", n)).collect()).await;
    assert!(fixture.subscribe_unfiltered(1, &queue, FEED).await.is_none(), "it has a lease");
    fixture.show(vec![booking("GUITAR", 3)]).await;
    assert_eq!(shown(&queue).len(), 42, "41 events, and one message of the feed");
}

#[actix::test]
async fn later_subscription_replaces_the_earlier_one() {
    let fixture = Fixture::start(false);
    let (queue, _lease) = fixture.subscribe(1, "PIANO").await;
    assert!(fixture.subscribe_queue(1, &queue, "GUITAR").await.is_none(), "it has a lease");
    fixture.show(vec![booking("PIANO", 3), booking("GUITAR", 9)]).await;
    let messages = shown(&queue);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["data"]["course_id"], "GUITAR");
}

#[actix::test]
async fn unsubscribed_watcher_gets_nothing_and_counts_no_more() {
    let fixture = Fixture::start(false);
    let (queue, _lease) = fixture.subscribe(1, "PIANO").await;
    assert!(fixture.feeds_handle.subscriber_counts().has_audience("BOOKING_CREATED"));
    let unsubscribe = Unsubscribe { client: 1, target: FEED };
    fixture.broadcaster.send(unsubscribe).await.expect("it lives");
    assert!(!fixture.feeds_handle.subscriber_counts().has_audience("BOOKING_CREATED"));
    fixture.show(vec![booking("PIANO", 3)]).await;
    assert_eq!(shown(&queue).len(), 0);
}

#[actix::test]
async fn administrator_who_watches_everything_sees_every_field() {
    let fixture = Fixture::start(false);
    let queue = ConflatingQueue::new(16);
    let _lease = fixture.subscribe_unfiltered(1, &queue, WatchTarget::All).await;
    fixture.show(vec![booking("PIANO", 3)]).await;
    assert!(shown(&queue)[0].to_string().contains("student"));
    let list = fixture.broadcaster.send(ListSubscriptions).await.expect("it lives");
    assert_eq!(list[&1], ["all"]);
}

#[actix::test]
async fn user_with_too_many_watching_connections_is_closed() {
    let fixture = Fixture::start(false);
    let mut goodbyes = Vec::new();
    let mut leases = Vec::new();
    for client in 1..=3 {
        let (close_address, dismissed) = recipient::<Dismiss>(4);
        let queue = ConflatingQueue::new(16);
        let join =
            Join { client, queue, close_address: Some(close_address), user: Some(user("budi")) };
        leases.push(fixture.broadcaster.send(join).await.expect("it lives"));
        goodbyes.push(dismissed);
    }
    settle().await;
    let dismissed: Vec<usize> = goodbyes.iter().map(Recorded::len).collect();
    assert_eq!(dismissed, [0, 0, 1], "the limit is 2");
    assert_eq!(goodbyes[2].next().await.0, CloseCode::TooManyConnections);
}

#[actix::test]
async fn signed_out_user_is_dismissed_from_every_watching_connection() {
    let fixture = Fixture::start(false);
    let (close_address, dismissed) = recipient::<Dismiss>(4);
    let queue = ConflatingQueue::new(16);
    let join =
        Join { client: 1, queue, close_address: Some(close_address), user: Some(user("budi")) };
    let _lease = fixture.broadcaster.send(join).await.expect("it lives");
    assert_eq!(fixture.broadcaster.send(SignOut(user("sari"))).await.expect("it lives"), 0);
    assert_eq!(fixture.broadcaster.send(SignOut(user("budi"))).await.expect("it lives"), 1);
    assert_eq!(dismissed.next().await.0, CloseCode::NotSignedIn);
}

#[actix::test]
async fn connection_that_ended_without_notice_is_removed() {
    let fixture = Fixture::start(false);
    let (queue, _lease) = fixture.subscribe(1, "PIANO").await;
    drop(queue);
    assert_eq!(fixture.broadcaster.send(CountWatchers).await.expect("it lives"), 0);
    assert!(!fixture.feeds_handle.subscriber_counts().has_audience("BOOKING_CREATED"));
}

#[actix::test]
async fn panic_ends_the_lease_of_every_watcher() {
    let fixture = Fixture::start(false);
    let (_queue, mut lease) = fixture.subscribe(1, "PIANO").await;
    assert!(fixture.broadcaster.send(Crash).await.is_err());
    until("the lease ends", || lease.try_recv().is_err()).await;
    assert!(!fixture.broadcaster.connected());
}

/// Waker that records whether a feed is retired at the time of the wake-up.
struct RetiredWhenWoken(FeedsHandle, Recorded<bool>);

impl Wake for RetiredWhenWoken {
    fn wake(self: Arc<Self>) {
        self.1.push(self.0.feeds().is_retired(FeedId(0)));
    }
}

#[actix::test]
async fn watcher_of_a_removed_feed_finds_the_new_feeds_when_it_is_told() {
    let fixture = Fixture::start(false);
    let (queue, _lease) = fixture.subscribe(1, "PIANO").await;
    let recorded = Recorded::default();
    let waker = Arc::new(RetiredWhenWoken(fixture.feeds_handle.clone(), recorded.clone()));
    queue.register(&waker.into());
    fixture.broadcaster.send(SetFeeds(Vec::new())).await.expect("it lives");
    assert_eq!(shown(&queue)[0]["type"], "unsubscribed");
    assert_eq!(recorded.take_all(), [true]);
}
