//! Connection to an AMQP 0-9-1 server, and its objects.

use std::time::Duration;

use lapin::{
    Channel, Connection, ConnectionProperties, Error, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    tcp::OwnedTLSConfig,
    types::FieldTable,
    uri::AMQPUri,
};
use tokio::time::timeout;

use crate::config;

/// Time limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval of heartbeats, in seconds, unless the URL has another: a server that is gone without a
/// word is noticed after two.
const HEARTBEAT_SECONDS: u16 = 6;

/// Connects to the server described by `[amqp]`.
///
/// # Errors
/// A description, when the server does not answer or refuses the sign-in.
pub async fn connect(config: &config::Amqp) -> Result<Connection, String> {
    let mut uri: AMQPUri =
        config.url.reveal().parse().map_err(|error| format!("amqp.url is invalid: {error}"))?;
    if uri.vhost.is_empty() {
        // A URL that ends with a slash means the default virtual host, as in most clients.
        "/".clone_into(&mut uri.vhost);
    }
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    let cert_chain = match config.tls_ca_file.as_str() {
        "" => None,
        file => Some(
            tokio::fs::read_to_string(file)
                .await
                .map_err(|error| format!("amqp.tls_ca_file {file} cannot be read: {error}"))?,
        ),
    };
    let tls = OwnedTLSConfig { identity: None, cert_chain };
    let properties = ConnectionProperties::default().with_connection_name("lonceng".into());
    let runtime = lapin::runtime::default_runtime().map_err(|error| error.to_string())?;
    let connecting = Connection::connect_uri_with_config(uri, properties, tls, runtime);
    match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err("the server does not answer".to_owned()),
    }
}

/// Declares exchange, queue and bindings where they are missing. Existing ones are used as they
/// are, whatever their arguments.
///
/// # Errors
/// When the server refuses, or the connection is lost.
pub async fn declare(connection: &Connection, config: &config::Amqp) -> Result<(), Error> {
    ensure_exchange(connection, &config.exchange).await?;
    let (queue, none) = (config.queue.as_str(), FieldTable::default);
    let passive = QueueDeclareOptions::durable().passive();
    let channel = connection.create_channel().await?;
    let channel = match channel.queue_declare(queue.into(), passive, none()).await {
        Ok(_) => channel,
        Err(error) if is_missing(&error) => {
            // The server closes the channel on which it reports an error.
            let channel = connection.create_channel().await?;
            channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), none()).await?;
            channel
        }
        Err(error) => return Err(error),
    };
    for binding in &config.bindings {
        let (exchange, binding) = (config.exchange.as_str().into(), binding.as_str().into());
        let options = QueueBindOptions::default();
        channel.queue_bind(queue.into(), exchange, binding, options, none()).await?;
    }
    close(&channel).await;
    Ok(())
}

/// Declares a durable topic exchange if there is none of this name.
async fn ensure_exchange(connection: &Connection, exchange: &str) -> Result<(), Error> {
    let (topic, none) = (ExchangeKind::Topic, FieldTable::default);
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let channel = connection.create_channel().await?;
    match channel.exchange_declare(exchange.into(), topic.clone(), passive, none()).await {
        Ok(()) => close(&channel).await,
        Err(error) if is_missing(&error) => {
            let channel = connection.create_channel().await?;
            let durable =
                ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            channel.exchange_declare(exchange.into(), topic, durable, none()).await?;
            close(&channel).await;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn close(channel: &Channel) {
    // An error here is one of the connection, which the next request reports.
    let _ = channel.close(200, "done".into()).await;
}

fn is_missing(error: &Error) -> bool {
    soft_error(error).is_some_and(|error| matches!(error, AMQPSoftError::NOTFOUND))
}

/// Returns whether the user lacks the permission for a request.
#[must_use]
pub fn is_access_refused(error: &Error) -> bool {
    soft_error(error).is_some_and(|error| matches!(error, AMQPSoftError::ACCESSREFUSED))
}

fn soft_error(error: &Error) -> Option<&AMQPSoftError> {
    let ErrorKind::ProtocolError(error) = error.kind() else { return None };
    match error.kind() {
        AMQPErrorKind::Soft(error) => Some(error),
        AMQPErrorKind::Hard(_) => None,
    }
}
