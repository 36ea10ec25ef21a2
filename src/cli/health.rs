//! `lonceng health`: checks readiness, for containers.

use std::path::Path;

use clap::Args;

use super::{Failure, client, load_if_there};

/// Exit 0 when the hub is ready
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lonceng health --url http://127.0.0.1:8080")]
pub(super) struct Health {
    /// The hub's address; the configured one by default
    #[arg(long)]
    url: Option<String>,
}

impl Health {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let base = match self.url {
            Some(url) => url,
            None => client::base_url(&load_if_there(config)?),
        };
        let url = format!("{}/health/ready", base.trim_end_matches('/'));
        client::answer(&url, client::http(&base)?.get(&url).send().await).await?;
        println!("ready");
        Ok(())
    }
}
