//! Checks of a configuration by the parts that use it, for `lonceng check`, the start and reloads.

use crate::{
    auth::Authenticator,
    channels::{EmailTemplates, VapidKeys, check_email, check_webhook},
    config::{ConfigError, ConfigIssue, Loaded},
    http::Tls,
    ingest::nats::Servers,
    redis::Redis,
    store::Store,
};

/// Checks URLs and keys, without connecting.
///
/// # Errors
/// All problems, each with key, file and line.
pub fn check(loaded: &Loaded) -> Result<(), ConfigError> {
    let config = &loaded.config;
    let mut problems: Vec<ConfigIssue> = Vec::new();
    if let Err(message) = Store::check_url(config.store.url.reveal()) {
        problems.push(loaded.problem("store.url", message));
    }
    if let Err(message) =
        Store::check_replica(config.store.url.reveal(), config.store.replica_url.reveal())
    {
        problems.push(loaded.problem("store.replica_url", message));
    }
    if !config.redis.url.is_empty()
        && let Err(message) = Redis::check_url(config.redis.url.reveal())
    {
        problems.push(loaded.problem("redis.url", message));
    }
    if !config.nats.url.is_empty()
        && let Err(error) = Servers::parse(config.nats.url.reveal())
    {
        problems.push(keyed(loaded, "nats.url", &error.to_string()));
    }
    if let Err((key, message)) = check_email(&config.channels.email) {
        problems.push(loaded.problem(&format!("channels.email.{key}"), message));
    }
    for (index, webhook) in config.channels.webhooks.iter().enumerate() {
        if let Err((key, message)) = check_webhook(webhook) {
            problems.push(loaded.problem(&format!("channels.webhook[{index}].{key}"), message));
        }
    }
    for (index, row) in loaded.types.iter().enumerate() {
        let is_known =
            |name: &str| config.channels.webhooks.iter().any(|webhook| webhook.name == name);
        if let Some((column, name)) = row.webhooks().find(|(_, name)| !is_known(name)) {
            let message = format!("there is no [[channels.webhook]] with the name {name:?}");
            problems.push(loaded.problem(&format!("type[{index}].{column}"), message));
        }
    }
    let vapid = &config.channels.push.vapid_private_key.key;
    if !vapid.is_empty()
        && let Err(message) = VapidKeys::from_pem(vapid.reveal())
    {
        problems.push(loaded.problem("channels.push.vapid_private_key", message));
    }
    if let Some(tls) = &config.server.tls
        && let Err((key, message)) = Tls::load(tls, loaded.folder())
    {
        problems.push(loaded.problem(&key, message));
    }
    if let Err(message) = EmailTemplates::read(&loaded.templates, &config.templates.default_locale)
    {
        problems.push(loaded.problem("templates.dir", message));
    }
    if let Err(error) = Authenticator::new(&config.auth, None) {
        problems.push(keyed(loaded, "auth", &error.to_string()));
    }
    if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
}

/// Creates a problem from an error whose text begins with its key.
fn keyed(loaded: &Loaded, section: &str, text: &str) -> ConfigIssue {
    match text.split_once(": ") {
        Some((key, message)) if key.starts_with(section) => loaded.problem(key, message.to_owned()),
        _ => loaded.problem(section, text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::config::load;

    #[test]
    fn type_that_names_no_webhook_is_a_problem() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("config.toml");
        let kind = "[[type]]\ncode = \"A\"\ntitle = \"A\"\ntemplate = \"a\"\ntarget = \"SELF\"\n\
                    channels = [\"web\", \"webhook:nope\"]\n";
        std::fs::write(&path, kind).expect("it is written");
        let loaded = load(&path).expect("the values have the right types");
        let text = check(&loaded).expect_err("there is no such webhook").to_string();
        assert!(text.contains("type[0].channels") && text.contains("nope"), "{text}");
    }

    #[test]
    fn urls_are_checked_without_being_printed() {
        for (section, url, expected) in [
            ("store", "mysql://u:hunter2@h/d", "must start with sqlite:// or postgres://"),
            ("store", "postgres://u:hunter2@h:port/d", "postgres://user:password@host"),
            ("redis", "redis://u:hunter2@h:port", "redis"),
            ("nats", "nats://u:hunter2@h:port", "nats"),
        ] {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let path = folder.path().join("config.toml");
            std::fs::write(&path, format!("[{section}]\nurl = {url:?}\n")).expect("it is written");
            let loaded = load(&path).expect("the values have the right types");

            let text = check(&loaded).expect_err("the URL is invalid").to_string();

            assert!(text.contains(&format!("{section}.url")) && text.contains(expected), "{text}");
            assert!(text.contains("config.toml:2") && !text.contains("hunter2"), "{text}");
        }
    }
}
