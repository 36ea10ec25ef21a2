//! Conformance of both stores: many updates of the directory at once, against a plain model.

use std::collections::BTreeMap;

use lonceng::{
    domain::user::{Person, PersonPatch},
    store::Store,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

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

on_both! { updates_of_many_users_do_what_updates_one_by_one_would }
