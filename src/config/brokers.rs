//! Sections of the event sources besides NATS: `[kafka]`, `[amqp]` and `[outbox]`.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Secret, validate::Fault};

/// Maximum number of brokers, topics or bindings.
const LIST_MAX: usize = 1_000;

/// Maximum length of a name of Kafka (`org.apache.kafka.common.internals.Topic`), in bytes.
const TOPIC_MAX_BYTES: usize = 249;

/// Maximum length of a short string (AMQP 0-9-1, section 4.2.5.3), in bytes.
const SHORT_STRING_MAX_BYTES: usize = 255;

/// Section `[kafka]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// Addresses of brokers, `host:port`; empty for no Kafka.
    pub brokers: Vec<String>,
    /// Consumer group shared by all hubs.
    pub group_id: String,
    /// Topics.
    pub topics: Vec<String>,
    /// Encryption and sign-in.
    pub security: KafkaSecurity,
    /// User name for SASL.
    pub username: String,
    /// Password for SASL.
    pub password: Secret,
    /// True for SASL without TLS, on a network that is trusted.
    pub sasl_plaintext: bool,
    /// Certificates (PEM) of the authority that the brokers' certificates are checked with, besides
    /// those of the system.
    pub tls_ca_file: String,
    /// Position of a group that has no offsets.
    pub start: KafkaStart,
    /// True if the hub is not ready without Kafka.
    pub required: bool,
}

/// Encryption and sign-in of Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KafkaSecurity {
    /// Neither.
    #[default]
    Plaintext,
    /// TLS.
    Tls,
    /// SASL/PLAIN over TLS.
    SaslPlain,
    /// SASL/SCRAM-SHA-256 over TLS.
    #[serde(rename = "sasl_scram_sha_256")]
    SaslScramSha256,
    /// SASL/SCRAM-SHA-512 over TLS.
    #[serde(rename = "sasl_scram_sha_512")]
    SaslScramSha512,
}

/// Position of a Kafka group that has no offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KafkaStart {
    /// The oldest record.
    Earliest,
    /// The next record.
    #[default]
    Latest,
}

impl Default for Kafka {
    fn default() -> Self {
        let topics = [
            "booking.created",
            "booking.cancelled",
            "booking.confirmed",
            "schedule.updated",
            "schedule.deleted",
            "admin.notifications",
            "assessment.submitted",
        ];
        Self {
            brokers: Vec::new(),
            group_id: "lonceng".to_owned(),
            topics: topics.map(str::to_owned).to_vec(),
            security: KafkaSecurity::default(),
            username: String::new(),
            password: Secret::default(),
            sasl_plaintext: false,
            tls_ca_file: String::new(),
            start: KafkaStart::default(),
            required: false,
        }
    }
}

/// Section `[amqp]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Amqp {
    /// URL of the server; empty for no AMQP.
    pub url: Secret,
    /// Durable queue shared by all hubs; declared when missing.
    pub queue: String,
    /// Topic exchange; declared when missing.
    pub exchange: String,
    /// Routing patterns that bind the queue to the exchange.
    pub bindings: Vec<String>,
    /// Maximum number of unacknowledged messages.
    pub prefetch: u16,
    /// Certificates (PEM) of the authority that the server's certificate is checked with, besides
    /// those of the system.
    pub tls_ca_file: String,
    /// True if the hub is not ready without the server.
    pub required: bool,
}

impl Default for Amqp {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            queue: "lonceng".to_owned(),
            exchange: "events".to_owned(),
            bindings: vec!["#".to_owned()],
            prefetch: 500,
            tls_ca_file: String::new(),
            required: false,
        }
    }
}

/// Section `[outbox]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbox {
    /// True if events are taken from the table `lonceng_outbox` of the hub's PostgreSQL.
    pub enabled: bool,
}

impl Kafka {
    /// Returns whether Kafka is configured.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.brokers.is_empty()
    }

    /// Returns whether connections are encrypted. A password goes over an open network only
    /// encrypted; on loopback, and with `sasl_plaintext`, the network is trusted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        match self.security {
            KafkaSecurity::Plaintext => false,
            KafkaSecurity::Tls => true,
            _ if self.sasl_plaintext => false,
            _ => !self.tls_ca_file.is_empty() || !self.brokers.iter().all(|at| is_loopback(at)),
        }
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let mut fault = |key: &str, message: String| faults.push((format!("kafka.{key}"), message));
        if self.security.is_sasl() && self.username.is_empty() {
            fault("username", format!("security = {:?} needs it", self.security.name()));
        }
        if self.security.is_sasl() && self.password.is_empty() {
            let message = format!(
                "security = {:?} needs it; better {{ env = \"KAFKA_PASSWORD\" }}",
                self.security.name()
            );
            fault("password", message);
        }
        for broker in &self.brokers {
            let port = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            if port.and_then(|(_, port)| port.parse::<u16>().ok()).is_none_or(|port| port == 0) {
                let message = format!(
                    "{broker:?} is not the address of a broker, such as \"127.0.0.1:9092\""
                );
                fault("brokers", message);
            }
        }
        if self.group_id.is_empty() || self.group_id.len() > SHORT_STRING_MAX_BYTES {
            fault("group_id", "a name of 1 to 255 bytes is needed".to_owned());
        }
        if self.topics.is_empty() || self.topics.len() > LIST_MAX {
            fault("topics", format!("1 to {LIST_MAX} topics are needed"));
        }
        for topic in &self.topics {
            let legal = |c: char| c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c);
            let dots = topic == "." || topic == "..";
            if topic.is_empty()
                || dots
                || topic.len() > TOPIC_MAX_BYTES
                || !topic.chars().all(legal)
            {
                let message = format!(
                    "{topic:?} is not the name of a topic: 1 to {TOPIC_MAX_BYTES} letters, \
                     digits, dots, underscores and hyphens"
                );
                fault("topics", message);
            }
        }
    }
}

/// Returns whether an address `host:port` is on this machine.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl KafkaSecurity {
    /// Returns whether SASL signs in.
    #[must_use]
    pub fn is_sasl(self) -> bool {
        !matches!(self, Self::Plaintext | Self::Tls)
    }

    /// Returns the name in config.toml.
    fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Tls => "tls",
            Self::SaslPlain => "sasl_plain",
            Self::SaslScramSha256 => "sasl_scram_sha_256",
            Self::SaslScramSha512 => "sasl_scram_sha_512",
        }
    }
}

impl Amqp {
    /// Returns whether AMQP is configured.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let mut fault = |key: &str, message: String| faults.push((format!("amqp.{key}"), message));
        let url = self.url.reveal();
        if !url.is_empty() {
            let scheme = url::Url::parse(url).ok().map(|url| url.scheme().to_owned());
            if !scheme.is_some_and(|scheme| scheme == "amqp" || scheme == "amqps") {
                let message = "it is not a URL such as amqp://user:password@127.0.0.1:5672/";
                fault("url", message.to_owned());
            }
        }
        for (key, name) in [("queue", &self.queue), ("exchange", &self.exchange)] {
            if name.is_empty() || name.len() > SHORT_STRING_MAX_BYTES {
                fault(key, "a name of 1 to 255 bytes is needed".to_owned());
            }
        }
        if self.bindings.len() > LIST_MAX
            || self.bindings.iter().any(|binding| binding.len() > SHORT_STRING_MAX_BYTES)
        {
            fault("bindings", format!("at most {LIST_MAX} patterns of at most 255 bytes"));
        }
        if self.prefetch == 0 {
            fault("prefetch", "1 or more is needed; 0 has no bound".to_owned());
        }
    }
}

impl Outbox {
    pub(super) fn check(&self, store: &str, faults: &mut Vec<Fault>) {
        if self.enabled && !store.starts_with("postgres") {
            let message = "the outbox is a table of PostgreSQL, and store.url is not PostgreSQL; \
                           set store.url = \"postgres://…\", or enabled = false";
            faults.push(("outbox.enabled".to_owned(), message.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(check: impl Fn(&mut Vec<Fault>)) -> Vec<String> {
        let mut faults = Vec::new();
        check(&mut faults);
        faults.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn defaults_are_valid_and_off() {
        assert!(faults_of(|faults| Kafka::default().check(faults)).is_empty());
        assert!(faults_of(|faults| Amqp::default().check(faults)).is_empty());
        assert!(!Kafka::default().is_on() && !Amqp::default().is_on());
    }

    #[test]
    fn sasl_needs_a_user_and_a_password() {
        let kafka = Kafka { security: KafkaSecurity::SaslPlain, ..Kafka::default() };
        assert_eq!(faults_of(|faults| kafka.check(faults)), ["kafka.username", "kafka.password"]);
    }

    #[test]
    fn malformed_addresses_and_names_are_named() {
        let kafka = Kafka {
            brokers: vec!["broker".to_owned(), ":9092".to_owned(), "a:0".to_owned()],
            topics: vec!["a b".to_owned()],
            ..Kafka::default()
        };
        let keys = faults_of(|faults| kafka.check(faults));
        assert_eq!(keys, ["kafka.brokers", "kafka.brokers", "kafka.brokers", "kafka.topics"]);
        let amqp = Amqp { url: Secret::from("http://x"), prefetch: 0, ..Amqp::default() };
        assert_eq!(faults_of(|faults| amqp.check(faults)), ["amqp.url", "amqp.prefetch"]);
    }

    #[test]
    fn passwords_are_encrypted_unless_the_network_is_trusted() {
        let kafka = |broker: &str| Kafka {
            security: KafkaSecurity::SaslPlain,
            brokers: vec![broker.to_owned()],
            ..Kafka::default()
        };
        assert!(kafka("kafka.example.com:9092").is_encrypted());
        assert!(!kafka("127.0.0.1:9092").is_encrypted() && !kafka("[::1]:9092").is_encrypted());
        let trusted = Kafka { sasl_plaintext: true, ..kafka("kafka.internal:9092") };
        assert!(!trusted.is_encrypted());
        let local = Kafka { tls_ca_file: "ca.pem".to_owned(), ..kafka("localhost:9093") };
        assert!(local.is_encrypted());
    }

    #[test]
    fn outbox_needs_postgresql() {
        let outbox = Outbox { enabled: true };
        assert_eq!(faults_of(|faults| outbox.check("sqlite://a", faults)), ["outbox.enabled"]);
        assert!(faults_of(|faults| outbox.check("postgres://a/b", faults)).is_empty());
    }
}
