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

/// Returns when the digest is due that a notification waits for, if it waits for one. What is
/// mandatory or has the priority HIGH is not collected.
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
    if let Some(digest) = &kind.digest {
        return match preferences.and_then(|wants| wants.digest) {
            Some(DigestChoice::Off) => None,
            _ => Some(digest.next(now, zone)),
        };
    }
    if kind.mandatory || priority == Priority::High {
        return None;
    }
    let cron = match preferences.and_then(|wants| wants.digest)? {
        DigestChoice::Off => return None,
        DigestChoice::Hourly => "0 * * * *",
        DigestChoice::Daily => "0 18 * * *",
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
            return Decision::Wait(end, "quiet hours".to_owned());
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
