//! RabbitMQ server of one test, and a client that publishes messages for tests.
//!
//! A server takes five seconds to start and 140 MB. Tests that do not stop it share the one of
//! `scripts/test`, with exchanges and queues of their own; the others start a private one.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
};

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind, options,
    types::{AMQPValue, FieldTable},
};
use tempfile::TempDir;

use super::{
    nats::free_port,
    process,
    wait::{PATIENCE, until},
};

/// Program of the server. Debian's wrapper of it changes the user and keeps signals from it.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// One scheduler that sleeps when idle; connections between Erlang nodes from this machine only.
const ERLANG_FLAGS: &str = "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}";

/// Returns the URL of the shared server; `None` where there is none.
pub fn shared_url() -> Option<String> {
    let missing = |_| super::missing("a RabbitMQ server (LONCENG_TEST_AMQP)");
    std::env::var("LONCENG_TEST_AMQP").map_err(missing).ok()
}

/// Private RabbitMQ server, removed with its data when dropped.
pub struct RabbitMq {
    child: Option<Child>,
    /// Erlang's name server. Without one of its own, the server would start one that outlives it.
    epmd: Child,
    epmd_port: u16,
    pub port: u16,
    folder: TempDir,
}

impl RabbitMq {
    /// Starts a server; `None` where RabbitMQ is not installed.
    pub async fn start() -> Option<Self> {
        if !Path::new(SERVER).exists() {
            super::missing("rabbitmq-server");
            return None;
        }
        let (port, epmd_port) = (free_port(), free_port());
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let listener = format!("listeners.tcp.default = 127.0.0.1:{port}\n");
        std::fs::write(folder.path().join("rabbitmq.conf"), listener).expect("a writable folder");
        std::fs::write(folder.path().join("plugins"), "[].\n").expect("a writable folder");
        if is_root() {
            let owned = Command::new("chown").args(["-R", "rabbitmq:"]).arg(folder.path()).status();
            assert!(owned.is_ok_and(|status| status.success()), "the folder gets another owner");
        }
        let arguments = ["-address", "127.0.0.1", "-port", &epmd_port.to_string()];
        let mut epmd = Command::new("epmd");
        let epmd = epmd.args(arguments).stderr(Stdio::null()).spawn().expect("epmd starts");
        let mut server = Self { child: None, epmd, epmd_port, port, folder };
        until("epmd listens", PATIENCE, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", epmd_port)).await.ok()
        })
        .await;
        server.run().await;
        Some(server)
    }

    /// Starts the server again on the same port, with its data.
    pub async fn run(&mut self) {
        let log = File::create(self.folder.path().join("log")).expect("a log file");
        self.child = Some(self.command().stdout(log).spawn().expect("rabbitmq-server starts"));
        let url = self.url();
        until("RabbitMQ accepts connections", PATIENCE, async || {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "RabbitMQ ended: {}", self.log());
            Connection::connect(&url, ConnectionProperties::default()).await.ok()
        })
        .await;
    }

    fn command(&self) -> Command {
        let mut command = Command::new(if is_root() { "setpriv" } else { SERVER });
        if is_root() {
            // Becomes the server, so that signals reach it.
            command.args(["--reuid", "rabbitmq", "--regid", "rabbitmq", "--clear-groups", SERVER]);
        }
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([
                // Erlang keeps its cookie there.
                ("HOME", path("")),
                ("ERL_EPMD_PORT", self.epmd_port.to_string()),
                // Replaces the shell that starts the server, so that signals reach it.
                ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
                ("RABBITMQ_NODENAME", "lonceng@localhost".to_owned()),
                ("RABBITMQ_NODE_PORT", self.port.to_string()),
                ("RABBITMQ_DIST_PORT", free_port().to_string()),
                ("RABBITMQ_MNESIA_BASE", path("mnesia")),
                ("RABBITMQ_LOG_BASE", path("logs")),
                ("RABBITMQ_CONF_ENV_FILE", path("none")),
                ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
                ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
                ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERLANG_FLAGS.to_owned()),
            ])
            .current_dir(self.folder.path())
            .stderr(Stdio::null());
        command
    }

    /// Stops the server with SIGTERM.
    pub async fn stop(&mut self) {
        process::terminate(&mut self.child, "RabbitMQ").await;
    }

    /// `kill -9`. Confirmed persistent messages survive it in durable classic queues, and in quorum
    /// queues that existed at an earlier clean stop: RabbitMQ 3.10 loses newer quorum queues.
    pub fn kill(&mut self) {
        process::kill(&mut self.child);
    }

    /// Stops the server if it runs, and starts it on the same port with the same data.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// Returns a client of this server.
    pub async fn client(&self) -> AmqpClient {
        AmqpClient::connect(&self.url()).await
    }

    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Returns the log since the last start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        self.kill();
        let _ = self.epmd.kill();
        let _ = self.epmd.wait();
    }
}

/// Client that declares exchanges and queues and publishes messages. It ends with its server.
pub struct AmqpClient {
    /// Closes the channel when dropped.
    connection: Connection,
    pub channel: Channel,
}

impl AmqpClient {
    pub async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await;
        let connection = connection.expect("RabbitMQ answers");
        let channel = connection.create_channel().await.expect("a channel");
        let confirms = channel.confirm_select(options::ConfirmSelectOptions::default());
        confirms.await.expect("publisher confirms");
        Self { connection, channel }
    }

    /// Declares a durable exchange.
    pub async fn declare_exchange(&self, name: &str, kind: ExchangeKind) {
        let settings = options::ExchangeDeclareOptions { durable: true, ..Default::default() };
        let declared = self.channel.exchange_declare(name.into(), kind, settings, table(&[]));
        declared.await.expect("the exchange is declared");
    }

    /// Declares a durable queue with arguments such as `x-queue-type`.
    pub async fn declare_queue(&self, name: &str, arguments: &[(&str, &str)]) {
        let settings = options::QueueDeclareOptions::durable();
        let declared = self.channel.queue_declare(name.into(), settings, table(arguments));
        declared.await.expect("the queue is declared");
    }

    pub async fn bind(&self, queue: &str, exchange: &str, routing_key: &str) {
        let (queue, exchange, routing_key) = (queue.into(), exchange.into(), routing_key.into());
        let settings = options::QueueBindOptions::default();
        let bound = self.channel.queue_bind(queue, exchange, routing_key, settings, table(&[]));
        bound.await.expect("the queue is bound");
    }

    /// Publishes a message, and returns once the server has confirmed that a queue has it.
    pub async fn publish(
        &self,
        exchange: &str,
        key: &str,
        properties: BasicProperties,
        payload: &[u8],
    ) {
        let settings = options::BasicPublishOptions { mandatory: true, ..Default::default() };
        // A quorum queue refuses messages for a moment after a start, until it has a leader.
        until("RabbitMQ accepts the message", PATIENCE, async || {
            let (exchange, key, headers) = (exchange.into(), key.into(), properties.clone());
            let sent = self.channel.basic_publish(exchange, key, settings, payload, headers);
            let confirmation = sent.await.expect("it is sent").await.expect("it is confirmed");
            let accepted = confirmation.is_ack();
            assert!(confirmation.take_message().is_none(), "no queue is bound for the message");
            accepted.then_some(())
        })
        .await;
    }

    /// Returns the number of messages that are ready: not those delivered and unacknowledged.
    pub async fn queue_length(&self, queue: &str) -> u32 {
        let settings = options::QueueDeclareOptions::durable().passive();
        let declared = self.channel.queue_declare(queue.into(), settings, table(&[]));
        declared.await.expect("the queue exists").message_count()
    }
}

/// Returns the properties of a persistent message with these headers.
pub fn persistent(headers: &[(&str, &str)]) -> BasicProperties {
    BasicProperties::default().with_delivery_mode(2).with_headers(table(headers))
}

fn table(entries: &[(&str, &str)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    table
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|user| user.stdout.trim_ascii() == b"0")
}
