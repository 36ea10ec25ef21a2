//! Grouping against a plain model, on both stores.

use std::sync::Arc;

use lonceng::{
    domain::{
        catalog::MessageText,
        group::{ACTORS_MAX, Group, GroupText},
        inbox::Mark,
        notification::Timestamp,
        plan::Draft,
    },
    store::Store,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::value::RawValue;

use crate::store::{NOW, draft, planned, user};

/// Window of a group, in milliseconds.
const WINDOW: i64 = 1_000;

/// Notification of the plain model.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Model {
    key: String,
    count: i64,
    actors: Vec<String>,
    unread: bool,
    created: i64,
    revision: i64,
}

async fn groups_grow_as_in_a_plain_model(store: Store) {
    let mut random = StdRng::seed_from_u64(7);
    let (mut model, mut ids): (Vec<Model>, Vec<uuid::Uuid>) = (Vec::new(), Vec::new());
    let (mut now, mut revision) = (NOW.0, 0);
    for step in 0..400 {
        now += random.random_range(0..400);
        let key = format!("k{}", random.random_range(0..3));
        let actor = format!("a{}", random.random_range(0..5));
        if random.random_ratio(1, 5) && !model.is_empty() {
            let index = random.random_range(0..model.len());
            crate::store::mark(&store, "u", ids[index], Mark::Read).await;
            if std::mem::take(&mut model[index].unread) {
                revision += 1;
                model[index].revision = revision;
            }
            continue;
        }
        let (id, plain) = draft("u", "1");
        let group = Group {
            key: key.clone(),
            since: Timestamp(now - WINDOW),
            actor: Some(actor.clone()),
            text: GroupText::new(|count, _| {
                Some(MessageText { plain: count.to_string(), rich: None })
            }),
            event: "{}".into(),
        };
        let one = Draft { group: Some(group), ..plain };
        store.commit(&[planned(None, vec![(id, one)])], Timestamp(now)).await.expect("it commits");
        revision += 1;
        let found = model
            .iter_mut()
            .filter(|item| item.key == key && item.unread && item.created >= now - WINDOW)
            .max_by_key(|item| item.revision);
        if let Some(item) = found {
            item.count += 1;
            item.actors.retain(|known| *known != actor);
            item.actors.insert(0, actor);
            item.actors.truncate(ACTORS_MAX);
            item.revision = revision;
        } else {
            let (unread, created) = (true, now);
            model.push(Model { key, count: 1, actors: vec![actor], unread, created, revision });
            ids.push(id);
        }
        let inbox = store.inbox(&user("u")).await.expect("it reads");
        assert_eq!(inbox.revision, revision, "step {step}");
        let unread = model.iter().filter(|item| item.unread).count();
        assert_eq!(inbox.unread, i64::try_from(unread).expect("few"), "step {step}");
    }
    let page = store.changed_since(&user("u"), 0, 1_000).await.expect("it reads");
    assert_eq!(page.items.len(), model.len());
    for item in page.items {
        let index = ids.iter().position(|id| *id == item.notification_id).expect("it is known");
        let expected = &model[index];
        assert_eq!((item.count, item.revision), (expected.count, expected.revision));
        assert_eq!(item.actors, expected.actors);
        assert_eq!(item.message, expected.count.to_string());
    }
    let verified = store.verify_inboxes("", 10).await.expect("it reads");
    assert_eq!(verified.findings, Vec::<String>::new());
}

async fn large_data_of_a_group_that_grows_is_kept_once(store: Store) {
    let data = format!(r#"{{"text":"{}"}}"#, "x".repeat(3_000));
    let grown = |user_id: &str| {
        let (id, plain) = draft(user_id, "1");
        let group = Group {
            key: "k".to_owned(),
            since: Timestamp(NOW.0 - WINDOW),
            actor: None,
            text: GroupText::new(|count, _| {
                Some(MessageText { plain: count.to_string(), rich: None })
            }),
            event: "{}".into(),
        };
        let metadata = RawValue::from_string(data.clone()).map(Arc::from).expect("it is JSON");
        (id, Draft { group: Some(group), metadata, ..plain })
    };
    let kept = async || {
        let rows = store.count_by_hand("SELECT COUNT(*) FROM shared_metadata").await;
        rows.expect("it counts")
    };
    for _ in 0..3 {
        let drafts = vec![grown("u"), grown("v")];
        store.commit(&[planned(None, drafts)], NOW).await.expect("it commits");
        assert_eq!(kept().await, 1);
    }
    // For someone a group begins.
    store.commit(&[planned(None, vec![grown("u"), grown("w")])], NOW).await.expect("it commits");
    assert_eq!(kept().await, 2);
    assert_eq!(store.verify().await.expect("it reads").findings, [] as [String; 0]);
}

on_both! {
    large_data_of_a_group_that_grows_is_kept_once,
    groups_grow_as_in_a_plain_model,
}
