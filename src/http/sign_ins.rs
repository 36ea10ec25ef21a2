//! Users who sign in, on their way to the directory.
//!
//! A sign-in that changes nothing costs no write, and a repeated one no read. Those that arrive
//! together share one statement or transaction: ten thousand clients that reconnect must not mean
//! ten thousand of them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::grouping::Grouping;
use crate::{
    clock,
    domain::{
        monotonic::Monotonic,
        user::{Person, PersonPatch, UserId},
    },
    store::{Store, StoreError},
};

/// Maximum number of cached users; others are compared with the directory again.
const CACHE_MAX: usize = 100_000;

/// Time after which a cached user is compared with the directory again, in milliseconds: another
/// hub, an event or SQL may have changed or removed the user.
const CACHED_MS: i64 = 60_000;

/// Cache of users as last compared with the directory, and sign-ins that wait for the store.
#[derive(Debug, Default)]
pub struct SignInDirectory {
    known: Mutex<HashMap<UserId, Known>>,
    reads: Grouping<UserId, Option<Person>>,
    writes: Grouping<PersonPatch, ()>,
}

#[derive(Debug)]
struct Known {
    patch: PersonPatch,
    since: Monotonic,
}

impl SignInDirectory {
    /// Adds a user to the directory, or updates it, unless it has everything already.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub(super) async fn enter(&self, store: &Store, patch: PersonPatch) -> Result<(), StoreError> {
        let now = clock::monotonic();
        if self.is_known(&patch, now) {
            return Ok(());
        }
        let read = async |users: Vec<UserId>| {
            let people = store.people(&users).await?.into_iter();
            let people: HashMap<UserId, Person> =
                people.map(|person| (person.user_id.clone(), person)).collect();
            Ok(users.iter().map(|user| people.get(user).cloned()).collect())
        };
        let stored = self.reads.join(patch.person.user_id.clone(), read).await?;
        if !stored.is_some_and(|person| is_contained(&patch, &person)) {
            let write = async |patches: Vec<PersonPatch>| {
                store.sign_in(&patches, clock::now()).await?;
                Ok(vec![(); patches.len()])
            };
            self.writes.join(patch.clone(), write).await?;
        }
        self.remember(patch, now);
        Ok(())
    }

    /// Removes users whose entries in the directory were changed or removed from the cache, so that
    /// the next sign-in is compared with the directory.
    pub(super) fn forget<'a>(&self, users: impl IntoIterator<Item = &'a UserId>) {
        let mut known = self.known();
        for user in users {
            known.remove(user);
        }
    }

    fn is_known(&self, patch: &PersonPatch, now: Monotonic) -> bool {
        self.known()
            .get(&patch.person.user_id)
            .is_some_and(|known| now.0 - known.since.0 < CACHED_MS && known.patch == *patch)
    }

    fn remember(&self, patch: PersonPatch, since: Monotonic) {
        let mut known = self.known();
        if known.len() >= CACHE_MAX {
            known.clear();
        }
        known.insert(patch.person.user_id.clone(), Known { patch, since });
    }

    fn known(&self) -> MutexGuard<'_, HashMap<UserId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether a user of the directory has everything that a patch would set.
fn is_contained(PersonPatch { person: new, set_roles }: &PersonPatch, old: &Person) -> bool {
    let same = |new: &Option<String>, old: &Option<String>| new.is_none() || new == old;
    same(&new.login, &old.login)
        && same(&new.name, &old.name)
        && same(&new.email, &old.email)
        && same(&new.locale, &old.locale)
        && same(&new.timezone, &old.timezone)
        && (!set_roles || new.roles == old.roles)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;
    use crate::testing::{ManualClock, TestStore, user};

    fn patch(id: &str, login: &str) -> PersonPatch {
        let person = Person { login: Some(login.to_owned()), ..Person::unknown(user(id)) };
        PersonPatch { person, set_roles: false }
    }

    #[actix::test]
    async fn users_who_arrive_together_are_written_together_and_each_is_there() {
        let test = TestStore::open().await;
        let directory = SignInDirectory::default();
        let ids: Vec<String> = (0..1_200).map(|n| format!("u{n}")).collect();
        let entering = ids.iter().map(|id| directory.enter(&test.store, patch(id, id)));
        assert!(join_all(entering).await.into_iter().all(|result| result.is_ok()));
        assert_eq!(test.store.directory_size().await.expect("it answers"), 1_200);
    }

    #[actix::test]
    async fn a_sign_in_that_changes_nothing_is_not_written() {
        let test = TestStore::open().await;
        let enter = async |login: &str| {
            let directory = SignInDirectory::default();
            directory.enter(&test.store, patch("budi", login)).await.expect("it answers");
        };
        enter("budi").await;
        let at = "SELECT updated_at FROM users WHERE user_id = 'budi'";
        let first = test.store.count_by_hand(at).await.expect("it answers");
        test.store
            .execute_by_hand("UPDATE users SET updated_at = updated_at - 5000")
            .await
            .expect("it answers");
        enter("budi").await;
        assert_eq!(test.store.count_by_hand(at).await.expect("it answers"), first - 5_000);
        enter("budi2").await;
        assert!(test.store.count_by_hand(at).await.expect("it answers") >= first);
    }

    #[actix::test]
    async fn removed_user_is_entered_again_at_once_when_forgotten_and_else_after_a_minute() {
        let clock = ManualClock::pause();
        let test = TestStore::open().await;
        let directory = SignInDirectory::default();
        let remove = async || {
            test.store.execute_by_hand("DELETE FROM users").await.expect("it deletes");
        };
        let size_after_sign_in = async || {
            directory.enter(&test.store, patch("budi", "budi")).await.expect("it answers");
            test.store.directory_size().await.expect("it answers")
        };
        assert_eq!(size_after_sign_in().await, 1);
        remove().await;
        assert_eq!(size_after_sign_in().await, 0, "a cached user is not read");
        directory.forget([&user("budi")]);
        assert_eq!(size_after_sign_in().await, 1);
        remove().await;
        clock.advance(Duration::from_millis(60_001)).await;
        assert_eq!(size_after_sign_in().await, 1);
    }

    #[actix::test]
    async fn a_failure_reaches_everyone_who_waits() {
        let test = TestStore::open().await;
        let directory = SignInDirectory::default();
        test.store.close().await;
        let entering = ["a", "b"].map(|id| directory.enter(&test.store, patch(id, id)));
        assert!(join_all(entering).await.into_iter().all(|result| result.is_err()));
    }
}
