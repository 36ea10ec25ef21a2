//! One conformance suite for both stores.

use std::sync::Arc;

use lonceng::{
    domain::{
        catalog::{Origin, TypeRow, Variant},
        event::Identity,
        inbox::{BulkMark, ChangeKind, InboxState, Mark, SweepKind},
        notification::{Priority, Status, Timestamp},
        plan::{Draft, RecipientSet},
        preferences::Preferences,
        rejected::Rejected,
        user::{Person, PersonPatch, UserId},
    },
    store::{
        Committed, DeadLetter, FanOutStart, Filter, MarkOutcome, Part, Planned, Reservation,
        RetentionCursor, Store,
    },
};
use serde_json::value::RawValue;
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000);

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).expect("a constant id is an id")
}

pub(crate) fn draft(user_id: &str, message: &str) -> (Uuid, Draft) {
    let draft = Draft {
        user_id: user(user_id),
        type_code: "T".into(),
        title: "Title".into(),
        message: message.into(),
        priority: Priority::High,
        source: Some("test".into()),
        actor_id: Some(user("actor")),
        entity_type: Some("refund".into()),
        entity_id: Some("r1".into()),
        action_url: Some("/r/1".into()),
        metadata: RawValue::from_string(r#"{"amount":1}"#.into())
            .map(Arc::from)
            .expect("it is JSON"),
        created_at: NOW,
        expires_at: Some(Timestamp(NOW.0 + 1000)),
        keep_until: None,
        quiet: false,
        variant: None,
    };
    (Uuid::now_v7(), draft)
}

pub(crate) fn planned(identity: Option<&str>, drafts: Vec<(Uuid, Draft)>) -> Planned {
    Planned { identity: identity.map(Identity::key), part: None, drafts }
}

pub(crate) async fn fill(store: &Store, user_id: &str, count: usize) -> Vec<Uuid> {
    let drafts: Vec<_> = (0..count).map(|n| draft(user_id, &format!("m{n}"))).collect();
    let ids = drafts.iter().map(|(id, _)| *id).collect();
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    ids
}

pub(crate) fn stored(outcome: &Committed) -> usize {
    match outcome {
        Committed::Stored(changes) => changes.len(),
        Committed::Duplicate => 0,
    }
}

pub(crate) async fn mark(
    store: &Store,
    user_id: &str,
    id: Uuid,
    mark: Mark,
) -> (ChangeKind, i64, i64) {
    match store.mark(&user(user_id), id, mark, None, NOW).await.expect("the mark is taken") {
        MarkOutcome::Done(change) => (change.kind, change.step.revision, change.step.unread),
        MarkOutcome::NotFound => panic!("the notification is there"),
    }
}

async fn notification_round_trips(store: Store) {
    let committed =
        store.commit(&[planned(None, vec![draft("u", "hello")])], NOW).await.expect("it commits");
    let Committed::Stored(changes) = &committed[0] else { panic!("it is new") };
    let pushed = changes[0].notification.as_deref().expect("a new notification carries itself");
    let read = store
        .notification(&user("u"), pushed.notification_id)
        .await
        .expect("it reads")
        .expect("it is there");
    assert_eq!(
        serde_json::to_value(&read).expect("it is JSON"),
        serde_json::to_value(pushed).expect("it is JSON"),
        "what is pushed and what is read is the same"
    );
    assert_eq!((read.revision, read.seq, read.stream_id.as_str()), (1, 1, "1767225600000-1"));
    assert!(
        store
            .notification(&user("other"), pushed.notification_id)
            .await
            .expect("it reads")
            .is_none()
    );
}

async fn revisions_grow_by_one_for_each_user(store: Store) {
    let batch = [
        planned(None, vec![draft("b", "1"), draft("a", "1")]),
        planned(None, vec![draft("a", "2")]),
        planned(None, vec![draft("a", "3"), draft("b", "2")]),
    ];
    let committed = store.commit(&batch, NOW).await.expect("it commits");
    let steps: Vec<_> = committed
        .iter()
        .flat_map(|outcome| match outcome {
            Committed::Stored(changes) => changes.clone(),
            Committed::Duplicate => Vec::new(),
        })
        .map(|change| {
            (
                change.user_id.to_string(),
                change.step.previous_revision,
                change.step.revision,
                change.step.unread,
            )
        })
        .collect();
    let expected = [("b", 0, 1, 1), ("a", 0, 1, 1), ("a", 1, 2, 2), ("a", 2, 3, 3), ("b", 1, 2, 2)];
    assert_eq!(steps, expected.map(|(u, p, r, n)| (u.to_owned(), p, r, n)));
    assert_eq!(
        store.inbox(&user("a")).await.expect("it reads"),
        InboxState { revision: 3, unread: 3, unseen: 3 }
    );
    assert_eq!(store.inbox(&user("nobody")).await.expect("it reads"), InboxState::default());
    let mut both = store.inboxes(&[user("a"), user("b"), user("c")]).await.expect("it reads");
    both.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        both,
        [
            (user("a"), InboxState { revision: 3, unread: 3, unseen: 3 }),
            (user("b"), InboxState { revision: 2, unread: 2, unseen: 2 })
        ]
    );
}

async fn identity_is_committed_once(store: Store) {
    let twice =
        [planned(Some("k"), vec![draft("u", "1")]), planned(Some("k"), vec![draft("u", "2")])];
    let first = store.commit(&twice, NOW).await.expect("it commits");
    assert_eq!(first.iter().map(stored).collect::<Vec<_>>(), [1, 0]);
    let again =
        store.commit(&[planned(Some("k"), vec![draft("u", "3")])], NOW).await.expect("it commits");
    assert!(matches!(again[0], Committed::Duplicate));
    assert_eq!(store.inbox(&user("u")).await.expect("it reads").revision, 1);
    assert_eq!(store.purge_identities(NOW.0, 10).await.expect("it purges"), 0);
    assert_eq!(store.purge_identities(NOW.0 + 1, 10).await.expect("it purges"), 1);
}

async fn a_large_batch_is_one_transaction(store: Store) {
    let drafts: Vec<_> = (0..1_337).map(|n| draft(&format!("u{}", n % 7), "x")).collect();
    let committed = store.commit(&[planned(Some("big"), drafts)], NOW).await.expect("it commits");
    assert_eq!(stored(&committed[0]), 1_337);
    let page = store.changed_since(&user("u0"), 0, 1_000).await.expect("it reads");
    let revisions: Vec<i64> = page.items.iter().map(|item| item.revision).collect();
    assert_eq!(revisions, (1..=191).collect::<Vec<_>>());
}

async fn concurrent_hubs_share_one_history(store: Store) {
    let tasks: Vec<_> = (0..8)
        .map(|hub| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    let drafts =
                        vec![draft(&format!("u{}", (hub + n) % 3), "x"), draft("shared", "x")];
                    // Each event is sent twice, by two hubs.
                    let identity = format!("{}-{n}", hub / 2);
                    store
                        .commit(&[planned(Some(&identity), drafts)], NOW)
                        .await
                        .expect("it commits");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task fails");
    }
    let page = store.changed_since(&user("shared"), 0, 1_000).await.expect("it reads");
    let revisions: Vec<i64> = page.items.iter().map(|item| item.revision).collect();
    assert_eq!(revisions, (1..=80).collect::<Vec<_>>(), "4 pairs of hubs, 20 events, each once");
}

async fn marks_take_revisions_and_repeated_ones_do_not(store: Store) {
    let ids = fill(&store, "u", 2).await;
    assert_eq!(mark(&store, "u", ids[0], Mark::Read).await, (ChangeKind::Marked(Mark::Read), 3, 1));
    assert_eq!(
        mark(&store, "u", ids[0], Mark::Read).await,
        (ChangeKind::Unchanged(Mark::Read), 3, 1)
    );
    assert_eq!(
        mark(&store, "u", ids[0], Mark::Unread).await,
        (ChangeKind::Marked(Mark::Unread), 4, 2)
    );
    assert_eq!(
        mark(&store, "u", ids[1], Mark::Archive).await,
        (ChangeKind::Marked(Mark::Archive), 5, 1)
    );
    assert_eq!(
        mark(&store, "u", ids[1], Mark::Delete).await,
        (ChangeKind::Marked(Mark::Delete), 6, 1)
    );
    for (who, id) in [("u", Uuid::now_v7()), ("other", ids[0])] {
        let outcome =
            store.mark(&user(who), id, Mark::Read, None, NOW).await.expect("the mark is taken");
        assert!(matches!(outcome, MarkOutcome::NotFound));
    }
    assert!(
        store.notification(&user("u"), ids[1]).await.expect("it reads").is_none(),
        "deleted is gone"
    );
    let page = store.changed_since(&user("u"), 4, 10).await.expect("it reads");
    assert_eq!(
        page.items.iter().map(|item| item.status).collect::<Vec<_>>(),
        [Status::Deleted],
        "but it is a change"
    );
}

async fn read_all_gives_each_its_revision(store: Store) {
    let ids = fill(&store, "u", 5).await;
    mark(&store, "u", ids[1], Mark::Read).await; // revision 6
    let change =
        store.mark_all(&user("u"), BulkMark::Read, Some(4), None, NOW).await.expect("it marks");
    assert_eq!(
        change.kind,
        ChangeKind::All { mark: BulkMark::Read, up_to_revision: 4, from_revision: 6 }
    );
    assert_eq!(
        (change.step.previous_revision, change.step.revision, change.step.unread),
        (6, 9, 1)
    );
    assert_eq!(change.notification.map(|last| last.notification_id), Some(ids[3]));
    let page = store.changed_since(&user("u"), 6, 10).await.expect("it reads");
    let changed: Vec<_> =
        page.items.iter().map(|item| (item.notification_id, item.revision)).collect();
    assert_eq!(changed, [(ids[0], 7), (ids[2], 8), (ids[3], 9)]);
    let all = store.mark_all(&user("u"), BulkMark::Read, None, None, NOW).await.expect("it marks");
    assert_eq!((all.step.revision, all.step.unread), (10, 0));
    let none = store.mark_all(&user("u"), BulkMark::Read, None, None, NOW).await.expect("it marks");
    assert_eq!((none.kind, none.step.revision), (ChangeKind::UnchangedAll(BulkMark::Read), 10));
}

async fn seen_and_read_are_counted_separately(store: Store) {
    let ids = fill(&store, "u", 4).await;
    let counters = async || store.inbox(&user("u")).await.expect("it reads");
    assert_eq!(mark(&store, "u", ids[0], Mark::Seen).await, (ChangeKind::Marked(Mark::Seen), 5, 4));
    assert_eq!(
        mark(&store, "u", ids[0], Mark::Seen).await,
        (ChangeKind::Unchanged(Mark::Seen), 5, 4)
    );
    assert_eq!(counters().await, InboxState { revision: 5, unread: 4, unseen: 3 });
    let seen =
        store.notification(&user("u"), ids[0]).await.expect("it reads").expect("it is there");
    assert_eq!((seen.seen_at, seen.read), (Some(NOW), false));
    mark(&store, "u", ids[1], Mark::Read).await;
    assert_eq!(counters().await, InboxState { revision: 6, unread: 3, unseen: 2 });
    let all = store.mark_all(&user("u"), BulkMark::Seen, None, None, NOW).await.expect("it marks");
    assert_eq!(
        (all.step.previous_revision, all.step.revision, all.step.unread, all.step.unseen),
        (6, 8, 3, 0)
    );
    let none = store.mark_all(&user("u"), BulkMark::Seen, None, None, NOW).await.expect("it marks");
    assert_eq!(none.kind, ChangeKind::UnchangedAll(BulkMark::Seen));
    // Unread again is not unseen again.
    mark(&store, "u", ids[1], Mark::Unread).await;
    assert_eq!(counters().await, InboxState { revision: 9, unread: 4, unseen: 0 });
}

async fn unarchive_restores_the_earlier_status(store: Store) {
    let ids = fill(&store, "u", 2).await;
    mark(&store, "u", ids[0], Mark::Read).await;
    for (id, unread) in [(ids[0], 1), (ids[1], 0)] {
        assert_eq!(mark(&store, "u", id, Mark::Archive).await.2, unread);
    }
    assert_eq!(mark(&store, "u", ids[0], Mark::Unarchive).await.2, 0);
    assert_eq!(mark(&store, "u", ids[1], Mark::Unarchive).await.2, 1);
    let status = async |id| {
        store.notification(&user("u"), id).await.expect("it reads").map(|item| item.status)
    };
    assert_eq!(
        (status(ids[0]).await, status(ids[1]).await),
        (Some(Status::Read), Some(Status::Unread))
    );
}

/// Returns a notification with these times.
fn timed(user_id: &str, created: i64, expires: Option<i64>, keep: Option<i64>) -> (Uuid, Draft) {
    let (id, draft) = draft(user_id, "timed");
    let at = |time: i64| Timestamp(NOW.0 + time);
    let draft = Draft {
        created_at: at(created),
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
            .sweep(what, Timestamp(NOW.0 + at), limit, Timestamp(NOW.0 + at))
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
    // Wanted again, it stays.
    let back = mark(&store, "b", ids[2], Mark::Unread).await;
    assert_eq!(back, (ChangeKind::Marked(Mark::Unread), 8, 1));
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
        let (changes, next) = store.sweep_retention(&cursor, NOW, 70).await.expect("it sweeps");
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

async fn preferences_are_stored_per_user(store: Store) {
    assert_eq!(store.preferences(&user("u")).await.expect("it reads"), Preferences::default());
    let wants = Preferences {
        muted_types: vec!["A".into()],
        email_enabled: false,
        ..Preferences::default()
    };
    store.put_preferences(&user("u"), &wants, NOW).await.expect("it writes");
    store.set_retention(&user("u"), 7, NOW).await.expect("it writes");
    let kept = Preferences { retention_days: Some(7), ..wants };
    assert_eq!(store.preferences(&user("u")).await.expect("it reads"), kept);
    let all = store.preferences_of(&[user("u"), user("v")]).await.expect("it reads");
    assert_eq!(all, [(user("u"), kept)]);
}

async fn idempotency_key_is_reserved_once_with_its_response(store: Store) {
    let reserve = async |key: &str, print: &str, holder: &str, now: Timestamp| {
        store.reserve(key, print, holder, now).await.expect("it reserves")
    };
    assert_eq!(reserve("k", "f", "hub", NOW).await, Reservation::Yours(NOW));
    assert_eq!(reserve("k", "f", "hub", NOW).await, Reservation::InFlight);
    assert_eq!(reserve("k", "other", "hub", NOW).await, Reservation::Other);
    store.answer("k", "[1]").await.expect("it is kept");
    assert_eq!(reserve("k", "f", "another hub", NOW).await, Reservation::Answered("[1]".into()));
    assert_eq!(reserve("k", "other", "hub", NOW).await, Reservation::Other);
    // Nothing was done under it: free again.
    assert_eq!(reserve("r", "f", "hub", NOW).await, Reservation::Yours(NOW));
    store.release("r", "hub").await.expect("it is released");
    assert_eq!(reserve("r", "other", "hub", NOW).await, Reservation::Yours(NOW));
    // Its hub died: whoever takes it over goes on from where it began.
    assert_eq!(reserve("d", "f", "dead", NOW).await, Reservation::Yours(NOW));
    let later = Timestamp(NOW.0 + 61_000);
    assert_eq!(reserve("d", "f", "hub", later).await, Reservation::Yours(NOW));
    assert_eq!(reserve("d", "f", "hub", later).await, Reservation::InFlight);
    // After a day it is as if it had never been.
    let tomorrow = Timestamp(NOW.0 + 24 * 60 * 60 * 1_000 + 1);
    assert_eq!(reserve("k", "new", "hub", tomorrow).await, Reservation::Yours(tomorrow));
    assert_eq!(store.purge_idempotency_keys(NOW.0 + 1, 10).await.expect("it purges"), 2);
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
    let drafts = vec![timed("u", 100, None, None), timed("u", -100, None, None)];
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    assert_eq!(store.revision_at(&user("u"), NOW).await.expect("it reads"), 0);
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
    assert_eq!((revision_at(NOW.0 - 1).await, revision_at(NOW.0).await), (0, 5));
}

async fn directory_finds_users_and_roles(store: Store) {
    let mut admin = Person::unknown(user("a"));
    admin.login = Some("alice".into());
    admin.roles = vec!["admin".into(), "moderator".into()];
    let patch = |person: &Person, set_roles| PersonPatch { person: person.clone(), set_roles };
    store.merge_people(&[patch(&admin, true)], NOW).await.expect("it merges");
    // Signing in without saying a role takes none away.
    let mut again = Person::unknown(user("a"));
    again.name = Some("Alice".into());
    store.merge_people(&[patch(&again, false)], NOW).await.expect("it merges");
    admin.name = Some("Alice".into());
    assert_eq!(
        store.users_with_role(Some("admin"), "", 9).await.expect("it reads"),
        [admin.clone()]
    );
    assert_eq!(store.users_with_role(Some("moderator"), "", 9).await.expect("it reads").len(), 1);
    // Entering somebody known changes nothing.
    let mut other = Person::unknown(user("a"));
    other.login = Some("mallory".into());
    store.enter_people(&[other, Person::unknown(user("b"))], NOW).await.expect("it enters");
    assert_eq!(
        store.people(&[user("a"), user("nobody")]).await.expect("it reads"),
        [admin.clone()]
    );
    assert_eq!(store.users_with_role(None, "", 9).await.expect("it reads").len(), 2);
    admin.roles = Vec::new();
    store.merge_people(&[patch(&admin, true)], NOW).await.expect("it merges");
    assert!(store.users_with_role(Some("admin"), "", 9).await.expect("it reads").is_empty());
}

fn kind(code: &str, template: &str) -> TypeRow {
    TypeRow {
        code: code.into(),
        display_name: "Title".into(),
        template: template.into(),
        target_type: "SELF".into(),
        target_role: None,
        target_users: vec![user("u")],
        priority: "LOW".into(),
        channels: vec!["web".into()],
        is_active: true,
        ttl_seconds: Some(9),
        action_url: None,
        entity: None,
        mandatory: false,
        keep_days: Some(30),
        variants: vec![Variant { name: "a".into(), weight: 2, template: "text".into() }],
        schedule: Some(serde_json::json!({ "cron": "0 18 * * *", "timezone": "Asia/Jakarta" })),
        origin: Origin::Config,
        updated_at: NOW,
    }
}

async fn config_types_are_written_and_overrides_kept(store: Store) {
    let write =
        async |types: &[TypeRow]| store.write_config_types(types, NOW).await.expect("it writes");
    assert_eq!(write(&[kind("A", "one"), kind("B", "x")]).await, 2);
    assert_eq!(write(&[kind("A", "one"), kind("B", "x")]).await, 0, "nothing has changed");
    let later = Timestamp(NOW.0 + 5);
    let changed = store.write_config_types(&[kind("A", "two")], later).await.expect("it writes");
    assert_eq!(changed, 2, "A says something else and B is gone");
    let types = store.types().await.expect("it reads");
    assert_eq!(types.len(), 1);
    assert_eq!((types[0].template.as_str(), types[0].origin), ("two", Origin::Config));
    // By hand, as the contract shows it.
    store
        .execute_by_hand("UPDATE notification_types SET is_active = false WHERE code = 'A'")
        .await
        .expect("plain SQL");
    store
        .execute_by_hand(
            "INSERT INTO notification_types (code, display_name, template, target_type) VALUES \
             ('C', 'C', 'x', 'ALL')",
        )
        .await
        .expect("plain SQL");
    assert_eq!(
        write(&[kind("A", "three"), kind("C", "three")]).await,
        0,
        "an administrator has changed them"
    );
    let types = store.types().await.expect("it reads");
    assert_eq!(
        types.iter().map(|row| (row.is_active, row.origin)).collect::<Vec<_>>(),
        [(false, Origin::Admin), (true, Origin::Admin)]
    );
}

async fn dead_letters_are_stored_truncated_and_listed(store: Store) {
    let rejected = Rejected::missing("user_id", "it needs user_id\0");
    let mut letter =
        DeadLetter::new(Uuid::now_v7(), NOW, "nats", &rejected, &[b'x', 0, 0xFF].repeat(30_000));
    letter.headers = vec![("nats-msg-id".into(), "m1".into())];
    letter.subject = Some("events.x".into());
    store.keep_dead_letter(&letter).await.expect("it keeps");
    store.keep_dead_letter(&letter).await.expect("twice is once");
    let letters = store.dead_letters(10).await.expect("it lists");
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].field.as_deref(), letters[0].truncated), (Some("user_id"), true));
    assert_eq!(letters[0].headers, letter.headers);
}

async fn the_epoch_stays_until_it_is_renewed(store: Store) {
    let first = store.epoch().await.expect("it reads");
    store.migrate().await.expect("migrating again changes nothing");
    assert_eq!(store.epoch().await.expect("it reads"), first);
    let second = store.renew_epoch().await.expect("it renews");
    assert_ne!(first, second);
    assert_eq!(store.epoch().await.expect("it reads"), second);
    store.ping().await.expect("it answers");
}

async fn refused_transaction_leaves_no_trace(store: Store) {
    let ids = fill(&store, "u", 1).await;
    let (_, again) = draft("u", "same id");
    let result =
        store.commit(&[planned(Some("k"), vec![draft("u", "good"), (ids[0], again)])], NOW).await;
    assert!(result.is_err_and(|error| !error.is_transient()), "a repeated id is refused for good");
    assert_eq!(store.inbox(&user("u")).await.expect("it reads").revision, 1);
    let retry = store
        .commit(&[planned(Some("k"), vec![draft("u", "good")])], NOW)
        .await
        .expect("it commits");
    assert_eq!(stored(&retry[0]), 1, "its identity was not kept either");
}

async fn variant_outcomes_are_counted(store: Store) {
    let of = |variant: Option<&str>| {
        let (id, draft) = draft("u", "text");
        (id, Draft { variant: variant.map(str::to_owned), ..draft })
    };
    let drafts = vec![of(Some("a")), of(Some("a")), of(Some("b")), of(None)];
    let ids: Vec<Uuid> = drafts.iter().map(|(id, _)| *id).collect();
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    mark(&store, "u", ids[0], Mark::Seen).await;
    assert_eq!(mark(&store, "u", ids[0], Mark::Click).await.0, ChangeKind::Marked(Mark::Click));
    assert_eq!(
        mark(&store, "u", ids[0], Mark::Click).await.0,
        ChangeKind::Unchanged(Mark::Click),
        "once"
    );
    mark(&store, "u", ids[1], Mark::Read).await;
    // What was read can be followed later, and is still read.
    assert_eq!(
        mark(&store, "u", ids[1], Mark::Click).await,
        (ChangeKind::Marked(Mark::Click), 8, 2)
    );
    mark(&store, "u", ids[2], Mark::Seen).await;
    let counts = store.variant_counts("T").await.expect("it reads");
    let shown: Vec<_> =
        counts.iter().map(|c| (c.name.as_str(), c.sent, c.seen, c.read, c.clicked)).collect();
    assert_eq!(shown, [("a", 2, 2, 2, 2), ("b", 1, 1, 0, 0)]);
    assert!(store.variant_counts("OTHER").await.expect("it reads").is_empty());
}

async fn schedule_begins_when_first_seen_and_never_moves_back(store: Store) {
    let at = |ms: i64| Timestamp(NOW.0 + ms);
    let begin = async |schedule: &str, now| {
        store.begin_schedule("T", schedule, now).await.expect("it writes");
    };
    let last = async || {
        store
            .schedule_runs()
            .await
            .expect("it reads")
            .first()
            .map(|run| (run.schedule.clone(), run.at))
    };
    begin("daily", at(0)).await;
    begin("daily", at(50)).await;
    assert_eq!(last().await, Some(("daily".to_owned(), at(0))), "it has begun already");
    store.schedule_has_run("T", at(100)).await.expect("it writes");
    store.schedule_has_run("T", at(90)).await.expect("another hub was slower");
    assert_eq!(last().await, Some(("daily".to_owned(), at(100))));
    begin("hourly", at(130)).await;
    assert_eq!(
        last().await,
        Some(("hourly".to_owned(), at(130))),
        "another schedule makes up for nothing"
    );
    store.forget_schedule("T").await.expect("it writes");
    assert_eq!(last().await, None);
    // Counted is what was made after the one, up to the other.
    let drafts = [5, 10, 20].map(|ms| timed("u", ms, None, None)).to_vec();
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    assert_eq!(store.count_made("T", at(5), at(20)).await.expect("it reads"), 2);
}

async fn fan_out_chunks_follow_each_other_across_hubs(store: Store) {
    let identity = Identity::key("large");
    let moderators = RecipientSet::Role("moderator".into());
    let begin = async |audience: &RecipientSet| {
        store.begin_fan_out(&identity, audience, NOW).await.expect("it begins")
    };
    let piece = |after: &str, to: &str, last: bool| Planned {
        identity: last.then(|| identity.clone()),
        part: Some(Part { identity: identity.clone(), after: after.into(), to: to.into() }),
        drafts: vec![draft(to, "text")],
    };
    let commit = async |piece: Planned| {
        let outcome = store.commit(&[piece], NOW).await.expect("it commits").remove(0);
        matches!(outcome, Committed::Stored(_))
    };
    assert_eq!(begin(&moderators).await, FanOutStart::After(String::new(), moderators.clone()));
    assert!(commit(piece("", "b", false)).await);
    assert!(!commit(piece("", "b", false)).await, "somebody has brought this one");
    assert!(!commit(piece("", "a", true)).await, "and it is not over, whoever says so");
    // Whoever takes it up goes on where it stands, for those it began with.
    assert_eq!(begin(&RecipientSet::All).await, FanOutStart::After("b".into(), moderators));
    assert_eq!(store.fan_outs_begun(&["id:large", "id:other"]).await.expect("it reads").len(), 1);
    assert!(commit(piece("b", "c", true)).await);
    assert_eq!(begin(&RecipientSet::All).await, FanOutStart::Over);
    assert!(store.fan_outs_begun(&["id:large"]).await.expect("it reads").is_empty());
    assert!(!commit(piece("b", "c", true)).await);
    for (who, revision) in [("a", 0), ("b", 1), ("c", 1)] {
        assert_eq!(store.inbox(&user(who)).await.expect("it reads").revision, revision, "{who}");
    }
}

on_both!(
    notification_round_trips,
    revisions_grow_by_one_for_each_user,
    identity_is_committed_once,
    a_large_batch_is_one_transaction,
    concurrent_hubs_share_one_history,
    marks_take_revisions_and_repeated_ones_do_not,
    read_all_gives_each_its_revision,
    seen_and_read_are_counted_separately,
    unarchive_restores_the_earlier_status,
    sweeps_run_in_bounded_batches,
    retention_periods_are_per_user_and_checked_page_by_page,
    preferences_are_stored_per_user,
    idempotency_key_is_reserved_once_with_its_response,
    unread_totals_cover_all_inboxes,
    earlier_creation_time_hides_no_notification,
    pages_cover_the_history_without_gap_or_repeat,
    lists_are_filtered_and_paged,
    directory_finds_users_and_roles,
    config_types_are_written_and_overrides_kept,
    variant_outcomes_are_counted,
    schedule_begins_when_first_seen_and_never_moves_back,
    fan_out_chunks_follow_each_other_across_hubs,
    dead_letters_are_stored_truncated_and_listed,
    the_epoch_stays_until_it_is_renewed,
    refused_transaction_leaves_no_trace,
);
