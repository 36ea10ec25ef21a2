//! The catalog: every type, its target and its compiled template, as one immutable snapshot.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    event::{Event, code_of},
    notification::{Priority, Timestamp},
    rejected::Rejected,
    template::{Scope, Templates},
    user::UserId,
};

/// Who a type's notifications go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The event's user.
    User,
    /// The event's actor.
    Actor,
    /// `recipient_id` and `recipient_ids` in the event.
    Recipient,
    /// Everybody in the directory with this role; ADMIN is the role `admin`.
    Role(String),
    /// These users.
    Users(Vec<UserId>),
    /// Everybody in the directory.
    All,
    /// Nobody's inbox: live feeds only.
    Feed,
}

impl Target {
    /// Reads the columns `target_type`, `target_role` and `target_users`.
    ///
    /// # Errors
    /// A sentence about what is wrong with them.
    pub fn parse(target: &str, role: Option<&str>, users: &[UserId]) -> Result<Self, String> {
        match target.to_ascii_uppercase().as_str() {
            "SELF" | "REQUESTER" => Ok(Self::User),
            "ACTOR" => Ok(Self::Actor),
            "RECIPIENT" => Ok(Self::Recipient),
            "ADMIN" => Ok(Self::Role("admin".to_owned())),
            "ROLE" => match role {
                Some(role) if !role.is_empty() => Ok(Self::Role(role.to_owned())),
                _ => Err("target ROLE needs target_role, such as \"moderator\"".to_owned()),
            },
            "USERS" if users.is_empty() => Err("target USERS needs target_users with at least one user id".to_owned()),
            "USERS" => Ok(Self::Users(users.to_vec())),
            "ALL" => Ok(Self::All),
            "FEED" => Ok(Self::Feed),
            _ => Err(format!(
                "unknown target {target:?}; one of SELF, ACTOR, RECIPIENT, ADMIN, ROLE, USERS, ALL, FEED is expected"
            )),
        }
    }
}

/// Which thing a notification is about: a kind, and the field of the data that says which one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// What kind of thing, such as `refund`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The field of the data with its id, such as `refund_id`.
    pub id: String,
}

/// Where a row of `notification_types` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Written from config.toml, which may change it.
    Config,
    /// Made or changed by an administrator; config.toml leaves it alone.
    Admin,
}

/// A type as it stands in the table: texts that may still be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeRow {
    /// The code, unique.
    pub code: String,
    /// The headline of its notifications.
    pub display_name: String,
    /// The message's template.
    pub template: String,
    /// One word of the targets.
    pub target_type: String,
    /// For ROLE.
    pub target_role: Option<String>,
    /// For USERS.
    pub target_users: Vec<UserId>,
    /// `LOW`, `MEDIUM` or `HIGH`.
    pub priority: String,
    /// Ways it is delivered; `web` is the bell.
    pub channels: Vec<String>,
    /// Whether its events are turned into notifications.
    pub is_active: bool,
    /// Seconds that its notifications live; then they clear themselves.
    pub ttl_seconds: Option<i64>,
    /// The template of the action's URL.
    pub action_url: Option<String>,
    /// What it is about.
    pub entity: Option<Entity>,
    /// Whether nobody can mute it; for the priority HIGH.
    pub mandatory: bool,
    /// Days after which its notifications are deleted.
    pub keep_days: Option<i64>,
    /// Where the row comes from.
    pub origin: Origin,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A type that is ready to use.
#[derive(Debug)]
pub struct NotificationType {
    /// The code as its author wrote it.
    pub code: String,
    /// The headline.
    pub display_name: String,
    /// Who receives it.
    pub target: Target,
    /// How urgent.
    pub priority: Priority,
    /// Whether it is switched on.
    pub is_active: bool,
    /// Seconds that its notifications live; then they clear themselves.
    pub ttl_seconds: Option<i64>,
    /// Whether there is a URL template of its code.
    pub has_action: bool,
    /// What it is about.
    pub entity: Option<Entity>,
    /// Whether nobody can mute it.
    pub mandatory: bool,
    /// Days after which its notifications are deleted.
    pub keep_days: Option<i64>,
}

/// A template for the recipients of one locale: `templates/id/CODE.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTemplate {
    /// The folder's name.
    pub locale: String,
    /// The file's name without its ending.
    pub code: String,
    /// Its text.
    pub source: String,
}

/// A type that cannot be used, and why. It alone is switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadType {
    /// Its code.
    pub code: String,
    /// The column that is wrong.
    pub column: &'static str,
    /// The line within a template, from 1.
    pub line: Option<usize>,
    /// One sentence.
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
    /// Compiles the rows and the locale folders. A row or a file that is wrong is left out and reported.
    #[must_use]
    pub fn build(rows: &[TypeRow], local: &[LocalTemplate], default_locale: &str) -> (Self, Vec<BadType>) {
        let mut catalog = Self { default_locale: default_locale.to_owned(), ..Self::default() };
        let mut bad = Vec::new();
        for row in rows {
            if let Err(problem) = catalog.add(row) {
                bad.push(problem);
            }
        }
        for template in local {
            let code = code_of(&template.code);
            if !catalog.types.contains_key(&code) {
                continue; // A translation may be there before its type is.
            }
            if let Err(error) = catalog.templates.add(local_name(&template.locale, &code), template.source.clone()) {
                bad.push(BadType { code, column: "template", line: error.line, detail: error.detail });
            }
        }
        (catalog, bad)
    }

    fn add(&mut self, row: &TypeRow) -> Result<(), BadType> {
        let problem = |column, detail| BadType { code: row.code.clone(), column, line: None, detail };
        let key = code_of(&row.code);
        let target = Target::parse(&row.target_type, row.target_role.as_deref(), &row.target_users)
            .map_err(|detail| problem("target_type", detail))?;
        let priority = Priority::parse(&row.priority).ok_or_else(|| {
            problem("priority", format!("unknown priority {:?}; LOW, MEDIUM or HIGH is expected", row.priority))
        })?;
        if row.mandatory && priority != Priority::High {
            let detail = "only a type with the priority HIGH can be mandatory".to_owned();
            return Err(problem("mandatory", detail));
        }
        self.templates.add(key.clone(), row.template.clone()).map_err(|error| BadType {
            code: row.code.clone(),
            column: "template",
            line: error.line,
            detail: error.detail,
        })?;
        let action = row.action_url.as_deref().filter(|url| !url.is_empty());
        if let Some(url) = action {
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
        };
        self.types.insert(key, Arc::new(compiled));
        Ok(())
    }

    /// The type of a code, in whatever case or spelling its author defined it.
    #[must_use]
    pub fn find(&self, code: &str) -> Option<&Arc<NotificationType>> {
        self.types.get(&code_of(code))
    }

    /// How many types there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Renders a type's message in the recipient's language.
    ///
    /// # Errors
    /// [`Rejected`] with the field that is missing.
    pub fn message(
        &self,
        kind: &NotificationType,
        locale: Option<&str>,
        scope: &Arc<Scope>,
    ) -> Result<String, Rejected> {
        let code = code_of(&kind.code);
        // "id-ID" falls back to "id", then to the default.
        let wanted = locale.unwrap_or(&self.default_locale);
        let language = wanted.split(['-', '_']).next().unwrap_or(wanted);
        for locale in [wanted, language] {
            let name = local_name(locale, &code);
            if self.templates.has(&name) {
                return self.templates.render(&name, scope);
            }
        }
        self.templates.render(&code, scope)
    }

    /// Renders a type's action URL.
    ///
    /// # Errors
    /// [`Rejected`] with the field that is missing.
    pub fn action_url(&self, kind: &NotificationType, scope: &Arc<Scope>) -> Result<Option<String>, Rejected> {
        kind.has_action.then(|| self.templates.render_url(&code_of(&kind.code), scope)).transpose()
    }
}

/// Field names of the data under which a type's entity can be found, for the plan.
#[must_use]
pub(super) fn entity_id(entity: &Entity, event: &Event) -> Option<String> {
    let present = |name: &str| event.data.get(name).filter(|value| !value.is_null());
    let value =
        present(&entity.id).or_else(|| super::event::other_spelling(&entity.id).and_then(|other| present(&other)))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn local_name(locale: &str, code: &str) -> String {
    format!("{}/{code}", locale.to_ascii_lowercase())
}

/// The rows of config.toml by code, to be compared with those of the table.
#[must_use]
pub fn by_code(rows: &[TypeRow]) -> BTreeMap<&str, &TypeRow> {
    rows.iter().map(|row| (row.code.as_str(), row)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

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
            origin: Origin::Config,
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn a_wrong_row_is_left_out_alone_and_says_why() {
        let mut role = row("C", "x", "ROLE");
        role.priority = "high".into();
        let (catalog, bad) =
            Catalog::build(&[row("A", "{", "SELF"), row("B", "x", "NOBODY"), role, row("D", "x", "self")], &[], "en");
        assert!(catalog.find("D").is_some() && catalog.len() == 1);
        let columns: Vec<_> = bad.iter().map(|bad| (bad.code.as_str(), bad.column)).collect();
        assert_eq!(columns, [("A", "template"), ("B", "target_type"), ("C", "target_type")]);
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        let (catalog, _) = Catalog::build(&[row("order.shipped", "x", "SELF")], &[], "en");
        assert!(catalog.find("ORDER_SHIPPED").is_some());
        assert!(catalog.find("events.order.shipped").is_some());
    }
}
