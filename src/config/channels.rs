//! Delivery channels of config.toml: `[channels]`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{
    Secret,
    validate::{Fault, range},
};
use crate::domain::limits::{IDENTIFIER_MAX_CHARS, is_plain};

/// Section `[channels]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channels {
    /// E-mail.
    pub email: EmailChannel,
    /// Web Push.
    pub push: PushChannel,
    /// Webhooks.
    #[serde(rename = "webhook")]
    pub webhooks: Vec<WebhookChannel>,
    /// Retries.
    pub retry: Retry,
}

/// Section `[channels.email]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailChannel {
    /// URL of the server: `smtp://` or `smtps://`; empty for none.
    pub url: Secret,
    /// Sender, such as `Lonceng <no-reply@example.com>`.
    pub from: String,
    /// Address for replies; empty for none.
    pub reply_to: String,
    /// URL at which people reach the hub, for links and one-click unsubscribe.
    pub public_url: String,
}

/// Section `[channels.push]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushChannel {
    /// Private key in PEM; empty: made at the first start, and kept in the store.
    pub vapid_private_key: VapidKey,
    /// Contact of the operator, a `mailto:` or `https:` URL (RFC 8292); empty switches Web Push
    /// off.
    pub subject: String,
    /// True if push services in private networks are allowed.
    pub allow_private: bool,
}

/// Private key of Web Push: in place, or the file that has it, or gets it at the first start.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VapidKey {
    /// The key in PEM; empty if there is none yet.
    #[serde(skip)]
    pub key: Secret,
    /// File that gets the key when it is missing.
    pub file: Option<String>,
}

impl<'de> Deserialize<'de> for VapidKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            File { file: String },
            Env { env: String },
        }
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Self { key: Secret::from(text.as_str()), file: None }),
            Written::File { file } => Ok(Self { key: Secret::default(), file: Some(file) }),
            Written::Env { env } => match std::env::var(&env) {
                Ok(key) => Ok(Self { key: Secret::from(key.as_str()), file: None }),
                Err(_) => Err(serde::de::Error::custom(format!(
                    "the environment variable {env} is not set"
                ))),
            },
        }
    }
}

/// Format of the body of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookFormat {
    /// Notification as JSON.
    #[default]
    Json,
    /// Message of a Slack incoming webhook.
    Slack,
    /// Message of a Discord webhook.
    Discord,
    /// Adaptive card of a Teams workflow.
    Teams,
}

/// Entry of `[[channels.webhook]]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookChannel {
    /// Name; types send to `webhook:NAME`.
    pub name: String,
    /// URL.
    pub url: Secret,
    /// Format of the body.
    #[serde(default)]
    pub format: WebhookFormat,
    /// Secret of the signature, `whsec_` and base64; empty for no signature.
    #[serde(default)]
    pub secret: Secret,
    /// True if an address of a private network is allowed.
    #[serde(default)]
    pub allow_private: bool,
}

/// Section `[channels.retry]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Maximum number of attempts.
    pub max_attempts: u32,
    /// Delays before further attempts, in seconds; the last one repeats.
    pub backoff_seconds: Vec<u64>,
    /// Time limit for an attempt, in seconds.
    pub timeout_seconds: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 8,
            backoff_seconds: vec![5, 30, 120, 600, 1_800, 3_600],
            timeout_seconds: 10,
        }
    }
}

impl Channels {
    /// Validates what needs no other library; the channels check their URLs and keys.
    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let retry = &self.retry;
        range(faults, "channels.retry.max_attempts", retry.max_attempts.into(), 1, 100);
        range(faults, "channels.retry.timeout_seconds", retry.timeout_seconds, 1, 300);
        if retry.backoff_seconds.is_empty() {
            faults.push((
                "channels.retry.backoff_seconds".to_owned(),
                "at least one delay is needed".to_owned(),
            ));
        }
        for seconds in &retry.backoff_seconds {
            range(faults, "channels.retry.backoff_seconds", *seconds, 0, 7 * 86_400);
        }
        let subject = &self.push.subject;
        if !subject.is_empty()
            && !subject.starts_with("mailto:")
            && !subject.starts_with("https://")
        {
            faults.push((
                "channels.push.subject".to_owned(),
                "must be a mailto: or https: URL of the operator".to_owned(),
            ));
        }
        let mut names = HashSet::new();
        for (index, webhook) in self.webhooks.iter().enumerate() {
            let key = || format!("channels.webhook[{index}].name");
            if webhook.name.is_empty() || !is_plain(&webhook.name, IDENTIFIER_MAX_CHARS) {
                let message =
                    format!("a webhook needs a name of 1 to {IDENTIFIER_MAX_CHARS} characters");
                faults.push((key(), message));
            }
            if !names.insert(&webhook.name) {
                faults.push((key(), format!("the webhook {:?} is there twice", webhook.name)));
            }
        }
    }
}
