//! `lonceng serve`: runs the hub until it is asked to stop.

use std::path::Path;

use super::{Failure, install_tls};
use crate::{
    app::{Hub, StartError},
    telemetry::{metric, spans, start_logging},
};

pub(super) fn run(config: &Path) -> Result<(), Failure> {
    let loaded =
        crate::app::check_values(config).map_err(|error| Failure::Usage(error.to_string()))?;
    start_logging();
    install_tls();
    // The default limit is 1,024 open files, and every connection is one: raise it as far as
    // allowed.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let metrics = metric::install()?;
    actix_rt::System::new().block_on(async move {
        let unused = loaded.config.unused();
        let has_tls = loaded.config.server.tls.is_some();
        let dev = loaded.config.auth.methods.contains(&crate::config::AuthMethod::Dev);
        // Installed first: a signal during the start must not be missed.
        let mut stop = StopSignal::new()?;
        let exporter =
            spans::Exporter::start(&crate::app::instance(&loaded.config.server.instance_id))
                .map_err(Failure::Usage)?;
        // The store may take long to answer. Nothing is served before the start is complete.
        let started = tokio::select! {
            started = Hub::start(loaded, metrics) => started,
            () = stop.stop_asked() => {
                tracing::info!("stopped before the start was complete");
                std::process::exit(0)
            }
        };
        let hub = started.map_err(|error| match error {
            StartError::Key(_) | StartError::Redis(_) => Failure::Usage(error.to_string()),
            other => other.into(),
        })?;
        let address = hub.serving.address;
        let scheme = if has_tls { "https" } else { "http" };
        tracing::info!(%address, "lonceng is ready: {scheme}://{address}");
        if dev {
            tracing::info!("demo page: {scheme}://{address}/");
        }
        tracing::info!("admin console: {scheme}://{address}/admin");
        tracing::info!("API documentation: {scheme}://{address}/docs");
        if dev {
            tracing::warn!(
                "auth: dev sign-in is on: anybody on this machine can be any user; set \
                 auth.methods before others use it"
            );
        }
        for line in unused {
            tracing::warn!("{line}");
        }
        while stop.wait().await == Asked::Reload {
            hub.reload();
        }
        tracing::info!("stopping");
        hub.stop().await;
        if let Some(exporter) = exporter {
            exporter.stop().await;
        }
        // Exit explicitly: a thread that waits for a hanging file system would block the process.
        std::process::exit(0)
    })
}

/// Meaning of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Stop,
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is no SIGHUP"))]
    Reload,
}

/// Ctrl-C and, on Unix, SIGTERM and SIGHUP.
struct StopSignal {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignal {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn wait(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// Waits until the hub is asked to stop. A reload that is asked for meanwhile stays pending.
    #[cfg(unix)]
    async fn stop_asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn stop_asked(&mut self) {
        let _ = self.wait().await;
    }

    #[cfg(not(unix))]
    async fn wait(&mut self) -> Asked {
        // Without a handler the process ends, as requested.
        let _ = tokio::signal::ctrl_c().await;
        Asked::Stop
    }
}
