//! Recall of an event of a group: which events are left, and what their notification says.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{
    catalog::Catalog,
    event::Event,
    group::{GroupMember, actors_of},
    notification::{Notification, Timestamp},
    plan::{Draft, People, Planner},
    user::UserId,
};

/// Group of a notification without the events that are recalled.
#[derive(Debug)]
pub struct Regrouping {
    /// Revisions of the events that are taken out.
    pub taken_out: Vec<i64>,
    /// Time at which the newest of the other events joined the group.
    pub newest_at: Option<Timestamp>,
    count: i64,
    actors: Vec<String>,
    /// Newest of the other events, whose data the message has.
    newest: Option<Arc<Event>>,
    /// New first event, if the first one is recalled.
    first: Option<First>,
}

/// Event that becomes the first of its group.
#[derive(Debug)]
struct First {
    event_id: Option<String>,
    source: Option<String>,
    event: Option<Arc<Event>>,
}

impl Regrouping {
    /// Takes an event out of a group, whose events are given oldest first; `None` if the group does
    /// not have it.
    #[must_use]
    pub fn new(
        item: &Notification,
        members: &[GroupMember],
        event_id: &str,
        source: Option<&str>,
    ) -> Option<Self> {
        let is_recalled = |member: &&GroupMember| {
            member.event_id.as_deref() == Some(event_id) && member.source.as_deref() == source
        };
        let (taken_out, left): (Vec<&GroupMember>, Vec<&GroupMember>) =
            members.iter().filter(|member| !member.recalled).partition(is_recalled);
        if taken_out.is_empty() {
            return None;
        }
        let number = |list: &[&GroupMember]| i64::try_from(list.len()).unwrap_or(i64::MAX);
        // Of a large group, the store has only the newest events.
        let count = item.count.saturating_sub(number(&taken_out)).max(number(&left));
        let actors = actors_of(&left, &item.actors, &taken_out, number(&left) == count);
        let lost_first =
            item.event_id.as_deref() == Some(event_id) && item.source.as_deref() == source;
        Some(Self {
            taken_out: taken_out.iter().map(|member| member.revision).collect(),
            newest_at: left.last().map(|member| member.added_at),
            count,
            actors,
            newest: left.iter().rev().find_map(|member| decoded(member)),
            first: lost_first.then(|| First {
                event_id: left.first().and_then(|member| member.event_id.clone()),
                source: left.first().and_then(|member| member.source.clone()),
                event: left.iter().find_map(|member| decoded(member)),
            }),
        })
    }

    /// Returns whether no event is left: then the notification is deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count <= 0
    }

    /// Returns the users that rendering needs to know.
    #[must_use]
    pub fn people(&self, item: &Notification) -> Vec<UserId> {
        let first = self.first.as_ref().and_then(|first| first.event.as_ref());
        let events = self.newest.iter().chain(first);
        let named = events.flat_map(|event| event.user_id.iter().chain(&event.actor_id));
        std::iter::once(&item.user_id).chain(named).cloned().collect()
    }

    /// Returns the notification of the events that are left, before it has a new revision. Nothing
    /// of the recalled event stays in it: a message that cannot be rendered any more becomes the
    /// title.
    #[must_use]
    pub fn apply(
        &self,
        item: &Notification,
        catalog: &Arc<Catalog>,
        people: &People,
        now: Timestamp,
    ) -> Notification {
        let draft = |event: &Arc<Event>| draft(event, item, catalog, people, now);
        let mut after = item.clone();
        if let Some(first) = &self.first {
            match first.event.as_ref().and_then(draft) {
                Some(draft) => begin_with(&mut after, draft),
                None => begin_without_content(&mut after, first),
            }
        }
        after.count = self.count;
        after.actors.clone_from(&self.actors);
        let group = self.newest.as_ref().and_then(draft).and_then(|draft| draft.group);
        let text = group.and_then(|group| group.text.render(self.count, &self.actors));
        if let Some(text) = text {
            after.message = text.plain;
            after.presentation.rich = text.rich;
        } else {
            after.message.clone_from(&after.title);
            after.presentation.rich = None;
        }
        after
    }
}

fn decoded(member: &GroupMember) -> Option<Arc<Event>> {
    Event::from_stored(member.event.as_ref()?.as_bytes()).ok().map(Arc::new)
}

/// Renders the notification that an event alone would make.
fn draft(
    event: &Arc<Event>,
    item: &Notification,
    catalog: &Arc<Catalog>,
    people: &People,
    now: Timestamp,
) -> Option<Draft> {
    let kind = catalog.find(&item.type_code)?;
    let planner = Planner::new(event, kind, people, catalog, now).ok()?;
    planner.drafts(&[people.get(&item.user_id)]).ok()?.pop()
}

fn begin_with(item: &mut Notification, draft: Draft) {
    item.title = draft.title;
    item.source = draft.source;
    item.actor_id = draft.actor_id;
    item.entity_type = draft.entity_type;
    item.entity_id = draft.entity_id;
    item.action_url = draft.action_url;
    item.presentation = draft.presentation;
    item.metadata = draft.metadata;
    item.metadata_id = None;
    item.event_id = draft.event_id;
    item.publisher = draft.publisher;
}

fn begin_without_content(item: &mut Notification, first: &First) {
    item.source.clone_from(&first.source);
    item.event_id.clone_from(&first.event_id);
    item.publisher = None;
    item.actor_id = None;
    item.entity_id = None;
    item.action_url = None;
    item.presentation.actions = Vec::new();
    item.metadata_id = None;
    // The constant is JSON.
    if let Ok(empty) = RawValue::from_string("{}".to_owned()) {
        item.metadata = Arc::from(empty);
    }
}
