//! E-mail by SMTP.

mod connections;
mod defaults;
mod limited;
mod templates;
mod unsubscribe;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use lettre::{
    address::Envelope,
    message::{Mailbox, Message as Mail, MultiPart, header::HeaderName, header::HeaderValue},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use percent_encoding::percent_decode_str;
use url::Url;

use connections::{Connections, Server};
pub use templates::{EmailTemplates, MailFailure, Rendered};
pub use unsubscribe::Unsubscribe;

use super::{Channel, ChannelContext, Message, SendError, SendErrorKind, Sent};
use crate::{config::EmailChannel, domain::channel::EMAIL, pipeline::catalog::SharedCatalog};

/// Maximum number of connections to the server. Over a network most of their time is spent waiting
/// for replies.
const CONNECTIONS: usize = 32;

/// Port of submission with STARTTLS (RFC 6409).
const SUBMISSION_PORT: u16 = 587;

/// Port of submission with TLS (RFC 8314).
const SMTPS_PORT: u16 = 465;

/// E-mail.
#[derive(Clone)]
pub(super) struct Email {
    connections: Arc<Connections>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    public_url: String,
    templates: Arc<ArcSwap<EmailTemplates>>,
    catalog: SharedCatalog,
    unsubscribe: Unsubscribe,
}

/// Checks the settings of e-mail.
///
/// # Errors
/// The invalid key, and a description.
pub fn check_email(config: &EmailChannel) -> Result<(), (&'static str, String)> {
    if config.url.is_empty() {
        return Ok(());
    }
    server(config).map_err(|message| ("url", message))?;
    mailbox(&config.from).map_err(|message| ("from", message))?;
    if !config.reply_to.is_empty() {
        mailbox(&config.reply_to).map_err(|message| ("reply_to", message))?;
    }
    let is_url = |url: &str| Url::parse(url).is_ok_and(|url| url.has_host());
    if !config.public_url.is_empty() && !is_url(&config.public_url) {
        return Err(("public_url", "must be a URL such as https://hub.example.com".to_owned()));
    }
    Ok(())
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a sender such as \"Lonceng <no-reply@example.com>\""))
}

fn server(config: &EmailChannel) -> Result<Url, String> {
    // Without the value, which may contain a password.
    let expected = "must be smtp://host:port or smtps://user:password@host";
    let url = Url::parse(config.url.reveal()).map_err(|_| expected.to_owned())?;
    if matches!(url.scheme(), "smtp" | "smtps") && url.has_host() {
        Ok(url)
    } else {
        Err(expected.to_owned())
    }
}

fn connections(config: &EmailChannel, limit: Duration) -> Result<Connections, String> {
    let url = server(config)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let secure = url.scheme() == "smtps";
    let port = url.port().unwrap_or(if secure { SMTPS_PORT } else { SUBMISSION_PORT });
    let parameters = TlsParameters::new_rustls(host.clone()).map_err(|error| error.to_string())?;
    let tls = match (secure, port) {
        (true, _) => Tls::Wrapper(parameters),
        (false, SUBMISSION_PORT) => Tls::Required(parameters),
        (false, _) => Tls::Opportunistic(parameters),
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let credentials = (!url.username().is_empty()).then(|| {
        let password = decoded(url.password().unwrap_or_default());
        Credentials::new(decoded(url.username()), password)
    });
    Ok(Connections::new(Server { host, port, tls, credentials, limit }))
}

/// Checks that the mail server greets and accepts the sign-in.
///
/// # Errors
/// The reason for which it does not.
pub async fn test_email_server(config: &EmailChannel, timeout: Duration) -> Result<(), String> {
    connections(config, timeout)?.test().await.map_err(|error| error.reason)
}

impl Email {
    /// Creates the channel.
    pub(super) fn new(
        config: &EmailChannel,
        timeout: Duration,
        context: &ChannelContext,
    ) -> Result<Self, String> {
        let named = |(field, message)| format!("channels.email.{field} {message}");
        check_email(config).map_err(named)?;
        let reply_to = Some(&config.reply_to).filter(|text| !text.is_empty());
        Ok(Self {
            connections: Arc::new(connections(config, timeout)?),
            from: mailbox(&config.from)?,
            reply_to: reply_to.map(|text| mailbox(text)).transpose()?,
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            templates: Arc::clone(&context.templates),
            catalog: context.catalog.clone(),
            unsubscribe: context.unsubscribe.clone(),
        })
    }

    /// Returns the link that mutes the types of a message on e-mail, if they can be muted.
    fn unsubscribe_url(&self, message: &Message) -> Option<String> {
        let user = &message.items.first()?.user_id;
        if self.public_url.is_empty() || (message.mandatory && !message.digest) {
            return None;
        }
        let catalog = self.catalog.current();
        let mut codes: Vec<&str> = Vec::new();
        for code in message.items.iter().map(|item| item.type_code.as_str()) {
            let mandatory = catalog.find(code).is_some_and(|kind| kind.mandatory);
            if !mandatory && !codes.contains(&code) {
                codes.push(code);
            }
        }
        if codes.is_empty() {
            return None;
        }
        let token = self.unsubscribe.token(user, &codes);
        Some(format!("{}/unsubscribe?token={token}", self.public_url))
    }

    fn mail(
        &self,
        id: &str,
        to: Mailbox,
        rendered: Rendered,
        unsubscribe: Option<&str>,
    ) -> Result<Mail, String> {
        let host = self.from.email.domain();
        // lettre would parse the address back from the header, which fails for some valid ones.
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.email.clone()])
            .map_err(|error| error.to_string())?;
        let mut builder = Mail::builder()
            .envelope(envelope)
            .from(self.from.clone())
            .to(to)
            .subject(rendered.subject)
            .message_id(Some(format!("<{id}@{host}>")));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let mut mail = builder
            .multipart(MultiPart::alternative_plain_html(
                crlf(&rendered.text),
                crlf(&rendered.html),
            ))
            .map_err(|error| error.to_string())?;
        let mut header = |name: &'static str, value: String| {
            let name = HeaderName::new_from_ascii_str(name);
            mail.headers_mut().insert_raw(HeaderValue::new(name, value));
        };
        header("Auto-Submitted", "auto-generated".to_owned());
        if let Some(url) = unsubscribe {
            header("List-Unsubscribe", format!("<{url}>"));
            header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
        }
        Ok(mail)
    }

    /// Renders a message and makes an e-mail of it.
    fn compose(&self, message: &Message) -> Result<Mail, SendError> {
        let invalid = |reason: String| SendError::new(SendErrorKind::Invalid, reason);
        let person = message.recipient.as_ref().ok_or_else(|| {
            SendError::new(SendErrorKind::Nobody, "an e-mail needs one recipient")
        })?;
        let address = person.email.as_deref().unwrap_or_default();
        let address: lettre::Address = address
            .trim()
            .parse()
            .map_err(|_| invalid(format!("{address:?} is not an e-mail address")))?;
        let name = person.name.clone().filter(|name| !name.contains(['\r', '\n']));
        let url = self.unsubscribe_url(message);
        let catalog = self.catalog.current();
        let rendered =
            self.templates.load().render(message, &catalog, &self.public_url, url.as_deref());
        for failure in &rendered.failures {
            tracing::warn!(
                reason = failure.detail,
                "email: template failed; the next best text is used"
            );
        }
        self.mail(&message.id.to_string(), Mailbox::new(name, address), rendered, url.as_deref())
            .map_err(invalid)
    }

    async fn transmit(&self, mail: Mail) -> Result<String, SendError> {
        let response = self.connections.send(mail.envelope(), &mail.formatted()).await?;
        let text = response.message().collect::<Vec<_>>().join(" ");
        Ok(format!("{} {text}", response.code()))
    }
}

/// Returns a text with the line ends of e-mails (RFC 5322). The library would do it too, in a time
/// that is quadratic in their number.
fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

/// Interprets an error: a 5xx is final, a 4xx is tried again.
fn of_error(error: &lettre::transport::smtp::Error) -> SendError {
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(error)
        && !text.contains(&source.to_string())
    {
        text = format!("{text}: {source}");
    }
    let kind = if error.is_permanent() {
        SendErrorKind::Refused
    } else if error.is_transient() {
        SendErrorKind::Later(None)
    } else {
        SendErrorKind::Unreachable
    };
    let reason = match error.status() {
        Some(code) if !text.contains(&code.to_string()) => format!("{code}: {text}"),
        _ => text,
    };
    SendError::new(kind, reason)
}

/// Returns the e-mail of a test without a text of its own.
fn test_mail() -> Rendered {
    let text = "This is a test of Lonceng. E-mails arrive.";
    Rendered {
        subject: "Test of Lonceng".to_owned(),
        text: text.to_owned(),
        html: format!("<p>{text}</p>"),
        failures: Vec::new(),
    }
}

impl Channel for Email {
    fn name(&self) -> &str {
        EMAIL
    }

    fn concurrency(&self) -> usize {
        CONNECTIONS
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Sent, SendError>> {
        Box::pin(async move {
            let invalid = |reason: String| SendError::new(SendErrorKind::Invalid, reason);
            // Templates may take their time: other work must not wait.
            let (email, message) = (self.clone(), message.clone());
            let composed = tokio::task::spawn_blocking(move || email.compose(&message)).await;
            let mail =
                composed.map_err(|_| invalid("the e-mail could not be made".to_owned()))??;
            let reply = self.transmit(mail).await?;
            Ok(Sent { reply, confirmed: Vec::new() })
        })
    }

    fn test<'a>(
        &'a self,
        to: &'a str,
        mail: Option<Rendered>,
    ) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            let invalid = |reason: String| SendError::new(SendErrorKind::Invalid, reason);
            let to: Mailbox =
                to.parse().map_err(|_| invalid(format!("{to:?} is not an e-mail address")))?;
            let rendered = mail.unwrap_or_else(test_mail);
            let id = uuid::Uuid::now_v7().to_string();
            self.transmit(self.mail(&id, to, rendered, None).map_err(invalid)?).await
        })
    }
}
