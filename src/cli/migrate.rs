//! `lonceng migrate`: migrates the schema of the database.

use std::path::Path;

use clap::Args;

use super::{Failure, load};
use crate::store::Store;

/// Apply the database migrations and stop
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  DATABASE_URL=postgres://lonceng@db/lonceng lonceng migrate")]
pub(super) struct Migrate {
    /// Renew the epoch: after a restore from a backup, with the hubs stopped, so that clients start
    /// over
    #[arg(long)]
    new_epoch: bool,
}

impl Migrate {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let loaded = load(config)?;
        let store = Store::open(loaded.config.store.url.reveal()).await?;
        eprintln!("migrating …");
        store.migrate_partitioned(loaded.config.store.partitions).await?;
        let epoch = if self.new_epoch { store.renew_epoch().await? } else { store.epoch().await? };
        store.close().await;
        println!("the schema is up to date; the epoch is {epoch}");
        Ok(())
    }
}
