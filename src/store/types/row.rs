//! Rows of the table `notification_types`. Values that SQL has made unreadable become invalid ones,
//! so that validation reports them.

use serde_json::Value;
use sqlx::FromRow;

use crate::{
    domain::{
        catalog::{
            EmailTexts, Entity, LocalTexts, Origin, TextsByLocale, TypeRow, Variant, without_empty,
        },
        channel::{EMAIL, Escalation, UnlessState},
        notification::Timestamp,
        presentation::Action,
        user::UserId,
    },
    store::sql_types::{Json, Texts},
};

/// Row of the table.
#[derive(FromRow)]
pub(super) struct Row {
    code: String,
    display_name: String,
    template: String,
    target_type: String,
    target_role: Option<String>,
    target_users: Texts,
    priority: String,
    channels: Texts,
    is_active: bool,
    ttl_seconds: Option<i64>,
    action_url: Option<String>,
    entity_type: Option<String>,
    entity_field: Option<String>,
    mandatory: bool,
    keep_days: Option<i64>,
    variants: Json<'static>,
    schedule: Option<String>,
    escalate: Json<'static>,
    group_by: Option<String>,
    group_window: Option<String>,
    digest: Option<String>,
    category: Option<String>,
    icon: Option<String>,
    actions: Json<'static>,
    rich: bool,
    translations: Json<'static>,
    email: Json<'static>,
    origin: String,
    updated_at: Timestamp,
}

impl From<Row> for TypeRow {
    fn from(row: Row) -> Self {
        let entity = row.entity_type.zip(row.entity_field);
        // Invalid lists written by SQL count as empty; validation of the target then reports it.
        let users: Vec<UserId> = row
            .target_users
            .0
            .iter()
            .map(|id| UserId::parse(id))
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        Self {
            code: row.code,
            display_name: row.display_name,
            template: row.template,
            target_type: row.target_type,
            target_role: row.target_role,
            target_users: users,
            priority: row.priority,
            channels: row.channels.0,
            is_active: row.is_active,
            ttl_seconds: row.ttl_seconds,
            action_url: row.action_url,
            entity: entity.map(|(kind, id)| Entity { kind, id }),
            mandatory: row.mandatory,
            keep_days: row.keep_days,
            variants: variants(row.variants.into_text()),
            // Written by SQL it may be the five fields alone.
            schedule: row.schedule.filter(|text| !text.is_empty()).map(|text| {
                let json = serde_json::from_str(&text).ok().filter(Value::is_object);
                json.unwrap_or(Value::String(text))
            }),
            // An invalid list written by SQL becomes an invalid step, and validation reports it.
            escalate: serde_json::from_str(&row.escalate.0).unwrap_or_else(|_| {
                vec![Escalation {
                    after: row.escalate.0.chars().take(40).collect(),
                    unless: UnlessState::Seen,
                    channels: vec![EMAIL.to_owned()],
                }]
            }),
            group_by: row.group_by.filter(|text| !text.is_empty()),
            group_window: row.group_window.filter(|text| !text.is_empty()),
            digest: row.digest.filter(|text| !text.is_empty()),
            category: row.category.filter(|text| !text.is_empty()),
            icon: row.icon.filter(|text| !text.is_empty()),
            actions: actions(row.actions.into_text()),
            rich: row.rich,
            translations: translations(&row.translations.into_text()),
            email: email(&row.email.into_text()),
            origin: if row.origin == "config" { Origin::Config } else { Origin::Admin },
            updated_at: row.updated_at,
        }
    }
}

/// Unreadable variants become one invalid variant, so that validation reports it.
fn variants(text: String) -> Vec<Variant> {
    serde_json::from_str(&text)
        .unwrap_or_else(|_| vec![Variant { name: text, weight: 0, template: String::new() }])
}

/// Unreadable actions become one invalid action, so that validation reports it.
fn actions(text: String) -> Vec<Action> {
    serde_json::from_str(&text)
        .unwrap_or_else(|_| vec![Action { label: String::new(), url: text, primary: false }])
}

/// Unreadable translations become those of an invalid locale, so that validation reports it.
fn translations(text: &str) -> TextsByLocale {
    let found = serde_json::from_str(text).map(without_empty);
    found.unwrap_or_else(|_| {
        let title = Some(text.to_owned());
        let texts = LocalTexts { title, ..LocalTexts::default() };
        TextsByLocale::from([(text.chars().take(40).collect(), texts)])
    })
}

/// Unreadable texts of e-mails become an invalid template, so that validation reports it.
fn email(text: &str) -> EmailTexts {
    let invalid = || EmailTexts {
        subject: Some("{% the column email is not valid JSON".to_owned()),
        ..EmailTexts::default()
    };
    serde_json::from_str(text).map_or_else(|_| invalid(), EmailTexts::without_empty)
}
