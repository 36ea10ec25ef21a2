use super::*;
use crate::domain::{
    event::{RawEvent, decode},
    notification::Timestamp,
    template::EventScope,
    user::{Person, UserId},
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
        category: None,
        icon: None,
        actions: Vec::new(),
        rich: false,
        entity: None,
        mandatory: false,
        keep_days: None,
        variants: Vec::new(),
        schedule: None,
        escalate: Vec::new(),
        group_by: None,
        group_window: None,
        digest: None,
        translations: TextsByLocale::new(),
        email: EmailTexts::default(),
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
    let columns: Vec<_> = bad.iter().map(|bad| (bad.code.as_str(), &*bad.column)).collect();
    assert_eq!(columns, [("A", "template"), ("B", "target_type"), ("C", "target_type")]);
}

#[test]
fn code_with_white_space_is_an_invalid_row_that_names_the_code_to_write() {
    let rows = [row("invoice paid", "x", "SELF"), row("invoice.paid", "x", "SELF")];
    let (catalog, bad) = Catalog::build(&rows, &[], "en");
    assert!(catalog.find("INVOICE_PAID").is_some_and(|kind| kind.code == "invoice.paid"));
    assert_eq!((bad.len(), &*bad[0].column), (1, "code"));
    assert!(bad[0].detail.ends_with("write \"INVOICE_PAID\""), "{}", bad[0].detail);
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
    let build = |local: &[LocalTemplate]| Catalog::build(std::slice::from_ref(&kind), local, "en");
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
        let (text, variant) = catalog.message(found, &user, locale, &scope).expect("it renders");
        (text.plain, variant)
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
    let wrong =
        TypeRow { code: "C".into(), schedule: Some(serde_json::json!("at six")), ..all.clone() };
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
    let columns: Vec<_> = bad.iter().map(|bad| (bad.code.as_str(), &*bad.column)).collect();
    assert_eq!(
        columns,
        [("B", "schedule"), ("C", "schedule"), ("D", "template"), ("E", "variants")]
    );
    assert!(bad[3].detail.contains("{title}"), "{bad:?}");
}

#[test]
fn scheduled_type_has_no_fields_of_events_in_any_text() {
    let kind = TypeRow {
        schedule: Some(serde_json::json!({ "cron": "0 18 * * *", "count": "NOTE_CREATED" })),
        display_name: "{count} at {time}".into(),
        action_url: Some("/list?since={since}".into()),
        ..row("A", "{count} new", "ALL")
    };
    assert_eq!(Catalog::faults(&kind, "en"), []);
    let action = |label: &str, url: &str| crate::domain::presentation::Action {
        label: label.into(),
        url: url.into(),
        primary: false,
    };
    let wrong = TypeRow {
        display_name: "About {title}".into(),
        category: Some("{topic}".into()),
        icon: Some("/icons/{kind}.png".into()),
        action_url: Some("/notes/{note_id}".into()),
        actions: vec![action("Open {label}", "/x"), action("Open", "/notes/{id}")],
        ..kind
    };
    let faults = Catalog::faults(&wrong, "en");
    let field = |detail: &str| detail.split('}').next().unwrap_or_default().to_owned();
    let found: Vec<_> = faults.iter().map(|bad| (&*bad.column, field(&bad.detail))).collect();
    let expected = [
        ("display_name", "{title"),
        ("category", "{topic"),
        ("icon", "{kind"),
        ("action_url", "{note_id"),
        ("actions", "{label"),
        ("actions", "{id"),
    ];
    assert_eq!(found, expected.map(|(column, field)| (column, field.to_owned())));
}

#[test]
fn everything_that_is_wrong_with_a_row_is_found() {
    let wrong = TypeRow {
        priority: "URGENT".into(),
        channels: vec!["pigeon".into()],
        digest: Some("never".into()),
        action_url: Some("javascript:x".into()),
        ..row("A", "{", "NOBODY")
    };
    let columns: Vec<_> =
        Catalog::faults(&wrong, "en").into_iter().map(|bad| bad.column.into_owned()).collect();
    let expected = ["target_type", "priority", "channels", "digest", "template", "action_url"];
    assert_eq!(columns, expected);
}

#[test]
fn code_is_found_in_any_spelling() {
    let (catalog, _) = Catalog::build(&[row("order.shipped", "x", "SELF")], &[], "en");
    assert!(catalog.find("ORDER_SHIPPED").is_some());
    assert!(catalog.find("events.order.shipped").is_some());
}
