use super::*;

fn loaded(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, String> {
    let pairs = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    load_text(Path::new("config.toml"), text, FilesSnapshot::default(), pairs)
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
            let loaded = load_text(
                Path::new("config.toml"),
                text,
                FilesSnapshot::default(),
                [(variable.clone(), setting)].into_iter(),
            );
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
