use super::*;

fn loaded(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, String> {
    let pairs = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    draft_of(Path::new("config.toml"), text, FilesSnapshot::default(), pairs)
        .and_then(Draft::finish)
        .map_err(|error| error.to_string())
}

fn error(text: &str, environment: &[(&str, &str)]) -> String {
    loaded(text, environment).err().unwrap_or_else(|| "no error".to_owned())
}

#[test]
fn empty_file_is_a_valid_configuration() {
    let config = loaded("", &[]).map(|loaded| loaded.config);
    assert_eq!(config.map(|config| config.server.listen), Ok("127.0.0.1:8080".to_owned()));
}

#[test]
fn values_out_of_range_have_their_line_beside_values_that_are_not_toml() {
    let text = error("[server]\nlisten = 127.0.0.1:1\n\nheartbeat_seconds = 0\n", &[]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("config.toml:2:15: server.listen: the value is not TOML"),
        "{text}"
    );
    assert!(lines[1].starts_with("config.toml:4:1: server.heartbeat_seconds: 0 is"), "{text}");
    assert_eq!(lines.len(), 2, "{text}");
    // The error within the value is enough.
    let text = error("[store]\nurl = { env = 1 }\n", &[]);
    assert!(text.starts_with("config.toml:2:15: store.url.env: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn an_unknown_key_names_key_file_and_line() {
    let text = error("[server]\nlisten = \"127.0.0.1:1\"\nlisen = \"x\"\n", &[]);
    assert!(text.starts_with("config.toml:3:1: server"), "{text}");
    assert!(text.contains("unknown field `lisen`"), "{text}");
}

#[test]
fn invalid_type_names_key_file_and_line() {
    let text = error("[server]\n\noutbound_queue = \"many\"\n", &[]);
    assert!(text.starts_with("config.toml:3:"), "{text}");
    assert!(text.contains("server.outbound_queue"), "{text}");
}

#[test]
fn a_value_out_of_range_names_key_file_and_line() {
    let text = error("[server]\nheartbeat_seconds = 0\n", &[]);
    assert!(
        text.starts_with("config.toml:2:1: server.heartbeat_seconds: 0 is out of range"),
        "{text}"
    );
}

#[test]
fn broken_toml_names_its_line() {
    let text = error("[server]\nlisten = \n", &[]);
    assert!(text.starts_with("config.toml:2:"), "{text}");
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = error("[server]\nheartbeat_seconds = 0\noutbound_queue = 1\n", &[]);
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn a_template_that_does_not_compile_names_its_type() {
    let text = error(
        "[[type]]\ncode = \"A\"\ntitle = \"A\"\ntarget = \"SELF\"\ntemplate = \"{amount|\"\n",
        &[],
    );
    assert!(text.starts_with("config.toml:5:1: type[0].template: "), "{text}");
    let text =
        error("[[type]]\ncode = \"A\"\ntitle = \"A\"\ntarget = \"WHO\"\ntemplate = \"x\"\n", &[]);
    assert!(text.starts_with("config.toml:4:1: type[0].target: unknown target \"WHO\""), "{text}");
}

#[test]
fn the_environment_overrides_and_its_errors_name_the_variable() {
    let listen = |pairs: &[(&str, &str)]| {
        loaded("[server]\nlisten = \"127.0.0.1:1\"", pairs).map(|l| l.config.server.listen)
    };
    assert_eq!(listen(&[("LONCENG_SERVER__LISTEN", "127.0.0.1:9")]), Ok("127.0.0.1:9".to_owned()));
    for (variable, value) in [
        ("LONCENG_SERVER__LISTEN", "nowhere"),
        ("LONCENG_SERVER__OUTBOUND_QUEUE", "many"),
        ("LONCENG_SERVER__NO_SUCH", "1"),
        ("LONCENG_NOSUCH__KEY", "1"),
    ] {
        let text = error("", &[(variable, value)]);
        assert!(text.contains(variable), "{variable}: {text}");
    }
}

#[test]
fn a_wrong_variable_is_reported_under_its_own_name_whatever_others_are_set() {
    // Valid, and in the sections of the wrong ones.
    let others = [
        ("NATS_URL", "nats://127.0.0.1:4222"),
        ("LONCENG_AUTH__METHODS", "dev"),
        ("LONCENG_AUTH__JWT_SECRET", "12345678901234567890123456789012"),
        ("LONCENG_SERVER__LISTEN", "127.0.0.1:9"),
        ("LONCENG_SERVER__TLS__CERTIFICATE", "cert.pem"),
        ("LONCENG_SERVER__TLS__KEY", "key.pem"),
        ("LONCENG_CHANNELS__EMAIL__URL", "smtp://127.0.0.1:1025"),
        ("LONCENG_CHANNELS__EMAIL__FROM", "hub@example.com"),
        ("LONCENG_NATS__REQUIRED", "true"),
    ];
    assert!(loaded("", &others).is_ok(), "{}", error("", &others));
    // Kubernetes sets such variables for a service of this name.
    let of_others = [("LONCENG_SERVICE_HOST", "10.0.0.1"), ("LONCENG_PORT", "tcp://10.0.0.1:80")];
    assert!(loaded("", &of_others).is_ok());
    for (variable, value) in [
        ("LONCENG_AUTH__METHOD", "x"),
        ("LONCENG_AUTH__METHODS", "x"),
        ("LONCENG_AUTH__JWT", "x"),
        ("LONCENG_FOO__BAR", "x"),
        ("LONCENG_SERVER_LISTEN", "127.0.0.1:9"),
        ("LONCENG_STORE_URL", "sqlite://x.db"),
        ("LONCENG_SERVER__LISTE", "127.0.0.1:9"),
        ("LONCENG_SERVER__LISTEN__PORT", "9"),
        ("LONCENG_SERVER__TLS__KEYS", "key.pem"),
        ("LONCENG_CHANNELS__EMAIL__URLL", "x"),
        ("LONCENG_CHANNELS__EMAILS__URL", "x"),
        ("LONCENG_CHANNELS__RETRY__MAX_ATTEMPTS", "many"),
        ("LONCENG_NATS__REQUIRED", "maybe"),
        ("LONCENG_NATS__BACKOFF_SECONDS", "1,x"),
        ("LONCENG_RETENTION__DELETE_AFTER_DAYS", "-1"),
        // Out of range, or not an address: found by the validation.
        ("LONCENG_RETENTION__HISTORY", "0"),
        ("LONCENG_SERVER__LISTEN", "nowhere"),
        ("LONCENG_KAFKA__BROKERS", "127.0.0.1:9092,nowhere"),
    ] {
        for first in [true, false] {
            let mut all: Vec<_> =
                others.into_iter().filter(|(name, _)| *name != variable).collect();
            all.insert(if first { 0 } else { all.len() }, (variable, value));
            let text = error("", &all);
            let expected = format!("the environment variable {variable}: ");
            assert!(text.starts_with(&expected), "{variable}: {text}");
            assert_eq!(text.lines().count(), 1, "{variable}: {text}");
        }
    }
}

#[test]
fn every_wrong_variable_is_reported_at_once() {
    let text = error(
        "",
        &[
            ("LONCENG_AUTH__METHOD", "x"),
            ("LONCENG_FOO__BAR", "x"),
            ("LONCENG_AUTH__METHODS", "dev"),
            ("LONCENG_SERVER__OUTBOUND_QUEUE", "many"),
        ],
    );
    let named: Vec<&str> = text.lines().filter_map(|line| line.split(": ").next()).collect();
    let expected = ["LONCENG_AUTH__METHOD", "LONCENG_FOO__BAR", "LONCENG_SERVER__OUTBOUND_QUEUE"]
        .map(|name| format!("the environment variable {name}"));
    assert_eq!(named, expected, "{text}");
}

#[cfg(unix)]
#[test]
fn variable_that_is_not_utf8_is_an_error_only_if_the_hub_reads_it() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};
    let loaded = |name: &[u8]| {
        let variable = [name, b"hunter2\xff"].map(|bytes| OsString::from_vec(bytes.to_vec()));
        let variables = std::iter::once(variable.into());
        draft_of(Path::new("config.toml"), "", FilesSnapshot::default(), variables)
            .and_then(Draft::finish)
            .map_err(|error| error.to_string())
    };
    for other in [&b"PS1"[..], b"\xff", b"LONCENG_LOG_FORMAT"] {
        assert!(loaded(other).is_ok(), "{other:?}: {:?}", loaded(other).err());
    }
    for name in ["LONCENG_STORE__URL", "DATABASE_URL", "LONCENG_SERVER__OUTBOUND_QUEUE"] {
        let text = loaded(name.as_bytes()).expect_err("the value is not text");
        let expected = format!("the environment variable {name}: the value is not UTF-8 text");
        assert_eq!(text, expected);
    }
    let text = loaded(b"LONCENG_SERVER__LISTE\xff").expect_err("there is no such key");
    assert!(text.starts_with("the environment variable LONCENG_SERVER__LISTE"), "{text}");
}

#[test]
fn an_incomplete_table_and_a_conflict_name_a_variable_that_causes_them() {
    let text = error("", &[("LONCENG_SERVER__TLS__CERTIFICATE", "cert.pem")]);
    assert!(text.starts_with("the environment variable LONCENG_SERVER__TLS__CERTIFICATE: "));
    assert!(text.contains("missing field `key`"), "{text}");
    let text = error(
        "[server]\nlisten = \"127.0.0.1:1\"",
        &[
            ("LONCENG_SERVER__TLS__CERTIFICATE", "cert.pem"),
            ("LONCENG_SERVER__TLS__KEYY", "key.pem"),
        ],
    );
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("CERTIFICATE: missing field `key`"), "{text}");
    assert!(lines[1].contains("KEYY: unknown field `keyy`"), "{text}");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("url");
    std::fs::write(&file, "sqlite://from-a-file.db").expect("it is written");
    let file = file.to_str().expect("text");
    let set = [("LONCENG_STORE__URL__FILE", file), ("LONCENG_STORE__URL__ENV", "PATH")];
    let url = "[store]\nurl = \"sqlite://a.db\"";
    let loaded = loaded(url, &set[..1]).expect("a secret may be in a file");
    assert_eq!(loaded.config.store.url.reveal(), "sqlite://from-a-file.db");
    let text = error(url, &set);
    assert!(text.starts_with("the environment variable LONCENG_STORE__URL__ENV: "), "{text}");
}

#[test]
fn dev_auth_is_refused_off_loopback() {
    let text = error("[server]\nlisten = \"0.0.0.0:8080\"\n", &[]);
    assert!(text.contains("auth.methods") && text.contains("127.0.0.1"), "{text}");
}

#[test]
fn secrets_are_validated_without_being_printed() {
    let text = error("[auth]\njwt_secret = \"short-and-secret\"\n", &[]);
    assert!(text.contains("at least 32") && !text.contains("short-and-secret"), "{text}");
}

#[test]
fn every_key_of_the_default_file_can_be_set_by_the_environment() {
    let text = include_str!("../../config.toml");
    let table: toml::Table = toml::from_str(text).expect("it is TOML");
    let mut checked = 0;
    for (section, keys) in table.iter().filter_map(|(name, value)| Some((name, value.as_table()?)))
    {
        for (key, value) in keys {
            let setting = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let variable = format!("LONCENG_{}__{}", section.to_uppercase(), key.to_uppercase());
            let loaded = loaded(text, &[(&variable, &setting)]);
            assert!(loaded.is_ok(), "{variable}: {loaded:?}");
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn change_after_the_files_were_read_is_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("config.toml");
    std::fs::write(
        &file,
        "[[type]]\ncode = \"A\"\ntitle = \"A\"\ntemplate = \"a\"\ntarget = \"SELF\"",
    )
    .expect("it is writable");
    let loaded = load(&file).expect("it is valid");
    let now = || FilesSnapshot::take(&loaded.file, &loaded.templates);
    assert_eq!(now(), loaded.files);
    std::fs::write(&file, "# another size").expect("it is writable");
    assert_ne!(now(), loaded.files);
}
