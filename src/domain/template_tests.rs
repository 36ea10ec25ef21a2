use serde_json::json;

use super::*;
use crate::domain::{notification::Timestamp, user::UserId};

fn event(data: &serde_json::Value) -> Arc<Event> {
    Arc::new(Event {
        id: "e1".into(),
        identity: None,
        name: "refund.requested".into(),
        code: "REFUND_REQUESTED".into(),
        source: Some("refund-service".into()),
        user_id: UserId::parse("u1").ok(),
        actor_id: UserId::parse("a1").ok(),
        recipients: Vec::new(),
        time: Timestamp(1_767_225_600_000),
        data: data.as_object().cloned().unwrap_or_default(),
        direct: None,
    })
}

fn person(id: &str, login: &str) -> Person {
    let mut person = Person::unknown(UserId::parse(id).expect("a constant id is an id"));
    person.login = (!login.is_empty()).then(|| login.to_owned());
    person
}

fn render_with(source: &str, data: &serde_json::Value) -> Result<String, Rejected> {
    let mut templates = Templates::default();
    templates
        .add("t".into(), source.into())
        .map_err(|error| Rejected::whole(RejectedKind::Template, error.to_string()))?;
    let mut recipient = person("r1", "rina");
    recipient.timezone = Some("Asia/Jakarta".into());
    let scope = Scope::new(&event(data), Some(person("u1", "budi")), Some(person("a1", "")), recipient);
    templates.render("t", &scope)
}

#[test]
fn the_examples_of_the_contract_render() {
    for (source, data, expected) in [
        (
            r#"User {username} requested refund for {amount|currency("IDR")}"#,
            json!({"amount": 100_000}),
            "User budi requested refund for Rp100.000",
        ),
        (
            "You logged in from {device} at {time}",
            json!({"device": "Chrome"}),
            "You logged in from Chrome at 2026-01-01T00:00:00Z",
        ),
        (r#"You created a note: "{title}""#, json!({"title": "<b>Hi</b>"}), r#"You created a note: "<b>Hi</b>""#),
        (r#"{actor_name} shared note "{title}" with you"#, json!({"title": "A"}), r#"a1 shared note "A" with you"#),
        (r#"{time|date("%d %b %H:%M")}"#, json!({}), "01 Jan 07:00"),
        (r#"{n} {n|plural("like","likes")}"#, json!({"n": 1}), "1 like"),
        (r#"{n} {n|plural("like","likes")}"#, json!({"n": 3}), "3 likes"),
        (r#"{actor.name|default("somebody")}"#, json!({}), "somebody"),
        (r#"{nickname|default("friend")}"#, json!({}), "friend"),
        ("{title|upper} {title|lower}", json!({"title": "Ab"}), "AB ab"),
        ("{title|truncate(4)}", json!({"title": "Selamat"}), "Sel…"),
        ("{refund_id} {amountDue}", json!({"refundId": "r", "amount_due": 5}), "r 5"),
        ("{recipient.login} {event.time} {event.source}", json!({}), "rina 2026-01-01T00:00:00Z refund-service"),
        ("{order.id}", json!({"order": {"id": 9}}), "9"),
        (
            "{% if n > 1 %}many{% else %}one{% endif %}{% for x in list %} {x}{% endfor %}\n",
            json!({"n": 2, "list": ["a", "b"]}),
            "many a b",
        ),
    ] {
        assert_eq!(render_with(source, &data), Ok(expected.to_owned()), "{source}");
    }
}

#[test]
fn a_missing_field_is_named() {
    for (source, field) in [
        ("Reason: {reason}", "reason"),
        ("{amount|currency(\"IDR\")}", "amount"),
        ("{nickname|default(\"x\")} {reason}", "reason"),
        ("{title|upper}", "title"),
        ("{title|truncate(3)}", "title"),
        ("{order.id}", "order.id"),
        ("{actor.name}", "actor.name"),
        ("{recipient.email}", "recipient.email"),
        ("{% for x in items %}{x}{% endfor %}", "items"),
    ] {
        let rejected = render_with(source, &json!({"order": {}})).err();
        assert_eq!(rejected.as_ref().and_then(|r| r.field.as_deref()), Some(field), "{source}: {rejected:?}");
        assert_eq!(rejected.map(|r| r.kind), Some(RejectedKind::Template));
    }
}

#[test]
fn a_loop_without_end_is_stopped() {
    let source = "{% for a in range(99999) %}{% for b in range(99999) %}{b}{% endfor %}{% endfor %}";
    assert_eq!(render_with(source, &json!({})).err().map(|r| r.kind), Some(RejectedKind::Template));
}

#[test]
fn a_template_that_does_not_compile_says_where() {
    let mut templates = Templates::default();
    let error = templates.add("t".into(), "one\ntwo {amount|nosuch} {".into()).err();
    assert_eq!(error.and_then(|error| error.line), Some(2));
}

#[test]
fn values_in_urls_are_encoded() -> Result<(), Rejected> {
    let mut templates = Templates::default();
    templates
        .add_url("u".into(), "/refunds/{refund_id}".into())
        .map_err(|error| Rejected::whole(RejectedKind::Template, error.to_string()))?;
    let scope = Scope::new(&event(&json!({"refund_id": "a/b?x=1 ü"})), None, None, person("r", ""));
    assert_eq!(templates.render_url("u", &scope)?, "/refunds/a%2Fb%3Fx%3D1%20%C3%BC");
    let empty = Scope::new(&event(&json!({})), None, None, person("r", ""));
    assert_eq!(templates.render_url("u", &empty).err().and_then(|r| r.field), Some("refund_id".to_owned()));
    Ok(())
}

#[test]
fn a_filter_that_is_not_there_is_noticed_before_it_is_used() {
    let mut templates = Templates::default();
    for (source, line) in
        [("{n|nofilter}", 1), ("{amount|currency(\"IDR\")}\n{n|upper|nofilter}", 2), ("{nofunction()}", 1)]
    {
        let bad = templates.add("X".to_owned(), source.to_owned()).expect_err("it is not taken");
        assert_eq!(bad.line, Some(line), "{source}: {}", bad.detail);
        assert!(bad.detail.contains("nof"), "{}", bad.detail);
        assert!(!templates.has("X"));
    }
    for source in [
        "{a.b.c|default('x')|upper} {time|date(\"%H\")} {n|plural('a','b')} {t|truncate(3)} {amount|currency('IDR')}",
        "{% for one in many %}{one.name}{% else %}none{% endfor %}{% if a is defined and b > 3 %}x{% endif %}",
        "{recipient.login} {event.time|date(\"%d %b\")} {list[0]}",
    ] {
        templates.add("X".to_owned(), source.to_owned()).unwrap_or_else(|bad| panic!("{source}: {}", bad.detail));
    }
}
