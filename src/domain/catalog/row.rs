//! Notification type as written in the table, in config.toml or by an administrator.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EmailTexts, TextsByLocale, Variant};
use crate::domain::{
    channel::{Digest, ESCALATIONS_MAX, Escalation, WEBHOOK_PREFIX, is_channel, parse_duration},
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
    /// Checks what does not depend on other rows or on templates. Fails with the column.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.mandatory && Priority::parse(&self.priority) != Some(Priority::High) {
            let detail = "only a type with the priority HIGH can be mandatory";
            return Err(("mandatory", detail.to_owned()));
        }
        if let Some(fault) = self.too_long() {
            return Err(fault);
        }
        if let Some(channel) = self.channels.iter().find(|channel| !is_channel(channel)) {
            let detail =
                format!("unknown channel {channel:?}; web, email, push and webhook:NAME are known");
            return Err(("channels", detail));
        }
        self.check_times()?;
        self.check_channels()?;
        match self.column_with_nul() {
            Some(column) => Err((column, "must not contain a NUL character".to_owned())),
            None => Ok(()),
        }
    }

    /// Checks that times are not beyond what the store can hold. What is not positive counts as
    /// none.
    fn check_times(&self) -> Result<(), (&'static str, String)> {
        let times = [
            ("ttl_seconds", self.ttl_seconds, TTL_MAX_SECONDS),
            ("keep_days", self.keep_days, KEEP_DAYS_MAX),
        ];
        for (column, time, most) in times {
            if time.is_some_and(|time| time > most) {
                return Err((column, format!("must be from 1 to {most}")));
            }
        }
        Ok(())
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

    /// Checks escalations, grouping and digests.
    fn check_channels(&self) -> Result<(), (&'static str, String)> {
        if self.escalate.len() > ESCALATIONS_MAX {
            return Err(("escalate", format!("has more than {ESCALATIONS_MAX} steps")));
        }
        for step in &self.escalate {
            step.check().map_err(|detail| ("escalate", detail))?;
        }
        if let Some(digest) = &self.digest {
            Digest::parse(digest).map_err(|detail| ("digest", detail))?;
        }
        match (&self.group_by, &self.group_window) {
            (None, Some(_)) => {
                Err(("group_by", "is missing: group_window needs the field to group by".to_owned()))
            }
            (Some(field), _) if field.split('.').any(str::is_empty) => {
                Err(("group_by", "must be the name of a field of the data".to_owned()))
            }
            (_, Some(window)) => {
                parse_duration(window).map(drop).map_err(|detail| ("group_window", detail))
            }
            _ => Ok(()),
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
