//! `lonceng archive`: moves what left the list long ago from the store to a file.
//!
//! A page of notifications is written as a zstd frame, synced, and then removed from the store. So
//! nothing is lost when the command is killed: the next run with the same file drops an incomplete
//! frame, and removes the notifications of the last complete one without writing them again.

mod file;
mod frames;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;
use tokio::time::sleep;

use super::{Failure, load, open_store, progress::progress};
use crate::{
    clock,
    domain::{
        channel::parse_age,
        notification::{Notification, Timestamp},
    },
    store::{ArchivedRow, Store, StoreError},
};
use file::ArchiveFile;

/// Maximum number of notifications in a frame, and removed together.
const PAGE: i64 = 500;

/// Number of attempts at a store that is busy.
const ATTEMPTS: u32 = 10;

/// Pause between attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Move archived and deleted notifications from the store to a file
#[derive(Debug, Args)]
#[command(
    after_help = "The file has one JSON object per line, compressed with zstd. A run with the same \
                  file appends to it, also after the command was killed. Hubs may run; clients \
                  that may display a removed notification start over.\n\nExample:\n  lonceng \
                  archive --before 90d --to notifications.ndjson.zst\n  zstdcat \
                  notifications.ndjson.zst | head"
)]
pub(super) struct Archive {
    /// Age of the last change, such as 90d or 12h, or a time in RFC 3339
    #[arg(long, value_name = "AGE|TIME")]
    before: String,
    /// File to append to; it is created if it does not exist
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Line of the file.
#[derive(Serialize)]
struct Line<'a> {
    user_id: &'a str,
    #[serde(flatten)]
    notification: &'a Notification,
    seq: i64,
    changed_at: Timestamp,
    keep_until: Option<Timestamp>,
    clicked_at: Option<Timestamp>,
    variant: Option<&'a str>,
    event_id: Option<&'a str>,
    publisher: Option<&'a str>,
    group_key: Option<&'a str>,
    actors: &'a [String],
}

impl<'a> From<&'a Notification> for Line<'a> {
    fn from(item: &'a Notification) -> Self {
        Self {
            user_id: item.user_id.as_str(),
            notification: item,
            seq: item.seq,
            changed_at: item.changed_at,
            keep_until: item.keep_until,
            clicked_at: item.clicked_at,
            variant: item.variant.as_deref(),
            event_id: item.event_id.as_deref(),
            publisher: item.publisher.as_deref(),
            group_key: item.group_key.as_deref(),
            actors: &item.actors,
        }
    }
}

impl Archive {
    pub(super) async fn run(self, config: &Path) -> Result<(), Failure> {
        let before = parse_before(&self.before, clock::now())
            .map_err(|message| Failure::Usage(format!("lonceng: --before: {message}")))?;
        let loaded = load(config)?;
        let store = open_store(loaded.config.store.url.reveal()).await?;
        let moved = self.archive(&store, before).await;
        store.close().await;
        let (written, removed) = moved?;
        let (file, before) = (self.to.display(), before.to_rfc3339());
        println!(
            "{written} notifications last changed before {before} were written to {file}; \
             {removed} were removed from the store"
        );
        Ok(())
    }

    /// Moves notifications page by page. Returns the numbers of those written and removed.
    async fn archive(&self, store: &Store, before: Timestamp) -> anyhow::Result<(u64, u64)> {
        if store.schema().await?.missing > 0 {
            bail!("the schema of the store is older than this version; run `lonceng migrate`");
        }
        let mut file = ArchiveFile::open(&self.to)?;
        let mut removed = remove_written(store, &mut file, before).await?;
        let progress =
            progress(attempt(async || store.count_archivable(before).await).await?.unsigned_abs());
        let (mut written, mut idle) = (0, 0);
        loop {
            let page = attempt(async || store.archivable(before, PAGE).await).await?;
            if page.is_empty() {
                break;
            }
            let lines: Vec<Line<'_>> = page.iter().map(Line::from).collect();
            file.append(&lines)?;
            written += page.len() as u64;
            let rows: Vec<ArchivedRow> = page.iter().map(ArchivedRow::from).collect();
            let count = attempt(async || store.remove_archived(&rows).await).await?;
            // Nothing is removed of a page that was just changed, or when the answer to an earlier
            // removal was lost.
            idle = if count == 0 { idle + 1 } else { 0 };
            if idle >= ATTEMPTS {
                bail!(
                    "the store removes none of {} notifications; run `lonceng verify`",
                    rows.len()
                );
            }
            removed += count;
            progress.inc(count);
        }
        progress.finish_and_clear();
        file.finish()?;
        Ok((written, removed))
    }
}

/// Removes what an earlier run wrote to the last frame and could not remove any more.
async fn remove_written(
    store: &Store,
    file: &mut ArchiveFile,
    before: Timestamp,
) -> anyhow::Result<u64> {
    let rows = file.last_rows(before)?;
    attempt(async || store.remove_archived(&rows).await).await
}

/// Runs an operation again while the store is busy with the writes of a hub.
async fn attempt<T>(operation: impl AsyncFn() -> Result<T, StoreError>) -> anyhow::Result<T> {
    for _ in 1..ATTEMPTS {
        match operation().await {
            Err(error) if error.is_transient() => sleep(PAUSE).await,
            other => return Ok(other?),
        }
    }
    operation().await.context("what is in the file and still in the store is removed by a next run")
}

/// Parses the latest time of a last change: an age, or a time.
fn parse_before(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(time) = Timestamp::parse(text) {
        return Ok(time);
    }
    let wrong = || {
        format!(
            "{text:?} is neither an age, such as 90d or 12h, nor a time, such as \
             2026-01-01T00:00:00Z"
        )
    };
    let age = parse_age(text);
    // Not before the first time that a notification can have.
    age.and_then(|age| now.0.checked_sub(age))
        .filter(|at| *at >= 0)
        .map(Timestamp)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_an_age_or_a_time() {
        let now = Timestamp(1_767_225_600_000);
        let at = |text: &str| parse_before(text, now).map(|time| now.0 - time.0);
        assert_eq!(at("90d"), Ok(90 * 86_400_000));
        assert_eq!(at("12h"), Ok(12 * 3_600_000));
        assert_eq!(at("0s"), Ok(0));
        assert_eq!(at("800d"), Ok(800 * 86_400_000));
        assert_eq!(at("2025-12-31T00:00:00Z"), Ok(86_400_000));
        for wrong in
            ["", "d", "90", "90 d", "-1d", "1.5d", "90dd", "2w", "soon", "2026-01-01", "999999999d"]
        {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
