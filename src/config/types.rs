//! `[[type]]`: how an event becomes a notification.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::files::{TEMPLATE_MAX_BYTES, read_text};
use crate::domain::{
    catalog::{Entity, Origin, TypeRow, Variant},
    notification::Timestamp,
    user::UserId,
};

/// One `[[type]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeConfig {
    /// The code, such as `REFUND_REQUESTED`.
    pub code: String,
    /// The headline; `display_name` in the table.
    #[serde(alias = "display_name")]
    pub title: String,
    /// The message's template.
    #[serde(default)]
    pub template: Option<String>,
    /// Or the file with it, in the templates' folder.
    #[serde(default)]
    pub file: Option<String>,
    /// Who receives it.
    #[serde(alias = "target_type")]
    pub target: String,
    /// For the target ROLE.
    #[serde(default)]
    pub target_role: Option<String>,
    /// For the target USERS.
    #[serde(default)]
    pub target_users: Vec<UserId>,
    /// LOW, MEDIUM or HIGH.
    #[serde(default = "medium")]
    pub priority: String,
    /// Ways of delivery.
    #[serde(default = "web")]
    pub channels: Vec<String>,
    /// What it is about.
    #[serde(default)]
    pub entity: Option<Entity>,
    /// Where a click leads, as a template.
    #[serde(default)]
    pub action_url: Option<String>,
    /// Seconds that its notifications live; then they clear themselves.
    #[serde(default)]
    pub ttl_seconds: Option<i64>,
    /// Whether nobody can mute it; for the priority HIGH.
    #[serde(default)]
    pub mandatory: bool,
    /// Days after which its notifications are deleted.
    #[serde(default)]
    pub keep_days: Option<i64>,
    /// Several texts to compare; `template` is the first of them where it is not given.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// Instead of events: when it comes by itself. Five fields of cron, or `{ cron, timezone, count, missed }`.
    #[serde(default)]
    pub schedule: Option<Value>,
    /// Whether it is switched on.
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
    /// The row it is written to the table as.
    ///
    /// # Errors
    /// The key and a sentence, when the template or its file is missing.
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
            entity: self.entity.clone(),
            mandatory: self.mandatory,
            keep_days: self.keep_days,
            variants: self.variants.clone(),
            schedule: self.schedule.clone(),
            origin: Origin::Config,
            updated_at: Timestamp(0),
        })
    }
}
