//! `lonceng notify`: sends a message directly to users.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::{Failure, client, load_if_there};
use crate::domain::user::UserId;

/// Send a message straight to people
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lonceng notify --to 1:alice --to 2 --message \"Your order is on \
    its way\" --source shop"
)]
pub(super) struct Notify {
    /// Recipient, as ID or ID:LOGIN; may be given more than once
    #[arg(long = "to", required = true, value_name = "ID[:LOGIN]")]
    to: Vec<String>,
    /// Text of the message
    #[arg(long)]
    message: String,
    /// Name of the sender
    #[arg(long)]
    source: Option<String>,
    /// The hub's address; the configured one by default
    #[arg(long, value_name = "URL")]
    http: Option<String>,
    #[command(flatten)]
    credentials: client::Credentials,
}

fn target(text: &str) -> Result<Value, Failure> {
    let (id, login) = text.split_once(':').map_or((text, None), |(id, login)| (id, Some(login)));
    let id =
        UserId::parse(id).map_err(|error| Failure::Usage(format!("--to {text:?}: {error}")))?;
    Ok(match login {
        Some(login) => json!({ "id": id.to_legacy_json(), "login": login }),
        None => json!({ "id": id.to_legacy_json() }),
    })
}

impl Notify {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let targets = self.to.iter().map(|text| target(text)).collect::<Result<Vec<_>, _>>()?;
        let base = match self.http {
            Some(url) => url,
            None => client::base_url(&load_if_there(config)?),
        };
        let url = format!("{}/api/v1/notify", base.trim_end_matches('/'));
        let body = json!({ "target": targets, "message": self.message, "source": self.source });
        let request = self.credentials.authorize(client::http(&url)?.post(&url)).json(&body);
        let answer = client::answer(&url, request.send().await).await?;
        for result in answer["results"].as_array().into_iter().flatten() {
            println!(
                "{} {}",
                result["target"]["id"],
                result["notification_id"].as_str().unwrap_or("-")
            );
        }
        Ok(())
    }
}
