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
}

/// Returns the names of a group's actors with a further one: distinct, newest first.
#[must_use]
pub fn with_actor(actors: Vec<String>, actor: Option<&str>) -> Vec<String> {
    let Some(actor) = actor else { return actors };
    let others = actors.into_iter().filter(|known| known != actor);
    std::iter::once(actor.to_owned()).chain(others).take(ACTORS_MAX).collect()
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
}
