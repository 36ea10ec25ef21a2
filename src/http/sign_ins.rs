//! Users who sign in, on their way to the directory.
//!
//! A sign-in that changes nothing costs no write, and those that arrive together share one: ten
//! thousand clients that reconnect must not mean ten thousand transactions.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, oneshot};

use crate::{
    clock,
    domain::user::{Person, PersonPatch, UserId},
    store::{Store, StoreError},
};

/// Maximum number of cached users; others are compared with the directory again.
const CACHE_MAX: usize = 100_000;

/// Maximum number of users in one transaction.
const GROUP_MAX: usize = 500;

/// Cache of users as last written to the directory, and users that wait to be written.
#[derive(Debug, Default)]
pub struct SignInDirectory {
    known: Mutex<HashMap<UserId, PersonPatch>>,
    waiting: Mutex<Vec<Waiting>>,
    /// Held by the caller who writes for all that wait.
    turn: AsyncMutex<()>,
}

#[derive(Debug)]
struct Waiting {
    patch: PersonPatch,
    /// Receives the text of the failure, if any.
    done: oneshot::Sender<Result<(), String>>,
}

impl SignInDirectory {
    /// Adds a user to the directory, or updates it, unless it has everything already.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub(super) async fn enter(&self, store: &Store, patch: PersonPatch) -> Result<(), StoreError> {
        if self.is_known(&patch) {
            return Ok(());
        }
        let stored = store.people(std::slice::from_ref(&patch.person.user_id)).await?;
        if !stored.first().is_some_and(|person| is_contained(&patch, person)) {
            self.write(store, patch.clone()).await?;
        }
        self.remember(patch);
        Ok(())
    }

    fn is_known(&self, patch: &PersonPatch) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&patch.person.user_id) == Some(patch)
    }

    fn remember(&self, patch: PersonPatch) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CACHE_MAX {
            known.clear();
        }
        known.insert(patch.person.user_id.clone(), patch);
    }

    /// Writes a user together with the others that wait.
    async fn write(&self, store: &Store, patch: PersonPatch) -> Result<(), StoreError> {
        loop {
            let (done, mut written) = oneshot::channel();
            self.waiting().push(Waiting { patch: patch.clone(), done });
            let _turn = self.turn.lock().await;
            match written.try_recv() {
                Ok(result) => return result.map_err(StoreError::Unavailable),
                // The caller who wrote for this one hung up before the end.
                Err(oneshot::error::TryRecvError::Closed) => continue,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            // Requests that have arrived meanwhile get the opportunity to join.
            tokio::task::yield_now().await;
            while let Some(group) = self.next_group() {
                let (patches, waiting): (Vec<_>, Vec<_>) =
                    group.into_iter().map(|one| (one.patch, one.done)).unzip();
                let result = store.sign_in(&patches, clock::now()).await;
                let result = result.map_err(|error| error.to_string());
                for done in waiting {
                    // The caller may have hung up.
                    let _ = done.send(result.clone());
                }
                // One of the others writes for those that have come meanwhile.
                if let Ok(result) = written.try_recv() {
                    return result.map_err(StoreError::Unavailable);
                }
            }
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_group(&self) -> Option<Vec<Waiting>> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(GROUP_MAX);
        (count > 0).then(|| waiting.drain(..count).collect())
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
    use futures_util::future::join_all;

    use super::*;
    use crate::testing::{TestStore, user};

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
    async fn a_failure_reaches_everyone_who_waits() {
        let test = TestStore::open().await;
        let directory = SignInDirectory::default();
        test.store.close().await;
        let entering = ["a", "b"].map(|id| directory.enter(&test.store, patch(id, id)));
        assert!(join_all(entering).await.into_iter().all(|result| result.is_err()));
    }
}
