//! Events on their way into the store: their notifications, and the revisions that those get.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use super::{Part, StoreError, sql_types::Json};
use crate::domain::{
    deliveries::DeliveryDraft,
    event::Identity,
    inbox::{InboxState, RevisionStep},
    notification::{Notification, Status, Timestamp, stream_id},
    plan::Draft,
    presentation::Presentation,
    trace_context::TraceContext,
};

/// Size from which the metadata of an event with several recipients is stored once for all of them,
/// in bytes.
const SHARED_METADATA_MIN_BYTES: usize = 2 * 1024;

/// Average size of a draft without its texts, in bytes.
const DRAFT_BYTES: usize = 512;

/// Notifications of an event, ready to be stored.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Identity for deduplication.
    pub identity: Option<Identity>,
    /// Chunk of a large fan-out; the last chunk has the identity.
    pub part: Option<Part>,
    /// Notifications, each with its ID.
    pub drafts: Vec<(Uuid, Draft)>,
    /// Deliveries that stand for all recipients of the event.
    pub broadcasts: Vec<DeliveryDraft>,
    /// Trace of the event.
    pub trace: Option<Arc<TraceContext>>,
}

impl Planned {
    /// Returns the size of the notifications in bytes of text; shared metadata counts once.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let metadata = self.drafts.first().map_or(0, |(_, draft)| draft.metadata.get().len());
        let texts = self.drafts.iter().map(|(_, draft)| {
            draft.title.len() + draft.message.len() + draft.presentation.bytes() + DRAFT_BYTES
        });
        metadata + texts.sum::<usize>()
    }

    /// Returns the metadata that is stored once for all recipients, with the ID of the first
    /// notification.
    pub(super) fn shared_metadata(&self) -> Option<(String, &str)> {
        let (id, first) = self.drafts.first()?;
        let metadata = first.metadata.get();
        (self.drafts.len() > 1 && metadata.len() >= SHARED_METADATA_MIN_BYTES)
            .then(|| (id.to_string(), metadata))
    }
}

/// Notification with its revision, and the step of its inbox.
pub(super) type Placed = (Notification, RevisionStep);

impl Planned {
    /// Returns whether the event changes notifications that exist already.
    pub(super) fn is_grouped(&self) -> bool {
        self.drafts.iter().any(|(_, draft)| draft.group.is_some())
    }

    /// Returns whether the event has deliveries on channels.
    #[must_use]
    pub fn has_deliveries(&self) -> bool {
        !self.broadcasts.is_empty()
            || self.drafts.iter().any(|(_, draft)| !draft.deliveries.is_empty())
    }
}

/// Returns the metadata as it is stored with the notification itself.
pub(super) fn stored_metadata(notification: &Notification) -> &str {
    if notification.metadata_id.is_some() { "{}" } else { notification.metadata.get() }
}

/// Returns the actors of a group as they are stored.
pub(super) fn stored_actors(notification: &Notification) -> Option<Json<'static>> {
    let actors = Some(&notification.actors).filter(|actors| !actors.is_empty())?;
    // A list of texts always serializes.
    serde_json::to_string(actors).ok().map(Json::from)
}

/// Returns the presentation as it is stored, without the category, which has a column of its own.
pub(super) fn stored_presentation(notification: &Notification) -> Option<Json<'static>> {
    let presentation = Presentation { category: None, ..notification.presentation.clone() };
    if presentation.is_empty() {
        return None;
    }
    // Texts always serialize.
    serde_json::to_string(&presentation).ok().map(Json::from)
}

/// Returns the number of new notifications of each user, in the order of the users' IDs.
pub(super) fn counts_by_user<'a>(events: impl Iterator<Item = &'a Planned>) -> Vec<(&'a str, i64)> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for (_, draft) in events.flat_map(|event| &event.drafts) {
        *counts.entry(draft.user_id.as_str()).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// New revisions of each inbox, in order.
pub(super) struct Steps(BTreeMap<String, std::vec::IntoIter<RevisionStep>>);

impl Steps {
    pub(super) fn new(counts: &[(&str, i64)], raised: Vec<(String, InboxState)>) -> Self {
        let counts: BTreeMap<&str, i64> = counts.iter().copied().collect();
        let steps = raised.into_iter().map(|(user, counters)| {
            let count = counts.get(user.as_str()).copied().unwrap_or_default();
            (user, counters.steps_of_new(count).collect::<Vec<_>>().into_iter())
        });
        Self(steps.collect())
    }

    /// Gives a notification the next revision of its inbox.
    pub(super) fn place(&mut self, notification: Notification) -> Result<Placed, StoreError> {
        let user = notification.user_id.as_str();
        let step =
            self.0.get_mut(user).and_then(Iterator::next).ok_or_else(|| {
                StoreError::Corrupt(format!("the inbox of {user:?} was not raised"))
            })?;
        let (revision, created_at) = (step.revision, notification.created_at);
        let stream_id = stream_id(created_at, revision);
        Ok((Notification { stream_id, revision, seq: revision, ..notification }, step))
    }
}

/// Returns the notification of a draft that is stored `now`, without a revision.
#[must_use]
pub fn notification_of(id: Uuid, draft: &Draft, now: Timestamp) -> Notification {
    let draft = draft.clone();
    Notification {
        notification_id: id,
        stream_id: String::new(),
        revision: 0,
        type_code: draft.type_code,
        title: draft.title,
        message: draft.message,
        priority: draft.priority,
        source: draft.source,
        actor_id: draft.actor_id,
        entity_type: draft.entity_type,
        entity_id: draft.entity_id,
        action_url: draft.action_url,
        presentation: draft.presentation,
        clicked_action: None,
        metadata: draft.metadata,
        count: 1,
        created_at: draft.created_at.unwrap_or(now),
        expires_at: draft.expires_at,
        status: Status::Unread,
        read: false,
        read_at: None,
        seen_at: None,
        snoozed_until: None,
        changed_at: now,
        event_id: draft.event_id,
        publisher: draft.publisher,
        actors: draft.group.as_ref().and_then(|group| group.actor.clone()).into_iter().collect(),
        group_key: draft.group.map(|group| group.key),
        keep_until: draft.keep_until,
        clicked_at: None,
        variant: draft.variant,
        metadata_id: None,
        user_id: draft.user_id,
        seq: 0,
    }
}
