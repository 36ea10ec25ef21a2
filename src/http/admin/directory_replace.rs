//! Users who are not in a complete file: they are removed from the directory.

use std::collections::HashSet;

use serde_json::Value;

use super::{audit::entry, directory::subject};
use crate::{
    auth::Caller,
    domain::user::{Person, UserId},
    http::{Problem, State},
    store::AuditEntry,
};

/// Number of users read together, and removed in one transaction.
const CHUNK: usize = 200;

/// Maximum number of removed users in a response.
const SHOWN_MAX: usize = 100;

/// Users of the directory who are not in the file.
#[derive(Debug, Default)]
pub(super) struct Absent {
    pub(super) count: usize,
    /// The first of them, by user ID.
    pub(super) first: Vec<Person>,
}

impl Absent {
    /// Refuses another number than the one that was confirmed, if one was.
    pub(super) fn check(&self, confirmed: Option<usize>) -> Result<(), Problem> {
        match confirmed {
            Some(confirmed) if confirmed != self.count => Err(Problem::conflict(format!(
                "the import would remove {} users, and {confirmed} were confirmed; check it again",
                self.count
            ))),
            _ => Ok(()),
        }
    }
}

/// Returns the page of the directory after a user, without those who are `present`, and the last
/// user of the page.
async fn page(
    state: &State,
    present: &HashSet<UserId>,
    after: Option<&UserId>,
) -> Result<(Vec<Person>, Option<UserId>), Problem> {
    let after = after.map_or("", UserId::as_str);
    let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
    let mut people = state.store.users_with_role(None, after, limit).await?;
    let last = people.last().map(|person| person.user_id.clone());
    people.retain(|person| !present.contains(&person.user_id));
    Ok((people, last))
}

/// Finds the users who are not in the file.
pub(super) async fn find(state: &State, present: &HashSet<UserId>) -> Result<Absent, Problem> {
    let mut absent = Absent::default();
    let mut after = None;
    loop {
        let (people, last) = page(state, present, after.as_ref()).await?;
        absent.count += people.len();
        let more = SHOWN_MAX.saturating_sub(absent.first.len());
        absent.first.extend(people.into_iter().take(more));
        match last {
            Some(last) => after = Some(last),
            None => return Ok(absent),
        }
    }
}

/// Removes the users who are not in the file, in chunks. Returns their number.
pub(super) async fn remove(
    state: &State,
    caller: &Caller,
    present: &HashSet<UserId>,
) -> Result<usize, Problem> {
    let removal = |person: Person| -> (UserId, AuditEntry) {
        let before: Option<Value> = serde_json::to_value(&person).ok();
        let entry = entry(caller, "user.deleted", subject(&person.user_id), before, None);
        (person.user_id, entry)
    };
    let (mut removed, mut after) = (0, None);
    loop {
        let (people, last) = page(state, present, after.as_ref()).await?;
        let removals: Vec<_> = people.into_iter().map(removal).collect();
        if !removals.is_empty() {
            removed += state.store.remove_people(&removals).await?;
            state.sign_ins.forget(removals.iter().map(|(user, _)| user));
        }
        match last {
            Some(last) => after = Some(last),
            None => return Ok(removed),
        }
    }
}
