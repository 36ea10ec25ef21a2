//! Pages of the directory that an event is for.

use std::collections::BTreeSet;

use crate::{
    domain::{
        plan::{Draft, RecipientSet},
        user::{Person, UserId},
    },
    store::{Store, StoreError},
};

/// Number of recipients from which an event is committed in chunks, and recipients per chunk: some
/// milliseconds of the store's time.
pub(super) const CHUNK_SIZE: usize = 250;

/// Returns up to `limit` users of a recipient set with an ID above `after`, in the
/// order of their IDs.
pub(super) async fn page(
    store: &Store,
    recipient_set: &RecipientSet,
    after: &str,
    limit: usize,
) -> Result<Vec<Person>, StoreError> {
    let role = match recipient_set {
        RecipientSet::Users(_) => return Ok(Vec::new()),
        RecipientSet::Role(role) => Some(role.as_str()),
        RecipientSet::All => None,
    };
    store.users_with_role(role, after, i64::try_from(limit).unwrap_or(i64::MAX)).await
}

/// Returns the recipients without a draft.
pub(super) fn without_draft(recipients: &[Person], drafts: &[Draft]) -> Vec<UserId> {
    if drafts.len() == recipients.len() {
        return Vec::new();
    }
    let reached: BTreeSet<&UserId> = drafts.iter().map(|draft| &draft.user_id).collect();
    recipients
        .iter()
        .map(|person| &person.user_id)
        .filter(|user| !reached.contains(user))
        .cloned()
        .collect()
}
