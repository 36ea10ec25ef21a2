//! Deliveries on channels: which ones a new notification needs, and whether each is still wanted
//! when it is due.

use super::{
    catalog::NotificationType,
    channel::{Digest, EMAIL, PUSH, UnlessState, WEB, WEBHOOK_PREFIX},
    notification::{Priority, Status, Timestamp},
    preferences::{DigestChoice, Preferences},
    user::Person,
};

/// Delivery of a new notification on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDraft {
    /// Channel.
    pub channel: String,
    /// Time at which it is due.
    pub due_at: Timestamp,
    /// State of the notification in which it is not needed.
    pub unless: Option<UnlessState>,
    /// True if it waits for a digest.
    pub digest: bool,
    /// Number of recipients that it stands for.
    pub recipients: i64,
}

/// Returns the deliveries of a notification of this type for one recipient. A webhook that stands
/// for all recipients of an event is not among them if `is_broadcast`.
#[must_use]
pub fn drafts(
    kind: &NotificationType,
    recipient: &Person,
    preferences: Option<&Preferences>,
    priority: Priority,
    now: Timestamp,
    is_broadcast: bool,
) -> Vec<DeliveryDraft> {
    let make = |channel: &str, due_at, unless, digest| DeliveryDraft {
        channel: channel.to_owned(),
        due_at,
        unless,
        digest,
        recipients: 1,
    };
    let escalated =
        |channel: &String| kind.escalate.iter().any(|(_, step)| step.channels.contains(channel));
    let is_wanted = |channel: &&String| {
        channel.as_str() != WEB && !(is_broadcast && channel.starts_with(WEBHOOK_PREFIX))
    };
    let immediate = kind.channels.iter().filter(is_wanted).filter(|name| !escalated(name));
    let mut drafts: Vec<DeliveryDraft> = immediate
        .map(|channel| match digest_at(kind, recipient, preferences, priority, channel, now) {
            Some(due_at) => make(channel, due_at, None, true),
            None => make(channel, now, None, false),
        })
        .collect();
    for (after, step) in &kind.escalate {
        let due_at = Timestamp(now.0.saturating_add(*after));
        let channels = step.channels.iter().filter(is_wanted);
        drafts.extend(channels.map(|channel| make(channel, due_at, Some(step.unless), false)));
    }
    drafts
}

/// Returns the deliveries on webhooks that stand for all recipients of an event.
#[must_use]
pub fn broadcasts(kind: &NotificationType, recipients: i64, now: Timestamp) -> Vec<DeliveryDraft> {
    let make = |channel: &String, after: i64, unless| DeliveryDraft {
        channel: channel.clone(),
        due_at: Timestamp(now.0.saturating_add(after)),
        unless,
        digest: false,
        recipients,
    };
    let is_webhook = |channel: &&String| channel.starts_with(WEBHOOK_PREFIX);
    let escalated =
        |channel: &String| kind.escalate.iter().any(|(_, step)| step.channels.contains(channel));
    let immediate = kind.channels.iter().filter(is_webhook).filter(|name| !escalated(name));
    let mut drafts: Vec<DeliveryDraft> = immediate.map(|name| make(name, 0, None)).collect();
    for (after, step) in &kind.escalate {
        let channels = step.channels.iter().filter(is_webhook);
        drafts.extend(channels.map(|name| make(name, *after, Some(step.unless))));
    }
    drafts
}

/// Returns when the digest is due that a notification waits for, if it waits for one. The person's
/// choice takes precedence over the type's, except for what is mandatory or has the priority HIGH:
/// that is collected only if its type says so.
fn digest_at(
    kind: &NotificationType,
    recipient: &Person,
    preferences: Option<&Preferences>,
    priority: Priority,
    channel: &str,
    now: Timestamp,
) -> Option<Timestamp> {
    if channel != EMAIL {
        return None;
    }
    let zone = zone_of(preferences, recipient);
    let is_important = kind.mandatory || priority == Priority::High;
    let cron = match preferences.and_then(|wants| wants.digest).filter(|_| !is_important) {
        None => return kind.digest.as_ref().map(|digest| digest.next(now, zone)),
        Some(DigestChoice::Off) => return None,
        Some(DigestChoice::Hourly) => "0 * * * *",
        Some(DigestChoice::Daily) => "0 18 * * *",
    };
    Some(Digest::parse(cron).ok()?.next(now, zone))
}

fn zone_of<'a>(preferences: Option<&'a Preferences>, recipient: &'a Person) -> Option<&'a str> {
    preferences.and_then(|wants| wants.timezone.as_deref()).or(recipient.timezone.as_deref())
}

/// Circumstances in which a delivery is due.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// Channel.
    pub channel: &'a str,
    /// State of the notification in which it is not needed.
    pub unless: Option<UnlessState>,
    /// Code of the type.
    pub type_code: &'a str,
    /// True if users cannot mute the type.
    pub mandatory: bool,
    /// Priority of the notification.
    pub priority: Priority,
    /// Status of the notification.
    pub status: Status,
    /// True if it was on a screen.
    pub is_seen: bool,
    /// True if it was read.
    pub is_read: bool,
    /// Recipient.
    pub recipient: &'a Person,
    /// Preferences of the recipient.
    pub preferences: Option<&'a Preferences>,
    /// Number of browsers that receive Web Push.
    pub browsers: usize,
    /// Time.
    pub now: Timestamp,
}

/// Reason of a delivery that waits for the end of the quiet hours.
pub const QUIET: &str = "quiet hours";

/// Decision about a delivery that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Send it.
    Send,
    /// Send it later, for this reason.
    Wait(Timestamp, String),
    /// Not needed any more, for this reason.
    Cancel(String),
    /// Not possible or not wanted, for this reason.
    Skip(String),
}

/// Decides about a delivery that is due.
#[must_use]
pub fn decide(situation: &Situation<'_>) -> Decision {
    let Situation { channel, unless, type_code, recipient, preferences, now, .. } = *situation;
    if matches!(situation.status, Status::Deleted) {
        return Decision::Cancel("the notification was deleted".to_owned());
    }
    match unless {
        Some(UnlessState::Seen) if situation.is_seen || situation.is_read => {
            return Decision::Cancel("the notification was seen in time".to_owned());
        }
        Some(UnlessState::Read) if situation.is_read => {
            return Decision::Cancel("the notification was read in time".to_owned());
        }
        _ => {}
    }
    if channel == PUSH && (situation.is_read || situation.status != Status::Unread) {
        return Decision::Cancel("the notification was dealt with before the push".to_owned());
    }
    if channel.starts_with(WEBHOOK_PREFIX) {
        return Decision::Send;
    }
    if let Some(wants) = preferences.filter(|_| !situation.mandatory) {
        if let Some(reason) = wants.refuses(channel, type_code) {
            return Decision::Skip(reason);
        }
        if situation.priority != Priority::High
            && let Some(end) = wants.quiet_until(now, recipient.timezone.as_deref())
        {
            return Decision::Wait(end, QUIET.to_owned());
        }
    }
    match channel {
        EMAIL if recipient.email.as_deref().is_none_or(str::is_empty) => {
            Decision::Skip("the person has no e-mail address".to_owned())
        }
        EMAIL if recipient.email_verified == Some(false) => {
            Decision::Skip("the e-mail address is not verified".to_owned())
        }
        PUSH if situation.browsers == 0 => {
            Decision::Skip("no browser of the person receives Web Push".to_owned())
        }
        _ => Decision::Send,
    }
}

/// Decides about a delivery that stands for all recipients of an event. It is not that of one
/// person: it is sent while anyone has the notification, unless anyone has noticed it in time.
#[must_use]
pub fn decide_broadcast(exists: bool, unless: Option<UnlessState>, noticed: bool) -> Decision {
    match unless {
        _ if !exists => Decision::Cancel("every notification of the event was deleted".to_owned()),
        Some(unless) if noticed => {
            let state = unless.as_str();
            Decision::Cancel(format!("a recipient has {state} the notification in time"))
        }
        _ => Decision::Send,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{message_code, user::UserId};

    fn situation<'a>(person: &'a Person, wants: Option<&'a Preferences>) -> Situation<'a> {
        Situation {
            channel: EMAIL,
            unless: None,
            type_code: "T",
            mandatory: false,
            priority: Priority::Medium,
            status: Status::Unread,
            is_seen: false,
            is_read: false,
            recipient: person,
            preferences: wants,
            browsers: 0,
            now: Timestamp(1_767_225_600_000),
        }
    }

    fn person() -> Person {
        let user = UserId::parse("budi").expect("a user ID");
        Person { email: Some("budi@example.com".to_owned()), ..Person::unknown(user) }
    }

    #[test]
    fn reasons_name_what_prevents_a_delivery() {
        let (with, mut wants) = (person(), Preferences::default());
        assert_eq!(decide(&situation(&with, None)), Decision::Send);
        let without = Person { email: None, ..person() };
        let skipped = |person: &Person, wants: Option<&Preferences>| {
            matches!(decide(&situation(person, wants)), Decision::Skip(_))
        };
        assert!(skipped(&without, None));
        assert!(skipped(&Person { email_verified: Some(false), ..person() }, None));
        let push = Situation { channel: PUSH, ..situation(&with, None) };
        assert!(matches!(decide(&push), Decision::Skip(_)));
        wants.mute_on(EMAIL, "t");
        assert!(skipped(&with, Some(&wants)));
        let mandatory = Situation { mandatory: true, ..situation(&with, Some(&wants)) };
        assert_eq!(decide(&mandatory), Decision::Send);
        let deleted = Situation { status: Status::Deleted, ..situation(&with, None) };
        assert!(matches!(decide(&deleted), Decision::Cancel(_)));
    }

    #[test]
    fn every_reason_has_a_code() {
        let with = person();
        let mut muted = Preferences::default();
        muted.mute_on(EMAIL, "t");
        let all = Preferences { muted_types: vec!["T".to_owned()], ..Preferences::default() };
        let off = Preferences { email_enabled: false, ..Preferences::default() };
        let quiet = serde_json::json!({ "quiet_hours": { "from": "22:00", "to": "07:00" } });
        let quiet: Preferences = serde_json::from_value(quiet).expect("valid preferences");
        let without = Person { email: None, ..person() };
        let unverified = Person { email_verified: Some(false), ..person() };
        let plain = situation(&with, None);
        let seen = Situation { is_seen: true, unless: Some(UnlessState::Seen), ..plain.clone() };
        let read = Situation { is_read: true, unless: Some(UnlessState::Read), ..plain.clone() };
        for (situation, code) in [
            (situation(&without, None), "no_email"),
            (situation(&unverified, None), "email_not_verified"),
            (Situation { channel: PUSH, ..plain.clone() }, "no_browser"),
            (situation(&with, Some(&muted)), "muted_on_channel"),
            (situation(&with, Some(&all)), "muted"),
            (situation(&with, Some(&off)), "channel_off"),
            (situation(&with, Some(&quiet)), "quiet_hours"),
            (Situation { status: Status::Deleted, ..plain.clone() }, "deleted"),
            (seen, "seen_in_time"),
            (read.clone(), "read_in_time"),
            // The condition of an escalation is the reason before what holds for every push.
            (Situation { channel: PUSH, ..read.clone() }, "read_in_time"),
            (Situation { channel: PUSH, unless: None, ..read }, "dealt_with_before_push"),
        ] {
            let reason = match decide(&situation) {
                Decision::Wait(_, reason) | Decision::Cancel(reason) | Decision::Skip(reason) => {
                    reason
                }
                Decision::Send => panic!("{code}: it is sent"),
            };
            let found = message_code::of_delivery(&reason).map(|message| message.code);
            assert_eq!(found, Some(code), "{reason}");
        }
    }

    #[test]
    fn quiet_hours_hold_what_is_not_important() {
        let quiet = serde_json::json!({ "quiet_hours": { "from": "22:00", "to": "07:00" } });
        let wants: Preferences = serde_json::from_value(quiet).expect("valid preferences");
        let with = person();
        // Midnight.
        let held = decide(&situation(&with, Some(&wants)));
        let end = Timestamp(1_767_225_600_000 + 7 * 3_600_000);
        assert_eq!(held, Decision::Wait(end, "quiet hours".to_owned()));
        let high = Situation { priority: Priority::High, ..situation(&with, Some(&wants)) };
        assert_eq!(decide(&high), Decision::Send);
        let morning = Situation { now: end, ..situation(&with, Some(&wants)) };
        assert_eq!(decide(&morning), Decision::Send);
    }

    #[test]
    fn a_broadcast_is_sent_while_anyone_has_it_and_nobody_has_noticed_it() {
        let cancelled = |decision| matches!(decision, Decision::Cancel(_));
        assert_eq!(decide_broadcast(true, None, true), Decision::Send);
        assert!(cancelled(decide_broadcast(false, None, false)));
        for unless in [UnlessState::Seen, UnlessState::Read] {
            assert_eq!(decide_broadcast(true, Some(unless), false), Decision::Send);
            assert!(cancelled(decide_broadcast(true, Some(unless), true)));
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Act {
        See,
        Read,
        Unread,
        Recall,
    }

    proptest! {
        // A plain model: what the notification is when the escalation is due decides.
        #[test]
        fn escalation_is_sent_only_if_nobody_noticed_in_time(
            acts in proptest::collection::vec(
                (0_i64..20, prop_oneof![
                    Just(Act::See), Just(Act::Read), Just(Act::Unread), Just(Act::Recall),
                ]),
                0..12,
            ),
            due in 0_i64..20,
            reads in any::<bool>(),
        ) {
            use crate::domain::{inbox::{Mark, transition}, notification::NotificationState};
            let mut acts = acts;
            acts.sort_by_key(|(at, _)| *at);
            let mut state = NotificationState {
                status: Status::Unread,
                seen_at: None,
                read_at: None,
                clicked_at: None,
                clicked_action: None,
                expires_at: None,
                snoozed_until: None,
            };
            let (mut seen, mut read, mut gone) = (false, false, false);
            for (at, act) in acts.into_iter().filter(|(at, _)| *at <= due) {
                let mark = match act {
                    Act::See => Mark::Seen,
                    Act::Read => Mark::Read,
                    Act::Unread => Mark::Unread,
                    Act::Recall => Mark::Delete,
                };
                state = transition(state, mark, Timestamp(at)).unwrap_or(state);
                match act {
                    _ if gone => {}
                    Act::See => seen = true,
                    Act::Read => (seen, read) = (true, true),
                    Act::Unread => read = false,
                    Act::Recall => gone = true,
                }
            }
            let with = person();
            let unless = if reads { UnlessState::Read } else { UnlessState::Seen };
            let decision = decide(&Situation {
                unless: Some(unless),
                status: state.status,
                is_seen: state.seen_at.is_some(),
                is_read: state.read_at.is_some(),
                ..situation(&with, None)
            });
            let noticed = if reads { read } else { seen };
            prop_assert_eq!(decision == Decision::Send, !gone && !noticed);
        }
    }
}
