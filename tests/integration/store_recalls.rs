//! Recall of events that belong to groups, against a plain model, on both stores.

use std::sync::Arc;

use lonceng::{
    domain::{
        catalog::{Catalog, Origin, TypeRow},
        deliveries::DeliveryDraft,
        event::Event,
        inbox::{Mark, SweepKind},
        notification::{Notification, Status, Timestamp},
        plan::{Draft, People, Planner},
        regroup::Regrouping,
        user::Person,
    },
    store::{DeliveryFilter, Fence, Planned, Regrouped, Store},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::store::{NOW, mark, user};

/// Reason of cancelled deliveries.
const REASON: &str = "recalled";

/// Returns the types of the tests: `LIKED` groups by `note`.
fn catalog() -> Arc<Catalog> {
    let row = TypeRow {
        code: "LIKED".to_owned(),
        display_name: "Likes".to_owned(),
        template: "{count}: {actors|join(\",\")} liked {title}".to_owned(),
        target_type: "SELF".to_owned(),
        target_role: None,
        target_users: Vec::new(),
        priority: "MEDIUM".to_owned(),
        channels: vec!["web".to_owned()],
        is_active: true,
        ttl_seconds: None,
        action_url: Some("/notes/{title}".to_owned()),
        category: None,
        icon: None,
        actions: Vec::new(),
        rich: false,
        entity: None,
        mandatory: false,
        keep_days: None,
        variants: Vec::new(),
        schedule: None,
        escalate: Vec::new(),
        group_by: Some("note".to_owned()),
        group_window: Some("1h".to_owned()),
        digest: None,
        translations: lonceng::domain::catalog::TextsByLocale::new(),
        email: lonceng::domain::catalog::EmailTexts::default(),
        origin: Origin::Config,
        updated_at: Timestamp(0),
    };
    let (catalog, bad) = Catalog::build(&[row], &[], "en");
    assert_eq!(bad, []);
    Arc::new(catalog)
}

/// Returns the notification of an event of the user `u`.
fn liked(catalog: &Arc<Catalog>, id: &str, note: &str, actor: &str, now: i64) -> (Uuid, Draft) {
    let data = json!({ "note": note, "title": format!("t{id}") });
    let data = data.as_object().cloned().expect("the data is an object");
    let event = Arc::new(event(id, actor, data, now));
    let kind = catalog.find("LIKED").expect("the type is there");
    let people = People::default();
    let planner = Planner::new(&event, kind, &people, catalog, Timestamp(now));
    let drafts = planner.expect("valid data").drafts(&[Person::unknown(user("u"))]);
    (Uuid::now_v7(), drafts.expect("it renders").remove(0))
}

fn event(id: &str, actor: &str, data: Map<String, Value>, now: i64) -> Event {
    Event {
        id: id.to_owned(),
        identity: None,
        name: "liked".to_owned(),
        code: "LIKED".to_owned(),
        source: Some("notes".to_owned()),
        user_id: Some(user("u")),
        actor_id: Some(user(actor)),
        recipients: Vec::new(),
        time: Timestamp(now),
        data,
        bytes: 0,
        publisher: Some("key:notes".to_owned()),
        direct: None,
        trace: None,
        destination: None,
    }
}

async fn commit(store: &Store, draft: (Uuid, Draft), now: i64) -> Uuid {
    let planned = Planned {
        identity: None,
        part: None,
        drafts: vec![draft],
        broadcasts: Vec::new(),
        trace: None,
    };
    let committed = store.commit(&[planned], Timestamp(now)).await.expect("it commits");
    match &committed[0] {
        lonceng::store::Committed::Stored(changes) => {
            changes[0].notification.as_ref().expect("it has one").notification_id
        }
        lonceng::store::Committed::Duplicate => panic!("it has no identity"),
    }
}

/// Recalls an event. Returns whether a notification had it, and the number of cancelled deliveries.
async fn recall(store: &Store, catalog: &Arc<Catalog>, event_id: &str, now: i64) -> (bool, u64) {
    let found = store.occurrences(event_id, Uuid::nil(), 10).await.expect("it reads");
    let Some(found) = found.first().filter(|found| found.is_member) else { return (false, 0) };
    assert_eq!(found.publisher.as_deref(), Some("key:notes"));
    loop {
        let item = store.any_notification(found.notification_id).await.expect("it reads");
        let item = item.expect("it is there");
        let members = store.group_members(found.notification_id).await.expect("it reads");
        let source = found.source.as_deref();
        let Some(regrouping) = Regrouping::new(&item, &members, event_id, source) else {
            return (false, 0);
        };
        let after = regrouping.apply(&item, catalog, &People::default(), Timestamp(now));
        let regrouped = store.regroup(&regrouping, (&item, after), REASON, Timestamp(now)).await;
        if let Regrouped::Done(_, cancelled) = regrouped.expect("it writes") {
            return (true, cancelled);
        }
    }
}

/// Group of the plain model.
#[derive(Debug, Default)]
struct Model {
    note: String,
    /// ID and actor of each event, oldest first.
    events: Vec<(String, String)>,
    unread: bool,
    deleted: bool,
    revision: i64,
}

impl Model {
    /// Returns what the notification must be: count, message, link and data.
    fn expected(&self) -> (i64, String, String, String) {
        let mut actors: Vec<&str> = Vec::new();
        for (_, actor) in self.events.iter().rev() {
            if !actors.contains(&actor.as_str()) {
                actors.push(actor);
            }
        }
        let (first, newest) = (&self.events[0].0, &self.events[self.events.len() - 1].0);
        let count = self.events.len();
        (
            i64::try_from(count).expect("few"),
            format!("{count}: {} liked t{newest}", actors.join(",")),
            format!("/notes/t{first}"),
            format!("t{first}"),
        )
    }
}

fn shown(item: &Notification) -> (i64, String, String, String) {
    let metadata: Value = serde_json::from_str(item.metadata.get()).expect("it is JSON");
    let title = metadata["title"].as_str().unwrap_or_default().to_owned();
    (item.count, item.message.clone(), item.action_url.clone().unwrap_or_default(), title)
}

async fn groups_without_recalled_events_are_as_in_a_plain_model(store: Store) {
    let (catalog, mut random) = (catalog(), StdRng::seed_from_u64(11));
    let (mut model, mut ids): (Vec<Model>, Vec<Uuid>) = (Vec::new(), Vec::new());
    let (mut revision, mut count) = (0, 0);
    for step in 0..500 {
        let now = NOW.0 + step;
        match random.random_range(0..10) {
            0 if !model.is_empty() => {
                let index = random.random_range(0..model.len());
                if !model[index].deleted {
                    mark(&store, "u", ids[index], Mark::Read).await;
                    if std::mem::take(&mut model[index].unread) {
                        revision += 1;
                        model[index].revision = revision;
                    }
                }
            }
            1..=4 if count > 0 => {
                let id = format!("e{}", random.random_range(0..count));
                let (was_there, _) = recall(&store, &catalog, &id, now).await;
                let found = model.iter_mut().find(|one| one.events.iter().any(|(e, _)| *e == id));
                assert_eq!(was_there, found.is_some(), "step {step}: {id}");
                if let Some(one) = found {
                    one.events.retain(|(event, _)| *event != id);
                    revision += 1;
                    one.revision = revision;
                    if one.events.is_empty() {
                        (one.deleted, one.unread) = (true, false);
                    }
                }
            }
            _ => {
                let note = format!("n{}", random.random_range(0..4));
                let (id, actor) = (format!("e{count}"), format!("a{}", random.random_range(0..6)));
                count += 1;
                let draft = liked(&catalog, &id, &note, &actor, now);
                let stored = commit(&store, draft, now).await;
                revision += 1;
                let grown = model.iter_mut().rev().find(|one| one.note == note && one.unread);
                if let Some(one) = grown {
                    one.events.push((id, actor));
                    one.revision = revision;
                } else {
                    let events = vec![(id, actor)];
                    model.push(Model { note, events, unread: true, deleted: false, revision });
                    ids.push(stored);
                }
            }
        }
        let inbox = store.inbox(&user("u")).await.expect("it reads");
        let unread = model.iter().filter(|one| one.unread).count();
        let unread = i64::try_from(unread).expect("few");
        assert_eq!((inbox.revision, inbox.unread), (revision, unread), "step {step}");
    }
    for (one, id) in model.iter().zip(&ids) {
        let item = store.any_notification(*id).await.expect("it reads").expect("it is there");
        assert_eq!(item.revision, one.revision);
        if one.deleted {
            assert_eq!((item.status, item.message.as_str()), (Status::Deleted, ""));
            assert_eq!(store.group_members(*id).await.expect("it reads"), []);
        } else {
            assert_eq!(shown(&item), one.expected());
        }
    }
    assert!(model.iter().any(|one| one.deleted) && model.iter().any(|one| one.events.len() > 3));
    let verified = store.verify_inboxes("", 10).await.expect("it reads");
    assert_eq!(verified.findings, Vec::<String>::new());
}

async fn events_and_recalls_at_the_same_time_lose_nothing(store: Store) {
    const EVENTS: i64 = 40;
    let catalog = catalog();
    let id = commit(&store, liked(&catalog, "e0", "n", "a0", NOW.0), NOW.0).await;
    let tasks = (1..EVENTS).map(|n| {
        let (store, catalog) = (store.clone(), Arc::clone(&catalog));
        tokio::spawn(async move {
            let (event, now) = (format!("e{n}"), NOW.0 + n);
            commit(&store, liked(&catalog, &event, "n", &format!("a{n}"), now), now).await;
            // Every second event is recalled, while others come.
            n % 2 == 0 && recall(&store, &catalog, &event, now).await.0
        })
    });
    let mut recalled = 0;
    for task in tasks.collect::<Vec<_>>() {
        recalled += i64::from(task.await.expect("it ends"));
    }
    assert!(recall(&store, &catalog, "e0", NOW.0 + EVENTS).await.0, "the first one");
    assert_eq!(recalled, EVENTS / 2 - 1);
    let item = store.any_notification(id).await.expect("it reads").expect("it is there");
    assert_eq!(item.count, EVENTS / 2);
    assert_eq!(item.actors.len(), usize::try_from(EVENTS / 2).expect("few"));
    assert!(item.actors.iter().all(|name| name[1..].parse::<i64>().is_ok_and(|n| n % 2 == 1)));
    assert!(item.event_id.is_some_and(|id| id != "e0"));
    let verified = store.verify_inboxes("", 10).await.expect("it reads");
    assert_eq!(verified.findings, Vec::<String>::new());
}

async fn of_a_large_group_the_first_and_the_newest_events_are_kept(store: Store) {
    const EVENTS: i64 = 640;
    let catalog = catalog();
    let mut id = Uuid::nil();
    for n in 0..EVENTS {
        let now = NOW.0 + n;
        id = commit(&store, liked(&catalog, &format!("e{n}"), "n", "a", now), now).await;
    }
    let kept = store.group_members(id).await.expect("it reads");
    assert!((500..520).contains(&kept.len()), "{}", kept.len());
    let ids = |member: Option<&lonceng::domain::group::GroupMember>| {
        member.and_then(|member| member.event_id.clone())
    };
    assert_eq!(ids(kept.first()).as_deref(), Some("e0"));
    assert_eq!(ids(kept.last()), Some(format!("e{}", EVENTS - 1)));
    assert_eq!(recall(&store, &catalog, "e1", NOW.0).await, (false, 0), "it is not kept");
    assert!(recall(&store, &catalog, "e0", NOW.0 + EVENTS).await.0);
    let item = store.any_notification(id).await.expect("it reads").expect("it is there");
    assert_eq!(item.count, EVENTS - 1);
    assert_eq!(item.message, format!("{}: a liked te{}", EVENTS - 1, EVENTS - 1));

    // Large events take the place of many small ones.
    let mut draft = liked(&catalog, "large", "m", "a", NOW.0);
    let mut last = Uuid::nil();
    for n in 0..48 {
        if let Some(group) = &mut draft.1.group {
            group.event = format!("\"{}\"", "x".repeat(20_000)).into();
        }
        last = commit(&store, (Uuid::now_v7(), draft.1.clone()), NOW.0 + n).await;
    }
    let kept = store.group_members(last).await.expect("it reads");
    let bytes: usize = kept.iter().filter_map(|one| one.event.as_ref().map(String::len)).sum();
    assert!((100_000..640_000).contains(&bytes), "{bytes} bytes of {} events", kept.len());
    mark(&store, "u", last, Mark::Delete).await;
    assert_eq!(store.group_members(last).await.expect("it reads"), []);
}

async fn a_recall_cancels_what_only_its_event_needs(store: Store) {
    let catalog = catalog();
    let with_digest = |event: &str, now: i64| {
        let (id, draft) = liked(&catalog, event, "n", event, now);
        let digest = DeliveryDraft {
            channel: "email".to_owned(),
            due_at: Timestamp(now),
            unless: None,
            digest: true,
            recipients: 1,
        };
        (id, Draft { deliveries: vec![digest], ..draft })
    };
    let deliveries = async |state: &str| {
        let filter = DeliveryFilter { state: state.to_owned(), ..DeliveryFilter::default() };
        store.deliveries(&filter, 10).await.expect("it reads").len()
    };
    let now = NOW.0;
    commit(&store, with_digest("e0", now), now).await;
    commit(&store, with_digest("e1", now + 1), now + 1).await;
    assert_eq!(deliveries("scheduled").await, 1, "both wait for the same digest");
    assert_eq!(recall(&store, &catalog, "e0", now + 2).await, (true, 0));
    assert_eq!(deliveries("scheduled").await, 1, "the other event still waits for it");

    // The digest is sent, and a further event begins the next one.
    let (now, until) = (Timestamp(now + 3), Timestamp(now + 1_000));
    let claimed = store.claim_deliveries("email", (now, until), 10, true).await.expect("claimed");
    let sent = lonceng::store::DeliveryOutcome {
        delivery_id: claimed[0].delivery_id,
        state: "sent",
        reason: None,
        attempts: 1,
        due_at: None,
        sent_at: Some(now),
        confirmed: None,
    };
    store.record_deliveries(&[sent]).await.expect("it writes");
    let id = commit(&store, with_digest("e2", now.0 + 1), now.0 + 1).await;
    assert_eq!((deliveries("sent").await, deliveries("scheduled").await), (1, 1));
    assert_eq!(recall(&store, &catalog, "e2", now.0 + 2).await, (true, 1));
    assert_eq!((deliveries("sent").await, deliveries("cancelled").await), (1, 1));
    let item = store.any_notification(id).await.expect("it reads").expect("it is there");
    assert_eq!((item.count, item.message.as_str()), (1, "1: e1 liked te1"));

    // The last event takes the notification and its deliveries along.
    commit(&store, with_digest("e3", now.0 + 3), now.0 + 3).await;
    assert_eq!(recall(&store, &catalog, "e1", now.0 + 4).await, (true, 0));
    assert_eq!(recall(&store, &catalog, "e3", now.0 + 5).await, (true, 1));
    let item = store.any_notification(id).await.expect("it reads").expect("it is there");
    assert_eq!(item.status, Status::Deleted);
    assert_eq!(recall(&store, &catalog, "e3", now.0 + 6).await, (false, 0), "recalled before");
}

async fn events_of_a_group_end_with_it_and_with_the_people_they_name(store: Store) {
    let catalog = catalog();
    let now = NOW.0;
    let id = commit(&store, liked(&catalog, "e0", "n", "ani", now), now).await;
    commit(&store, liked(&catalog, "e1", "n", "budi", now + 1), now + 1).await;
    // The newest event is not rendered again for someone who was erased.
    store.erase(&user("budi")).await.expect("it writes");
    let members = store.group_members(id).await.expect("it reads");
    let kept: Vec<_> = members.iter().map(|one| (one.event.is_some(), &one.actor)).collect();
    assert_eq!(kept, [(true, &Some("ani".to_owned())), (false, &None)]);
    commit(&store, liked(&catalog, "e2", "n", "citra", now + 2), now + 2).await;
    assert!(recall(&store, &catalog, "e2", now + 3).await.0);
    let item = store.any_notification(id).await.expect("it reads").expect("it is there");
    assert_eq!((item.count, item.message.as_str()), (2, "2: ani liked te0"));
    let data = store.personal_data(&user("u"), Timestamp(now)).await.expect("it reads");
    assert_eq!(data["group_members"].as_array().map(Vec::len), Some(3), "{data}");
    store.erase(&user("u")).await.expect("it writes");
    assert_eq!(store.group_members(id).await.expect("it reads"), []);

    // The end of the retention period.
    let (id, draft) = liked(&catalog, "e3", "n", "ani", now);
    commit(&store, (id, Draft { keep_until: Some(Timestamp(now + 1)), ..draft }), now).await;
    let (due, fence) = (Timestamp(now + 2), Fence::alone("sweeper"));
    let swept = store.sweep(SweepKind::Discard, due, 10, due, &fence).await.expect("it writes");
    assert_eq!((swept.len(), store.group_members(id).await.expect("it reads")), (1, vec![]));
}

on_both! {
    events_of_a_group_end_with_it_and_with_the_people_they_name,
    groups_without_recalled_events_are_as_in_a_plain_model,
    events_and_recalls_at_the_same_time_lose_nothing,
    of_a_large_group_the_first_and_the_newest_events_are_kept,
    a_recall_cancels_what_only_its_event_needs,
}
