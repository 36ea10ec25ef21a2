//! `lonceng backup`: copies a SQLite store while the hub runs.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::{Failure, load, open_store};
use crate::store::Kind;

/// Back up a SQLite store, while the hub runs
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lonceng backup /backups/lonceng-$(date +%F).db")]
pub(super) struct Backup {
    /// New file
    file: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let loaded = load(config)?;
        let url = loaded.config.store.url.reveal();
        let file = self.file.display();
        if Kind::of_url(url) == Some(Kind::Postgres) {
            return Err(Failure::Usage(format!(
                "lonceng: the store is PostgreSQL, which has its own tool; run\n  \
                 pg_dump --format=custom --file={file} \"$DATABASE_URL\""
            )));
        }
        if self.file.exists() {
            return Err(anyhow!("{file} exists already; name a new file").into());
        }
        let store = open_store(url).await?;
        let copied = store.backup(&self.file).await;
        store.close().await;
        copied.map_err(|error| anyhow!("{file} cannot be written: {error}"))?;
        println!("the store was copied to {file}");
        Ok(())
    }
}
