//! Recall of an event that belongs to the group of a notification.

use crate::{
    clock,
    domain::{inbox::Change, plan::People, regroup::Regrouping},
    inbox::TakeOut,
    store::{Regrouped, Store, StoreError},
};

/// Maximum number of attempts while other hubs change the notification.
const ATTEMPTS: usize = 10;

/// Takes an event out of a group. Returns the change and the number of cancelled deliveries; `None`
/// if the group does not have the event.
pub(super) async fn take_out(
    store: &Store,
    request: &TakeOut,
) -> Result<Option<(Change, u64)>, StoreError> {
    for _ in 0..ATTEMPTS {
        let Some(item) = store.any_notification(request.id).await? else { return Ok(None) };
        let members = store.group_members(request.id).await?;
        let (event, source) = (&request.event_id, request.source.as_deref());
        let Some(regrouping) = Regrouping::new(&item, &members, event, source) else {
            return Ok(None);
        };
        let now = clock::now();
        let people = People::new(store.people(&regrouping.people(&item)).await?);
        let after = regrouping.apply(&item, &request.catalog, &people, now);
        match store.regroup(&regrouping, (&item, after), request.reason, now).await? {
            Regrouped::Conflict => {}
            Regrouped::Done(change, cancelled) => return Ok(Some((change, cancelled))),
        }
    }
    Err(StoreError::Overloaded)
}
