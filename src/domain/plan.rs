//! Planning: from an event to its notifications, as pure functions.
//!
//! First [`decide`] determines the recipients, so that the caller can look them up; then a
//! [`Planner`] renders one [`Draft`] for each.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde_json::value::RawValue;

use super::{
    catalog::{Catalog, Entity, MessageText, NotificationType, Target, entity_id},
    deliveries::{self, DeliveryDraft},
    event::{Event, MESSAGE, NO_MESSAGE_TYPE, without_recipients},
    group::{Group, GroupText},
    link,
    notification::{Priority, Timestamp},
    preferences::Preferences,
    presentation::Presentation,
    rejected::Rejected,
    skipped::Skipped,
    template::{EventScope, TemplateScope},
    user::{Person, UserId},
};

/// Maximum length of a message, in characters.
const MESSAGE_MAX_CHARS: usize = 4_000;

/// Recipients of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientSet {
    /// These users, in the directory or not.
    Users(Vec<UserId>),
    /// All users of the directory with this role.
    Role(String),
    /// All users of the directory.
    All,
}

/// Decision about an event.
#[derive(Debug)]
pub enum Decision {
    /// Look up the recipients, then render with a [`Planner`].
    Notify(Arc<NotificationType>, RecipientSet),
    /// The event makes no notification.
    Skip(Skipped),
}

/// Rendered notification, before it has a revision.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Owner of the inbox.
    pub user_id: UserId,
    /// Code of its type.
    pub type_code: String,
    /// Title.
    pub title: String,
    /// The rendered message.
    pub message: String,
    /// Priority.
    pub priority: Priority,
    /// Publisher of the event.
    pub source: Option<String>,
    /// User that caused the event.
    pub actor_id: Option<UserId>,
    /// Kind of the entity it is about.
    pub entity_type: Option<String>,
    /// ID of the entity.
    pub entity_id: Option<String>,
    /// URL that a click opens.
    pub action_url: Option<String>,
    /// Category, icon, actions and marked-up message.
    pub presentation: Presentation,
    /// Data of the event, shared by all its drafts.
    pub metadata: Arc<RawValue>,
    /// Time of creation that the publisher gave; otherwise it is that of the commit.
    pub created_at: Option<Timestamp>,
    /// Time at which it expires.
    pub expires_at: Option<Timestamp>,
    /// End of the retention period of its type.
    pub keep_until: Option<Timestamp>,
    /// True in the reader's quiet hours.
    pub quiet: bool,
    /// Variant of its type.
    pub variant: Option<String>,
    /// ID of its event, for recall.
    pub event_id: Option<String>,
    /// Caller that published the event.
    pub publisher: Option<String>,
    /// Group that it belongs to.
    pub group: Option<Group>,
    /// Deliveries on channels other than the bell.
    pub deliveries: Vec<DeliveryDraft>,
}

/// Users that the events name, as known to the directory.
#[derive(Debug, Default)]
pub struct People {
    known: HashMap<UserId, Person>,
    preferences: HashMap<UserId, Preferences>,
}

impl People {
    /// Creates the set from the directory's answer.
    #[must_use]
    pub fn new(people: impl IntoIterator<Item = Person>) -> Self {
        let known = people.into_iter().map(|person| (person.user_id.clone(), person)).collect();
        Self { known, preferences: HashMap::new() }
    }

    /// Adds the preferences.
    #[must_use]
    pub fn with_preferences(
        self,
        preferences: impl IntoIterator<Item = (UserId, Preferences)>,
    ) -> Self {
        Self { preferences: preferences.into_iter().collect(), ..self }
    }

    /// Returns a user; one without any field but the ID if unknown.
    #[must_use]
    pub fn get(&self, user: &UserId) -> Person {
        self.known.get(user).cloned().unwrap_or_else(|| Person::unknown(user.clone()))
    }
}

/// Decides whether an event makes notifications, and for which recipients.
///
/// # Errors
/// [`Rejected`] when the event lacks the field that its type's target needs.
pub fn decide(event: &Event, catalog: &Catalog) -> Result<Decision, Rejected> {
    let Some(kind) = catalog.find(&event.code) else {
        let is_invalid = catalog.is_invalid(&event.code);
        return match &event.direct {
            Some(_) if is_invalid => {
                Err(Rejected::invalid("type", Skipped::InvalidType.explained()))
            }
            None if is_invalid => Ok(Decision::Skip(Skipped::InvalidType)),
            // A direct notification must name an existing type; an event of an unknown type is only
            // skipped.
            Some(_) if event.code == MESSAGE => Err(Rejected::missing("type", NO_MESSAGE_TYPE)),
            Some(_) => {
                Err(Rejected::invalid("type", format!("no type has the code {:?}", event.code)))
            }
            None => Ok(Decision::Skip(Skipped::NoType)),
        };
    };
    if !kind.is_active {
        return Ok(Decision::Skip(Skipped::Inactive));
    }
    if let Some(direct) = &event.direct {
        let users = unique(direct.targets.iter().map(|person| person.user_id.clone()));
        return Ok(Decision::Notify(Arc::clone(kind), RecipientSet::Users(users)));
    }
    let needs = |field: &str, user: &Option<UserId>, target: &str| {
        user.clone().map(|user| RecipientSet::Users(vec![user])).ok_or_else(|| {
            Rejected::missing(
                field,
                format!("the type {} has the target {target}, which needs {field}", kind.code),
            )
        })
    };
    let recipient_set = match &kind.target {
        Target::User => needs("user_id", &event.user_id, "SELF")?,
        Target::Actor => needs("actor_id", &event.actor_id, "ACTOR")?,
        Target::Recipient if event.recipients.is_empty() => {
            needs("recipient_id", &None, "RECIPIENT")?
        }
        Target::Recipient => RecipientSet::Users(unique(event.recipients.iter().cloned())),
        Target::Role(role) => RecipientSet::Role(role.clone()),
        Target::Users(users) => RecipientSet::Users(unique(users.iter().cloned())),
        Target::All => RecipientSet::All,
        Target::Feed => return Ok(Decision::Skip(Skipped::FeedOnly)),
    };
    Ok(Decision::Notify(Arc::clone(kind), recipient_set))
}

fn unique(users: impl Iterator<Item = UserId>) -> Vec<UserId> {
    let mut seen = HashSet::new();
    users.filter(|user| seen.insert(user.clone())).collect()
}

/// Renderer of one event's notifications, which share its metadata.
pub struct Planner<'a> {
    event: &'a Event,
    kind: &'a NotificationType,
    people: &'a People,
    catalog: &'a Arc<Catalog>,
    now: Timestamp,
    is_broadcast: bool,
    names: Arc<EventScope>,
    metadata: Arc<RawValue>,
    /// Event as JSON, if its type groups.
    member: Option<Arc<str>>,
}

impl<'a> Planner<'a> {
    /// Prepares the rendering of an event.
    ///
    /// # Errors
    /// [`Rejected`] if the data of the event cannot be serialized.
    pub fn new(
        event: &'a Arc<Event>,
        kind: &'a NotificationType,
        people: &'a People,
        catalog: &'a Arc<Catalog>,
        now: Timestamp,
    ) -> Result<Self, Rejected> {
        let person = |user: &Option<UserId>| user.as_ref().map(|user| people.get(user));
        let names = EventScope::new(event, person(&event.user_id), person(&event.actor_id));
        let is_broadcast =
            event.direct.is_none() && matches!(kind.target, Target::Role(_) | Target::All);
        let metadata = metadata(event)?;
        let member = kind.group.is_some().then(|| Arc::from(event.to_member()));
        Ok(Self { event, kind, people, catalog, now, is_broadcast, names, metadata, member })
    }

    /// Renders the notifications of the recipients that have not muted the type.
    ///
    /// # Errors
    /// [`Rejected`] if the template needs a field that the event does not have.
    pub fn drafts(&self, recipients: &[Person]) -> Result<Vec<Draft>, Rejected> {
        recipients.iter().filter(|person| self.is_wanted(person)).map(|p| self.draft(p)).collect()
    }

    /// Returns whether a recipient has not muted the type; a mandatory type cannot be muted.
    fn is_wanted(&self, recipient: &Person) -> bool {
        let preferences = self.people.preferences.get(&recipient.user_id);
        self.kind.mandatory || preferences.is_none_or(|wants| !wants.mutes(&self.kind.code))
    }

    /// Renders the notification of one recipient.
    fn draft(&self, recipient: &Person) -> Result<Draft, Rejected> {
        let Self { event, kind, people, catalog, now, names, metadata, .. } = self;
        let now = *now;
        let direct = event.direct.as_deref();
        let ttl = direct.and_then(|direct| direct.ttl_seconds).or(kind.ttl_seconds);
        let preferences = people.preferences.get(&recipient.user_id).filter(|_| !kind.mandatory);
        let group = if event.is_test() { None } else { self.group(recipient) };
        // A type that groups has `{count}` and `{actors}` for an event without its field as well.
        let scope = if kind.group.is_some() {
            let actors: Vec<String> = self.actor().into_iter().collect();
            names.for_group(recipient.clone(), 1, &actors)
        } else {
            names.for_recipient(recipient.clone())
        };
        let locale = recipient.locale.as_deref();
        let (message, variant) = match direct.and_then(|direct| direct.text.as_ref()) {
            Some(test) => (self.test(test), None),
            None => catalog.message(kind, &recipient.user_id, locale, &scope)?,
        };
        let title = match direct.and_then(|direct| direct.title.clone()) {
            Some(title) => title,
            None => catalog.title(kind, locale, &scope)?,
        };
        let MessageText { plain: message, rich } = shortened(message);
        let entity = kind.entity.as_ref();
        let priority = direct.and_then(|direct| direct.priority).unwrap_or(kind.priority);
        let chosen = people.preferences.get(&recipient.user_id);
        let deliveries =
            deliveries::drafts(kind, recipient, chosen, priority, now, self.is_broadcast);
        Ok(Draft {
            user_id: recipient.user_id.clone(),
            type_code: kind.code.clone(),
            title: without_nul(title),
            message,
            priority,
            source: event.source.clone().map(without_nul),
            actor_id: event.actor_id.clone(),
            entity_type: entity.map(|entity| entity.kind.clone()),
            entity_id: entity.and_then(|entity| entity_id(entity, event)).map(without_nul),
            action_url: self.action_url(&scope),
            presentation: Presentation { rich, ..self.presentation(&scope)? },
            metadata: Arc::clone(metadata),
            created_at: direct.and_then(|direct| direct.created_at),
            // The time to live begins now, even if the caller gave an earlier time of creation.
            expires_at: ttl.map(|seconds| later(now, seconds)),
            keep_until: kind.keep_days.map(|days| later(now, days.saturating_mul(24 * 60 * 60))),
            quiet: preferences
                .is_some_and(|wants| wants.quiet_at(now, recipient.timezone.as_deref())),
            variant,
            event_id: Some(event.id.clone()).filter(|id| !id.is_empty() && !id.contains('\0')),
            publisher: event.publisher.clone(),
            group,
            // A test is for the bell alone.
            deliveries: if event.is_test() { Vec::new() } else { deliveries },
        })
    }

    /// Returns the name of the actor of the event, as a group shows it.
    fn actor(&self) -> Option<String> {
        let actor = self.people.get(self.event.actor_id.as_ref()?);
        Some(without_nul(actor.display().to_owned()))
    }

    /// Returns the message of a test, with its marks.
    fn test(&self, text: &str) -> MessageText {
        let rich = self.event.direct.as_ref().and_then(|direct| direct.presentation.rich.clone());
        MessageText { plain: text.to_owned(), rich }
    }

    /// Returns the group of the notification, if its type groups and the event has the field.
    fn group(&self, recipient: &Person) -> Option<Group> {
        let (field, window) = self.kind.group.as_ref()?;
        let entity = Entity { kind: String::new(), id: field.clone() };
        let key = entity_id(&entity, self.event)?;
        let names = Arc::clone(&self.names);
        let (catalog, recipient) = (Arc::clone(self.catalog), recipient.clone());
        let code = self.kind.code.clone();
        let text = GroupText::new(move |count, actors| {
            let kind = catalog.find(&code)?;
            let locale = recipient.locale.clone();
            let scope = names.for_group(recipient.clone(), count, actors);
            let rendered = catalog.message(kind, &recipient.user_id, locale.as_deref(), &scope);
            rendered.ok().map(|(message, _)| shortened(message))
        });
        Some(Group {
            key: without_nul(key),
            since: Timestamp(self.now.0.saturating_sub(*window)),
            actor: self.actor(),
            text,
            event: Arc::clone(self.member.as_ref()?),
        })
    }

    /// Returns the category, the icon and the actions: what the caller of a direct notification
    /// gave, else those of the type.
    fn presentation(&self, scope: &Arc<TemplateScope>) -> Result<Presentation, Rejected> {
        let Self { catalog, kind, .. } = self;
        let Some(direct) = self.event.direct.as_deref() else {
            return catalog.presentation(kind, scope);
        };
        // As with the link, the type's actions need data that may be missing.
        let mut given = Presentation { rich: None, ..direct.presentation.clone() };
        if given.category.is_none() && !self.event.is_test() {
            given.category = catalog.category(kind, scope)?;
        }
        if given.icon.is_none() && !self.event.is_test() {
            given.icon = catalog.icon(kind, scope)?;
        }
        Ok(given)
    }

    /// Returns the link of the notification.
    fn action_url(&self, scope: &Arc<TemplateScope>) -> Option<String> {
        if let Some(direct) = self.event.direct.as_deref() {
            // The type's action needs data that a direct notification may not have.
            return direct.action_url.clone();
        }
        // A link that cannot be rendered must not prevent the notification.
        let url = self.catalog.action_url(self.kind, scope).ok().flatten();
        url.filter(|url| link::is_safe(url))
    }
}

/// Cuts a message to its maximum length, with an ellipsis. One that is too long with its marks has
/// none.
fn shortened(message: MessageText) -> MessageText {
    let fits = |text: &String| text.chars().count() <= MESSAGE_MAX_CHARS;
    let rich = message.rich.filter(fits).map(without_nul);
    let plain = without_nul(message.plain);
    if fits(&plain) {
        return MessageText { plain, rich };
    }
    let plain = plain.chars().take(MESSAGE_MAX_CHARS - 1).chain(['…']).collect();
    MessageText { plain, rich: None }
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp(now.0.saturating_add(seconds.saturating_mul(1_000)))
}

/// Removes NUL characters, which PostgreSQL cannot store.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

fn metadata(event: &Event) -> Result<Arc<RawValue>, Rejected> {
    let text = match event.direct.as_deref() {
        // The other recipients are private, and may be a long list.
        None => serde_json::to_string(&*without_recipients(&event.data)),
        Some(direct) => {
            direct.metadata.as_ref().map_or_else(|| Ok("{}".to_owned()), serde_json::to_string)
        }
    };
    text.and_then(RawValue::from_string)
        .map(Arc::from)
        .map_err(|error| Rejected::invalid("data", format!("cannot be written as JSON: {error}")))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
