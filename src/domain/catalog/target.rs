//! Recipients of a type's notifications.

use crate::domain::user::UserId;

/// Recipients of a type's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The event's user.
    User,
    /// The event's actor.
    Actor,
    /// `recipient_id` and `recipient_ids` in the event.
    Recipient,
    /// All users of the directory with this role; ADMIN is the role `admin`.
    Role(String),
    /// These users.
    Users(Vec<UserId>),
    /// All users of the directory.
    All,
    /// No inbox: live feeds only.
    Feed,
}

impl Target {
    /// Parses the columns `target_type`, `target_role` and `target_users`.
    ///
    /// # Errors
    /// A description of the invalid column.
    pub fn parse(target: &str, role: Option<&str>, users: &[UserId]) -> Result<Self, String> {
        match target.to_ascii_uppercase().as_str() {
            "SELF" | "REQUESTER" => Ok(Self::User),
            "ACTOR" => Ok(Self::Actor),
            "RECIPIENT" => Ok(Self::Recipient),
            "ADMIN" => Ok(Self::Role("admin".to_owned())),
            "ROLE" => match role {
                Some(role) if !role.is_empty() => Ok(Self::Role(role.to_owned())),
                _ => Err("target ROLE needs target_role, such as \"moderator\"".to_owned()),
            },
            "USERS" if users.is_empty() => {
                Err("target USERS needs target_users with at least one user id".to_owned())
            }
            "USERS" => Ok(Self::Users(users.to_vec())),
            "ALL" => Ok(Self::All),
            "FEED" => Ok(Self::Feed),
            _ => Err(format!(
                "unknown target {target:?}; one of SELF, ACTOR, RECIPIENT, ADMIN, ROLE, USERS, \
                 ALL, FEED is expected"
            )),
        }
    }

    /// Returns whether its recipients are known without an event.
    pub(super) fn needs_no_event(&self) -> bool {
        matches!(self, Self::Role(_) | Self::Users(_) | Self::All)
    }
}
