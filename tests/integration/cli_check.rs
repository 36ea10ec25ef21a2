//! `lonceng check`, and what the other commands say of an invalid configuration.

use crate::cli::{CONFIG, command, run, told};

#[test]
fn every_invalid_value_is_named_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("config.toml");
    let config = "[server]\nlisen = 1\noutbound_queue = \"many\"\nheartbeat_seconds = 0\n\
        [auth]\nmethods = [\"magic\", \"jwt\", \"wand\"]\n\
        jwt_secret = { env = \"NO_SUCH_VARIABLE\" }\n\
        [store]\nurl = \"mysql://x\"\n[nats]\nurl = \"nats://[bad\"\nmax_deliver = 0\n\
        [[type]]\ncode = \"A\"\ntarget = \"WHO\"\npriority = \"URGENT\"\ntemplate = \"{a|}\"\n\
        [[type]]\ncode = 5\ntitle = \"B\"\ntarget = \"SELF\"\ntemplate = \"x\"\n\
        channels = [\"pigeon\"]\nttl_seconds = 0\n\
        [[feed]]\nname = \"a b\"\n[sever]\nx = 1\n";
    std::fs::write(&path, config).expect("it is written");
    std::fs::create_dir_all(folder.path().join("templates/id")).expect("it is made");
    // Not checked while its type is invalid.
    std::fs::write(folder.path().join("templates/id/A.txt"), "satu\n").expect("it is written");
    let file = path.to_str().expect("text");
    let expected = [
        "config.toml:2:1: server.lisen: unknown field",
        "config.toml:3:18: server.outbound_queue: invalid type",
        "config.toml:4:1: server.heartbeat_seconds: 0 is out of range",
        "config.toml:6:12: auth.methods[0]: unknown variant",
        "config.toml:6:28: auth.methods[2]: unknown variant",
        "config.toml:7:14: auth.jwt_secret: the environment variable NO_SUCH_VARIABLE",
        "config.toml:9:1: store.url: must start with",
        "config.toml:11:1: nats.url: ",
        "config.toml:12:1: nats.max_deliver: 0 is out of range",
        "config.toml:13:1: type[0]: missing field `title`",
        "config.toml:15:1: type[0].target: unknown target",
        "config.toml:16:1: type[0].priority: unknown priority",
        "config.toml:17:1: type[0].template: ",
        "config.toml:19:8: type[1].code: invalid type",
        "config.toml:23:1: type[1].channels: unknown channel",
        "config.toml:24:1: type[1].ttl_seconds: must be at least 1",
        "config.toml:26:1: feed[0].name: ",
        "config.toml:25:1: feed[0].message: ",
        "config.toml:27:2: sever: unknown field",
        "the environment variable LONCENG_SERVER__LISEN: unknown field",
    ];
    for arguments in [&["check"][..], &["serve"], &["doctor"]] {
        let output = command(&[&["--config", file], arguments].concat())
            .env("LONCENG_SERVER__LISEN", "x")
            .output();
        let (code, _, err) = told(&output.expect("it runs"));
        assert_eq!(code, 2, "{err}");
        for line in expected {
            assert!(err.contains(line), "{arguments:?}: {line}: {err}");
        }
        assert_eq!(err.trim().lines().count(), expected.len(), "{arguments:?}: {err}");
    }
}

#[cfg(unix)]
#[test]
fn variables_of_other_programs_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt as _;
    let value = std::ffi::OsStr::from_bytes(b"\xff");
    let output = command(&["--config", CONFIG, "check"]).env("PS1", value).output();
    let (code, out, err) = told(&output.expect("it runs"));
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn check_reads_every_template() {
    let (code, out, _) = run(&["--config", CONFIG, "check"]);
    assert!(code == 0 && out.contains("9 types"), "{out}");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::copy(CONFIG, folder.path().join("config.toml")).expect("it is copied");
    std::fs::create_dir_all(folder.path().join("templates/id")).expect("it is made");
    std::fs::write(folder.path().join("templates/id/NOTE_CREATED.txt"), "baris satu\n{title|}\n")
        .expect("it is written");
    let (code, _, err) =
        run(&["--config", folder.path().join("config.toml").to_str().expect("text"), "check"]);
    assert!(code == 2 && err.contains("NOTE_CREATED.txt:2:"), "{err}");
}

#[test]
fn check_reports_every_invalid_template_of_an_email_at_its_line() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("config.toml");
    std::fs::copy(CONFIG, &path).expect("it is copied");
    for (file, text) in
        [("email/NOTE_CREATED.html", "<p>\n\n{title|}</p>\n"), ("id/email/X.txt", "{% if %}\n")]
    {
        let file = folder.path().join("templates").join(file);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
        std::fs::write(file, text).expect("it is written");
    }
    let output = command(&["--config", path.to_str().expect("text"), "check"])
        .env("LONCENG_TEMPLATES__DIR", "templates")
        .output();
    let (code, _, err) = told(&output.expect("it runs"));
    assert_eq!(code, 2, "{err}");
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 2, "{err}");
    assert!(lines[0].contains("templates/email/NOTE_CREATED.html:3:1: "), "{err}");
    assert!(lines[1].contains("templates/id/email/X.txt:1:1: "), "{err}");
}

#[test]
fn check_refuses_what_serve_refuses() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("config.toml");
    let file = path.to_str().expect("text");
    let hash = "0".repeat(64);
    for (config, key) in [
        ("[store]\nurl = \"postgres://u:p@[bad/x\"", "store.url"),
        ("[redis]\nurl = \"redis://:p@:x\"", "redis.url"),
        ("[nats]\nurl = \"nats://[bad\"", "nats.url"),
        ("[retention]\nhistory = 0", "retention.history"),
        (
            "[[type]]\ncode = \"A\"\ntitle = \"A\"\ntarget = \"SELF\"\n\
             template = \"x\"\nchannels = [\"pigeon\"]",
            "channels",
        ),
        (
            &format!(
                "[auth]\napi_keys = [{{ name = \"k\", sha256 = \"{hash}\", scopes = \
                 [\"everything\"] }}]"
            ),
            "scopes",
        ),
        (
            "[auth]\nmethods = [\"jwt\"]\njwt_public_key_file = \"/nowhere.pem\"",
            "jwt_public_key_file",
        ),
    ] {
        std::fs::write(&path, config).expect("it is written");
        for command in [&["--config", file, "check"][..], &["--config", file, "serve"]] {
            let (code, _, err) = run(command);
            assert!(
                code == 2 && err.contains(key) && err.contains("config.toml:"),
                "{command:?} {config}: {code} {err}"
            );
            assert!(!err.contains("u:p@") && !err.contains(":p@"), "no password: {err}");
        }
    }
}

#[test]
fn check_names_the_file_and_the_line_of_a_broken_template() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config =
        "[[type]]\ncode = \"A\"\ntitle = \"A\"\ntarget = \"SELF\"\nfile = \"broken.txt\"\n";
    std::fs::write(folder.path().join("config.toml"), config).expect("it is written");
    std::fs::create_dir(folder.path().join("templates")).expect("it is made");
    std::fs::write(folder.path().join("templates/broken.txt"), "one line\n{title|}\n")
        .expect("it is written");
    let config = folder.path().join("config.toml");
    let (code, _, err) = run(&["--config", config.to_str().expect("text"), "check"]);
    assert!(
        code == 2 && err.contains("templates/broken.txt:2") && !err.contains("config.toml:"),
        "{err}"
    );
}
