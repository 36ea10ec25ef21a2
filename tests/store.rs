//! One conformance suite for both stores.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test may fail, and measures real time")]

mod support;

use std::sync::Arc;

use lonceng::{
    domain::{
        catalog::{Origin, TypeRow},
        event::Identity,
        inbox::{ChangeKind, Counters, Mark},
        notification::{Priority, Status, Timestamp},
        plan::Draft,
        rejected::Rejected,
        user::{Person, PersonPatch, UserId},
    },
    store::{Committed, DeadLetter, Filter, MarkOutcome, Planned, Store},
};
use serde_json::value::RawValue;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn user(id: &str) -> UserId {
    UserId::parse(id).expect("a constant id is an id")
}

fn draft(user_id: &str, message: &str) -> (Uuid, Draft) {
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
        metadata: RawValue::from_string(r#"{"amount":1}"#.into()).map(Arc::from).expect("it is JSON"),
        created_at: NOW,
        expires_at: Some(Timestamp(NOW.0 + 1000)),
    };
    (Uuid::now_v7(), draft)
}

fn planned(identity: Option<&str>, drafts: Vec<(Uuid, Draft)>) -> Planned {
    Planned { identity: identity.map(Identity::key), drafts }
}

async fn fill(store: &Store, user_id: &str, count: usize) -> Vec<Uuid> {
    let drafts: Vec<_> = (0..count).map(|n| draft(user_id, &format!("m{n}"))).collect();
    let ids = drafts.iter().map(|(id, _)| *id).collect();
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    ids
}

fn stored(outcome: &Committed) -> usize {
    match outcome {
        Committed::Stored(changes) => changes.len(),
        Committed::Duplicate => 0,
    }
}

async fn mark(store: &Store, user_id: &str, id: Uuid, mark: Mark) -> (ChangeKind, i64, i64) {
    match store.mark(&user(user_id), id, mark, None, NOW).await.expect("the mark is taken") {
        MarkOutcome::Done(change) => (change.kind, change.step.revision, change.step.unread),
        MarkOutcome::NotFound => panic!("the notification is there"),
    }
}

async fn a_notification_comes_back_as_it_went_in(store: Store) {
    let committed = store.commit(&[planned(None, vec![draft("u", "hello")])], NOW).await.expect("it commits");
    let Committed::Stored(changes) = &committed[0] else { panic!("it is new") };
    let pushed = changes[0].notification.as_deref().expect("a new notification carries itself");
    let read = store.notification(&user("u"), pushed.notification_id).await.expect("it reads").expect("it is there");
    assert_eq!(
        serde_json::to_value(&read).expect("it is JSON"),
        serde_json::to_value(pushed).expect("it is JSON"),
        "what is pushed and what is read is the same"
    );
    assert_eq!((read.revision, read.seq, read.stream_id.as_str()), (1, 1, "1767225600000-1"));
    assert!(store.notification(&user("other"), pushed.notification_id).await.expect("it reads").is_none());
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
            (change.user_id.to_string(), change.step.previous_revision, change.step.revision, change.step.unread)
        })
        .collect();
    let expected = [("b", 0, 1, 1), ("a", 0, 1, 1), ("a", 1, 2, 2), ("a", 2, 3, 3), ("b", 1, 2, 2)];
    assert_eq!(steps, expected.map(|(u, p, r, n)| (u.to_owned(), p, r, n)));
    assert_eq!(store.inbox(&user("a")).await.expect("it reads"), Counters { revision: 3, unread: 3 });
    assert_eq!(store.inbox(&user("nobody")).await.expect("it reads"), Counters::default());
    let mut both = store.inboxes(&[user("a"), user("b"), user("c")]).await.expect("it reads");
    both.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        both,
        [(user("a"), Counters { revision: 3, unread: 3 }), (user("b"), Counters { revision: 2, unread: 2 })]
    );
}

async fn the_same_identity_is_taken_once(store: Store) {
    let twice = [planned(Some("k"), vec![draft("u", "1")]), planned(Some("k"), vec![draft("u", "2")])];
    let first = store.commit(&twice, NOW).await.expect("it commits");
    assert_eq!(first.iter().map(stored).collect::<Vec<_>>(), [1, 0]);
    let again = store.commit(&[planned(Some("k"), vec![draft("u", "3")])], NOW).await.expect("it commits");
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

async fn hubs_that_commit_at_once_share_one_history(store: Store) {
    let tasks: Vec<_> = (0..8)
        .map(|hub| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    let drafts = vec![draft(&format!("u{}", (hub + n) % 3), "x"), draft("shared", "x")];
                    // Each event is sent twice, by two hubs.
                    let identity = format!("{}-{n}", hub / 2);
                    store.commit(&[planned(Some(&identity), drafts)], NOW).await.expect("it commits");
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
    assert_eq!(mark(&store, "u", ids[0], Mark::Read).await, (ChangeKind::Unchanged(Mark::Read), 3, 1));
    assert_eq!(mark(&store, "u", ids[0], Mark::Unread).await, (ChangeKind::Marked(Mark::Unread), 4, 2));
    assert_eq!(mark(&store, "u", ids[1], Mark::Archive).await, (ChangeKind::Marked(Mark::Archive), 5, 1));
    assert_eq!(mark(&store, "u", ids[1], Mark::Delete).await, (ChangeKind::Marked(Mark::Delete), 6, 1));
    for (who, id) in [("u", Uuid::now_v7()), ("other", ids[0])] {
        let outcome = store.mark(&user(who), id, Mark::Read, None, NOW).await.expect("the mark is taken");
        assert!(matches!(outcome, MarkOutcome::NotFound));
    }
    assert!(store.notification(&user("u"), ids[1]).await.expect("it reads").is_none(), "deleted is gone");
    let page = store.changed_since(&user("u"), 4, 10).await.expect("it reads");
    assert_eq!(page.items.iter().map(|item| item.status).collect::<Vec<_>>(), [Status::Deleted], "but it is a change");
}

async fn read_all_gives_each_its_revision(store: Store) {
    let ids = fill(&store, "u", 5).await;
    mark(&store, "u", ids[1], Mark::Read).await; // revision 6
    let change = store.read_all(&user("u"), Some(4), None, NOW).await.expect("it marks");
    assert_eq!(change.kind, ChangeKind::ReadAll { up_to_revision: 4, from_revision: 6 });
    assert_eq!((change.step.previous_revision, change.step.revision, change.step.unread), (6, 9, 1));
    assert_eq!(change.notification.map(|last| last.notification_id), Some(ids[3]));
    let page = store.changed_since(&user("u"), 6, 10).await.expect("it reads");
    let changed: Vec<_> = page.items.iter().map(|item| (item.notification_id, item.revision)).collect();
    assert_eq!(changed, [(ids[0], 7), (ids[2], 8), (ids[3], 9)]);
    let all = store.read_all(&user("u"), None, None, NOW).await.expect("it marks");
    assert_eq!((all.step.revision, all.step.unread), (10, 0));
    let none = store.read_all(&user("u"), None, None, NOW).await.expect("it marks");
    assert_eq!((none.kind, none.step.revision), (ChangeKind::UnchangedAll, 10));
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
    let list = async |filter: Filter, limit| store.list(&user("u"), &filter, limit).await.expect("it lists");
    let first = list(Filter::default(), 2).await;
    assert_eq!(first.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [5, 3]);
    assert_eq!(first.inbox, Counters { revision: 7, unread: 3 });
    let second = list(Filter { before_seq: first.next, ..Filter::default() }, 2).await;
    assert_eq!(second.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(second.next, None);
    let unread = list(Filter { status: Some(Status::Unread), ..Filter::default() }, 10).await;
    assert_eq!(unread.items.len(), 3);
    let read = list(Filter { status: Some(Status::Read), ..Filter::default() }, 10).await;
    assert_eq!(read.items.len(), 1);
    let other = list(Filter { type_code: Some("OTHER".into()), ..Filter::default() }, 10).await;
    assert!(other.items.is_empty());
    let revision_at = async |time| store.revision_at(&user("u"), Timestamp(time)).await.expect("it reads");
    assert_eq!((revision_at(NOW.0 - 1).await, revision_at(NOW.0).await), (0, 5));
}

async fn the_directory_knows_people_and_roles(store: Store) {
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
    assert_eq!(store.with_role("admin").await.expect("it reads"), [admin.clone()]);
    assert_eq!(store.with_role("moderator").await.expect("it reads").len(), 1);
    // Entering somebody known changes nothing.
    let mut other = Person::unknown(user("a"));
    other.login = Some("mallory".into());
    store.enter_people(&[other, Person::unknown(user("b"))], NOW).await.expect("it enters");
    assert_eq!(store.people(&[user("a"), user("nobody")]).await.expect("it reads"), [admin.clone()]);
    assert_eq!(store.everyone().await.expect("it reads").len(), 2);
    admin.roles = Vec::new();
    store.merge_people(&[patch(&admin, true)], NOW).await.expect("it merges");
    assert!(store.with_role("admin").await.expect("it reads").is_empty());
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
        origin: Origin::Config,
        updated_at: NOW,
    }
}

async fn the_files_types_are_written_and_an_administrators_are_left_alone(store: Store) {
    let write = async |types: &[TypeRow]| store.write_config_types(types, NOW).await.expect("it writes");
    assert_eq!(write(&[kind("A", "one"), kind("B", "x")]).await, 2);
    assert_eq!(write(&[kind("A", "one"), kind("B", "x")]).await, 0, "nothing has changed");
    let later = Timestamp(NOW.0 + 5);
    let changed = store.write_config_types(&[kind("A", "two")], later).await.expect("it writes");
    assert_eq!(changed, 2, "A says something else and B is gone");
    let types = store.types().await.expect("it reads");
    assert_eq!(types.len(), 1);
    assert_eq!((types[0].template.as_str(), types[0].origin), ("two", Origin::Config));
    // By hand, as the contract shows it.
    store.execute_by_hand("UPDATE notification_types SET is_active = false WHERE code = 'A'").await.expect("plain SQL");
    store
        .execute_by_hand(
            "INSERT INTO notification_types (code, display_name, template, target_type) VALUES ('C', 'C', 'x', 'ALL')",
        )
        .await
        .expect("plain SQL");
    assert_eq!(write(&[kind("A", "three"), kind("C", "three")]).await, 0, "an administrator has changed them");
    let types = store.types().await.expect("it reads");
    assert_eq!(
        types.iter().map(|row| (row.is_active, row.origin)).collect::<Vec<_>>(),
        [(false, Origin::Admin), (true, Origin::Admin)]
    );
}

async fn dead_letters_are_kept_cut_and_listed(store: Store) {
    let rejected = Rejected::missing("user_id", "it needs user_id\0");
    let mut letter = DeadLetter::new(Uuid::now_v7(), NOW, "nats", &rejected, &[b'x', 0, 0xFF].repeat(30_000));
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

async fn what_a_store_refuses_leaves_nothing_behind(store: Store) {
    let ids = fill(&store, "u", 1).await;
    let (_, again) = draft("u", "same id");
    let result = store.commit(&[planned(Some("k"), vec![draft("u", "good"), (ids[0], again)])], NOW).await;
    assert!(result.is_err_and(|error| !error.is_transient()), "a repeated id is refused for good");
    assert_eq!(store.inbox(&user("u")).await.expect("it reads").revision, 1);
    let retry = store.commit(&[planned(Some("k"), vec![draft("u", "good")])], NOW).await.expect("it commits");
    assert_eq!(stored(&retry[0]), 1, "its identity was not kept either");
}

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() {
                if let Some(test) = super::support::stores::sqlite().await {
                    super::$name(test.store.clone()).await;
                }
            })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                if let Some(test) = super::support::stores::postgres().await {
                    super::$name(test.store.clone()).await;
                    test.store.close().await;
                }
            })*
        }
    };
}

on_both!(
    a_notification_comes_back_as_it_went_in,
    revisions_grow_by_one_for_each_user,
    the_same_identity_is_taken_once,
    a_large_batch_is_one_transaction,
    hubs_that_commit_at_once_share_one_history,
    marks_take_revisions_and_repeated_ones_do_not,
    read_all_gives_each_its_revision,
    pages_cover_the_history_without_gap_or_repeat,
    lists_are_filtered_and_paged,
    the_directory_knows_people_and_roles,
    the_files_types_are_written_and_an_administrators_are_left_alone,
    dead_letters_are_kept_cut_and_listed,
    the_epoch_stays_until_it_is_renewed,
    what_a_store_refuses_leaves_nothing_behind,
);
