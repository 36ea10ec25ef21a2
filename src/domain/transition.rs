//! Marks: what a user does with a notification, and its state afterwards.

use super::notification::{NotificationState, Status, Timestamp};

/// Action of a user on one notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// It was displayed.
    Seen,
    /// It was read.
    Read,
    /// Click on its link, or on its action of this index, which also reads it.
    Click(Option<u8>),
    /// It is unread again.
    Unread,
    /// It moves to the archive.
    Archive,
    /// It leaves the archive, with its earlier status.
    Unarchive,
    /// It is deleted.
    Delete,
    /// It is put off until a time, and is unread again then.
    Snooze(Timestamp),
    /// It is unread again at once.
    Unsnooze,
}

impl Mark {
    /// All variants without a parameter.
    pub const ALL: [Self; 8] = [
        Self::Seen,
        Self::Read,
        Self::Click(None),
        Self::Unread,
        Self::Archive,
        Self::Unarchive,
        Self::Delete,
        Self::Unsnooze,
    ];

    /// Returns the name in `notification.NAME`, `notification.NAME.ack` and `POST …/{id}/NAME`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Read => "read",
            Self::Click(_) => "clicked",
            Self::Unread => "unread",
            Self::Archive => "archive",
            Self::Unarchive => "unarchive",
            Self::Delete => "delete",
            Self::Snooze(_) => "snooze",
            Self::Unsnooze => "unsnooze",
        }
    }
}

/// Returns the state after a mark; `None` if it changes nothing, and so takes no revision.
///
/// Reading and archiving imply that it was seen. A notification that is unread again, or leaves the
/// archive, has no expiry any more: a user asked for it.
#[must_use]
pub fn transition(
    state: NotificationState,
    mark: Mark,
    now: Timestamp,
) -> Option<NotificationState> {
    let seen = state.seen_at.or(Some(now));
    let changed = match mark {
        Mark::Snooze(until) => snoozed(state, until, seen)?,
        mark => change_of(state, mark, seen, now)?,
    };
    let snoozed_until = changed.snoozed_until.filter(|_| changed.status == Status::Snoozed);
    Some(NotificationState { snoozed_until, ..changed })
}

fn change_of(
    state: NotificationState,
    mark: Mark,
    seen: Option<Timestamp>,
    now: Timestamp,
) -> Option<NotificationState> {
    let lives_on = state.expires_at.filter(|expires_at| *expires_at > now);
    match (state.status, mark) {
        (Status::Unread, Mark::Seen) if state.seen_at.is_none() => {
            Some(NotificationState { seen_at: seen, ..state })
        }
        (Status::Unread | Status::Snoozed, Mark::Read) => Some(NotificationState {
            status: Status::Read,
            seen_at: seen,
            read_at: Some(now),
            ..state
        }),
        (Status::Unread | Status::Snoozed, Mark::Click(action)) => {
            let clicked_at = state.clicked_at.or(Some(now));
            Some(NotificationState {
                status: Status::Read,
                seen_at: seen,
                read_at: Some(now),
                clicked_at,
                clicked_action: action.or(state.clicked_action),
                ..state
            })
        }
        (Status::Read | Status::Archived | Status::AutoCleared, Mark::Click(action))
            if state.clicked_at.is_none()
                || action.is_some_and(|action| state.clicked_action != Some(action)) =>
        {
            // Archiving an unread notification reads it.
            Some(NotificationState {
                clicked_at: state.clicked_at.or(Some(now)),
                clicked_action: action.or(state.clicked_action),
                read_at: state.read_at.or(Some(now)),
                seen_at: seen,
                ..state
            })
        }
        (Status::Read | Status::Archived | Status::AutoCleared, Mark::Unread) => {
            Some(NotificationState {
                status: Status::Unread,
                read_at: None,
                expires_at: lives_on,
                ..state
            })
        }
        (Status::Unread | Status::Read | Status::Snoozed | Status::AutoCleared, Mark::Archive) => {
            Some(NotificationState { status: Status::Archived, seen_at: seen, ..state })
        }
        (Status::Archived, Mark::Unarchive) => {
            let status = if state.read_at.is_some() { Status::Read } else { Status::Unread };
            Some(NotificationState { status, expires_at: lives_on, ..state })
        }
        (Status::Deleted, _) => None,
        (_, Mark::Delete) => Some(NotificationState { status: Status::Deleted, ..state }),
        (Status::Snoozed, Mark::Unsnooze | Mark::Unread) => {
            Some(NotificationState { status: Status::Unread, expires_at: lives_on, ..state })
        }
        // Every other mark finds the state that it leads to.
        _ => None,
    }
}

/// Returns the state of a notification that is put off; `None` for one that is not in the list.
fn snoozed(
    state: NotificationState,
    until: Timestamp,
    seen_at: Option<Timestamp>,
) -> Option<NotificationState> {
    // Then it is cleared instead of woken: a snooze does not prolong a time to live.
    let until = state.expires_at.map_or(until, |expires_at| until.min(expires_at));
    let is_listed = matches!(state.status, Status::Unread | Status::Read | Status::Snoozed);
    if !is_listed || state.snoozed_until == Some(until) {
        return None;
    }
    let (status, snoozed_until) = (Status::Snoozed, Some(until));
    Some(NotificationState { status, seen_at, read_at: None, snoozed_until, ..state })
}
