//! Command line: one file per command.
//!
//! Exit codes: 0 success, 1 failure, 2 invalid command line or configuration. An error is one line
//! on standard error, with the remedy.

mod archive;
mod backup;
mod check;
mod client;
mod doctor;
mod health;
mod key;
mod listen;
mod migrate;
mod notify;
mod personal_data;
mod progress;
mod publish;
mod serve;
mod token;
mod types;
mod verify;

use std::{future::Future, io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::anyhow;
use clap::{Parser, Subcommand};

use crate::{
    config::{ConfigError, Loaded},
    store::Store,
};

/// Failure of a command.
#[derive(Debug)]
pub enum Failure {
    /// Invalid command line or configuration: exit code 2.
    Usage(String),
    /// Any other failure: exit code 1.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast::<ConfigError>() {
            Ok(wrong) => Self::Usage(wrong.to_string()),
            Err(error) => Self::Failed(error),
        }
    }
}

/// A self-hosted, real-time notification hub.
#[derive(Debug, Parser)]
#[command(
    name = "lonceng",
    version,
    about,
    after_help = "Example:\n  lonceng                 run the hub with ./config.toml"
)]
struct Arguments {
    /// The configuration file
    #[arg(
        long,
        global = true,
        env = "LONCENG_CONFIG",
        default_value = "config.toml",
        value_name = "PATH"
    )]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the hub (the default)
    #[command(after_help = "Example:\n  LONCENG_SERVER__LISTEN=127.0.0.1:9000 lonceng serve")]
    Serve,
    /// Validate config.toml and every template
    #[command(after_help = "Example:\n  lonceng --config /etc/lonceng/config.toml check")]
    Check,
    /// Apply the database migrations and stop
    Migrate(migrate::Migrate),
    /// Publish an event, or many
    Publish(publish::Publish),
    /// Send a message directly to users
    Notify(notify::Notify),
    /// Print notifications as they arrive
    Listen(listen::Listen),
    /// Sign a token with the configured secret
    Token(token::Token),
    /// Print the events that the types in use expect
    Types(types::Types),
    /// Create keys for services, and for Web Push
    #[command(alias = "keys")]
    Key(key::Key),
    /// Exit 0 when the hub is ready
    Health(health::Health),
    /// Move archived and deleted notifications from the store to a file
    Archive(archive::Archive),
    /// Check the configuration, the store, the brokers, and a proxy in front of the hub
    Doctor(doctor::Doctor),
    /// Back up a SQLite store, while the hub runs
    Backup(backup::Backup),
    /// Check that the store is consistent
    Verify(verify::Verify),
    /// Print all data of a user as JSON
    Export(personal_data::Export),
    /// Delete all data of a user
    Erase(personal_data::Erase),
}

/// Exit code of a command whose output nobody reads: that of a process which SIGPIPE ended.
const EXIT_WITHOUT_READER: i32 = 128 + 13;

/// Ends the process when its output cannot be written, where `println!` panics: without a message
/// when nobody reads it any more, as after `lonceng export … | head`, else with an error.
fn end_without_output() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        let Some(error) = message.strip_prefix("failed printing to stdout: ") else {
            report(panic);
            return;
        };
        if error.contains("Broken pipe") {
            std::process::exit(EXIT_WITHOUT_READER);
        }
        // Standard error may be the same full disk.
        let _ = writeln!(
            std::io::stderr(),
            "lonceng: standard output cannot be written: {error}; look for a full disk"
        );
        std::process::exit(1);
    }));
}

/// Parses the command line, runs the command, and returns its exit code.
#[must_use]
pub fn run() -> ExitCode {
    end_without_output();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are not errors; clap selects the stream.
            let code = if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
            let _ = error.print();
            return code;
        }
    };
    let config = arguments.config;
    let result = match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&config),
        Command::Check => check::run(&config),
        Command::Migrate(command) => block_on(command.run(&config)),
        Command::Publish(command) => block_on(command.run(&config)),
        Command::Notify(command) => block_on(command.run(&config)),
        Command::Listen(command) => block_on(command.run(&config)),
        Command::Token(command) => command.run(&config),
        Command::Types(command) => block_on(command.run(&config)),
        Command::Key(command) => command.run(),
        Command::Health(command) => block_on(command.run(&config)),
        Command::Doctor(command) => block_on(command.run(&config)),
        Command::Archive(command) => block_on(command.run(&config)),
        Command::Backup(command) => block_on(command.run(&config)),
        Command::Verify(command) => block_on(command.run(&config)),
        Command::Export(command) => block_on(command.run(&config)),
        Command::Erase(command) => block_on(command.run(&config)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) => {
            eprintln!("lonceng: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs an asynchronous command.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    install_tls();
    actix_rt::System::new().block_on(command)
}

/// Installs the cryptography provider of the process.
fn install_tls() {
    // A second call finds a provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Loads the configuration for a command that requires one.
fn load(path: &std::path::Path) -> Result<Loaded, Failure> {
    crate::config::load(path).map_err(|error| Failure::Usage(error.to_string()))
}

/// Opens the store for a command that needs an existing one: only `serve` and `migrate` create it.
async fn open_store(url: &str) -> Result<Store, Failure> {
    if let Some(file) = Store::file_of_url(url).filter(|file| !file.exists()) {
        let file = std::path::absolute(&file).unwrap_or(file);
        return Err(anyhow!(
            "there is no store at {}; run the command in the working directory of the hub, or \
             correct store.url",
            file.display()
        )
        .into());
    }
    Ok(Store::open(url).await?)
}

/// Loads the configuration for a client command, with defaults if there is no file.
fn load_if_there(path: &std::path::Path) -> Result<crate::config::Config, Failure> {
    if path.exists() {
        load(path).map(|loaded| loaded.config)
    } else {
        Ok(crate::config::Config::default())
    }
}
