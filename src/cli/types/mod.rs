//! `lonceng types`: prints the events that the types in use expect.

mod event;
mod output;

use std::path::Path;

use clap::Args;
use serde_json::Value;

use super::{
    Failure,
    client::{self, Credentials},
    load,
};
use crate::config::translations;
use event::{EventType, of_config, of_hub};

/// Print the events that the types in use expect, for publishers
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lonceng types --typescript > events.ts\n  lonceng types \
                        --json-schema --url https://hub.example.com --key KEY")]
pub(super) struct Types {
    /// Print types of TypeScript
    #[arg(long, conflicts_with = "json_schema", required_unless_present = "json_schema")]
    typescript: bool,
    /// Print a JSON Schema (draft 2020-12)
    #[arg(long)]
    json_schema: bool,
    /// Read the types of this hub instead of config.toml: also those changed in the console
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    credentials: Credentials,
}

impl Types {
    /// Runs the command.
    pub(super) async fn run(&self, config: &Path) -> Result<(), Failure> {
        let types = if let Some(url) = &self.url {
            self.of_hub(url, config).await?
        } else {
            let loaded = load(config)?;
            of_config(&loaded.types, &translations(&loaded)?)
        };
        if self.typescript {
            print!("{}", output::typescript(&types));
        } else {
            println!("{:#}", output::json_schema(&types));
        }
        Ok(())
    }

    /// Reads the types of a hub, and the translations of config.toml, if it is there.
    async fn of_hub(&self, url: &str, config: &Path) -> Result<Vec<EventType>, Failure> {
        let base = url.trim_end_matches('/');
        let address = format!("{base}/api/v1/admin/types");
        let request = self.credentials.authorize(client::http(base)?.get(&address));
        let answer = client::answer(base, request.send().await).await?;
        let local = if config.exists() { translations(&load(config)?)? } else { Vec::new() };
        Ok(of_hub(answer["types"].as_array().map_or(&[] as &[Value], Vec::as_slice), &local))
    }
}
