//! Activity on both stores: pages, filters, counts and limits.

use lonceng::{
    domain::notification::Timestamp,
    store::{ActivityCount, ActivityFilter, ActivityRow, CountUnit, Fence, Planned, Store},
};
use uuid::{Builder, Uuid};

use crate::store::{NOW, draft, planned, user};

const MINUTE_MS: i64 = 60_000;

fn id(at: Timestamp, n: u8) -> Uuid {
    Builder::from_unix_timestamp_millis(at.0.unsigned_abs(), &[n + 1; 10]).into_uuid()
}

fn row(n: u8, at: Timestamp, code: &str, outcome: &str, users: &[&str]) -> ActivityRow {
    ActivityRow {
        id: id(at, n),
        event_id: format!("e-{n}"),
        identity: Some(format!("id:key-{n}")),
        type_code: code.to_owned(),
        outcome: outcome.to_owned(),
        reason_code: (outcome == "skipped").then(|| "muted".to_owned()),
        reason: (outcome == "skipped").then(|| "all recipients muted the type".to_owned()),
        received_at: at,
        source: "nats".to_owned(),
        publisher: Some("shop".to_owned()),
        instance: "hub-1".to_owned(),
        recipients: 1,
        notifications: i64::from(outcome == "accepted"),
        trace: r#"{"name":"a\u0000b","muted":[]}"#.to_owned(),
        users: users.iter().map(|user| (*user).to_owned()).collect(),
    }
}

/// Six events, one per minute: of the types A and B, accepted and skipped, for u and v.
fn rows() -> Vec<ActivityRow> {
    let at = |n: i64| Timestamp(NOW.0 + n * MINUTE_MS);
    vec![
        row(0, at(0), "A", "accepted", &["u"]),
        row(1, at(1), "B", "accepted", &["v"]),
        row(2, at(2), "A", "skipped", &["u", "v"]),
        row(3, at(3), "A", "accepted", &["v"]),
        row(4, at(4), "B", "skipped", &["u"]),
        row(5, at(5), "A", "accepted", &["u"]),
    ]
}

fn count(minute: i64, outcome: &str, events: i64) -> ActivityCount {
    ActivityCount {
        starts_at: Timestamp(NOW.0 + minute * MINUTE_MS),
        outcome: outcome.to_owned(),
        events,
        notifications: events * 2,
    }
}

async fn found(store: &Store, filter: ActivityFilter, limit: i64) -> Vec<String> {
    let rows = store.activity(&filter, limit).await.expect("it reads");
    rows.into_iter().map(|row| row.event_id).collect()
}

async fn events_are_listed_by_type_outcome_user_and_time_page_by_page(store: Store) {
    store.write_activity(&rows(), &[]).await.expect("it writes");
    let all = ActivityFilter::default();
    let of = |text: &str| Some(text.to_owned());
    assert_eq!(found(&store, all.clone(), 9).await, ["e-5", "e-4", "e-3", "e-2", "e-1", "e-0"]);
    let of_type = ActivityFilter { type_code: of("A"), ..all.clone() };
    assert_eq!(found(&store, of_type.clone(), 9).await, ["e-5", "e-3", "e-2", "e-0"]);
    let skipped = ActivityFilter { outcome: of("skipped"), ..all.clone() };
    assert_eq!(found(&store, skipped, 9).await, ["e-4", "e-2"]);
    let both = ActivityFilter { outcome: of("skipped"), ..of_type };
    assert_eq!(found(&store, both.clone(), 9).await, ["e-2"]);
    let of_user = ActivityFilter { user: Some(user("u")), ..all.clone() };
    assert_eq!(found(&store, of_user, 9).await, ["e-5", "e-4", "e-2", "e-0"]);
    let everything = ActivityFilter { user: Some(user("v")), ..both };
    assert_eq!(found(&store, everything, 9).await, ["e-2"]);
    let at = |n: i64| Some(Timestamp(NOW.0 + n * MINUTE_MS));
    let span = ActivityFilter { from: at(1), to: at(3), ..all.clone() };
    assert_eq!(found(&store, span, 9).await, ["e-3", "e-2", "e-1"]);

    let mut page = all;
    let mut pages = Vec::new();
    loop {
        let rows = store.activity(&page, 4).await.expect("it reads");
        let Some(last) = rows.last() else { break };
        page.before = Some(last.id);
        pages.push(rows.len());
    }
    assert_eq!(pages, [4, 2]);
}

async fn event_is_found_by_its_id_and_identity_as_it_was_written(store: Store) {
    store.write_activity(&rows(), &[]).await.expect("it writes");
    for name in ["e-2", "id:key-2"] {
        let found = store.activity_of_event(name, 9).await.expect("it reads");
        let mut written = rows().remove(2);
        written.users.clear();
        assert_eq!(found, [written], "{name}");
    }
    assert!(store.activity_of_event("e-9", 9).await.expect("it reads").is_empty());
}

async fn large_event_is_found_by_any_of_its_users(store: Store) {
    let event = Planned { ..planned(None, vec![draft("late", "text")]) };
    let (notification, _) = event.drafts[0].clone();
    store.commit(&[event], NOW).await.expect("it commits");
    let sql = "UPDATE notifications SET event_id = 'e-0'";
    store.execute_by_hand(sql).await.expect("it is set");
    let large = ActivityRow { recipients: 5_000, ..row(0, NOW, "A", "accepted", &["u"]) };
    store.write_activity(&[large], &[]).await.expect("it writes");
    for (name, events) in [("late", 1), ("u", 1), ("nobody", 0)] {
        let filter = ActivityFilter { user: Some(user(name)), ..ActivityFilter::default() };
        assert_eq!(found(&store, filter, 9).await.len(), events, "{name}");
    }
    let event = store.event_of_notification(notification).await.expect("it reads");
    assert_eq!(event.as_deref(), Some("e-0"));
}

async fn counts_are_added_once_per_batch_by_minute_and_hour(store: Store) {
    let counts = [count(0, "accepted", 2), count(0, "skipped", 1), count(1, "accepted", 3)];
    store.write_activity(&rows(), &counts).await.expect("it writes");
    // The answer to the first attempt was lost.
    store.write_activity(&rows(), &counts).await.expect("it writes");
    let start = Timestamp(NOW.0 - NOW.0.rem_euclid(60 * MINUTE_MS));
    let end = Timestamp(NOW.0 + 60 * MINUTE_MS);
    let read = async |unit| {
        let counts = store.activity_counts(unit, start, end).await.expect("it reads");
        let value = |count: &ActivityCount| (count.outcome.clone(), count.events);
        let mut values: Vec<_> = counts.iter().map(value).collect();
        values.sort();
        values
    };
    let of = |outcome: &str, events| (outcome.to_owned(), events);
    let minutes = [of("accepted", 2), of("accepted", 3), of("skipped", 1)];
    assert_eq!(read(CountUnit::Minute).await, minutes);
    assert_eq!(read(CountUnit::Hour).await, [of("accepted", 5), of("skipped", 1)]);
    // A batch of counts alone is added.
    store.write_activity(&[], &[count(0, "skipped", 4)]).await.expect("it writes");
    assert_eq!(read(CountUnit::Hour).await, [of("accepted", 5), of("skipped", 5)]);
}

async fn oldest_events_are_deleted_by_number_and_age(store: Store) {
    store.write_activity(&rows(), &[count(0, "accepted", 1)]).await.expect("it writes");
    let fence = Fence::alone("sweeper");
    let purge = async |before: i64, kept, limit, now: i64| {
        let (before, now) = (Timestamp(NOW.0 + before), Timestamp(NOW.0 + now));
        store.purge_activity(before, kept, limit, now, &fence).await.expect("it purges")
    };
    let left = async || found(&store, ActivityFilter::default(), 9).await;
    assert_eq!(purge(0, 6, 9, 0).await, 0, "all are within the limits");
    assert_eq!(purge(0, 3, 2, 0).await, 2, "no more than asked for");
    assert_eq!(purge(0, 3, 9, 0).await, 1);
    assert_eq!(left().await, ["e-5", "e-4", "e-3"]);
    assert_eq!(purge(4 * MINUTE_MS, 9, 9, 0).await, 1, "by age");
    assert_eq!(left().await, ["e-5", "e-4"]);
    let users = "SELECT COUNT(*) FROM activity_users";
    assert_eq!(store.count_by_hand(users).await.expect("it counts"), 2);
    let counts = "SELECT COUNT(*) FROM activity_counts";
    assert_eq!(store.count_by_hand(counts).await.expect("it counts"), 2);
    let days = |days: i64| days * 24 * 60 * MINUTE_MS;
    assert_eq!(purge(0, 9, 9, days(2)).await, 0);
    assert_eq!(store.count_by_hand(counts).await.expect("it counts"), 1, "the hour stays");
    assert_eq!(purge(0, 9, 9, days(500)).await, 0);
    assert_eq!(store.count_by_hand(counts).await.expect("it counts"), 0);
    assert_eq!(purge(days(1), 0, 9, 0).await, 2, "the limits are 0");
}

on_both!(
    events_are_listed_by_type_outcome_user_and_time_page_by_page,
    event_is_found_by_its_id_and_identity_as_it_was_written,
    large_event_is_found_by_any_of_its_users,
    counts_are_added_once_per_batch_by_minute_and_hour,
    oldest_events_are_deleted_by_number_and_age,
);
