//! Channels of this hub, with the keys that all hubs of a store share.

use std::{fmt, path::Path, sync::Arc};

use arc_swap::ArcSwap;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::sync::Notify;

use super::{
    Channel, ChannelContext, EmailTemplates, Unreached, Unsubscribe, VapidKeys, configured,
    generate_vapid,
};
use crate::{
    config::{
        Channels, PushChannel,
        files::{SECRET_MAX_BYTES, read_text},
    },
    pipeline::catalog::SharedCatalog,
    store::{Store, StoreError},
};

/// Key of the table `meta` with the key of Web Push.
const VAPID_KEY: &str = "vapid_private_key";

/// Key of the table `meta` with the key of unsubscribe links.
const UNSUBSCRIBE_KEY: &str = "unsubscribe_key";

/// Reason for which the channels cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ChannelsError {
    /// Store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Invalid setting, or a key that cannot be read or written.
    #[error("{0}")]
    Setting(String),
}

/// Channels of this hub.
#[derive(Clone)]
pub struct ChannelSet {
    /// Channels.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Templates of e-mails, replaced at a reload.
    pub templates: Arc<ArcSwap<EmailTemplates>>,
    /// Unsubscribe links.
    pub unsubscribe: Unsubscribe,
    /// Keys of Web Push; `None` while it is off.
    pub vapid: Option<Arc<VapidKeys>>,
    /// Notified when deliveries are committed.
    pub due: Arc<Notify>,
    /// Channels that are not reached.
    pub unreached: Unreached,
    /// URL at which people reach the hub; empty if it is not known.
    pub public_url: String,
}

impl fmt::Debug for ChannelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.channels.iter().map(|channel| channel.name())).finish()
    }
}

impl ChannelSet {
    /// Sets the channels up. Keys that do not exist yet are made.
    ///
    /// # Errors
    /// When the store is unavailable, or a setting is invalid.
    pub async fn open(
        config: &Channels,
        store: &Store,
        catalog: &SharedCatalog,
        (templates, default_locale): (&Path, &str),
        folder: &Path,
    ) -> Result<Self, ChannelsError> {
        let new = BASE64_STANDARD.encode(rand::random::<[u8; 32]>());
        let key = store.shared_value(UNSUBSCRIBE_KEY, &new).await?;
        let vapid = if config.push.subject.is_empty() {
            None
        } else {
            Some(Arc::new(vapid(&config.push, store, folder).await?))
        };
        let mails = EmailTemplates::read(templates, default_locale)
            .map_err(|error| ChannelsError::Setting(error.to_string()))?;
        let context = ChannelContext {
            store: store.clone(),
            templates: Arc::new(ArcSwap::from_pointee(mails)),
            catalog: catalog.clone(),
            unsubscribe: Unsubscribe::new(key.as_bytes()),
            vapid,
        };
        let channels = configured(config, &context).map_err(ChannelsError::Setting)?;
        let ChannelContext { templates, unsubscribe, vapid, .. } = context;
        let public_url = config.email.public_url.trim_end_matches('/').to_owned();
        Ok(Self {
            channels,
            templates,
            unsubscribe,
            vapid,
            due: Arc::default(),
            unreached: Unreached::default(),
            public_url,
        })
    }

    /// Returns the channel with a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<dyn Channel>> {
        self.channels.iter().find(|channel| channel.name() == name)
    }

    /// Replaces the templates of e-mails by those of a folder. Those that are invalid were refused
    /// before.
    pub fn reload_templates(&self, folder: &Path, default_locale: &str) {
        match EmailTemplates::read(folder, default_locale) {
            Ok(templates) => self.templates.store(Arc::new(templates)),
            Err(error) => tracing::warn!(%error, "email: the templates cannot be read"),
        }
    }
}

/// Returns the keys of Web Push: as configured, from the file, or from the store.
async fn vapid(
    config: &PushChannel,
    store: &Store,
    folder: &Path,
) -> Result<VapidKeys, ChannelsError> {
    let setting = |message: String| {
        ChannelsError::Setting(format!("channels.push.vapid_private_key {message}"))
    };
    let key = &config.vapid_private_key;
    if !key.key.is_empty() {
        return VapidKeys::from_pem(key.key.reveal()).map_err(setting);
    }
    let Some(file) = &key.file else {
        let new = generate_vapid().map_err(setting)?;
        let pem = store.shared_value(VAPID_KEY, &new).await?;
        return VapidKeys::from_pem(&pem).map_err(setting);
    };
    let path = folder.join(file);
    let wrong = |error: std::io::Error| setting(format!("{}: {error}", path.display()));
    if !path.exists() {
        let new = generate_vapid().map_err(setting)?;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(wrong)?;
        }
        write_secret(&path, &new).map_err(wrong)?;
        tracing::info!(file = %path.display(), "push: a new VAPID key was made; keep it");
    }
    let pem = read_text(&path, SECRET_MAX_BYTES).map_err(wrong)?;
    VapidKeys::from_pem(&pem).map_err(setting)
}

/// Writes a file that only its owner can read.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
