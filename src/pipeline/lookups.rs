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
        notification::Timestamp,
        plan::{People, RecipientSet},
        user::{Person, UserId},
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
}

impl Lookups {
    /// Looks up everything that the resolved events of a batch need.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn load(
        store: &Store,
        resolved: &[(Ingest, Vec<Resolution>)],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let wanted = Wanted::of(resolved);
        if !wanted.entering.is_empty() {
            store.enter_people(&wanted.entering, now).await?;
        }
        let (people, mut preferences) = store.recipients(&wanted.users).await?;
        let mut lookups = Self::default();
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
        lookups.people = People::new(people).with_preferences(preferences);
        Ok(lookups)
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
}

impl<'a> Wanted<'a> {
    fn of(resolved: &'a [(Ingest, Vec<Resolution>)]) -> Self {
        let mut users: BTreeSet<&UserId> = BTreeSet::new();
        let mut groups: Vec<(&RecipientSet, bool)> = Vec::new();
        let mut entering = Vec::new();
        for (ingest, resolutions) in resolved {
            for (event, resolution) in ingest.events.iter().zip(resolutions) {
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
        Self { users: users.into_iter().cloned().collect(), groups, entering }
    }
}
