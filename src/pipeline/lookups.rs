//! Users, preferences and groups that the events of a batch need, looked up together.

use std::collections::{BTreeSet, HashSet};

use super::{
    Ingest,
    recipients::{CHUNK_SIZE, page},
    resolve::Resolution,
};
use crate::{
    domain::{
        event::Event,
        plan::{People, RecipientSet},
        user::{Person, PersonPatch, UserId},
    },
    store::{Store, StoreError},
};

/// Results of the lookups for one batch.
#[derive(Default)]
pub(super) struct Lookups {
    /// Users that events name, with the preferences of all recipients.
    pub(super) people: People,
    /// Members of the roles that events are for, or of the whole directory; of large groups only
    /// the first ones.
    groups: Vec<(RecipientSet, Vec<Person>)>,
    /// Identities of large fan-outs that have begun.
    begun: HashSet<String>,
    /// Users whom direct notifications bring along and the directory does not have.
    entering: HashSet<UserId>,
}

impl Lookups {
    /// Looks up everything that the resolved events of a batch need.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn load(
        store: &Store,
        resolved: &[&(Ingest, Vec<Resolution>)],
    ) -> Result<Self, StoreError> {
        let wanted = Wanted::of(resolved);
        let (mut people, mut preferences) = store.recipients(&wanted.users).await?;
        let mut lookups = Self::default();
        if !wanted.entering.is_empty() {
            let known: HashSet<UserId> =
                people.iter().map(|person| person.user_id.clone()).collect();
            let new = wanted.entering.iter().filter(|person| !known.contains(&person.user_id));
            for person in new {
                if lookups.entering.insert(person.user_id.clone()) {
                    people.push(person.clone());
                }
            }
        }
        if !wanted.groups.is_empty() {
            let events = resolved.iter().flat_map(|(ingest, _)| &ingest.events);
            let identities: Vec<&str> =
                events.filter_map(|event| Some(event.identity.as_ref()?.as_str())).collect();
            lookups.begun = store.fan_outs_begun(&identities).await?;
        }
        let mut members: BTreeSet<UserId> = BTreeSet::new();
        for (recipient_set, whole) in wanted.groups {
            let limit = if whole { usize::MAX } else { CHUNK_SIZE + 1 };
            let people = page(store, recipient_set, "", limit).await?;
            if whole || people.len() <= CHUNK_SIZE {
                members.extend(people.iter().map(|person| person.user_id.clone()));
            }
            lookups.groups.push((recipient_set.clone(), people));
        }
        let members: Vec<UserId> = members.into_iter().collect();
        preferences.extend(store.preferences_of(&members).await?);
        for patch in wanted.patches {
            lookups.apply(patch, &mut people);
        }
        lookups.people = People::new(people).with_preferences(preferences);
        Ok(lookups)
    }

    /// Applies a change of the directory that is not written yet. The groups are complete: they are
    /// those of a batch that is committed as a whole.
    fn apply(&mut self, patch: &PersonPatch, people: &mut Vec<Person>) {
        let user = &patch.person.user_id;
        let known = people.iter().position(|person| person.user_id == *user);
        let changed = patch.apply(known.map(|at| &people[at]));
        for (recipient_set, members) in &mut self.groups {
            members.retain(|member| member.user_id != *user);
            let belongs = match recipient_set {
                RecipientSet::Users(_) => false,
                RecipientSet::Role(role) => changed.roles.contains(role),
                RecipientSet::All => true,
            };
            if belongs {
                members.push(changed.clone());
            }
        }
        match known {
            Some(at) => people[at] = changed,
            None => people.push(changed),
        }
    }

    /// Returns whether any direct notification brings users along for the directory.
    pub(super) fn has_entering(&self) -> bool {
        !self.entering.is_empty()
    }

    /// Returns the users whom an event brings along and the directory does not have.
    pub(super) fn entering_with(&self, event: &Event) -> Vec<Person> {
        let targets = event.direct.iter().flat_map(|direct| &direct.targets);
        targets.filter(|person| self.entering.contains(&person.user_id)).cloned().collect()
    }

    /// Returns the members of a group.
    pub(super) fn group(&self, recipient_set: &RecipientSet) -> &[Person] {
        self.groups
            .iter()
            .find(|(known, _)| known == recipient_set)
            .map_or(&[][..], |(_, people)| people.as_slice())
    }

    /// Returns whether an event is a large fan-out that has begun.
    pub(super) fn has_begun(&self, event: &Event) -> bool {
        event.identity.as_ref().is_some_and(|identity| self.begun.contains(identity.as_str()))
    }
}

/// Keys of the lookups.
struct Wanted<'a> {
    users: Vec<UserId>,
    /// Groups, each with whether all its members are needed at once.
    groups: Vec<(&'a RecipientSet, bool)>,
    /// Users whom direct notifications bring along for the directory.
    entering: Vec<Person>,
    /// Changes of the directory that are written only if the rest of their batch is accepted.
    patches: Vec<&'a PersonPatch>,
}

impl<'a> Wanted<'a> {
    fn of(resolved: &[&'a (Ingest, Vec<Resolution>)]) -> Self {
        let mut users: BTreeSet<&UserId> = BTreeSet::new();
        let mut groups: Vec<(&RecipientSet, bool)> = Vec::new();
        let (mut entering, mut patches) = (Vec::new(), Vec::new());
        for (ingest, resolutions) in resolved {
            for (event, resolution) in ingest.events.iter().zip(resolutions) {
                if let Resolution::Merge(merged) = resolution {
                    users.extend(merged.iter().map(|patch| &patch.person.user_id));
                    patches.extend(merged);
                }
                let Resolution::Notify(_, recipient_set) = resolution else { continue };
                users.extend(event.user_id.iter().chain(&event.actor_id));
                let whole = ingest.atomic && ingest.events.len() > 1;
                match (recipient_set, groups.iter_mut().find(|(known, _)| *known == recipient_set))
                {
                    (RecipientSet::Users(named), _) => users.extend(named),
                    (_, Some((_, known))) => *known |= whole,
                    (_, None) => groups.push((recipient_set, whole)),
                }
                entering.extend(event.direct.iter().flat_map(|direct| direct.targets.clone()));
            }
        }
        Self { users: users.into_iter().cloned().collect(), groups, entering, patches }
    }
}
