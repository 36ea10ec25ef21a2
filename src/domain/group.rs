//! Grouping: similar events that become one notification.

use std::{fmt, sync::Arc};

use super::{catalog::MessageText, notification::Timestamp};

/// Maximum number of actors of a group that are remembered.
pub const ACTORS_MAX: usize = 50;

/// Renderer of a group's message from the number of events and the names of the actors, newest
/// first. It returns `None` if the template fails; then the message stays as it was.
#[derive(Clone)]
pub struct GroupText(Arc<Render>);

/// Function from the number of events and the names of the actors to a message.
type Render = dyn Fn(i64, &[String]) -> Option<MessageText> + Send + Sync;

impl GroupText {
    /// Wraps a renderer.
    #[must_use]
    pub fn new(
        render: impl Fn(i64, &[String]) -> Option<MessageText> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(render))
    }

    /// Renders the message.
    #[must_use]
    pub fn render(&self, count: i64, actors: &[String]) -> Option<MessageText> {
        (self.0)(count, actors)
    }
}

impl fmt::Debug for GroupText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupText")
    }
}

/// Group of a new notification.
#[derive(Debug, Clone)]
pub struct Group {
    /// Value of the field by which it is grouped.
    pub key: String,
    /// Time since which a notification is young enough to grow.
    pub since: Timestamp,
    /// Name of the actor of this event.
    pub actor: Option<String>,
    /// Renderer of the message.
    pub text: GroupText,
    /// Event as JSON ([`super::event::Event::to_member`]).
    pub event: Arc<str>,
}

/// Event of a group, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// Revision of the inbox with which it joined the group.
    pub revision: i64,
    /// ID of the event.
    pub event_id: Option<String>,
    /// Source of the event.
    pub source: Option<String>,
    /// Name of the actor.
    pub actor: Option<String>,
    /// Event as JSON; `None` once it was recalled, or its actor was erased.
    pub event: Option<String>,
    /// Time at which it joined the group.
    pub added_at: Timestamp,
    /// True if it was recalled.
    pub recalled: bool,
}

/// Returns the names of a group's actors with a further one: distinct, newest first.
#[must_use]
pub fn with_actor(actors: Vec<String>, actor: Option<&str>) -> Vec<String> {
    let Some(actor) = actor else { return actors };
    let others = actors.into_iter().filter(|known| known != actor);
    std::iter::once(actor.to_owned()).chain(others).take(ACTORS_MAX).collect()
}

/// Returns the names of a group's actors after some of its events were taken out: `members` are
/// the others, oldest first, and `known` the names until now. If the store does not have all of the
/// other events, names that none of them has are kept, without those of the events taken out.
#[must_use]
pub fn actors_of(
    members: &[&GroupMember],
    known: &[String],
    taken_out: &[&GroupMember],
    is_complete: bool,
) -> Vec<String> {
    let mut actors = members
        .iter()
        .fold(Vec::new(), |actors, member| with_actor(actors, member.actor.as_deref()));
    if !is_complete {
        let is_taken = |name: &String| {
            taken_out.iter().any(|member| member.actor.as_deref() == Some(name.as_str()))
        };
        for name in known {
            if !actors.contains(name) && !is_taken(name) {
                actors.push(name.clone());
            }
        }
        actors.truncate(ACTORS_MAX);
    }
    actors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_are_distinct_and_the_newest_comes_first() {
        let mut actors = Vec::new();
        for name in ["ani", "budi", "ani", "citra"] {
            actors = with_actor(actors, Some(name));
        }
        assert_eq!(actors, ["citra", "ani", "budi"]);
        assert_eq!(with_actor(actors.clone(), None), actors);
        let many = (0..100).fold(Vec::new(), |all, n| with_actor(all, Some(&n.to_string())));
        assert_eq!(many.len(), ACTORS_MAX);
        assert_eq!(many[0], "99");
    }
    #[test]
    fn actors_of_the_events_that_are_left_are_kept() {
        let member = |revision, actor: &str| GroupMember {
            revision,
            event_id: Some(format!("e{revision}")),
            source: None,
            actor: Some(actor.to_owned()),
            event: None,
            added_at: Timestamp(revision),
            recalled: false,
        };
        let (first, second, third) = (member(1, "ani"), member(2, "budi"), member(3, "ani"));
        let known: Vec<String> = ["ani", "budi", "old"].map(str::to_owned).to_vec();
        assert_eq!(actors_of(&[&first, &second], &known, &[&third], true), ["budi", "ani"]);
        // The store does not have the event of "old".
        assert_eq!(actors_of(&[&second], &known, &[&first, &third], false), ["budi", "old"]);
    }
}
