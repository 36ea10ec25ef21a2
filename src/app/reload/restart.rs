//! Keys of the configuration that need a restart.

use crate::config::Config;

/// Returns the changed keys that need a restart.
pub(super) fn restart_needed(started: &Config, now: &Config) -> Vec<String> {
    let mut keys = Vec::new();
    let mut differ = |key: &str, differs: bool| {
        if differs {
            keys.push(key.to_owned());
        }
    };
    let (a, b) = (&started.server, &now.server);
    differ("server.listen", a.listen != b.listen);
    differ("server.instance_id", a.instance_id != b.instance_id);
    differ(
        "server.max_connections_per_user",
        a.max_connections_per_user != b.max_connections_per_user,
    );
    differ("server.connections_per_second", a.connections_per_second != b.connections_per_second);
    differ("server.max_message_bytes", a.max_message_bytes != b.max_message_bytes);
    differ("server.max_event_bytes", a.max_event_bytes != b.max_event_bytes);
    differ("server.heartbeat_seconds", a.heartbeat_seconds != b.heartbeat_seconds);
    differ(
        "server.heartbeat_timeout_seconds",
        a.heartbeat_timeout_seconds != b.heartbeat_timeout_seconds,
    );
    differ("server.outbound_queue", a.outbound_queue != b.outbound_queue);
    differ("server.shutdown_grace_seconds", a.shutdown_grace_seconds != b.shutdown_grace_seconds);
    let (a, b) = (&started.auth, &now.auth);
    differ("auth.methods", a.methods != b.methods);
    differ("auth.jwt_secret", a.jwt_secret.reveal() != b.jwt_secret.reveal());
    differ("auth.jwt_public_key_file", a.jwt_public_key_file != b.jwt_public_key_file);
    differ("auth.jwks_url", a.jwks_url != b.jwks_url);
    differ("auth.jwt_issuer", a.jwt_issuer != b.jwt_issuer);
    differ("auth.jwt_audience", a.jwt_audience != b.jwt_audience);
    differ("auth.session_cookie", a.session_cookie != b.session_cookie);
    let (a, b) = (&started.store, &now.store);
    differ("store.url", a.url.reveal() != b.url.reveal());
    differ("store.replica_url", a.replica_url.reveal() != b.replica_url.reveal());
    differ("store.batch_max", a.batch_max != b.batch_max);
    differ("store.batch_wait_ms", a.batch_wait_ms != b.batch_wait_ms);
    for (key, differs) in sources(started, now) {
        differ(key, differs);
    }
    differ("server.tls", started.server.tls != now.server.tls);
    differ("store.partitions", started.store.partitions != now.store.partitions);
    let secrets = |config: &Config| {
        let channels = &config.channels;
        let webhooks = channels.webhooks.iter();
        let mut secrets: Vec<String> = webhooks
            .flat_map(|webhook| [webhook.url.reveal(), webhook.secret.reveal()])
            .map(str::to_owned)
            .collect();
        secrets.push(channels.email.url.reveal().to_owned());
        secrets.push(channels.push.vapid_private_key.key.reveal().to_owned());
        secrets
    };
    differ(
        "channels",
        debugged(&started.channels) != debugged(&now.channels) || secrets(started) != secrets(now),
    );
    differ("redis.url", started.redis.url.reveal() != now.redis.url.reveal());
    keys
}

/// Compares the sections of the event sources.
fn sources(started: &Config, now: &Config) -> [(&'static str, bool); 4] {
    let nats = debugged(&started.nats) != debugged(&now.nats)
        || started.nats.url.reveal() != now.nats.url.reveal()
        || started.nats.nkey_seed.reveal() != now.nats.nkey_seed.reveal();
    let kafka = debugged(&started.kafka) != debugged(&now.kafka)
        || started.kafka.password.reveal() != now.kafka.password.reveal();
    let amqp = debugged(&started.amqp) != debugged(&now.amqp)
        || started.amqp.url.reveal() != now.amqp.url.reveal();
    let outbox = started.outbox.enabled != now.outbox.enabled;
    [("nats", nats), ("kafka", kafka), ("amqp", amqp), ("outbox.enabled", outbox)]
}

/// Returns a section as text, for comparison.
fn debugged(section: &impl std::fmt::Debug) -> String {
    format!("{section:?}")
}
