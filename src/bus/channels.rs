//! Names of the channels. They contain the epoch of the store, so that hubs of other stores may
//! use the same Redis.

use crate::domain::user::UserId;

/// Channels of the hubs of one store.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    prefix: String,
}

/// Kind of a channel, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// Changes of the inbox of a user.
    User(UserId),
    /// Events for live feeds.
    Events,
    /// Messages to all hubs.
    Hubs,
    /// Messages to this hub.
    Own,
}

impl Channels {
    pub(super) fn new(epoch: &str) -> Self {
        Self { prefix: format!("lonceng:{epoch}:") }
    }

    pub(super) fn user(&self, user: &UserId) -> String {
        format!("{}user:{user}", self.prefix)
    }

    pub(super) fn events(&self) -> String {
        format!("{}events", self.prefix)
    }

    pub(super) fn hubs(&self) -> String {
        format!("{}hubs", self.prefix)
    }

    pub(super) fn hub(&self, boot: &str) -> String {
        format!("{}hub:{boot}", self.prefix)
    }

    /// Returns the key of the hash with the number of connections of a user at each hub.
    pub(super) fn connections(&self, user: &UserId) -> String {
        format!("{}connections:{user}", self.prefix)
    }

    pub(super) fn parse(&self, name: &str) -> Option<Channel> {
        let name = name.strip_prefix(&self.prefix)?;
        match name.split_once(':') {
            None if name == "events" => Some(Channel::Events),
            None if name == "hubs" => Some(Channel::Hubs),
            Some(("user", user)) => UserId::parse(user).ok().map(Channel::User),
            Some(("hub", _)) => Some(Channel::Own),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_back() {
        let channels = Channels::new("e1");
        for user in ["budi", "a:b", "lonceng:e1:events"] {
            let user = UserId::parse(user).expect("a user ID");
            let name = channels.user(&user);
            assert_eq!(channels.parse(&name), Some(Channel::User(user)));
        }
        assert_eq!(channels.parse(&channels.events()), Some(Channel::Events));
        assert_eq!(channels.parse(&channels.hubs()), Some(Channel::Hubs));
        assert_eq!(channels.parse(&channels.hub("b1")), Some(Channel::Own));
        assert_eq!(Channels::new("e2").parse(&channels.events()), None);
    }
}
