//! Conformance of both stores: many updates of the directory at once, against a plain model; new
//! users, and the last change of each type.

use std::collections::BTreeMap;

use lonceng::{
    domain::user::{Person, PersonPatch},
    store::{AuditEntry, AuditFilter, Store},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use uuid::Uuid;

use crate::store::{NOW, user};

/// Returns a random update of one of a few users, so that several of a batch are of the same one.
fn random_patch(random: &mut StdRng) -> PersonPatch {
    let text = |random: &mut StdRng, texts: &[&str]| {
        let index = random.random_range(0..texts.len() * 2);
        texts.get(index).map(|text| (*text).to_owned())
    };
    let mut person = Person::unknown(user(&format!("u{}", random.random_range(0..12))));
    person.login = text(random, &["budi", "ratna"]);
    person.name = text(random, &["Budi \u{1F514}", "a \"quoted\", {name}", "NULL"]);
    person.email = text(random, &["a@example.org", "b@example.org"]);
    person.roles = text(random, &["admin", "{a,b}", "NULL"]).into_iter().collect();
    person.locale = text(random, &["id", "en"]);
    person.timezone = text(random, &["Asia/Jakarta", "UTC"]);
    person.email_verified = [None, Some(true), Some(false)][random.random_range(0..3)];
    let address = text(random, &["+62 1", "\\ \""]);
    person.addresses = address.map(|one| ("phone".to_owned(), one)).into_iter().collect();
    PersonPatch { person, set_roles: random.random() }
}

async fn updates_of_many_users_do_what_updates_one_by_one_would(store: Store) {
    let mut random = StdRng::seed_from_u64(7);
    let mut model: BTreeMap<String, Person> = BTreeMap::new();
    for round in 0..60 {
        let count = random.random_range(1..40);
        let patches: Vec<PersonPatch> = (0..count).map(|_| random_patch(&mut random)).collect();
        store.merge_people(&patches, NOW).await.expect("it merges");
        for patch in &patches {
            let id = patch.person.user_id.to_string();
            let known = model.get(&id);
            let now = patch.apply(known);
            model.insert(id, now);
        }
        let stored = store.users_with_role(None, "", 99).await.expect("it reads");
        let wanted: Vec<Person> = model.values().cloned().collect();
        let sorted = |mut people: Vec<Person>| {
            people.sort_by(|a, b| a.user_id.cmp(&b.user_id));
            people
        };
        assert_eq!(sorted(stored), sorted(wanted), "round {round}");
    }
    let admins = store.users_with_role(Some("admin"), "", 99).await.expect("it reads");
    let wanted = model.values().filter(|person| person.roles == ["admin"]).count();
    assert_eq!(admins.len(), wanted);
}

fn entry(number: u128, who: &str, action: &str, subject: &str) -> AuditEntry {
    AuditEntry {
        id: Uuid::from_u128(number),
        at: NOW,
        who: who.to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        before: None,
        after: None,
    }
}

async fn new_user_replaces_nobody(store: Store) {
    let mut budi = Person::unknown(user("budi"));
    budi.login = Some("budi".to_owned());
    budi.roles = vec!["admin".to_owned()];
    let put = async |person: &Person, only_new, number| {
        let entry = entry(number, "ani", "user.put", "user:budi");
        store.put_person(person, only_new, &entry).await.expect("it writes")
    };
    assert!(put(&budi, true, 1).await);
    assert!(!put(&Person::unknown(user("budi")), true, 2).await);
    assert_eq!(store.people(&[user("budi")]).await.expect("it reads"), [budi]);
    let entries = store.audit(None, &AuditFilter::default(), 9).await.expect("it reads");
    assert_eq!(entries.len(), 1, "what was refused is no change");
    let other = Person::unknown(user("budi"));
    assert!(put(&other, false, 3).await);
    assert_eq!(store.people(&[user("budi")]).await.expect("it reads"), [other]);
}

async fn test_and_message_are_no_changes_of_their_type(store: Store) {
    let entries = [
        ("budi", "type.created", "type:A"),
        ("siti", "type.changed", "type:A"),
        ("ani", "type.tested", "type:A"),
        ("ani", "type.tested", "type:B"),
        ("dewi", "type.changed", "type:MESSAGE"),
        ("ani", "message.sent", "type:MESSAGE"),
    ];
    for (number, (who, action, subject)) in (1..).zip(entries) {
        store.note_change(&entry(number, who, action, subject)).await.expect("it writes");
    }
    let mut last = store.last_changes_of_types().await.expect("it reads");
    last.sort_by(|a, b| a.subject.cmp(&b.subject));
    let by: Vec<_> = last.iter().map(|one| (one.subject.as_str(), one.who.as_str())).collect();
    assert_eq!(by, [("type:A", "siti"), ("type:MESSAGE", "dewi")]);
    for (subject, who) in [("type:A", Some("siti")), ("type:B", None)] {
        let last = store.last_change_of_type(subject).await.expect("it reads");
        assert_eq!(last.as_ref().map(|one| one.who.as_str()), who, "{subject}");
    }
}

on_both! {
    updates_of_many_users_do_what_updates_one_by_one_would,
    new_user_replaces_nobody,
    test_and_message_are_no_changes_of_their_type,
}
