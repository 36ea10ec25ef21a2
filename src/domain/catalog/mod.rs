//! The catalog: every type, its target and its compiled template, as one immutable snapshot.

mod absent;
mod presentation;
mod render;
mod row;
mod scheduled;
mod similar;
mod target;
mod texts;
mod variants;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

pub use presentation::PresentationOfType;
pub use render::MessageText;
pub use row::{CODE_MAX_CHARS, Entity, LocalTemplate, Origin, TypeRow, by_code};
pub use target::Target;
pub use texts::{
    EmailTexts, LocalTexts, TextPart, TextsByLocale, TypeText, check_locale, mail_name,
    without_empty,
};
pub use variants::Variant;

use super::{
    channel::{Digest, Escalation, parse_duration},
    event::{Event, code_of},
    link,
    notification::Priority,
    schedule::Schedule,
    template::{BadTemplate, MailTemplates, Templates},
};
use presentation::TITLE;

/// Notification type, compiled.
#[derive(Debug)]
pub struct NotificationType {
    /// Code, as its author wrote it.
    pub code: String,
    /// Title as it is written; notifications have the rendered one.
    pub display_name: String,
    /// Title, category, icon and actions.
    pub presentation: PresentationOfType,
    /// Recipients.
    pub target: Target,
    /// Priority.
    pub priority: Priority,
    /// True if it is switched on.
    pub is_active: bool,
    /// Time after which its notifications clear themselves, in seconds.
    pub ttl_seconds: Option<i64>,
    /// True if there is a URL template of its code.
    pub has_action: bool,
    /// Entity that its notifications are about.
    pub entity: Option<Entity>,
    /// True if users cannot mute it.
    pub mandatory: bool,
    /// Days after which its notifications are deleted.
    pub keep_days: Option<i64>,
    /// Names and weights of its variants.
    pub variants: Vec<(String, u32)>,
    /// Schedule on which it is published without an event.
    pub schedule: Option<Schedule>,
    /// Channels; `web` is the bell.
    pub channels: Vec<String>,
    /// Escalations with their delay, in milliseconds.
    pub escalate: Vec<(i64, Escalation)>,
    /// Field of the data by which events are grouped, and for how long, in milliseconds.
    pub group: Option<(String, i64)>,
    /// Time up to which e-mails are collected.
    pub digest: Option<Digest>,
}

/// Duration in which events are grouped unless the type says otherwise, in milliseconds.
const GROUP_WINDOW_MS: i64 = 60 * 60 * 1_000;

/// Type that is switched off because it is invalid. Other types are not affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadType {
    /// Code.
    pub code: String,
    /// Column with the error; for a translation the path, such as `translations.id.title`.
    pub column: Cow<'static, str>,
    /// Line within the template, from 1.
    pub line: Option<usize>,
    /// Description of the error.
    pub detail: String,
}

impl BadType {
    fn new(row: &TypeRow, column: impl Into<Cow<'static, str>>, detail: String) -> Self {
        Self { code: row.code.clone(), column: column.into(), line: None, detail }
    }
}

/// Place of a text, for descriptions of errors.
#[derive(Debug)]
struct Place {
    /// Description: the part, its locale, and the file or the table.
    text: String,
    /// True for a text of the table.
    in_table: bool,
}

/// All types, compiled.
#[derive(Debug, Default)]
pub struct Catalog {
    types: HashMap<String, Arc<NotificationType>>,
    /// Types that are off because their row is invalid.
    invalid: HashSet<String>,
    templates: Templates,
    /// Texts of e-mails in the table.
    mails: MailTemplates,
    /// Places of titles and messages, by the name of the template.
    places: HashMap<String, Place>,
    default_locale: String,
    /// True if any title is translated.
    has_local_titles: bool,
}

impl Catalog {
    /// Compiles the rows and the locale folders. An invalid row or file is left out and reported.
    #[must_use]
    pub fn build(
        rows: &[TypeRow],
        local: &[LocalTemplate],
        default_locale: &str,
    ) -> (Self, Vec<BadType>) {
        let mut catalog = Self { default_locale: default_locale.to_owned(), ..Self::default() };
        let mut bad = Vec::new();
        for row in rows {
            if let Err(problem) = catalog.add(row) {
                catalog.invalid.insert(code_of(&row.code));
                bad.push(problem);
            }
        }
        for template in local {
            // A translation may exist before its type.
            let Some((code, text, column)) = catalog.translated(&template.code) else { continue };
            let name = local_name(&template.locale, &text);
            if catalog.places.get(&name).is_some_and(|place| place.in_table) {
                continue;
            }
            let part = if column == "template" { "message" } else { "title" };
            let file = format!("{}/{}.txt", template.locale, template.code);
            catalog.note_place(&name, part, &template.locale, Some(&file));
            catalog.has_local_titles |= column != "template";
            let is_rich = column == "template" && catalog.is_rich(&code);
            if let Err(error) = catalog.templates.add_message(name, &template.source, is_rich) {
                let column = column.into();
                bad.push(BadType { code, column, line: error.line, detail: error.detail });
            }
        }
        (catalog, bad)
    }

    /// Returns everything that is wrong with a row.
    #[must_use]
    pub fn faults(row: &TypeRow, default_locale: &str) -> Vec<BadType> {
        let mut catalog = Self { default_locale: default_locale.to_owned(), ..Self::default() };
        let mut bad = Vec::new();
        catalog.compile_row(row, &mut bad);
        bad
    }

    /// Compiles a row and adds its type, if everything in the row is valid.
    fn add(&mut self, row: &TypeRow) -> Result<(), BadType> {
        let mut bad = Vec::new();
        if let Some(kind) = self.compile_row(row, &mut bad) {
            self.types.insert(code_of(&row.code), Arc::new(kind));
        }
        // One is enough for a log.
        bad.into_iter().next().map_or(Ok(()), Err)
    }

    /// Compiles a row. Reports everything that is wrong with it to `bad`.
    fn compile_row(&mut self, row: &TypeRow, bad: &mut Vec<BadType>) -> Option<NotificationType> {
        let key = code_of(&row.code);
        let new = |column: &'static str, detail: String| BadType::new(row, column, detail);
        let target = Target::parse(&row.target_type, row.target_role.as_deref(), &row.target_users)
            .map_err(|detail| bad.push(new("target_type", detail)))
            .ok();
        let priority = Priority::parse(&row.priority);
        if priority.is_none() {
            let detail =
                format!("unknown priority {:?}; LOW, MEDIUM or HIGH is expected", row.priority);
            bad.push(new("priority", detail));
        }
        bad.extend(row.faults().into_iter().map(|(column, detail)| new(column, detail)));
        if let Err((path, detail)) = row.check_texts() {
            bad.push(BadType::new(row, path, detail));
        }
        let schedule = row.schedule.as_ref().and_then(|written| {
            Schedule::parse(written).map_err(|detail| bad.push(new("schedule", detail))).ok()
        });
        if schedule.is_some() && target.as_ref().is_some_and(|target| !target.needs_no_event()) {
            let detail = "a scheduled type needs a target that does not depend on an event: \
            ADMIN, ROLE, USERS or ALL";
            bad.push(new("schedule", detail.to_owned()));
        }
        self.add_templates(&key, row, bad);
        if let Err(wrong) = self.add_texts(&key, row) {
            bad.push(wrong);
        }
        let presentation =
            self.compile_presentation(&key, row).map_err(|wrong| bad.push(wrong)).ok();
        if let Some(schedule) = schedule.as_ref().filter(|_| bad.is_empty()) {
            bad.extend(self.unscheduled_fields(&key, row, schedule));
        }
        if !bad.is_empty() {
            return None;
        }
        let variants = row.variants.iter().map(|v| (v.name.clone(), v.weight)).collect();
        Some(NotificationType {
            code: row.code.clone(),
            display_name: row.display_name.clone(),
            presentation: presentation?,
            target: target?,
            priority: priority?,
            is_active: row.is_active,
            ttl_seconds: row.ttl_seconds.filter(|seconds| *seconds > 0),
            has_action: row.action_url.as_deref().is_some_and(|url| !url.is_empty()),
            entity: row.entity.clone(),
            mandatory: row.mandatory,
            keep_days: row.keep_days.filter(|days| *days > 0),
            variants,
            schedule,
            channels: row.distinct_channels(),
            // Invalid ones were refused above.
            escalate: row
                .escalate
                .iter()
                .filter_map(|step| Some((step.check().ok()?, step.clone())))
                .collect(),
            group: row.group_by.clone().map(|field| {
                let window = row.group_window.as_deref().and_then(|text| parse_duration(text).ok());
                (field, window.unwrap_or(GROUP_WINDOW_MS))
            }),
            digest: row.digest.as_deref().and_then(|text| Digest::parse(text).ok()),
        })
    }

    /// Compiles the template of a row, those of its variants, and its action URL.
    fn add_templates(&mut self, key: &str, row: &TypeRow, bad: &mut Vec<BadType>) {
        let wrong = |column, error: BadTemplate| BadType {
            line: error.line,
            ..BadType::new(row, column, error.detail)
        };
        let file = (row.origin == Origin::Config).then_some("config.toml");
        self.note_place(key, "message", "", file);
        self.note_place(&presentation::presentation_name(key, TITLE), "title", "", file);
        if let Err(error) = self.templates.add_message(key.to_owned(), &row.template, row.rich) {
            bad.push(wrong("template", error));
        }
        if let Err(detail) = variants::check(&row.variants) {
            bad.push(BadType::new(row, "variants", detail));
        }
        for variant in &row.variants {
            let name = variants::text_of(key, &variant.name);
            self.note_place(&name, &format!("variant {}", variant.name), "", file);
            if let Err(mut error) = self.templates.add_message(name, &variant.template, row.rich) {
                error.detail = format!("{}: {}", variant.name, error.detail);
                bad.push(wrong("variants", error));
            }
        }
        let Some(url) = row.action_url.as_deref().filter(|url| !url.is_empty()) else { return };
        if !link::is_safe_template(url) {
            bad.push(BadType::new(row, "action_url", link::EXPECTED.to_owned()));
        } else if let Err(error) = self.templates.add_url(key.to_owned(), url) {
            bad.push(BadType::new(row, "action_url", error.to_string()));
        }
    }

    /// Records the place of a text; without a file it is in the table.
    fn note_place(&mut self, name: &str, part: &str, locale: &str, file: Option<&str>) {
        let locale = match locale {
            "" => "default language".to_owned(),
            locale => format!("locale {locale}"),
        };
        let source = match file {
            None => "table".to_owned(),
            Some(file) if file.contains('/') => format!("file {file}"),
            Some(file) => file.to_owned(),
        };
        let text = format!("{part}, {locale}, {source}");
        self.places.insert(name.to_owned(), Place { text, in_table: file.is_none() });
    }

    /// Returns the type with a code, in any case and spelling.
    #[must_use]
    pub fn find(&self, code: &str) -> Option<&Arc<NotificationType>> {
        self.types.get(&code_of(code))
    }

    /// Number of types.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Returns all types, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<NotificationType>> {
        self.types.values()
    }

    /// Returns the types with a schedule.
    pub fn scheduled(&self) -> impl Iterator<Item = (&Arc<NotificationType>, &Schedule)> {
        self.types.values().filter_map(|kind| Some((kind, kind.schedule.as_ref()?)))
    }

    fn is_rich(&self, key: &str) -> bool {
        self.types.get(key).is_some_and(|kind| kind.presentation.is_rich)
    }

    /// Returns the type, the name of the template and the column that a file in a locale's folder
    /// translates: `CODE.txt`, `CODE.VARIANT.txt` or `CODE.title.txt`.
    fn translated(&self, file: &str) -> Option<(String, String, &'static str)> {
        if let Some((code, name)) = file.rsplit_once('.') {
            let code = code_of(code);
            let has =
                |kind: &Arc<NotificationType>| kind.variants.iter().any(|(known, _)| known == name);
            if self.types.get(&code).is_some_and(has) {
                let text = variants::text_of(&code, name);
                return Some((code, text, "template"));
            }
            if name == presentation::TITLE && self.types.contains_key(&code) {
                let title = presentation::presentation_name(&code, name);
                return Some((code, title, "display_name"));
            }
        }
        let code = code_of(file);
        self.types.contains_key(&code).then(|| (code.clone(), code, "template"))
    }
}

/// Returns the ID of the entity that an event is about.
#[must_use]
pub(super) fn entity_id(entity: &Entity, event: &Event) -> Option<String> {
    let present = |name: &str| {
        let nested = || {
            let mut parts = name.split('.');
            let first = event.data.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        };
        event.data.get(name).or_else(nested).filter(|value| !value.is_null())
    };
    let value = present(&entity.id)
        .or_else(|| super::event::other_spelling(&entity.id).and_then(|other| present(&other)))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn local_name(locale: &str, code: &str) -> String {
    format!("{}/{code}", locale.to_ascii_lowercase())
}

#[cfg(test)]
pub(crate) mod tests;
