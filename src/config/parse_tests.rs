use super::*;

fn keys(text: &str) -> Vec<String> {
    let parsed = parse(text);
    parsed.invalid.into_iter().map(|invalid| invalid.key).collect()
}

#[test]
fn every_value_of_a_wrong_type_and_every_unknown_key_is_found() {
    let text = "sever = 1\n[server]\nlisten = 5\nlisen = \"x\"\noutbound_queue = \"many\"\n\
        tls = { certificate = 5 }\n[auth]\nmethods = [\"x\"]\n[auth.oidc]\nissuer = 1\n\
        [[type]]\ncode = 1\ntitle = \"A\"\ntemplate = \"x\"\n\
        [[type]]\ntemplate = 1\npriority = 1\n[[feed]]\nname = 1\n[[feed.message]]\non = 1\n";
    let found: BTreeSet<_> = keys(text).into_iter().collect();
    let expected = [
        "sever",
        "server.listen",
        "server.lisen",
        "server.outbound_queue",
        "server.tls.certificate",
        "server.tls",
        "auth.methods[0]",
        "auth.oidc",
        "type[0].code",
        "type[0]",
        "type[1].template",
        "type[1].priority",
        "type[1]",
        "feed[0].name",
        "feed[0].message[0].on",
        "feed[0].message[0]",
    ];
    assert_eq!(found, expected.map(str::to_owned).into_iter().collect());
    assert!(parse(text).usable.is_some());
}

#[test]
fn all_missing_keys_of_a_table_are_found() {
    let parsed = parse("[[type]]\n[[auth.api_keys]]\nname = \"a\"\n[[channels.webhook]]\n");
    let mut missing: Vec<_> =
        parsed.invalid.iter().map(|wrong| format!("{} {}", wrong.key, wrong.message)).collect();
    missing.sort();
    let expected = [
        "auth.api_keys[0] missing field `scopes`",
        "auth.api_keys[0] missing field `sha256`",
        "channels.webhook[0] missing field `name`",
        "channels.webhook[0] missing field `url`",
        "type[0] missing field `code`",
        "type[0] missing field `target`",
        "type[0] missing field `title`",
    ];
    assert_eq!(missing, expected);
}

#[test]
fn list_is_not_taken_for_a_table() {
    let text = "server = [\"127.0.0.1:1\"]\n[auth]\napi_keys = [[\"a\", \"b\", []]]\n";
    let parsed = parse(text);
    let messages: Vec<_> =
        parsed.invalid.iter().map(|wrong| format!("{} {}", wrong.key, wrong.message)).collect();
    let expected = [
        "auth.api_keys[0] invalid type: sequence, expected a table",
        "server invalid type: sequence, expected a table",
    ];
    assert_eq!(messages, expected);
}

#[test]
fn values_that_are_not_toml_hide_no_others() {
    let text = "[server]\nlisten = 127.0.0.1:8080\nheartbeat_seconds = soon\n\
        outbound_queue = \"x\"\n[[type]]\ncode = A\ntitle = \"A\"\ntarget = 5\n";
    let expected = [
        "server.listen",
        "server.heartbeat_seconds",
        "type[0].code",
        "server.outbound_queue",
        "type[0].target",
    ];
    let mut found = keys(text);
    found.sort();
    let mut expected = expected.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(keys("[server]\nlisten = \"a\"\nlisten = \"b\"\nx = 1\n"), ["", "server.x"]);
    // After an invalid header nothing can be told of the keys below it.
    assert_eq!(keys("[[type]\ncode = 5\n"), [""]);
}

#[test]
fn unknown_key_has_the_one_that_was_meant() {
    let message = |text: &str| parse(text).invalid[0].message.clone();
    assert!(message("[server]\nlisen = 1\n").contains("`lisen`; did you mean `listen`?"));
    assert!(!message("[server]\ncolour = 1\n").contains("did you mean"));
}

#[test]
fn number_of_reported_values_is_bounded() {
    let unknown: Vec<String> = (0..5_000).map(|n| format!("unknown{n} = 1")).collect();
    assert_eq!(keys(&unknown.join("\n")).len(), PROBLEMS_MAX);
}
