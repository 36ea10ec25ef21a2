use proptest::prelude::*;

use super::*;
use crate::domain::notification::Timestamp;

const STATUSES: [Status; 6] = [
    Status::Unread,
    Status::Read,
    Status::Snoozed,
    Status::Archived,
    Status::Deleted,
    Status::AutoCleared,
];
const SWEEPS: [SweepKind; 6] = [
    SweepKind::Expire,
    SweepKind::RetentionEnded,
    SweepKind::Archive,
    SweepKind::Discard,
    SweepKind::Delete,
    SweepKind::Wake,
];
const NOW: Timestamp = Timestamp(1_000);

fn new() -> NotificationState {
    NotificationState {
        status: Status::Unread,
        seen_at: None,
        read_at: None,
        clicked_at: None,
        clicked_action: None,
        expires_at: None,
        snoozed_until: None,
    }
}

#[test]
fn a_repeated_mark_changes_nothing() {
    for status in STATUSES {
        for mark in Mark::ALL {
            if let Some(first) = transition(NotificationState { status, ..new() }, mark, NOW) {
                assert_eq!(transition(first, mark, NOW), None, "{status:?} {mark:?}");
            }
        }
    }
}

#[test]
fn undone_marks_restore_the_earlier_state() {
    let read = transition(new(), Mark::Read, NOW).expect("it can be read");
    assert_eq!((read.status, read.read_at, read.seen_at), (Status::Read, Some(NOW), Some(NOW)));
    for state in [new(), read] {
        let away = transition(state, Mark::Archive, NOW).expect("it can be put away");
        let back = transition(away, Mark::Unarchive, NOW).expect("it can be taken out");
        assert_eq!((back.status, back.read_at), (state.status, state.read_at));
    }
    assert_eq!(transition(read, Mark::Unread, NOW).map(|state| state.status), Some(Status::Unread));
}

#[test]
fn restored_notification_does_not_expire_at_once() {
    let over = NotificationState { expires_at: Some(Timestamp(999)), ..new() };
    let cleared = SweepKind::Expire.apply(over).expect("it runs out");
    assert_eq!(cleared.status, Status::AutoCleared);
    let again = transition(cleared, Mark::Unread, NOW).expect("it can be wanted again");
    assert_eq!((again.status, again.expires_at), (Status::Unread, None));
    let later =
        NotificationState { expires_at: Some(Timestamp(1_001)), status: Status::Read, ..new() };
    assert_eq!(
        transition(later, Mark::Unread, NOW).and_then(|state| state.expires_at),
        later.expires_at
    );
}

#[test]
fn position_is_valid_within_its_epoch_and_revision() {
    let now =
        InboxPosition { counters: InboxState { revision: 5, ..InboxState::default() }, purged: 0 };
    let since = |text: &str| Since::parse(text).map(|since| resume(&since, "q7", now));
    assert_eq!(since("5"), Ok(Resume::After(5)));
    assert_eq!(since("q7.0"), Ok(Resume::After(0)));
    assert_eq!(since("6"), Ok(Resume::Reset));
    assert_eq!(since("old.3"), Ok(Resume::Reset));
    let purged = InboxPosition { purged: 3, ..now };
    let after = |text: &str| Since::parse(text).map(|since| resume(&since, "q7", purged));
    assert_eq!(
        (after("2"), after("3")),
        (Ok(Resume::Reset), Ok(Resume::After(3))),
        "a deletion was purged"
    );
    assert!(since("x").is_err() && since("-1").is_err() && since("").is_err());
}

proptest! {
    #[test]
    fn counts_match_the_states(changes in proptest::collection::vec((0_usize..6,
        0_usize..Mark::ALL.len() + SWEEPS.len() + 1), 0..200)) {
        let mut states = [new(); 6];
        let mut counters = InboxState { revision: 6, unread: 6, unseen: 6 };
        for (which, change) in changes {
            let before = states[which];
            let after = match (Mark::ALL.get(change), change.checked_sub(Mark::ALL.len())) {
                (Some(mark), _) => transition(before, *mark, NOW),
                (None, Some(sweep)) if sweep < SWEEPS.len() => SWEEPS[sweep].apply(before),
                _ => transition(before, Mark::Snooze(Timestamp(9_000)), NOW),
            };
            if let Some(after) = after {
                let step = counters.next(before, after);
                prop_assert_eq!((step.previous_revision, step.revision), (counters.revision,
                    counters.revision + 1));
                states[which] = after;
                counters = step.counters();
            }
            let unread = states.iter().filter(|state| state.status == Status::Unread).count();
            let unseen = states.iter().filter(|state| state.status ==
                Status::Unread && state.seen_at.is_none());
            prop_assert_eq!(counters.unread, i64::try_from(unread).unwrap_or(-1));
            prop_assert_eq!(counters.unseen, i64::try_from(unseen.count()).unwrap_or(-1));
        }
    }

    #[test]
    fn new_notifications_take_consecutive_revisions(revision in 0_i64..1_000_000,
        unread in 0_i64..1000, count in 0_i64..600) {
        let after = InboxState { revision: revision + count, unread: unread + count,
            unseen: unread + count };
        let mut last = RevisionStep { previous_revision: revision, revision, unread,
            unseen: unread };
        for step in after.steps_of_new(count) {
            prop_assert_eq!(step.previous_revision, last.revision);
            prop_assert_eq!(step.revision, last.revision + 1);
            prop_assert_eq!(step.unread, last.unread + 1);
            last = step;
        }
        prop_assert_eq!(last.counters(), after);
    }
}
