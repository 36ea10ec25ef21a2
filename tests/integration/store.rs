//! One conformance suite for both stores.

use std::sync::Arc;

use lonceng::{
    domain::{
        event::Identity,
        inbox::{BulkMark, ChangeKind, InboxState, Mark},
        notification::{Priority, Status, Timestamp},
        plan::Draft,
        presentation::{Action, Presentation},
        user::UserId,
    },
    store::{Committed, MarkOutcome, Planned, Store},
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
        presentation: Presentation {
            category: Some("Refunds".into()),
            icon: Some("/refund.svg".into()),
            actions: ["/approve", "/refuse"]
                .map(|url| Action { label: url[1..].into(), url: url.into(), primary: false })
                .into(),
            rich: Some("**bold**".into()),
        },
        metadata: RawValue::from_string(r#"{"amount":1}"#.into())
            .map(Arc::from)
            .expect("it is JSON"),
        created_at: None,
        expires_at: Some(Timestamp(NOW.0 + 1000)),
        keep_until: None,
        quiet: false,
        variant: None,
        event_id: None,
        publisher: None,
        group: None,
        deliveries: Vec::new(),
    };
    (Uuid::now_v7(), draft)
}

pub(crate) fn planned(identity: Option<&str>, drafts: Vec<(Uuid, Draft)>) -> Planned {
    Planned {
        identity: identity.map(Identity::key),
        part: None,
        drafts,
        broadcasts: Vec::new(),
        trace: None,
    }
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
                    // Each event is committed twice, by two hubs.
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
    let unchanged = ChangeKind::UnchangedAll { mark: BulkMark::Read, up_to_revision: 10 };
    assert_eq!((none.kind, none.step.revision), (unchanged, 10));
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
    let unchanged = ChangeKind::UnchangedAll { mark: BulkMark::Seen, up_to_revision: 8 };
    assert_eq!(none.kind, unchanged);
    // A notification that is unread again stays seen.
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
    refused_transaction_leaves_no_trace,
);
