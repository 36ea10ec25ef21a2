//! `lonceng verify`: checks the store against itself.

use std::path::Path;

use anyhow::anyhow;
use clap::Args;

use super::{Failure, load, open_store};

/// Check that the store is consistent: counters, revisions, orphans
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lonceng verify && echo consistent")]
pub(super) struct Verify {}

impl Verify {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let loaded = load(config)?;
        let store = open_store(loaded.config.store.url.reveal()).await?;
        let verified = store.verify().await;
        store.close().await;
        let verified = verified?;
        for finding in &verified.findings {
            println!("{finding}");
        }
        let (inboxes, findings) = (verified.inboxes, verified.findings.len());
        if findings > 0 {
            return Err(anyhow!("{findings} problems were found in {inboxes} inboxes").into());
        }
        println!("{inboxes} inboxes were checked; no problem was found");
        Ok(())
    }
}
