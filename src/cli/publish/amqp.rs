//! Publishing to `RabbitMQ`.

use anyhow::anyhow;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use serde_json::{Map, Value};

use super::{IN_FLIGHT, Publish};
use crate::{
    cli::{Failure, progress::progress},
    config,
    ingest::amqp,
};

/// Delivery mode of messages that survive a restart of the server (AMQP 0-9-1, section 4.2.6.1).
const PERSISTENT: u8 = 2;

impl Publish {
    /// Publishes to the configured exchange, with publisher confirms.
    pub(super) async fn over_amqp(
        &self,
        config: &config::Amqp,
        event: &Map<String, Value>,
    ) -> Result<(), Failure> {
        if !config.is_on() {
            return Err(Failure::Usage(
                "lonceng: no AMQP server is configured; set amqp.url, or \
                 AMQP_URL=amqp://user:password@host:5672/"
                    .to_owned(),
            ));
        }
        let away = |error: &dyn std::fmt::Display| {
            anyhow!("the AMQP server did not take the event: {error}; check amqp.url")
        };
        let connection = amqp::connect(config).await.map_err(|error| away(&error))?;
        // A publisher may be allowed to write only; then the hub has declared the exchange.
        match amqp::declare(&connection, config).await {
            Err(error) if !amqp::is_access_refused(&error) => return Err(away(&error).into()),
            Ok(()) | Err(_) => {}
        }
        let channel = connection.create_channel().await.map_err(|error| away(&error))?;
        let confirms = ConfirmSelectOptions::default();
        channel.confirm_select(confirms).await.map_err(|error| away(&error))?;
        let payload = serde_json::to_vec(event).map_err(anyhow::Error::from)?;
        let topic = self.topic();
        let progress = progress(self.count);
        let mut waiting = FuturesUnordered::new();
        let stored = |confirmed: lapin::Result<Confirmation>| match confirmed {
            Ok(Confirmation::Nack(_)) => Err(away(&"it refused the message")),
            Ok(Confirmation::Ack(Some(_))) => Err(away(&format!(
                "no queue takes messages of {topic}; start the hub once, which binds its queue"
            ))),
            Ok(_) => {
                progress.inc(1);
                Ok(())
            }
            Err(error) => Err(away(&error)),
        };
        for n in 0..self.count {
            let properties = BasicProperties::default()
                .with_content_type("application/json".into())
                .with_delivery_mode(PERSISTENT)
                .with_message_id(self.id(n).into());
            let (exchange, key) = (config.exchange.as_str().into(), topic.as_str().into());
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let sent = channel.basic_publish(exchange, key, options, &payload, properties).await;
            waiting.push(sent.map_err(|error| away(&error))?);
            if waiting.len() >= IN_FLIGHT
                && let Some(confirmed) = waiting.next().await
            {
                stored(confirmed)?;
            }
        }
        while let Some(confirmed) = waiting.next().await {
            stored(confirmed)?;
        }
        let _ = connection.close(200, "done".into()).await;
        progress.finish_and_clear();
        Ok(())
    }
}

/// Returns whether the pattern of a binding matches a routing key: `*` is one word, and `#` any
/// number of words.
pub(super) fn matches(pattern: &str, key: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('.').collect();
    let key: Vec<&str> = key.split('.').collect();
    words_match(&pattern, &key)
}

fn words_match(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern.split_first(), key.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((&"#", more)), rest) => {
            words_match(more, key) || rest.is_some_and(|(_, key)| words_match(pattern, key))
        }
        (Some((word, more)), Some((first, key))) => {
            (*word == "*" || word == first) && words_match(more, key)
        }
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_of_bindings_match_as_in_the_server() {
        for (pattern, key, expected) in [
            ("#", "booking.created", true),
            ("booking.*", "booking.created", true),
            ("booking.*", "booking", false),
            ("booking.*", "booking.created.now", false),
            ("booking.#", "booking", true),
            ("#.created", "a.b.created", true),
            ("*.#.created", "created", false),
            ("booking.created", "booking.created", true),
            ("booking.created", "booking.cancelled", false),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} {key}");
        }
    }
}
