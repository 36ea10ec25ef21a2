use serde_json::json;

use super::*;
use crate::domain::{
    event::Event,
    notification::Timestamp,
    user::{Person, UserId},
};

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
        bytes: 0,
        publisher: None,
        direct: None,
        trace: None,
        destination: None,
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
        .add("t".into(), source)
        .map_err(|error| Rejected::whole(RejectedKind::Template, error.to_string()))?;
    let mut recipient = person("r1", "rina");
    recipient.timezone = Some("Asia/Jakarta".into());
    let scope = EventScope::new(&event(data), Some(person("u1", "budi")), Some(person("a1", "")))
        .for_recipient(recipient);
    templates.render("t", &scope)
}

#[test]
fn actors_of_a_group_are_inserted_as_names() {
    let render = |source: &str| {
        let mut templates = Templates::default();
        templates.add("t".into(), source).expect("a template");
        let scope = EventScope::new(&event(&json!({})), None, None);
        let names = ["Ani", "Budi", "Siti"].map(str::to_owned);
        templates.render("t", &scope.for_group(person("r1", ""), 3, &names)).expect("it renders")
    };
    assert_eq!(render("{actors} liked it"), "Ani, Budi, Siti liked it");
    assert_eq!(render("{actors|first} of {count}"), "Ani of 3");
    assert_eq!(render("{% for one in actors %}<{one}>{% endfor %}"), "<Ani><Budi><Siti>");
}

#[test]
fn data_names_the_fields_of_the_event_unless_it_is_one_itself() {
    let data = json!({"amount": 5, "order": {"id": 7}});
    let render = |source: &str| render_with(source, &data);
    assert_eq!(render("{order.id}: {data.amount} {data.order.id}").as_deref(), Ok("7: 5 7"));
    let missing = render("{data.total}").expect_err("there is no such field");
    assert!(missing.to_string().contains("data.total"), "{missing}");
    let own = json!({"data": "text", "amount": 5});
    assert_eq!(render_with("{data} {amount}", &own).as_deref(), Ok("text 5"));
}

#[test]
fn documented_examples_render() {
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
        (
            r#"You created a note: "{title}""#,
            json!({"title": "<b>Hi</b>"}),
            r#"You created a note: "<b>Hi</b>""#,
        ),
        (
            r#"{actor_name} shared note "{title}" with you"#,
            json!({"title": "A"}),
            r#"a1 shared note "A" with you"#,
        ),
        (r#"{time|date("%d %b %H:%M")}"#, json!({}), "01 Jan 07:00"),
        (r#"{n} {n|plural("like","likes")}"#, json!({"n": 1}), "1 like"),
        (r#"{n} {n|plural("like","likes")}"#, json!({"n": 3}), "3 likes"),
        (r#"{actor.name|default("somebody")}"#, json!({}), "somebody"),
        (r#"{order.note|default("none")}"#, json!({}), "none"),
        (r#"{order.by.name|default("none")}"#, json!({ "order": {} }), "none"),
        (r#"{order.by.name|default("none")}"#, json!({ "order": { "by": "x" } }), "none"),
        (r#"{order.by.name|default("none")}"#, json!({ "order": { "by": { "name": "A" } } }), "A"),
        (r#"{lines[0].title|default("none")|upper}"#, json!({ "lines": [] }), "NONE"),
        (r#"{lines.0.title|d("none")}"#, json!({ "lines": [{ "title": "T" }] }), "T"),
        ("{% if order.id is defined %}{order.id}{% else %}new{% endif %}", json!({}), "new"),
        (r#"{nickname|default("friend")}"#, json!({}), "friend"),
        ("{title|upper} {title|lower}", json!({"title": "Ab"}), "AB ab"),
        ("{title|truncate(4)}", json!({"title": "Selamat"}), "Sel…"),
        ("{refund_id} {amountDue}", json!({"refundId": "r", "amount_due": 5}), "r 5"),
        (
            "{recipient.login} {event.time} {event.source}",
            json!({}),
            "rina 2026-01-01T00:00:00Z refund-service",
        ),
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
        ("{order.id|default(\"x\")} {order.note}", "order.note"),
        ("{title|upper}", "title"),
        ("{title|truncate(3)}", "title"),
        ("{order.id}", "order.id"),
        ("{actor.name}", "actor.name"),
        ("{recipient.email}", "recipient.email"),
        ("{% for x in items %}{x}{% endfor %}", "items"),
    ] {
        let rejected = render_with(source, &json!({"order": {}})).err();
        assert_eq!(
            rejected.as_ref().and_then(|r| r.field.as_deref()),
            Some(field),
            "{source}: {rejected:?}"
        );
        assert_eq!(rejected.map(|r| r.kind), Some(RejectedKind::Template));
    }
}

#[test]
fn null_counts_as_missing_and_values_have_the_texts_of_json() {
    let data = json!({ "nil": null, "deep": { "nil": null }, "list": [1, null], "yes": true,
        "order": { "paid": false, "lines": ["a", { "b": 2.5 }] } });
    for (source, expected) in [
        (r#"{nil|default("-")} {deep.nil|default("-")} {list[1]|default("-")}"#, "- - -"),
        (r#"{recipient.name|default("you")} {user.name|d("-")}"#, "you -"),
        ("{yes} {order.paid} {yes|string} {yes|lower}", "true false true true"),
        ("{order}", r#"{"lines":["a",{"b":2.5}],"paid":false}"#),
        (r#"{order.lines} {order.lines|join("+")}"#, r#"["a",{"b":2.5}] a+{"b":2.5}"#),
        ("{order.lines|truncate(4)} {order.lines|upper}", r#"["a… ["A",{"B":2.5}]"#),
        ("{% for x in list %}{x|default('-')}{% endfor %}{[true, false]}", "1-[true,false]"),
        ("{nil is defined} {nil is undefined}", "false true"),
    ] {
        assert_eq!(render_with(source, &data), Ok(expected.to_owned()), "{source}");
    }
    for (source, field) in [
        ("{nil}", "nil"),
        ("{deep.nil}", "deep.nil"),
        ("{list[1]}", "list[1]"),
        ("{yes}{% for x in list %}{x}{% endfor %}", "list[1]"),
        ("{list|join}", "list[1]"),
        ("{recipient.name}", "recipient.name"),
        ("{recipient.name|upper}", "recipient.name"),
    ] {
        let rejected = render_with(source, &data).err();
        assert_eq!(rejected.and_then(|r| r.field).as_deref(), Some(field), "{source}");
    }
    assert!(render_with("{nil|default(none)}", &data).is_err(), "no text of none");
}

#[test]
fn style_sheet_is_refused_with_the_ways_to_write_one() {
    for source in [
        "<style>p{color:red}</style>",
        "<style>p { color: red; margin: 0 }</style>",
        "<style>@media print{p{color:red}}</style>",
        "<style>p{font-family:serif}</style>",
    ] {
        let bad = add(source).expect_err(source);
        assert!(bad.detail.contains("placeholders"), "{source}: {}", bad.detail);
        assert!(bad.detail.contains("attributes") && bad.detail.contains("{% raw %}"), "{source}");
        assert_eq!(bad.line, Some(1));
    }
    let raw = "{% raw %}<style>p{color:red}</style>{% endraw %}{x}";
    let rendered = render_with(raw, &json!({ "x": 1 }));
    assert_eq!(rendered.as_deref(), Ok("<style>p{color:red}</style>1"));
    let slice = add("{a[0:2]}").expect_err("a slice");
    assert!(slice.detail.contains("slice"), "{}", slice.detail);
}

#[test]
fn endless_loop_is_stopped() {
    let source =
        "{% for a in range(99999) %}{% for b in range(99999) %}{b}{% endfor %}{% endfor %}";
    assert_eq!(render_with(source, &json!({})).err().map(|r| r.kind), Some(RejectedKind::Template));
}

#[test]
fn a_template_that_does_not_compile_says_where() {
    let mut templates = Templates::default();
    let error = templates.add("t".into(), "one\ntwo {amount|nosuch} {").err();
    assert_eq!(error.and_then(|error| error.line), Some(2));
}

#[test]
fn values_in_urls_are_encoded() -> Result<(), Rejected> {
    let mut templates = Templates::default();
    templates
        .add_url("u".into(), "/refunds/{refund_id}")
        .map_err(|error| Rejected::whole(RejectedKind::Template, error.to_string()))?;
    let scope = EventScope::new(&event(&json!({"refund_id": "a/b?x=1 ü"})), None, None)
        .for_recipient(person("r", ""));
    assert_eq!(templates.render_url("u", &scope)?, "/refunds/a%2Fb%3Fx%3D1%20%C3%BC");
    let empty = EventScope::new(&event(&json!({})), None, None).for_recipient(person("r", ""));
    assert_eq!(
        templates.render_url("u", &empty).err().and_then(|r| r.field),
        Some("refund_id".to_owned())
    );
    Ok(())
}

#[test]
fn unknown_filter_is_detected_at_compile_time() {
    let mut templates = Templates::default();
    for (source, line) in [
        ("{n|nofilter}", 1),
        ("{amount|currency(\"IDR\")}\n{n|upper|nofilter}", 2),
        ("{nofunction()}", 1),
    ] {
        let bad = templates.add("X".to_owned(), source).expect_err("it is not taken");
        assert_eq!(bad.line, Some(line), "{source}: {}", bad.detail);
        assert!(bad.detail.contains("nof"), "{}", bad.detail);
        assert!(!templates.has("X"));
    }
    for source in [
        "{a.b.c|default('x')|upper} {time|date(\"%H\")} {n|plural('a','b')} {t|truncate(3)} \
         {amount|currency('IDR')}",
        "{% for one in many %}{one.name}{% else %}none{% endfor %}{% if a is defined and b > 3 \
         %}x{% endif %}",
        "{recipient.login} {event.time|date(\"%d %b\")} {list[0]}",
    ] {
        templates
            .add("X".to_owned(), source)
            .unwrap_or_else(|bad| panic!("{source}: {}", bad.detail));
    }
}

fn add(source: &str) -> Result<(), BadTemplate> {
    Templates::default().add("t".to_owned(), source)
}

#[test]
fn a_deep_expression_is_refused_before_it_is_parsed() {
    let chain = |part: &str, count: usize| part.repeat(count);
    for (name, source) in [
        ("unary minus", format!("{{{}1}}", chain("-", 6_000))),
        ("not", format!("{{{} a}}", chain("not ", 1_500))),
        ("attributes", format!("{{a{}}}", chain(".b", 3_000))),
        ("filters", format!("{{a{}}}", chain("|upper", 1_000))),
        ("additions", format!("{{1{}}}", chain("+1", 3_000))),
        ("conditions", format!("{{{}1}}", chain("1 if 1 else ", 500))),
        ("comparisons", format!("{{1{}}}", chain("<1", 3_000))),
        ("and", format!("{{a{}}}", chain(" and a", 1_000))),
        ("subscripts", format!("{{a{}}}", chain("[0]", 2_000))),
        ("parentheses", format!("{{{}1{}}}", chain("(", 3_000), chain(")", 3_000))),
        ("lists", format!("{{{}1{}}}", chain("[", 3_000), chain("]", 3_000))),
        ("blocks", format!("{}x{}", chain("{%if a%}", 400), chain("{%endif%}", 400))),
        ("loops", format!("{}x{}", chain("{%for a in b%}", 200), chain("{%endfor%}", 200))),
        ("elif", format!("{{%if a%}}{}{{%endif%}}", chain("{%elif a%}", 400))),
        ("statement", format!("{{% if {}1 %}}x{{% endif %}}", chain("-", 6_000))),
    ] {
        assert!(add(&source).is_err(), "{name}");
    }
}

#[test]
fn a_long_template_is_refused_and_one_at_the_limit_is_taken() {
    assert!(add(&"x".repeat(8 * 1024)).is_ok());
    let bad = add(&"x".repeat(8 * 1024 + 1)).expect_err("it is too long");
    assert!(bad.detail.contains("8192"), "{}", bad.detail);
}

#[test]
fn template_with_unbounded_growth_is_refused() {
    for source in [
        r#"{[1]|batch(1000000000,"x")|list|length}"#,
        "{[1]|slice(1000000000)|list|length}",
        "{a|tojson(1000000)}",
        r#"{"%1000000000d"|format(1)}"#,
        r#"{"a"*2000000000}"#,
        "{2000000000 * a}",
        "{2 ** 99999999}",
        r#"{% set ns = namespace(s="ab") %}{% for i in range(60) %}{% set ns.s =
            ns.s ~ ns.s %}{% endfor %}"#,
        "{% set a = a ~ a %}",
        "{% set a = a + a %}",
        "{% set a = xs.0 + xs.0 %}",
        "{% set a %}{a}{a}{% endset %}",
        "{% filter upper %}{a}{% endfilter %}",
        "{% macro m() %}{a}{a}{% endmacro %}{m()}",
        "{% set a = [a, a] %}",
        "{% set a = (a, a) %}",
        "{% set a = a, a %}",
        "{% for x in [a, a] %}{x}{% endfor %}",
        "{% set a = {'x': a} %}",
        "{a[0:100]}",
        "{% for x in a recursive %}{loop(a)}{% endfor %}",
        "{a|indent(1000000)}",
        "{a|pprint}",
        "{a|zip(a)}",
    ] {
        assert!(add(source).is_err(), "{source}");
    }
}

#[test]
fn conditions_loops_and_numbers_render() {
    let data = json!({"n": 3, "status": "open", "tags": ["a", "b"], "items": [{"name": "x",
        "price": 5}], "s": "a,b"});
    for (source, expected) in [
        (
            r#"{% if status in ["open", "held"] and n > 2 %}yes{% elif n ==
                1 %}one{% else %}no{% endif %}"#,
            "yes",
        ),
        (
            "{% for tag in tags %}{loop.index}{tag}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1a, 2b",
        ),
        ("{% for name, value in items[0]|items %}{name}={value};{% endfor %}", "name=x;price=5;"),
        (r#"{items|map(attribute="name")|join(", ")} {tags|join("+")}"#, "x a+b"),
        (
            "{n + 1} {1 + n} {n - 1} {n / 2} {n // 2} {n % 2} { -n} {n|plus(n)} {n|minus(1)} \
             {n|times(1.5)}",
            "4 4 2 1.5 1 1 -3 6 2 4.5",
        ),
        ("{% set total = n|times(2) %}{total}{% with x = n, y = 1 %}{x}{y}{% endwith %}", "631"),
        (
            r#"{s|split(",")|last} {s|replace(",", " or ")} {tags[0]} {tags|first} {tags|length}"#,
            "b a or b a a 2",
        ),
        (
            "{% for i in range(3) %}{i}{% endfor %}{% for i in range(5, 1, -2) %}{i}{% endfor %}",
            "01253",
        ),
        (r#"{status if n is odd and status is not startingwith("x") else "none"}"#, "open"),
        ("{# a comment with ~ and * #}{% raw %}{a ~ b}{% endraw %}", "{a ~ b}"),
    ] {
        assert_eq!(render_with(source, &data), Ok(expected.to_owned()), "{source}");
    }
}

#[test]
fn excessive_rendering_fails_with_a_reason() {
    let long = "x".repeat(200_000);
    let many: Vec<u32> = (0..80_000).collect();
    let data = json!({"long": long, "many": many, "texts": ["abc"]});
    for (source, reason) in [
        ("{long}", "65536"),
        ("{% for x in many %}{long}{% endfor %}", "65536"),
        ("{% for x in range(9000) %}{% for y in range(9000) %}{% endfor %}{% endfor %}", "steps"),
        ("{% for x in range(9000) %}{% if -1 in many %}{% endif %}{% endfor %}", "steps"),
        (
            concat!(
                r#"{% set l = long|split("") %}{% for x in range(9000) %}"#,
                r#"{% if "a" in l %}{% endif %}{% endfor %}"#
            ),
            "steps",
        ),
        ("{% for x in range(9000) %}{% set y = long|upper %}{% endfor %}", "steps"),
        ("{many|join(long)}", "too long"),
        (r#"{long|replace("x", long)}"#, "too long"),
        ("{range(99999)}", "10000"),
        ("{texts|times(3)}", "not both numbers"),
    ] {
        let rejected = render_with(source, &data).expect_err("it takes too much");
        assert!(rejected.detail.contains(reason), "{source}: {}", rejected.detail);
        assert_eq!(rejected.kind, RejectedKind::Template);
    }
}
