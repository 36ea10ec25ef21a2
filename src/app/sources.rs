//! Event sources of the configuration. A new kind of source is registered here.

use std::sync::Arc;

use crate::{
    config::Config,
    ingest::{EventSource, OutboxSource, amqp::AmqpSource, kafka::KafkaSource, nats::NatsSource},
    store::Store,
};

/// Names of all kinds of sources.
pub(super) const SOURCES: [&str; 4] = ["nats", "kafka", "amqp", "outbox"];

/// Returns the configured event sources.
pub(super) fn event_sources(
    config: &Config,
    store: &Store,
    instance: &str,
) -> Vec<Arc<dyn EventSource>> {
    let mut sources: Vec<Arc<dyn EventSource>> = Vec::new();
    if !config.nats.url.is_empty() {
        sources.push(Arc::new(NatsSource::new(config.nats.clone())));
    }
    if config.kafka.is_on() {
        let member = group_member(config, instance);
        sources.push(Arc::new(KafkaSource::new(config.kafka.clone(), member)));
    }
    if config.amqp.is_on() {
        sources.push(Arc::new(AmqpSource::new(config.amqp.clone())));
    }
    if config.outbox.enabled {
        sources.push(Arc::new(OutboxSource::new(store.clone())));
    }
    sources
}

/// Returns the names of the sources without which the hub is not ready.
pub(super) fn required(config: &Config) -> Vec<&'static str> {
    configured(config, true)
}

/// Returns the names of the sources that may be away.
pub(super) fn optional(config: &Config) -> Vec<&'static str> {
    configured(config, false)
}

fn configured(config: &Config, required: bool) -> Vec<&'static str> {
    [
        ("nats", !config.nats.url.is_empty(), config.nats.required),
        ("kafka", config.kafka.is_on(), config.kafka.required),
        ("amqp", config.amqp.is_on(), config.amqp.required),
    ]
    .into_iter()
    .filter(|(_, is_on, is_required)| *is_on && *is_required == required)
    .map(|(name, _, _)| name)
    .collect()
}

/// Returns the name of this hub in a consumer group, which must be different from those of the
/// others and the same after a restart. The default instance ID is the host name, which two hubs on
/// one machine share; their ports differ.
fn group_member(config: &Config, instance: &str) -> String {
    if config.server.instance_id.is_empty() {
        let port = config.server.listen.rsplit_once(':').map_or("", |(_, port)| port);
        format!("{instance}-{port}")
    } else {
        instance.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_member_is_the_instance_id_or_host_and_port() {
        let mut config = Config::default();
        assert_eq!(group_member(&config, "host"), "host-8080");
        "hub-1".clone_into(&mut config.server.instance_id);
        assert_eq!(group_member(&config, "hub-1"), "hub-1");
    }

    #[test]
    fn only_configured_sources_are_required_or_optional() {
        let mut config = Config::default();
        config.kafka.required = true;
        assert_eq!((required(&config), optional(&config)), (vec![], vec!["nats"]));
        config.kafka.brokers = vec!["127.0.0.1:9092".to_owned()];
        assert_eq!((required(&config), optional(&config)), (vec!["kafka"], vec!["nats"]));
    }
}
