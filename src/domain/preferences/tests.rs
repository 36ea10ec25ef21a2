use super::*;

fn quiet(from: &str, to: &str, zone: &str) -> Preferences {
    let hours = QuietHours { from: from.parse().expect("a time"), to: to.parse().expect("a time") };
    Preferences {
        quiet_hours: Some(hours),
        timezone: Some(zone.to_owned()),
        ..Preferences::default()
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a constant time is a time")
}

#[test]
fn quiet_hours_span_midnight_in_the_users_time_zone() {
    let night = quiet("22:00", "07:00", "Asia/Jakarta");
    for (time, expected) in [
        ("2026-01-01T14:59:59Z", false),
        ("2026-01-01T15:00:00Z", true),
        ("2026-01-01T23:59:00Z", true),
        ("2026-01-02T00:00:00Z", false),
    ] {
        assert_eq!(night.quiet_at(at(time), None), expected, "{time}");
    }
    assert!(quiet("09:00", "17:00", "UTC").quiet_at(at("2026-01-01T09:00:00Z"), None));
    assert!(!quiet("09:00", "17:00", "UTC").quiet_at(at("2026-01-01T17:00:00Z"), None));
    let homely = Preferences { timezone: None, ..night };
    assert!(homely.quiet_at(at("2026-01-01T15:00:00Z"), Some("Asia/Jakarta")));
    assert!(!homely.quiet_at(at("2026-01-01T15:00:00Z"), None));
}

#[test]
fn quiet_hours_follow_local_time_on_clock_changes() {
    // Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC. 25 October: 03:00 becomes 02:00
    // at 01:00 UTC.
    let night = quiet("22:00", "07:00", "Europe/Berlin");
    assert!(night.quiet_at(at("2026-03-29T04:59:00Z"), None), "06:59 of summer");
    assert!(!night.quiet_at(at("2026-03-29T05:00:00Z"), None), "07:00 of summer");
    assert!(night.quiet_at(at("2026-03-28T05:59:00Z"), None), "06:59 of winter");
    assert!(!night.quiet_at(at("2026-03-28T06:00:00Z"), None), "07:00 of winter");
    assert!(
        night.quiet_at(at("2026-10-25T05:59:00Z"), None)
            && !night.quiet_at(at("2026-10-25T06:00:00Z"), None)
    );
    // A skipped hour never occurs; a repeated hour is quiet twice.
    let hour = quiet("02:00", "03:00", "Europe/Berlin");
    let minutes = |day: &str| {
        (0..24 * 60)
            .filter(|minute| hour.quiet_at(Timestamp(at(day).0 + minute * 60_000), None))
            .count()
    };
    assert_eq!((minutes("2026-03-28T23:00:00Z"), minutes("2026-10-24T22:00:00Z")), (0, 120));
    assert_eq!(minutes("2026-06-01T00:00:00Z"), 60);
}

#[test]
fn invalid_input_is_reported_by_field() {
    let field = |preferences: Preferences| preferences.checked().err().map(|(field, _)| field);
    assert_eq!(
        field(Preferences { retention_days: Some(16), ..Preferences::default() }),
        Some("retention_days")
    );
    assert_eq!(
        field(Preferences { retention_days: Some(0), ..Preferences::default() }),
        Some("retention_days")
    );
    assert_eq!(
        field(Preferences { timezone: Some("Mars".into()), ..Preferences::default() }),
        Some("timezone")
    );
    assert_eq!(field(quiet("22:00", "22:00", "UTC")), Some("quiet_hours"));
    assert_eq!(
        field(Preferences { muted_types: vec![String::new()], ..Preferences::default() }),
        Some("muted_types")
    );
    let other = BTreeMap::from([("A".to_owned(), vec!["pigeon".to_owned()])]);
    assert_eq!(
        field(Preferences { muted_channels: other, ..Preferences::default() }),
        Some("muted_channels")
    );
    for time in ["24:00", "7:00", "22", "22:00:00", ""] {
        assert!(time.parse::<ClockTime>().is_err(), "{time}");
    }
}

#[test]
fn muted_type_matches_in_any_spelling() {
    let muted = Preferences { muted_types: vec!["user.login".into()], ..Preferences::default() };
    let muted = muted.checked().expect("it is fine");
    assert_eq!(muted.muted_types, ["USER_LOGIN"]);
    assert!(muted.mutes("USER_LOGIN") && !muted.mutes("NOTE_CREATED"));
    let json = serde_json::to_value(&muted).expect("it is JSON");
    assert_eq!(serde_json::from_value::<Preferences>(json).expect("it is read back"), muted);
}

/// Replaces preferences by those of a body, as `PUT` does.
fn put(stored: &Preferences, body: &serde_json::Value) -> Preferences {
    let wanted: Preferences = serde_json::from_value(body.clone()).expect("valid preferences");
    let older: OlderMembers = serde_json::from_value(body.clone()).expect("an object");
    wanted.checked().expect("valid preferences").merged_with(stored, older)
}

#[test]
fn a_matrix_without_the_older_members_is_stored_as_it_is_however_often_it_is_sent() {
    let matrix = serde_json::json!({ "channels": {
        "email": { "enabled": false, "types": { "A": false } }, "push": { "enabled": true },
    } });
    let first = put(&Preferences::default(), &matrix);
    assert!(!first.email_enabled && first.push_enabled);
    assert_eq!(first.muted_channels, BTreeMap::from([("A".into(), vec!["email".into()])]));
    assert_eq!(put(&first, &matrix), first);
    assert_eq!(put(&first, &serde_json::json!({})), Preferences::default().complete());
}

#[test]
fn older_members_that_differ_from_what_is_stored_win_over_a_matrix_that_does_not() {
    let stored = put(&Preferences::default(), &serde_json::json!({ "email_enabled": false }));
    assert!(!stored.channels["email"].enabled);
    // A client that does not know the matrix sends it back unchanged.
    let mut body = serde_json::to_value(&stored).expect("it serializes");
    body["email_enabled"] = true.into();
    body["muted_channels"] = serde_json::json!({ "B": ["push"] });
    let changed = put(&stored, &body);
    assert!(changed.channels["email"].enabled && changed.email_enabled);
    assert_eq!(changed.channels["push"].types, BTreeMap::from([("B".into(), false)]));
    // One that knows it changes it, and leaves the older members as they were.
    let mut body = serde_json::to_value(&stored).expect("it serializes");
    body["channels"]["email"]["enabled"] = true.into();
    assert!(put(&stored, &body).email_enabled);
}
