//! The catalog: every type, its target and its compiled template, as one immutable snapshot.

mod row;
mod similar;
mod target;
mod variants;

use std::{collections::HashMap, sync::Arc};

pub use row::{CODE_MAX_CHARS, Entity, LocalTemplate, Origin, TypeRow, by_code};
pub use target::Target;
pub use variants::Variant;

use super::{
    event::{Event, code_of},
    link,
    notification::Priority,
    rejected::Rejected,
    schedule::Schedule,
    template::{BadTemplate, TemplateScope, Templates},
    user::UserId,
};
use crate::domain::skipped::Skipped;

/// Notification type, compiled.
#[derive(Debug)]
pub struct NotificationType {
    /// Code, as its author wrote it.
    pub code: String,
    /// Title.
    pub display_name: String,
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
}

/// Type that is switched off because it is invalid. Other types are not affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadType {
    /// Code.
    pub code: String,
    /// Column with the error.
    pub column: &'static str,
    /// Line within the template, from 1.
    pub line: Option<usize>,
    /// Description of the error.
    pub detail: String,
}

/// All types, compiled.
#[derive(Debug, Default)]
pub struct Catalog {
    types: HashMap<String, Arc<NotificationType>>,
    templates: Templates,
    default_locale: String,
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
                bad.push(problem);
            }
        }
        for template in local {
            // A translation may exist before its type.
            let Some((code, text)) = catalog.translated(&template.code) else { continue };
            if let Err(error) =
                catalog.templates.add(local_name(&template.locale, &text), template.source.clone())
            {
                bad.push(BadType {
                    code,
                    column: "template",
                    line: error.line,
                    detail: error.detail,
                });
            }
        }
        (catalog, bad)
    }

    fn add(&mut self, row: &TypeRow) -> Result<(), BadType> {
        let problem =
            |column, detail| BadType { code: row.code.clone(), column, line: None, detail };
        let key = code_of(&row.code);
        let target = Target::parse(&row.target_type, row.target_role.as_deref(), &row.target_users)
            .map_err(|detail| problem("target_type", detail))?;
        let priority = Priority::parse(&row.priority).ok_or_else(|| {
            problem(
                "priority",
                format!("unknown priority {:?}; LOW, MEDIUM or HIGH is expected", row.priority),
            )
        })?;
        if row.mandatory && priority != Priority::High {
            let detail = "only a type with the priority HIGH can be mandatory".to_owned();
            return Err(problem("mandatory", detail));
        }
        if let Some((column, detail)) = row.too_long() {
            return Err(problem(column, detail));
        }
        if let Some(channel) = row.channels.iter().find(|channel| !row::is_channel(channel)) {
            let detail =
                format!("unknown channel {channel:?}; web, email, push and webhook:NAME are known");
            return Err(problem("channels", detail));
        }
        if let Some(column) = row.column_with_nul() {
            return Err(problem(column, "must not contain a NUL character".to_owned()));
        }
        let wrong = |column| {
            let code = row.code.clone();
            move |error: BadTemplate| BadType {
                code,
                column,
                line: error.line,
                detail: error.detail,
            }
        };
        let schedule = row.schedule.as_ref().map(Schedule::parse).transpose();
        let schedule = schedule.map_err(|detail| problem("schedule", detail))?;
        if schedule.is_some() && !target.needs_no_event() {
            let detail = "a scheduled type needs a target that does not depend on an event: \
            ADMIN, ROLE, USERS or ALL";
            return Err(problem("schedule", detail.to_owned()));
        }
        variants::check(&row.variants).map_err(|detail| problem("variants", detail))?;
        self.templates.add(key.clone(), row.template.clone()).map_err(wrong("template"))?;
        for variant in &row.variants {
            let named = |bad: BadType| BadType {
                detail: format!("{}: {}", variant.name, bad.detail),
                ..bad
            };
            let text = variants::text_of(&key, &variant.name);
            self.templates
                .add(text, variant.template.clone())
                .map_err(wrong("variants"))
                .map_err(named)?;
        }
        if let Some(schedule) = &schedule {
            self.check_scheduled(&key, row, schedule)?;
        }
        let action = row.action_url.as_deref().filter(|url| !url.is_empty());
        if let Some(url) = action {
            if !link::is_safe_template(url) {
                return Err(problem("action_url", link::EXPECTED.to_owned()));
            }
            self.templates
                .add_url(key.clone(), url.to_owned())
                .map_err(|error| problem("action_url", error.to_string()))?;
        }
        let compiled = NotificationType {
            code: row.code.clone(),
            display_name: row.display_name.clone(),
            target,
            priority,
            is_active: row.is_active,
            ttl_seconds: row.ttl_seconds.filter(|seconds| *seconds > 0),
            has_action: action.is_some(),
            entity: row.entity.clone(),
            mandatory: row.mandatory,
            keep_days: row.keep_days.filter(|days| *days > 0),
            variants: row
                .variants
                .iter()
                .map(|variant| (variant.name.clone(), variant.weight))
                .collect(),
            schedule,
        };
        self.types.insert(key, Arc::new(compiled));
        Ok(())
    }

    /// Checks that a scheduled type renders without an event: a template with other fields would
    /// always fail.
    fn check_scheduled(
        &self,
        key: &str,
        row: &TypeRow,
        schedule: &Schedule,
    ) -> Result<(), BadType> {
        const THERE: [&str; 4] = ["since", "recipient", "event", "time"];
        let texts =
            row.variants.iter().map(|variant| (variants::text_of(key, &variant.name), "variants"));
        for (text, column) in texts.chain([(key.to_owned(), "template")]) {
            let is_there = |name: &String| {
                THERE.contains(&name.as_str()) || name == "count" && schedule.count().is_some()
            };
            let missing = self.templates.asks_for(&text).into_iter().find(|name| !is_there(name));
            if let Some(name) = missing {
                let detail = if name == "count" {
                    "{count} needs a schedule that says which type it counts".to_owned()
                } else {
                    format!(
                        "{{{name}}} is a field of an event; a scheduled type has {{count}}, \
                         {{since}} and {{recipient}}"
                    )
                };
                return Err(BadType { code: row.code.clone(), column, line: None, detail });
            }
        }
        Ok(())
    }

    /// Returns the type with a code, in any case and spelling.
    #[must_use]
    pub fn find(&self, code: &str) -> Option<&Arc<NotificationType>> {
        self.types.get(&code_of(code))
    }

    /// Returns the code of the type that `code` was probably meant to be.
    #[must_use]
    pub fn similar(&self, code: &str) -> Option<&str> {
        let key = similar::nearest(&code_of(code), self.types.keys())?;
        self.types.get(key).map(|kind| kind.code.as_str())
    }

    /// Returns the reason for which an event with this code makes no notification, as a sentence.
    #[must_use]
    pub fn why_skipped(&self, code: &str, why: Skipped) -> String {
        match why {
            Skipped::NoType => match self.similar(code) {
                Some(similar) => format!("no type {code}; did you mean {similar}?"),
                None => format!("no type {code}"),
            },
            other => other.explained().to_owned(),
        }
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

    /// Returns the type and the variant that a file in a locale's folder translates: `CODE.txt`, or
    /// `CODE.VARIANT.txt`.
    fn translated(&self, file: &str) -> Option<(String, String)> {
        if let Some((code, name)) = file.rsplit_once('.') {
            let code = code_of(code);
            let has =
                |kind: &Arc<NotificationType>| kind.variants.iter().any(|(known, _)| known == name);
            if self.types.get(&code).is_some_and(has) {
                let text = variants::text_of(&code, name);
                return Some((code, text));
            }
        }
        let code = code_of(file);
        self.types.contains_key(&code).then(|| (code.clone(), code))
    }

    /// Renders a type's message in the recipient's language. Returns the message and the variant.
    ///
    /// A reader whose language has a translation of the type but none of the variant gets the
    /// translation, and is not part of the comparison.
    ///
    /// # Errors
    /// [`Rejected`] with the missing field.
    pub fn message(
        &self,
        kind: &NotificationType,
        recipient: &UserId,
        locale: Option<&str>,
        scope: &Arc<TemplateScope>,
    ) -> Result<(String, Option<String>), Rejected> {
        let code = code_of(&kind.code);
        let variant = variants::choose(&code, recipient, &kind.variants);
        // "id-ID" falls back to "id", then to the default.
        let wanted = locale.unwrap_or(&self.default_locale);
        let language = wanted.split(['-', '_']).next().unwrap_or(wanted);
        for locale in [wanted, language] {
            if let Some(variant) = variant {
                let name = local_name(locale, &variants::text_of(&code, variant));
                if self.templates.has(&name) {
                    return Ok((self.templates.render(&name, scope)?, Some(variant.to_owned())));
                }
            }
            let name = local_name(locale, &code);
            if self.templates.has(&name) {
                return Ok((self.templates.render(&name, scope)?, None));
            }
        }
        let text =
            variant.map_or_else(|| code.clone(), |variant| variants::text_of(&code, variant));
        Ok((self.templates.render(&text, scope)?, variant.map(str::to_owned)))
    }

    /// Renders a type's action URL.
    ///
    /// # Errors
    /// [`Rejected`] with the missing field.
    pub fn action_url(
        &self,
        kind: &NotificationType,
        scope: &Arc<TemplateScope>,
    ) -> Result<Option<String>, Rejected> {
        kind.has_action.then(|| self.templates.render_url(&code_of(&kind.code), scope)).transpose()
    }
}

/// Returns the ID of the entity that an event is about.
#[must_use]
pub(super) fn entity_id(entity: &Entity, event: &Event) -> Option<String> {
    let present = |name: &str| event.data.get(name).filter(|value| !value.is_null());
    let value = present(&entity.id)
        .or_else(|| super::event::other_spelling(&entity.id).and_then(|other| present(&other)))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn local_name(locale: &str, code: &str) -> String {
    format!("{}/{code}", locale.to_ascii_lowercase())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::{
        event::{RawEvent, decode},
        notification::Timestamp,
        template::EventScope,
        user::Person,
    };

    pub(crate) fn row(code: &str, template: &str, target: &str) -> TypeRow {
        TypeRow {
            code: code.into(),
            display_name: "Title".into(),
            template: template.into(),
            target_type: target.into(),
            target_role: None,
            target_users: Vec::new(),
            priority: "MEDIUM".into(),
            channels: vec!["web".into()],
            is_active: true,
            ttl_seconds: None,
            action_url: None,
            entity: None,
            mandatory: false,
            keep_days: None,
            variants: Vec::new(),
            schedule: None,
            origin: Origin::Config,
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn invalid_row_is_left_out_alone_with_a_reason() {
        let mut role = row("C", "x", "ROLE");
        role.priority = "high".into();
        let (catalog, bad) = Catalog::build(
            &[row("A", "{", "SELF"), row("B", "x", "NOBODY"), role, row("D", "x", "self")],
            &[],
            "en",
        );
        assert!(catalog.find("D").is_some() && catalog.len() == 1);
        let columns: Vec<_> = bad.iter().map(|bad| (bad.code.as_str(), bad.column)).collect();
        assert_eq!(columns, [("A", "template"), ("B", "target_type"), ("C", "target_type")]);
    }

    #[test]
    fn translation_belongs_to_a_variant_or_to_the_type() {
        let mut kind = row("NOTE", "plain", "SELF");
        let variant = |name: &str, template: &str| Variant {
            name: name.into(),
            weight: 1,
            template: template.into(),
        };
        kind.variants = vec![variant("a", "text a"), variant("b", "text b")];
        let local = |code: &str, source: &str| LocalTemplate {
            locale: "id".into(),
            code: code.into(),
            source: source.into(),
        };
        let build =
            |local: &[LocalTemplate]| Catalog::build(std::slice::from_ref(&kind), local, "en");
        let incoming = RawEvent {
            payload: br#"{"type":"NOTE"}"#,
            headers: &[],
            subject: None,
            broker_identity: None,
            now: Timestamp(0),
            max_event_bytes: 100,
        };
        let event = decode(&incoming).expect("it is one").events.remove(0);
        let recipient = Person::unknown(UserId::parse("u").expect("an id"));
        let scope = EventScope::new(&Arc::new(event), None, None).for_recipient(recipient);
        let says = |catalog: &Catalog, user: &str, locale: Option<&str>| {
            let user = UserId::parse(user).expect("an id");
            let found = catalog.find("NOTE").expect("it is there");
            catalog.message(found, &user, locale, &scope).expect("it renders")
        };
        let (catalog, bad) = build(&[local("NOTE.a", "teks a"), local("NOTE", "teks")]);
        assert_eq!(bad, []);
        for n in 0..50 {
            let user = format!("user-{n}");
            let (text, variant) = says(&catalog, &user, None);
            assert_eq!(Some(text.trim_start_matches("text ")), variant.as_deref());
            // In Indonesian there is no b: who would have it reads the translation, and does not
            // count.
            let expected = if variant.as_deref() == Some("a") {
                ("teks a", variant.clone())
            } else {
                ("teks", None)
            };
            assert_eq!(says(&catalog, &user, Some("id-ID")), (expected.0.to_owned(), expected.1));
        }
        let (_, bad) = build(&[local("NOTE.a", "{")]);
        assert_eq!(bad.len(), 1);
    }

    #[test]
    fn scheduled_type_needs_a_target_independent_of_events() {
        let mut all = row("A", "{count} new", "ALL");
        all.schedule = Some(serde_json::json!({ "cron": "0 18 * * *", "count": "NOTE_CREATED" }));
        let own = TypeRow { code: "B".into(), target_type: "SELF".into(), ..all.clone() };
        let wrong = TypeRow {
            code: "C".into(),
            schedule: Some(serde_json::json!("at six")),
            ..all.clone()
        };
        // All names must exist without an event.
        let uncounted = TypeRow {
            code: "D".into(),
            schedule: Some(serde_json::json!("0 18 * * *")),
            ..all.clone()
        };
        let asks = Variant { name: "a".into(), weight: 1, template: "{title}".into() };
        let more = TypeRow { code: "E".into(), variants: vec![asks], ..all.clone() };
        let (catalog, bad) = Catalog::build(&[all, own, wrong, uncounted, more], &[], "en");
        assert_eq!(catalog.scheduled().count(), 1);
        let columns: Vec<_> = bad.iter().map(|bad| (bad.code.as_str(), bad.column)).collect();
        assert_eq!(
            columns,
            [("B", "schedule"), ("C", "schedule"), ("D", "template"), ("E", "variants")]
        );
        assert!(bad[3].detail.contains("{title}"), "{bad:?}");
    }

    #[test]
    fn code_is_found_in_any_spelling() {
        let (catalog, _) = Catalog::build(&[row("order.shipped", "x", "SELF")], &[], "en");
        assert!(catalog.find("ORDER_SHIPPED").is_some());
        assert!(catalog.find("events.order.shipped").is_some());
    }
}
