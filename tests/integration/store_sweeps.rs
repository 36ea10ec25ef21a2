//! Conformance of both stores: sweeps, retention and lists.

use crate::store::{NOW, draft, fill, mark, planned, user};
use lonceng::{
    domain::{
        inbox::{BulkMark, ChangeKind, InboxState, Mark, SweepKind},
        notification::{Status, Timestamp},
        plan::Draft,
    },
    store::{Fence, Filter, RetentionCursor, Store},
};
use uuid::Uuid;

/// Returns a notification with these times.
pub(crate) fn timed(
    user_id: &str,
    created: i64,
    expires: Option<i64>,
    keep: Option<i64>,
) -> (Uuid, Draft) {
    let (id, draft) = draft(user_id, "timed");
    let at = |time: i64| Timestamp(NOW.0 + time);
    let draft = Draft {
        created_at: Some(at(created)),
        expires_at: expires.map(at),
        keep_until: keep.map(at),
        ..draft
    };
    (id, draft)
}

async fn sweeps_run_in_bounded_batches(store: Store) {
    let drafts = vec![
        timed("a", 0, Some(10), None),
        timed("a", 0, Some(20), None),
        timed("b", 0, Some(10), None),
        timed("b", 0, None, Some(10)),
        timed("b", -5_000, None, None),
    ];
    let ids: Vec<Uuid> = drafts.iter().map(|(id, _)| *id).collect();
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    mark(&store, "a", ids[0], Mark::Read).await; // revision 3 of a
    mark(&store, "b", ids[4], Mark::Read).await; // revision 4 of b
    let sweep = async |what, at, limit| {
        store
            .sweep(
                what,
                Timestamp(NOW.0 + at),
                limit,
                Timestamp(NOW.0 + at),
                &Fence::alone("sweeper"),
            )
            .await
            .expect("it sweeps")
    };
    assert!(sweep(SweepKind::Expire, 9, 10).await.is_empty(), "nothing has run out yet");
    assert_eq!(sweep(SweepKind::Expire, 15, 1).await.len(), 1, "no more than asked for");
    let rest = sweep(SweepKind::Expire, 15, 10).await;
    assert_eq!(rest.len(), 1);
    assert!(sweep(SweepKind::Expire, 15, 10).await.is_empty(), "and each once");
    assert_eq!(
        store.inbox(&user("a")).await.expect("it reads"),
        InboxState { revision: 4, unread: 1, unseen: 1 }
    );
    assert_eq!(
        store.inbox(&user("b")).await.expect("it reads"),
        InboxState { revision: 5, unread: 1, unseen: 1 }
    );
    let archived = sweep(SweepKind::Archive, -1_000, 10).await;
    assert_eq!(
        archived.iter().map(|change| (change.kind, change.step.revision)).collect::<Vec<_>>(),
        [(ChangeKind::Swept(SweepKind::Archive), 6)]
    );
    let discarded = sweep(SweepKind::Discard, 15, 10).await;
    assert_eq!(
        discarded
            .iter()
            .map(|change| (change.step.revision, change.step.unread))
            .collect::<Vec<_>>(),
        [(7, 0)]
    );
    let page = store.changed_since(&user("b"), 4, 10).await.expect("it reads");
    let changed: Vec<_> = page.items.iter().map(|item| (item.revision, item.status)).collect();
    assert_eq!(changed, [(5, Status::AutoCleared), (6, Status::Archived), (7, Status::Deleted)]);
    // A notification that is unread again does not expire.
    let back = mark(&store, "b", ids[2], Mark::Unread).await;
    assert_eq!(back, (ChangeKind::Marked(Mark::Unread), 8, 1));
}

async fn a_snooze_does_not_prolong_a_time_to_live(store: Store) {
    let drafts = vec![timed("a", 0, Some(10), None), timed("a", 0, Some(90), None)];
    let ids: Vec<Uuid> = drafts.iter().map(|(id, _)| *id).collect();
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    for id in &ids {
        mark(&store, "a", *id, Mark::Snooze(Timestamp(NOW.0 + 50))).await;
    }
    let wake = async |at| {
        let at = Timestamp(NOW.0 + at);
        let fence = Fence::alone("sweeper");
        store.sweep(SweepKind::Wake, at, 10, at, &fence).await.expect("it sweeps")
    };
    let cleared = wake(15).await;
    let kinds: Vec<_> = cleared.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Swept(SweepKind::Expire)]);
    let item =
        store.notification(&user("a"), ids[0]).await.expect("it reads").expect("it is there");
    assert_eq!((item.status, item.snoozed_until), (Status::AutoCleared, None));
    let woken = wake(60).await;
    let kinds: Vec<_> = woken.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Swept(SweepKind::Wake)]);
    let counters = store.inbox(&user("a")).await.expect("it reads");
    assert_eq!((counters.unread, counters.unseen), (1, 1));
}

async fn search_finds_text_in_any_case_of_any_alphabet(store: Store) {
    let texts = ["ΣΊΣΥΦΟΣ", "İstanbul", "straße", "ÉCOLE", "100% sure"];
    let drafts = texts.iter().map(|text| draft("a", text)).collect();
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    for (search, found) in [
        ("ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ"),
        ("İSTANBUL", "İstanbul"),
        ("İstanbul", "İstanbul"),
        ("strasse", "straße"),
        ("STRASSE", "straße"),
        ("ÉCOLE", "ÉCOLE"),
        ("0% S", "100% sure"),
    ] {
        let filter = Filter { search: Some(search.to_owned()), ..Filter::default() };
        let page = store.list(&user("a"), &filter, 10).await.expect("it reads");
        let messages: Vec<_> = page.items.iter().map(|item| item.message.as_str()).collect();
        assert_eq!(messages, [found], "{search}");
    }
}

async fn retention_periods_are_per_user_and_checked_page_by_page(store: Store) {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let users: Vec<String> = (0..250).map(|n| format!("u{n:03}")).collect();
    let drafts = users
        .iter()
        .flat_map(|user| [timed(user, -3 * DAY, None, None), timed(user, 0, None, None)]);
    store.commit(&[planned(None, drafts.collect())], NOW).await.expect("it commits");
    for user_id in &users[..240] {
        store.set_retention(&user(user_id), 2, NOW).await.expect("it is set");
    }
    let (mut cursor, mut cleared, mut rounds) = (RetentionCursor::default(), 0, 0);
    loop {
        let (changes, next) = store
            .sweep_retention(&cursor, NOW, 70, &Fence::alone("sweeper"))
            .await
            .expect("it sweeps");
        assert!(changes.len() <= 70);
        cleared += changes.len();
        rounds += 1;
        assert!(rounds < 50, "it comes to an end");
        let Some(next) = next else { break };
        cursor = next;
    }
    assert_eq!(cleared, 240);
    assert_eq!(store.inbox(&user("u000")).await.expect("it reads").unread, 1);
    assert_eq!(store.inbox(&user("u245")).await.expect("it reads").unread, 2);
}

async fn unread_totals_cover_all_inboxes(store: Store) {
    for user_id in ["a", "b", "c"] {
        fill(&store, user_id, 2).await;
    }
    store.mark_all(&user("b"), BulkMark::Read, None, None, NOW).await.expect("it marks");
    let totals = store.unread_totals().await.expect("it counts");
    assert_eq!((totals.unread, totals.users), (4, 2));
    let users = store.users_with_unread(1).await.expect("it lists");
    assert_eq!(users, [user("c")], "the newest first");
}

async fn earlier_creation_time_hides_no_notification(store: Store) {
    let commit = async |created: i64, at: i64| {
        let drafts = vec![timed("u", created, None, None)];
        store.commit(&[planned(None, drafts)], Timestamp(NOW.0 + at)).await.expect("it commits");
    };
    let revision_at = async |at: i64| {
        store.revision_at(&user("u"), Timestamp(NOW.0 + at)).await.expect("it reads")
    };
    commit(0, 0).await;
    // Later notifications with an earlier and with a later time of creation.
    commit(-100, 10).await;
    commit(100, 20).await;
    for (at, revision) in [(-1, 0), (0, 1), (9, 1), (10, 2), (19, 2), (20, 3), (200, 3)] {
        assert_eq!(revision_at(at).await, revision, "{at}");
    }
    // A hub whose clock is late: its change comes after that of the other one.
    commit(0, 15).await;
    assert_eq!((revision_at(19).await, revision_at(20).await), (2, 4));
}

async fn pages_cover_the_history_without_gap_or_repeat(store: Store) {
    fill(&store, "u", 10).await;
    let (mut since, mut seen) = (0, Vec::new());
    loop {
        let page = store.changed_since(&user("u"), since, 3).await.expect("it reads");
        seen.extend(page.items.iter().map(|item| item.revision));
        since = page.reached();
        if page.complete {
            break;
        }
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
    let unread = store.newest_unread(&user("u"), 4).await.expect("it reads");
    assert_eq!(unread.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [7, 8, 9, 10]);
    assert_eq!(store.newest(&user("u"), 2).await.expect("it reads").items.len(), 2);
}

async fn lists_are_filtered_and_paged(store: Store) {
    let ids = fill(&store, "u", 5).await;
    mark(&store, "u", ids[4], Mark::Read).await;
    mark(&store, "u", ids[3], Mark::Delete).await;
    let list = async |filter: Filter, limit| {
        store.list(&user("u"), &filter, limit).await.expect("it lists")
    };
    let first = list(Filter::default(), 2).await;
    assert_eq!(first.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [5, 3]);
    assert_eq!(first.inbox, InboxState { revision: 7, unread: 3, unseen: 3 });
    let second = list(Filter { before_seq: first.next, ..Filter::default() }, 2).await;
    assert_eq!(second.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(second.next, None);
    let unread = list(Filter { status: Some(Status::Unread), ..Filter::default() }, 10).await;
    assert_eq!(unread.items.len(), 3);
    let read = list(Filter { status: Some(Status::Read), ..Filter::default() }, 10).await;
    assert_eq!(read.items.len(), 1);
    let other = list(Filter { type_code: Some("OTHER".into()), ..Filter::default() }, 10).await;
    assert!(other.items.is_empty());
    let revision_at =
        async |time| store.revision_at(&user("u"), Timestamp(time)).await.expect("it reads");
    assert_eq!((revision_at(NOW.0 - 1).await, revision_at(NOW.0).await), (0, 7));
}

async fn what_left_the_list_is_deleted_by_the_age_of_its_last_change(store: Store) {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let day = |number: i64| Timestamp(NOW.0 + number * DAY);
    let drafts =
        ["archived", "cleared", "deleted", "read", "restored"].map(|_| timed("u", 0, None, None));
    let ids = drafts.clone().map(|(id, _)| id);
    store.commit(&[planned(None, drafts.to_vec())], NOW).await.expect("it commits");
    let mark = async |id, mark, at| {
        store.mark(&user("u"), id, mark, None, day(at)).await.expect("it marks")
    };
    mark(ids[0], Mark::Archive, 10).await;
    store.set_retention(&user("u"), 1, NOW).await.expect("it is set");
    mark(ids[3], Mark::Archive, 0).await;
    mark(ids[4], Mark::Archive, 0).await;
    mark(ids[2], Mark::Delete, 0).await;
    let fence = Fence::alone("sweeper");
    let cleared = store.sweep_retention(&RetentionCursor::default(), day(11), 10, &fence).await;
    assert_eq!(cleared.expect("it sweeps").0.len(), 1, "the second one");
    mark(ids[3], Mark::Unarchive, 12).await;
    mark(ids[4], Mark::Unarchive, 12).await;
    mark(ids[4], Mark::Archive, 13).await;

    // Their ages on day 20: 10, 9, and the restored ones are younger.
    let delete = async |days: i64, limit| {
        let swept = store.sweep(SweepKind::Delete, day(20 - days), limit, day(20), &fence).await;
        let of = |change: &lonceng::domain::inbox::Change| {
            assert_eq!(change.kind, ChangeKind::Swept(SweepKind::Delete));
            let item = change.notification.as_ref().expect("a notification");
            (item.notification_id, item.status, change.step.revision)
        };
        swept.expect("it sweeps").iter().map(of).collect::<Vec<_>>()
    };
    let before = store.inbox(&user("u")).await.expect("it reads");
    assert_eq!(delete(11, 10).await, []);
    let first = before.revision + 1;
    assert_eq!(delete(9, 1).await, [(ids[0], Status::Deleted, first)], "the oldest first");
    assert_eq!(delete(9, 10).await, [(ids[1], Status::Deleted, first + 1)]);
    assert_eq!(delete(9, 10).await, []);

    // Whoever was away learns of it, until the tombstones are purged.
    let page = store.changed_since(&user("u"), before.revision, 10).await.expect("it reads");
    assert!(page.items.iter().all(|item| item.status == Status::Deleted && item.title.is_empty()));
    assert_eq!(page.items.len(), 2);
    let after = store.inbox(&user("u")).await.expect("it reads");
    assert_eq!((after.unread, after.unseen), (before.unread, before.unseen));
    assert_eq!(store.purge_tombstones(day(20), 10).await.expect("it purges"), 1);
    assert_eq!(store.purge_tombstones(day(21), 10).await.expect("it purges"), 2);
    let position = store.position(&user("u")).await.expect("it reads");
    assert_eq!(position.purged, first + 1, "an earlier client starts over");
    let rows = store.count_by_hand("SELECT COUNT(*) FROM notifications").await;
    assert_eq!(rows.expect("it counts"), 2);
    assert_eq!(store.verify().await.expect("it reads").findings, [] as [String; 0]);
}

async fn an_erasure_leaves_no_counts_and_makes_clients_start_over(store: Store) {
    let (kept, gone) = (draft("u", "kept"), draft("u", "gone"));
    let (_, id) = (kept.0, gone.0);
    store.commit(&[planned(None, vec![kept, gone])], NOW).await.expect("it commits");
    store.mark(&user("u"), id, Mark::Delete, None, NOW).await.expect("it marks");
    let later = Timestamp(NOW.0 + 1);
    assert_eq!(store.purge_tombstones(later, 10).await.expect("it purges"), 1);
    let before = store.position(&user("u")).await.expect("it reads");
    assert_eq!(before.purged, before.counters.revision, "nothing came after the deletion");
    store.erase(&user("u")).await.expect("it writes");
    let after = store.position(&user("u")).await.expect("it reads");
    assert_eq!((after.counters.unread, after.counters.unseen), (0, 0));
    assert!(after.purged > before.counters.revision);
    // Nothing is left to erase.
    store.erase(&user("u")).await.expect("it writes");
    assert_eq!(store.position(&user("u")).await.expect("it reads").purged, after.purged);
    assert_eq!(store.verify().await.expect("it reads").findings, [] as [String; 0]);
}

on_both! {
    an_erasure_leaves_no_counts_and_makes_clients_start_over,
    a_snooze_does_not_prolong_a_time_to_live,
    search_finds_text_in_any_case_of_any_alphabet,
    sweeps_run_in_bounded_batches,
    what_left_the_list_is_deleted_by_the_age_of_its_last_change,
    retention_periods_are_per_user_and_checked_page_by_page,
    unread_totals_cover_all_inboxes,
    earlier_creation_time_hides_no_notification,
    pages_cover_the_history_without_gap_or_repeat,
    lists_are_filtered_and_paged,
}
