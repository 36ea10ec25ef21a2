//! Delivery channels of config.toml: `[channels]`.

use serde::{Deserialize, Serialize};

use super::Secret;

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
