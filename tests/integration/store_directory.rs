//! Conformance of both stores: directory, preferences, types, dead letters, schedules, fan-outs.

use crate::store::{NOW, draft, fill, mark, planned, user};
use crate::store_sweeps::timed;
use lonceng::{
    domain::{
        catalog::{EmailTexts, Origin, TextsByLocale, TypeRow, Variant},
        event::Identity,
        inbox::{ChangeKind, Mark},
        notification::Timestamp,
        plan::{Draft, RecipientSet},
        preferences::Preferences,
        presentation::Action,
        rejected::Rejected,
        user::{Person, PersonPatch},
    },
    store::{Committed, DeadLetter, FanOutStart, Part, Planned, Reservation, Store},
};
use uuid::Uuid;

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

async fn simultaneous_changes_of_preferences_are_all_kept(store: Store) {
    let codes: Vec<String> = (0..12).map(|n| format!("T{n:02}")).collect();
    let mute = async |code: &String| {
        let change = |mut stored: Preferences| {
            stored.mute_on("email", code);
            Ok::<_, ()>((stored, None))
        };
        let changed = store.change_preferences(&user("u"), NOW, change).await.expect("it writes");
        changed.expect("nothing is refused");
    };
    let retention = async { store.set_retention(&user("u"), 7, NOW).await.expect("it writes") };
    let mutes = futures_util::future::join_all(codes.iter().map(mute));
    tokio::join!(mutes, retention);
    let kept = store.preferences(&user("u")).await.expect("it reads");
    let stored: Vec<&String> = kept.channels["email"].types.keys().collect();
    assert_eq!(stored, codes.iter().collect::<Vec<_>>());
    assert_eq!(kept.retention_days, Some(7));
    // What is refused changes nothing.
    let refused = store.change_preferences(&user("u"), NOW, |_| Err("no")).await;
    assert_eq!(refused.expect("it reads"), Err("no"));
    assert_eq!(store.preferences(&user("u")).await.expect("it reads"), kept);
}

async fn idempotency_key_is_reserved_once_with_its_response(store: Store) {
    let reserve = async |key: &str, print: &str, holder: &str, now: Timestamp| {
        store.reserve(key, print, holder, now).await.expect("it reserves")
    };
    assert_eq!(reserve("k", "f", "hub", NOW).await, Reservation::Reserved(NOW));
    assert_eq!(reserve("k", "f", "hub", NOW).await, Reservation::InFlight);
    assert_eq!(reserve("k", "other", "hub", NOW).await, Reservation::Other);
    store.answer("k", "[1]").await.expect("it is kept");
    assert_eq!(reserve("k", "f", "another hub", NOW).await, Reservation::Answered("[1]".into()));
    assert_eq!(reserve("k", "other", "hub", NOW).await, Reservation::Other);
    // A released key can be used for another request.
    assert_eq!(reserve("r", "f", "hub", NOW).await, Reservation::Reserved(NOW));
    store.release("r", "hub").await.expect("it is released");
    assert_eq!(reserve("r", "other", "hub", NOW).await, Reservation::Reserved(NOW));
    // The hub that reserved it is gone: another one takes it over, with its time.
    assert_eq!(reserve("d", "f", "dead", NOW).await, Reservation::Reserved(NOW));
    let later = Timestamp(NOW.0 + 61_000);
    assert_eq!(reserve("d", "f", "hub", later).await, Reservation::Reserved(NOW));
    assert_eq!(reserve("d", "f", "hub", later).await, Reservation::InFlight);
    // After a day the key is free.
    let tomorrow = Timestamp(NOW.0 + 24 * 60 * 60 * 1_000 + 1);
    assert_eq!(reserve("k", "new", "hub", tomorrow).await, Reservation::Reserved(tomorrow));
    assert_eq!(store.purge_idempotency_keys(NOW.0 + 1, 10).await.expect("it purges"), 2);
}

async fn directory_finds_users_and_roles(store: Store) {
    let mut admin = Person::unknown(user("a"));
    admin.login = Some("alice".into());
    admin.roles = vec!["admin".into(), "moderator".into()];
    let patch = |person: &Person, set_roles| PersonPatch { person: person.clone(), set_roles };
    store.merge_people(&[patch(&admin, true)], NOW).await.expect("it merges");
    // Signing in without a role removes no role.
    let mut again = Person::unknown(user("a"));
    again.name = Some("Alice".into());
    store.merge_people(&[patch(&again, false)], NOW).await.expect("it merges");
    admin.name = Some("Alice".into());
    assert_eq!(
        store.users_with_role(Some("admin"), "", 9).await.expect("it reads"),
        [admin.clone()]
    );
    assert_eq!(store.users_with_role(Some("moderator"), "", 9).await.expect("it reads").len(), 1);
    // Adding a known user changes nothing.
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

pub(crate) fn kind(code: &str, template: &str) -> TypeRow {
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
        category: Some("Refunds".into()),
        icon: Some("/{refund_id}.svg".into()),
        actions: vec![Action { label: "Approve".into(), url: "/x".into(), primary: true }],
        rich: true,
        entity: None,
        mandatory: false,
        keep_days: Some(30),
        variants: vec![Variant { name: "a".into(), weight: 2, template: "text".into() }],
        schedule: Some(serde_json::json!({ "cron": "0 18 * * *", "timezone": "Asia/Jakarta" })),
        escalate: Vec::new(),
        group_by: None,
        group_window: None,
        digest: None,
        translations: TextsByLocale::new(),
        email: EmailTexts::default(),
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
    // By SQL, as administrators do.
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
    // A routing key of AMQP may contain a NUL.
    letter.subject = Some("events.\0x".into());
    store.keep_dead_letter(&letter).await.expect("it keeps");
    store.keep_dead_letter(&letter).await.expect("twice is once");
    let letters = store.dead_letters(10).await.expect("it lists");
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].field.as_deref(), letters[0].truncated), (Some("user_id"), true));
    assert_eq!(letters[0].subject.as_deref(), Some("events.\u{fffd}x"));
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

async fn variant_outcomes_are_counted(store: Store) {
    let of = |variant: Option<&str>| {
        let (id, draft) = draft("u", "text");
        (id, Draft { variant: variant.map(str::to_owned), ..draft })
    };
    let drafts = vec![of(Some("a")), of(Some("a")), of(Some("b")), of(None)];
    let ids: Vec<Uuid> = drafts.iter().map(|(id, _)| *id).collect();
    store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
    mark(&store, "u", ids[0], Mark::Seen).await;
    assert_eq!(
        mark(&store, "u", ids[0], Mark::Click(None)).await.0,
        ChangeKind::Marked(Mark::Click(None))
    );
    assert_eq!(
        mark(&store, "u", ids[0], Mark::Click(None)).await.0,
        ChangeKind::Unchanged(Mark::Click(None)),
        "once"
    );
    mark(&store, "u", ids[1], Mark::Read).await;
    // A notification that was read can be clicked later, and stays read.
    assert_eq!(
        mark(&store, "u", ids[1], Mark::Click(None)).await,
        (ChangeKind::Marked(Mark::Click(None)), 8, 2)
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
    // The first time is exclusive, the second inclusive.
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
        broadcasts: Vec::new(),
        trace: None,
    };
    let commit = async |piece: Planned| {
        let outcome = store.commit(&[piece], NOW).await.expect("it commits").remove(0);
        matches!(outcome, Committed::Stored(_))
    };
    assert_eq!(begin(&moderators).await, FanOutStart::After(String::new(), moderators.clone()));
    assert!(commit(piece("", "b", false)).await);
    assert!(!commit(piece("", "b", false)).await, "somebody has brought this one");
    assert!(!commit(piece("", "a", true)).await, "and it is not over, whoever says so");
    // A fan-out continues after the last user, with the recipients it began with.
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

async fn accepted_fan_out_is_claimed_by_one_hub_at_a_time_until_it_ends(store: Store) {
    let identity = Identity::key("owed");
    let accept = async || {
        let accepted = store.accept_fan_out(&identity, &RecipientSet::All, "the event", NOW).await;
        accepted.expect("it writes")
    };
    let claim = async || store.claim_fan_out().await.expect("it writes");
    assert!(claim().await.is_none());
    assert!(accept().await);
    assert!(!accept().await, "it is known");
    assert!(claim().await.is_none(), "the hub that accepted it works on it");
    let expire = "UPDATE fan_outs SET expires_at = 0";
    store.execute_by_hand(expire).await.expect("it writes");
    let owed = claim().await.expect("nobody works on it");
    assert_eq!((owed.identity.as_str(), owed.event.as_str()), ("id:owed", "the event"));
    assert_eq!(owed.recipients, RecipientSet::All);
    assert!(claim().await.is_none(), "one hub at a time");
    store.execute_by_hand(expire).await.expect("it writes");
    store.renew_fan_out(&identity).await.expect("it writes");
    assert!(claim().await.is_none(), "the claim was renewed");
    // What is owed is not forgotten, however old.
    let purged = store.purge_fan_outs(i64::MAX, 10).await.expect("it writes");
    assert_eq!(purged, 0);
    let last = Planned {
        identity: Some(identity.clone()),
        part: Some(Part { identity: identity.clone(), after: String::new(), to: "z".into() }),
        drafts: vec![draft("z", "text")],
        broadcasts: Vec::new(),
        trace: None,
    };
    store.commit(&[last], NOW).await.expect("it commits");
    assert_eq!(store.count_by_hand("SELECT COUNT(*) FROM fan_outs").await.expect("it reads"), 0);
    assert!(!accept().await, "it is finished");
    assert_eq!(store.count_by_hand("SELECT COUNT(*) FROM fan_outs").await.expect("it reads"), 0);
}

async fn columns_for_sql_follow_what_the_hub_writes(store: Store) {
    let wants = Preferences {
        muted_types: vec!["T".into(), "U".into()],
        email_enabled: false,
        ..Preferences::default()
    };
    store.put_preferences(&user("a"), &wants, NOW).await.expect("it writes");
    store.put_preferences(&user("b"), &Preferences::default(), NOW).await.expect("it writes");
    let sqlite = store.kind() == lonceng::store::Kind::Sqlite;
    let by_hand = if sqlite {
        "INSERT INTO user_notification_preferences (user_id, preferences, updated_at) VALUES ('c', \
         'no JSON', 0)"
    } else {
        "INSERT INTO user_notification_preferences (user_id, preferences, updated_at) VALUES ('c', \
         '[1]', now())"
    };
    store.execute_by_hand(by_hand).await.expect("it writes");
    let count = async |sql| store.count_by_hand(sql).await.expect("it reads");
    let of = "SELECT COUNT(*) FROM user_notification_preferences WHERE NOT email_enabled";
    assert_eq!(count(of).await, 1);
    let of = "SELECT COUNT(*) FROM user_notification_preferences WHERE push_enabled";
    assert_eq!(count(of).await, 3);
    let of = "SELECT COUNT(*) FROM user_notification_preferences WHERE user_id = 'a' AND \
              CAST(muted_types AS TEXT) LIKE '%T%U%'";
    assert_eq!(count(of).await, 1);

    let ids = fill(&store, "a", 2).await;
    mark(&store, "a", ids[0], Mark::Read).await;
    let of = "SELECT COUNT(*) FROM notifications WHERE is_read AND read_at IS NOT NULL";
    assert_eq!(count(of).await, 1);
    assert_eq!(count("SELECT COUNT(*) FROM notifications WHERE NOT is_read").await, 1);
}

on_both! {
    columns_for_sql_follow_what_the_hub_writes,
    accepted_fan_out_is_claimed_by_one_hub_at_a_time_until_it_ends,
    preferences_are_stored_per_user,
    simultaneous_changes_of_preferences_are_all_kept,
    idempotency_key_is_reserved_once_with_its_response,
    directory_finds_users_and_roles,
    config_types_are_written_and_overrides_kept,
    dead_letters_are_stored_truncated_and_listed,
    the_epoch_stays_until_it_is_renewed,
    variant_outcomes_are_counted,
    schedule_begins_when_first_seen_and_never_moves_back,
    fan_out_chunks_follow_each_other_across_hubs,
}
