//! Connections to the mail server, which are kept for further messages.
//!
//! The transport of lettre would do, but leaves Nagle's algorithm on: it ends a message with a
//! packet of its own, which then waits 40 ms for the delayed acknowledgement of the server's
//! system.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lettre::{
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Tls},
        extension::ClientId,
        response::Response,
    },
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{SendError, SendErrorKind, limited::Limited, of_error};

/// Maximum number of connections that are kept.
const KEPT_MAX: usize = super::CONNECTIONS;

/// Time after which a connection that is not used is closed.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// Time after which a connection is tested before it is used again: its server may have closed it.
const UNTESTED_MAX: Duration = Duration::from_secs(1);

/// Time limit for the farewell on a connection that is closed.
const QUIT_LIMIT: Duration = Duration::from_secs(1);

/// Mail server.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) credentials: Option<Credentials>,
    /// Time limit for connecting, and for each message.
    pub(super) limit: Duration,
}

/// Connections to a mail server.
pub(super) struct Connections {
    server: Server,
    hello: ClientId,
    idle: Mutex<Vec<Idle>>,
}

/// Connection that is not used.
struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Connections {
    /// Creates the pool; connections are made when they are needed.
    pub(super) fn new(server: Server) -> Self {
        Self { server, hello: ClientId::default(), idle: Mutex::default() }
    }

    /// Sends a message. A connection that was lost, or that is still busy when the future is
    /// dropped, is not used again.
    pub(super) async fn send(
        &self,
        envelope: &Envelope,
        mail: &[u8],
    ) -> Result<Response, SendError> {
        self.limited(async {
            let mut connection = self.connection().await?;
            let result = connection.send(envelope, mail).await;
            // lettre has closed it after an error.
            if !connection.has_broken() {
                self.keep(connection);
            }
            result.map_err(|error| of_error(&error))
        })
        .await
    }

    /// Connects and signs in.
    pub(super) async fn test(&self) -> Result<(), SendError> {
        self.limited(async {
            let connection = self.connect().await?;
            self.keep(connection);
            Ok(())
        })
        .await
    }

    async fn limited<T>(
        &self,
        work: impl Future<Output = Result<T, SendError>>,
    ) -> Result<T, SendError> {
        let limit = self.server.limit;
        timeout(limit, work).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} s", limit.as_secs());
            Err(SendError::new(SendErrorKind::Unreachable, reason))
        })
    }

    /// Returns a connection that was used last, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        while let Some(Idle { mut connection, since }) = self.take() {
            let idle = since.elapsed();
            if idle < UNTESTED_MAX || idle < IDLE_MAX && connection.test_connected().await {
                return Ok(connection);
            }
            tokio::spawn(async move {
                // The server may not answer.
                let _ = timeout(QUIT_LIMIT, connection.abort()).await;
            });
        }
        self.connect().await
    }

    fn take(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|one| one.since.elapsed() < IDLE_MAX);
        if idle.len() < KEPT_MAX {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let Server { host, port, tls, .. } = &self.server;
        let failed = |error: Error| of_error(&error);
        let address = (host.as_str(), *port);
        let mut connection = if let Tls::Wrapper(parameters) = tls {
            let (limit, tls) = (self.server.limit, parameters.clone());
            AsyncSmtpConnection::connect_tokio1(address, Some(limit), &self.hello, Some(tls), None)
                .await
                .map_err(failed)?
        } else {
            let stream = TcpStream::connect(address).await.map_err(|error| {
                SendError::new(SendErrorKind::Unreachable, format!("not reached: {error}"))
            })?;
            // Without it messages are only slower.
            let _ = stream.set_nodelay(true);
            let stream = Box::new(Limited::new(stream));
            AsyncSmtpConnection::connect_with_transport(stream, &self.hello)
                .await
                .map_err(failed)?
        };
        match tls {
            Tls::Required(parameters) => {
                connection.starttls(parameters.clone(), &self.hello).await.map_err(failed)?;
            }
            Tls::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), &self.hello).await.map_err(failed)?;
            }
            _ => {}
        }
        if let Some(credentials) = &self.server.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(failed)?;
        }
        Ok(connection)
    }
}
