//! Notification type as written in the table, in config.toml or by an administrator.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EmailTexts, TextsByLocale, Variant};
use crate::domain::{
    channel::{Digest, ESCALATIONS_MAX, Escalation, WEBHOOK_PREFIX, is_channel, parse_duration},
    event::code_of,
    limits::{
        IDENTIFIER_MAX_CHARS, KEEP_DAYS_MAX, RECIPIENTS_MAX, ROLE_MAX_CHARS, TTL_MAX_SECONDS,
        bounded,
    },
    link::LINK_MAX_CHARS,
    notification::{Priority, Timestamp},
    presentation::Action,
    user::UserId,
};

/// Maximum length of a code, in characters.
pub const CODE_MAX_CHARS: usize = 128;

/// Maximum number of channels of a type.
const CHANNELS_MAX: usize = 16;

/// Entity that a notification is about: a kind, and the field of the data with its ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// Kind, such as `refund`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Field of the data with the ID, such as `refund_id`.
    pub id: String,
}

/// Source of a row of `notification_types`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Written from config.toml, which may change it.
    Config,
    /// Created or changed by an administrator; config.toml does not change it.
    Admin,
}

/// Row of the table, not validated yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeRow {
    /// The code, unique.
    pub code: String,
    /// Title of its notifications.
    pub display_name: String,
    /// The message's template.
    pub template: String,
    /// Name of the target.
    pub target_type: String,
    /// For ROLE.
    pub target_role: Option<String>,
    /// For USERS.
    pub target_users: Vec<UserId>,
    /// `LOW`, `MEDIUM` or `HIGH`.
    pub priority: String,
    /// Delivery channels; `web` is the bell.
    pub channels: Vec<String>,
    /// True if its events are turned into notifications.
    pub is_active: bool,
    /// Time after which its notifications clear themselves, in seconds.
    pub ttl_seconds: Option<i64>,
    /// The template of the action's URL.
    pub action_url: Option<String>,
    /// Template of the category.
    pub category: Option<String>,
    /// Template of the icon's URL.
    pub icon: Option<String>,
    /// Buttons; labels and URLs are templates.
    pub actions: Vec<Action>,
    /// True if its messages have bold and links.
    pub rich: bool,
    /// Entity that its notifications are about.
    pub entity: Option<Entity>,
    /// True if users cannot mute it; only with the priority HIGH.
    pub mandatory: bool,
    /// Days after which its notifications are deleted.
    pub keep_days: Option<i64>,
    /// Variants of the message; each reader gets one of them.
    pub variants: Vec<Variant>,
    /// Schedule on which it is published, instead of events; not validated yet.
    pub schedule: Option<Value>,
    /// Steps that send a notification on further channels when nobody has noticed it.
    pub escalate: Vec<Escalation>,
    /// Field of the data by which similar events become one notification.
    pub group_by: Option<String>,
    /// Duration in which they do, such as `1h`.
    pub group_window: Option<String>,
    /// Time up to which e-mails are collected: five fields of cron, or a duration.
    pub digest: Option<String>,
    /// Translations, by locale; those that are missing come from the folder of templates.
    pub translations: TextsByLocale,
    /// Templates of e-mails in the default language, likewise.
    pub email: EmailTexts,
    /// Source of the row.
    pub origin: Origin,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

impl TypeRow {
    /// Returns what is wrong with values that do not depend on other rows or on templates, each
    /// with its column.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        // An unknown priority is a fault of its own.
        let priority = Priority::parse(&self.priority);
        if self.mandatory && priority.is_some_and(|priority| priority != Priority::High) {
            let detail = "only a type with the priority HIGH can be mandatory";
            faults.push(("mandatory", detail.to_owned()));
        }
        if self.code.contains(char::is_whitespace) {
            let words: Vec<&str> = self.code.split_whitespace().collect();
            let detail = format!(
                "has white space, which the types of events do not have; write {:?}",
                code_of(&words.join("_"))
            );
            faults.push(("code", detail));
        }
        faults.extend(self.too_long());
        if let Some(channel) = self.channels.iter().find(|channel| !is_channel(channel)) {
            let detail =
                format!("unknown channel {channel:?}; web, email, push and webhook:NAME are known");
            faults.push(("channels", detail));
        }
        faults.extend(self.wrong_times());
        if self.escalate.len() > ESCALATIONS_MAX {
            faults.push(("escalate", format!("has more than {ESCALATIONS_MAX} steps")));
        }
        let wrong_step = self.escalate.iter().find_map(|step| step.check().err());
        faults.extend(wrong_step.map(|detail| ("escalate", detail)));
        let wrong_digest = self.digest.as_ref().and_then(|digest| Digest::parse(digest).err());
        faults.extend(wrong_digest.map(|detail| ("digest", detail)));
        faults.extend(self.wrong_group());
        let with_nul = self.column_with_nul();
        faults.extend(with_nul.map(|column| (column, "must not contain a NUL character".into())));
        faults
    }

    /// Returns the times beyond what the store can hold. What is not positive counts as none.
    fn wrong_times(&self) -> Vec<(&'static str, String)> {
        let times = [
            ("ttl_seconds", self.ttl_seconds, TTL_MAX_SECONDS),
            ("keep_days", self.keep_days, KEEP_DAYS_MAX),
        ];
        let wrong =
            times.into_iter().filter(|(_, time, most)| time.is_some_and(|time| time > *most));
        wrong.map(|(column, _, most)| (column, format!("must be from 1 to {most}"))).collect()
    }

    /// Returns a channel that is named twice.
    #[must_use]
    pub fn doubled_channel(&self) -> Option<&str> {
        let mut channels = self.channels.iter().enumerate();
        channels
            .find(|(at, channel)| self.channels[..*at].contains(channel))
            .map(|(_, channel)| channel.as_str())
    }

    /// Returns the channels without repetitions, which SQL can write: each gets a notification
    /// once.
    pub(super) fn distinct_channels(&self) -> Vec<String> {
        let mut distinct = self.channels.clone();
        let mut seen = BTreeSet::new();
        distinct.retain(|channel| seen.insert(channel.clone()));
        distinct
    }

    /// Returns the names of the webhooks that it uses, each with the column that names it.
    pub fn webhooks(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let channels = self.channels.iter().map(|channel| ("channels", channel));
        let steps = self.escalate.iter().flat_map(|step| &step.channels);
        channels
            .chain(steps.map(|channel| ("escalate", channel)))
            .filter_map(|(column, channel)| Some((column, channel.strip_prefix(WEBHOOK_PREFIX)?)))
    }

    /// Returns what is wrong with the grouping of similar events.
    fn wrong_group(&self) -> Option<(&'static str, String)> {
        match (&self.group_by, &self.group_window) {
            (None, Some(_)) => {
                let detail = "is missing: group_window needs the field to group by";
                Some(("group_by", detail.to_owned()))
            }
            (Some(field), _) if field.split('.').any(str::is_empty) => {
                Some(("group_by", "must be the name of a field of the data".to_owned()))
            }
            (_, Some(window)) => parse_duration(window).err().map(|why| ("group_window", why)),
            _ => None,
        }
    }

    /// Returns a column whose text or list is too long, and by how much.
    fn too_long(&self) -> Option<(&'static str, String)> {
        let text = |column, text: &str, max_chars| {
            let detail = bounded(text.to_owned(), max_chars).err()?;
            Some((column, detail))
        };
        let maybe =
            |column, value: &Option<String>, max_chars| text(column, value.as_deref()?, max_chars);
        if self.target_users.len() > RECIPIENTS_MAX {
            let detail = format!(
                "names {} users; at most {RECIPIENTS_MAX} are possible",
                self.target_users.len()
            );
            return Some(("target_users", detail));
        }
        if self.channels.len() > CHANNELS_MAX {
            return Some(("channels", format!("names more than {CHANNELS_MAX} channels")));
        }
        text("code", &self.code, CODE_MAX_CHARS)
            .or_else(|| text("display_name", &self.display_name, IDENTIFIER_MAX_CHARS))
            .or_else(|| maybe("category", &self.category, IDENTIFIER_MAX_CHARS))
            .or_else(|| maybe("icon", &self.icon, LINK_MAX_CHARS))
            .or_else(|| {
                self.actions.iter().find_map(|action| {
                    text("actions", &action.label, IDENTIFIER_MAX_CHARS)
                        .or_else(|| text("actions", &action.url, LINK_MAX_CHARS))
                })
            })
            .or_else(|| maybe("group_by", &self.group_by, IDENTIFIER_MAX_CHARS))
            .or_else(|| maybe("target_role", &self.target_role, ROLE_MAX_CHARS))
            .or_else(|| {
                self.channels
                    .iter()
                    .find_map(|channel| text("channels", channel, IDENTIFIER_MAX_CHARS))
            })
            .or_else(|| {
                let entity = self.entity.as_ref()?;
                text("entity", &entity.kind, IDENTIFIER_MAX_CHARS)
                    .or_else(|| text("entity", &entity.id, IDENTIFIER_MAX_CHARS))
            })
    }

    /// Returns a column with a NUL character, which PostgreSQL cannot store.
    fn column_with_nul(&self) -> Option<&'static str> {
        let has = |text: &str| text.contains('\0');
        let maybe = |text: &Option<String>| text.as_deref().is_some_and(has);
        let schedule =
            self.schedule.as_ref().is_some_and(|schedule| schedule.to_string().contains("\\u0000"));
        [
            ("code", has(&self.code)),
            ("display_name", has(&self.display_name)),
            ("template", has(&self.template)),
            ("target_role", maybe(&self.target_role)),
            ("channels", self.channels.iter().any(|channel| has(channel))),
            ("action_url", maybe(&self.action_url)),
            ("category", maybe(&self.category)),
            ("icon", maybe(&self.icon)),
            ("actions", self.actions.iter().any(|action| has(&action.label) || has(&action.url))),
            ("group_by", maybe(&self.group_by)),
            (
                "entity",
                self.entity.as_ref().is_some_and(|entity| has(&entity.kind) || has(&entity.id)),
            ),
            (
                "variants",
                self.variants.iter().any(|variant| has(&variant.name) || has(&variant.template)),
            ),
            ("schedule", schedule),
        ]
        .into_iter()
        .find_map(|(column, has)| has.then_some(column))
    }
}

/// Template for the recipients of one locale: `templates/id/CODE.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTemplate {
    /// The folder's name.
    pub locale: String,
    /// The file's name without its ending.
    pub code: String,
    /// Its text.
    pub source: String,
}

/// Indexes rows by code, for the comparison of config.toml with the table.
#[must_use]
pub fn by_code(rows: &[TypeRow]) -> BTreeMap<&str, &TypeRow> {
    rows.iter().map(|row| (row.code.as_str(), row)).collect()
}
