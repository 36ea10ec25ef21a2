//! Notification types of config.toml: `[[type]]`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files::{TEMPLATE_MAX_BYTES, read_text};
use crate::domain::{
    catalog::{EmailTexts, Entity, Origin, TextsByLocale, TypeRow, Variant},
    channel::Escalation,
    notification::Timestamp,
    presentation::Action,
    user::UserId,
};

/// Entry of `[[type]]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TypeConfig {
    /// Code, such as `REFUND_REQUESTED`.
    pub code: String,
    /// Title; `display_name` in the table.
    #[serde(alias = "display_name")]
    pub title: String,
    /// Template of the message.
    #[serde(default)]
    pub template: Option<String>,
    /// File with the template, in the folder of templates.
    #[serde(default)]
    pub file: Option<String>,
    /// Recipients.
    #[serde(alias = "target_type")]
    pub target: String,
    /// Role of the target ROLE.
    #[serde(default)]
    pub target_role: Option<String>,
    /// Users of the target USERS.
    #[serde(default)]
    pub target_users: Vec<UserId>,
    /// Priority: LOW, MEDIUM or HIGH.
    #[serde(default = "medium")]
    pub priority: String,
    /// Delivery channels.
    #[serde(default = "web")]
    pub channels: Vec<String>,
    /// Entity that its notifications are about.
    #[serde(default)]
    pub entity: Option<Entity>,
    /// Template of the URL that a click opens.
    #[serde(default)]
    pub action_url: Option<String>,
    /// Template of the category.
    #[serde(default)]
    pub category: Option<String>,
    /// Template of the icon's URL.
    #[serde(default)]
    pub icon: Option<String>,
    /// Buttons; labels and URLs are templates.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// True if its messages have bold and links.
    #[serde(default)]
    pub rich: bool,
    /// Time after which its notifications clear themselves, in seconds.
    #[serde(default)]
    pub ttl_seconds: Option<i64>,
    /// True if users cannot mute it; only with the priority HIGH.
    #[serde(default)]
    pub mandatory: bool,
    /// Age at which its notifications are deleted, in days.
    #[serde(default)]
    pub keep_days: Option<i64>,
    /// Variants to compare; the first is the default of `template`.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// Schedule instead of events: five fields of cron, or `{ cron, timezone, count, missed }`.
    #[serde(default)]
    pub schedule: Option<Value>,
    /// Steps that send a notification on further channels when nobody has noticed it.
    #[serde(default)]
    pub escalate: Vec<Escalation>,
    /// Field of the data by which similar events become one notification.
    #[serde(default)]
    pub group_by: Option<String>,
    /// Duration in which they do, such as `"1h"`.
    #[serde(default)]
    pub group_window: Option<String>,
    /// Time up to which e-mails are collected: five fields of cron, or a duration.
    #[serde(default)]
    pub digest: Option<String>,
    /// True if it is active.
    #[serde(default = "yes", alias = "is_active")]
    pub active: bool,
}

fn medium() -> String {
    "MEDIUM".to_owned()
}

fn web() -> Vec<String> {
    vec!["web".to_owned()]
}

fn yes() -> bool {
    true
}

impl TypeConfig {
    /// Converts to a row of the table.
    ///
    /// # Errors
    /// The key and a description, when the template or its file is missing.
    pub fn to_row(&self, templates: &Path) -> Result<TypeRow, (&'static str, String)> {
        let template = match (&self.template, &self.file) {
            (Some(template), None) => template.clone(),
            (None, Some(file)) => {
                let path = templates.join(file);
                read_text(&path, TEMPLATE_MAX_BYTES)
                    .map_err(|error| ("file", format!("cannot read {}: {error}", path.display())))?
            }
            (Some(_), Some(_)) => {
                return Err(("file", "give either template or file, not both".to_owned()));
            }
            (None, None) if !self.variants.is_empty() => self.variants[0].template.clone(),
            (None, None) => {
                return Err((
                    "template",
                    "the type needs a template, or a file with one".to_owned(),
                ));
            }
        };
        Ok(TypeRow {
            code: self.code.clone(),
            display_name: self.title.clone(),
            template,
            target_type: self.target.to_ascii_uppercase(),
            target_role: self.target_role.clone(),
            target_users: self.target_users.clone(),
            priority: self.priority.to_ascii_uppercase(),
            channels: self.channels.clone(),
            is_active: self.active,
            ttl_seconds: self.ttl_seconds,
            action_url: self.action_url.clone(),
            category: self.category.clone(),
            icon: self.icon.clone(),
            actions: self.actions.clone(),
            rich: self.rich,
            entity: self.entity.clone(),
            mandatory: self.mandatory,
            keep_days: self.keep_days,
            variants: self.variants.clone(),
            schedule: self.schedule.clone(),
            escalate: self.escalate.clone(),
            group_by: self.group_by.clone(),
            group_window: self.group_window.clone(),
            digest: self.digest.clone(),
            translations: TextsByLocale::new(),
            email: EmailTexts::default(),
            origin: Origin::Config,
            updated_at: Timestamp(0),
        })
    }
}
