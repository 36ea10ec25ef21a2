//! Checks of a configuration by the parts that use it, for `lonceng check`, the start and reloads.

use std::path::Path;

use crate::{
    auth::Authenticator,
    channels::{EmailTemplates, VapidKeys, check_email, check_webhook},
    config::{self, ConfigError, Draft, Loaded},
    domain::catalog::LocalTemplate,
    http::Tls,
    ingest::nats::Servers,
    redis::Redis,
    store::Store,
};

/// Valid configuration and its translations.
pub type Checked = (Loaded, Vec<LocalTemplate>);

/// Reads the configuration, and checks URLs and keys, without connecting.
///
/// # Errors
/// All problems, each with key, file and line.
pub fn check_values(file: &Path) -> Result<Loaded, ConfigError> {
    with_parts(file)?.finish()
}

/// Reads the configuration and all translations, and checks them without connecting.
///
/// # Errors
/// All problems, each with key, file and line.
pub fn check(file: &Path) -> Result<Checked, ConfigError> {
    let mut draft = with_parts(file)?;
    let mut translations = Vec::new();
    match config::translations(&draft.loaded) {
        Ok(local) => translations = local,
        Err(error) => draft.report_templates(error),
    }
    Ok((draft.finish()?, translations))
}

/// Reads the configuration, with the faults that the parts find which use it.
fn with_parts(file: &Path) -> Result<Draft, ConfigError> {
    let mut draft = config::draft(file)?;
    draft.report(faults(&draft.loaded));
    let Loaded { templates, config, .. } = &draft.loaded;
    if let Err(error) = EmailTemplates::read(templates, &config.templates.default_locale) {
        draft.report_templates(error);
    }
    Ok(draft)
}

/// Returns the faults of URLs, keys and certificates.
fn faults(loaded: &Loaded) -> Vec<(String, String)> {
    let config = &loaded.config;
    let mut faults = Vec::new();
    let mut fault = |key: &str, message: String| faults.push((key.to_owned(), message));
    if let Err(message) = Store::check_url(config.store.url.reveal()) {
        fault("store.url", message);
    }
    if let Err(message) =
        Store::check_replica(config.store.url.reveal(), config.store.replica_url.reveal())
    {
        fault("store.replica_url", message);
    }
    if !config.redis.url.is_empty()
        && let Err(message) = Redis::check_url(config.redis.url.reveal())
    {
        fault("redis.url", message);
    }
    if !config.nats.url.is_empty()
        && let Err(error) = Servers::parse(config.nats.url.reveal())
    {
        let (key, message) = keyed("nats.url", &error.to_string());
        fault(&key, message);
    }
    if let Err((key, message)) = check_email(&config.channels.email) {
        fault(&format!("channels.email.{key}"), message);
    }
    for (index, webhook) in config.channels.webhooks.iter().enumerate() {
        if let Err((key, message)) = check_webhook(webhook) {
            fault(&format!("channels.webhook[{index}].{key}"), message);
        }
    }
    let vapid = &config.channels.push.vapid_private_key.key;
    if !vapid.is_empty()
        && let Err(message) = VapidKeys::from_pem(vapid.reveal())
    {
        fault("channels.push.vapid_private_key", message);
    }
    if let Some(tls) = &config.server.tls
        && let Err((key, message)) = Tls::load(tls, loaded.folder())
    {
        fault(&key, message);
    }
    if let Err(error) = Authenticator::new(&config.auth, None) {
        let (key, message) = keyed("auth", &error.to_string());
        fault(&key, message);
    }
    faults
}

/// Splits an error whose text begins with its key.
fn keyed(section: &str, text: &str) -> (String, String) {
    match text.split_once(": ") {
        Some((key, message)) if key.starts_with(section) => (key.to_owned(), message.to_owned()),
        _ => (section.to_owned(), text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

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
            let text = check(&path).expect_err("the URL is invalid").to_string();

            assert!(text.contains(&format!("{section}.url")) && text.contains(expected), "{text}");
            assert!(text.contains("config.toml:2") && !text.contains("hunter2"), "{text}");
        }
    }
}
