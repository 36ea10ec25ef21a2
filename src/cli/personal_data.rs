//! `lonceng export` and `lonceng erase`: the personal data of one user.

use std::path::Path;

use anyhow::anyhow;
use clap::Args;

use super::{Failure, load, open_store};
use crate::{clock, domain::user::UserId, store::Store};

/// Print all data of a user as JSON
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lonceng export --user budi > budi.json")]
pub(super) struct Export {
    /// ID of the user
    #[arg(long, value_name = "ID")]
    user: String,
}

/// Delete all data of a user
#[derive(Debug, Args)]
#[command(
    after_help = "Texts of other users' notifications that mention the user stay. Sign the user \
                  out afterwards (DELETE /api/v1/admin/users/ID/clients): open pages still show \
                  what they have.\n\nExample:\n  lonceng erase --user budi"
)]
pub(super) struct Erase {
    /// ID of the user
    #[arg(long, value_name = "ID")]
    user: String,
}

impl Export {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let user = parse(&self.user)?;
        let store = open(config).await?;
        let data = store.personal_data(&user, clock::now()).await;
        store.close().await;
        println!("{}", serde_json::to_string_pretty(&data?)?);
        Ok(())
    }
}

impl Erase {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let user = parse(&self.user)?;
        let store = open(config).await?;
        let erased = store.erase(&user).await;
        store.close().await;
        let erased = erased?;
        if erased.rows.iter().all(|(_, rows)| *rows == 0) {
            return Err(anyhow!("the store has no data of {user:?}").into());
        }
        for (what, rows) in erased.rows {
            println!("{what}: {rows}");
        }
        if erased.dead_letters > 0 {
            println!(
                "dead letters that contain the ID, and are kept: {}; discard them in the console",
                erased.dead_letters
            );
        }
        Ok(())
    }
}

fn parse(user: &str) -> Result<UserId, Failure> {
    UserId::parse(user).map_err(|error| Failure::Usage(format!("lonceng: --user: {error}")))
}

async fn open(config: &Path) -> Result<Store, Failure> {
    let loaded = load(config)?;
    open_store(loaded.config.store.url.reveal()).await
}
