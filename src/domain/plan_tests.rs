use serde_json::json;

use super::*;
use crate::domain::{
    catalog::{Entity, LocalTemplate, TypeRow, tests::row},
    event::{Decoded, RawEvent, decode},
    preferences::QuietHours,
    presentation::Action,
    rejected::RejectedKind,
};

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn user(id: &str) -> UserId {
    UserId::parse(id).expect("a constant id is an id")
}

fn event(value: &serde_json::Value) -> Arc<Event> {
    let payload = value.to_string();
    let incoming = RawEvent {
        payload: payload.as_bytes(),
        headers: &[],
        subject: None,
        broker_identity: None,
        now: NOW,
        max_event_bytes: 100_000,
    };
    let Decoded { mut events, .. } = decode(&incoming).expect("the test's event is good");
    Arc::new(events.remove(0))
}

fn catalog(rows: &[TypeRow]) -> Arc<Catalog> {
    let local = [LocalTemplate {
        locale: "id".into(),
        code: "REFUND".into(),
        source: "{username} minta {amount}\n".into(),
    }];
    let (catalog, bad) = Catalog::build(rows, &local, "en");
    assert_eq!(bad, []);
    Arc::new(catalog)
}

fn decide(target: &str, value: &serde_json::Value) -> Result<Decision, Rejected> {
    let mut row = row("T", "x", target);
    row.target_role = Some("moderator".into());
    row.target_users = vec![user("a"), user("b"), user("a")];
    super::decide(&event(value), &catalog(&[row]))
}

#[test]
fn every_target_resolves_to_its_recipients() {
    let all = json!({"type":"T","user_id":"u","actor_id":"a","recipient_id":"r",
        "recipient_ids":["s","r"]});
    for (target, expected) in [
        ("SELF", RecipientSet::Users(vec![user("u")])),
        ("REQUESTER", RecipientSet::Users(vec![user("u")])),
        ("ACTOR", RecipientSet::Users(vec![user("a")])),
        ("RECIPIENT", RecipientSet::Users(vec![user("r"), user("s")])),
        ("ADMIN", RecipientSet::Role("admin".into())),
        ("ROLE", RecipientSet::Role("moderator".into())),
        ("USERS", RecipientSet::Users(vec![user("a"), user("b")])),
        ("ALL", RecipientSet::All),
    ] {
        match decide(target, &all) {
            Ok(Decision::Notify(_, recipients)) => assert_eq!(recipients, expected, "{target}"),
            other => panic!("{target}: {other:?}"),
        }
    }
    assert!(matches!(decide("FEED", &all), Ok(Decision::Skip(Skipped::FeedOnly))));
}

#[test]
fn an_event_without_the_field_of_its_target_is_bad() {
    for (target, field) in
        [("SELF", "user_id"), ("ACTOR", "actor_id"), ("RECIPIENT", "recipient_id")]
    {
        let rejected = decide(target, &json!({"type":"T"})).err();
        assert_eq!(
            rejected.map(|r| (r.kind, r.field)),
            Some((RejectedKind::MissingField, Some(field.to_owned()))),
            "{target}"
        );
    }
}

#[test]
fn unknown_and_inactive_types_are_skipped() {
    let mut off = row("OFF", "x", "SELF");
    off.is_active = false;
    let catalog = catalog(&[off]);
    let decide =
        |code: &str| super::decide(&event(&json!({"type": code, "user_id": "u"})), &catalog);
    assert!(matches!(decide("NOPE"), Ok(Decision::Skip(Skipped::NoType))));
    assert!(matches!(decide("OFF"), Ok(Decision::Skip(Skipped::Inactive))));
}

#[test]
fn type_with_an_invalid_row_is_skipped_for_that_reason() {
    let (catalog, bad) = Catalog::build(&[row("BAD", "{% if %}", "SELF")], &[], "en");
    assert_eq!(bad.len(), 1);
    let decided = super::decide(&event(&json!({"type": "bad", "user_id": "u"})), &catalog);
    assert!(matches!(decided, Ok(Decision::Skip(Skipped::InvalidType))), "{decided:?}");
}

/// Change of a row.
type Change<'a> = &'a dyn Fn(&mut TypeRow);

#[test]
fn missing_field_of_category_icon_or_label_rejects_the_event() {
    let action =
        |label: &str, url: &str| Action { label: label.into(), url: url.into(), primary: false };
    let changed = |change: &dyn Fn(&mut TypeRow)| {
        let mut row = row("T", "x", "SELF");
        change(&mut row);
        let catalog = catalog(&[row]);
        let event = event(&json!({"type": "T", "user_id": "u", "id": 7}));
        let kind = catalog.find("T").expect("it was just added");
        let people = People::default();
        let planner = Planner::new(&event, kind, &people, &catalog, NOW)?;
        planner
            .drafts(&[Person::unknown(user("u"))])
            .map(|mut drafts| drafts.remove(0).presentation)
    };
    let parts: [(&str, Change<'_>); 3] = [
        ("category", &|row| row.category = Some("{x}".into())),
        ("icon", &|row| row.icon = Some("/icons/{x}.png".into())),
        ("action 1", &|row| row.actions = vec![action("Open {x}", "/open")]),
    ];
    for (part, change) in parts {
        let rejected = changed(change).expect_err("x is missing");
        assert_eq!((rejected.kind, rejected.field.as_deref()), (RejectedKind::Template, Some("x")));
        assert!(rejected.detail.contains(part), "{}", rejected.detail);
    }
    let presentation = changed(&|row| {
        row.category = Some(r#"{x.y|default("General")}"#.into());
        row.icon = Some("/icons/{x|default('none')}.png".into());
        row.actions = vec![action("Open {id}", "/open/{x}"), action("See {id}", "/see/{id}")];
    })
    .expect("every missing field has a default, or is one of a link");
    assert_eq!(presentation.category.as_deref(), Some("General"));
    assert_eq!(presentation.icon.as_deref(), Some("/icons/none.png"));
    assert_eq!(presentation.actions, [action("See 7", "/see/7")]);
}

#[test]
fn draft_has_all_documented_fields() -> Result<(), Rejected> {
    let mut refund = row("REFUND", "User {username} wants {amount}", "SELF");
    refund.entity = Some(Entity { kind: "refund".into(), id: "refund_id".into() });
    refund.action_url = Some("/refunds/{refund_id}".into());
    refund.ttl_seconds = Some(60);
    let catalog = catalog(&[refund]);
    let event = event(
        &json!({"type":"REFUND","user_id":"u","refundId":"ref456","amount":5,"source":"shop"}),
    );
    let kind = catalog.find("REFUND").expect("it was just added");
    let mut budi = Person::unknown(user("u"));
    budi.login = Some("budi".into());
    let mut rina = Person::unknown(user("r"));
    rina.locale = Some("id-ID".into());
    let people = People::new([budi.clone()]);
    let drafts = Planner::new(&event, kind, &people, &catalog, NOW)?.drafts(&[budi, rina])?;
    assert_eq!(drafts[0].message, "User budi wants 5");
    assert_eq!(drafts[1].message, "budi minta 5");
    assert_eq!(drafts[0].action_url.as_deref(), Some("/refunds/ref456"));
    assert_eq!(drafts[0].entity_id.as_deref(), Some("ref456"));
    assert_eq!(drafts[0].source.as_deref(), Some("shop"));
    assert_eq!(drafts[0].expires_at, Some(Timestamp(NOW.0 + 60_000)));
    assert_eq!(drafts[0].metadata.get(), r#"{"amount":5,"refundId":"ref456","source":"shop"}"#);
    Ok(())
}

#[test]
fn muted_type_makes_no_notification_unless_mandatory() -> Result<(), Rejected> {
    let mut must = row("MUST", "x", "SELF");
    must.priority = "HIGH".into();
    must.mandatory = true;
    must.keep_days = Some(2);
    let catalog = catalog(&[row("T", "x", "SELF"), must]);
    let wants = Preferences {
        muted_types: vec!["T".into(), "MUST".into()],
        quiet_hours: Some(QuietHours {
            from: "00:00".parse().expect("a time"),
            to: "01:00".parse().expect("a time"),
        }),
        ..Preferences::default()
    };
    let people = People::default().with_preferences([(user("u"), wants)]);
    let planned = |code: &str, at: i64| {
        let event = event(&json!({"type": code, "user_id": "u"}));
        let kind = catalog.find(code).expect("it was just added");
        let recipients = [Person::unknown(user("u")), Person::unknown(user("v"))];
        Planner::new(&event, kind, &people, &catalog, Timestamp(NOW.0 + at))?.drafts(&recipients)
    };
    let muted = planned("T", 0)?;
    assert_eq!(muted.iter().map(|draft| draft.user_id.as_str()).collect::<Vec<_>>(), ["v"]);
    let mandatory = planned("MUST", 0)?;
    assert_eq!(
        mandatory.iter().map(|draft| draft.quiet).collect::<Vec<_>>(),
        [false, false],
        "it is heard at night"
    );
    assert_eq!(mandatory[0].keep_until, Some(Timestamp(NOW.0 + 2 * 24 * 60 * 60 * 1_000)));
    Ok(())
}

#[test]
fn draft_in_quiet_hours_is_quiet() -> Result<(), Rejected> {
    let catalog = catalog(&[row("T", "x", "SELF")]);
    let hours =
        QuietHours { from: "00:00".parse().expect("a time"), to: "01:00".parse().expect("a time") };
    let wants = Preferences { quiet_hours: Some(hours), ..Preferences::default() };
    let people = People::default().with_preferences([(user("u"), wants)]);
    let event = event(&json!({"type":"T","user_id":"u"}));
    let kind = catalog.find("T").expect("it was just added");
    for (minutes, quiet) in [(0, true), (59, true), (60, false)] {
        let now = Timestamp(NOW.0 + minutes * 60_000);
        let drafts = Planner::new(&event, kind, &people, &catalog, now)?
            .drafts(&[Person::unknown(user("u"))])?;
        assert_eq!(drafts[0].quiet, quiet, "{minutes}");
    }
    Ok(())
}
