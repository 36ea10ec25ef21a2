//! Store, Redis and the mail server.

use std::path::Path;

use tokio::time::Instant;

use super::{Finding, TIME_LIMIT};
use crate::{
    channels::test_email_server,
    clock,
    config::{self, Config},
    redis::Redis,
    store::{Store, StoreError},
};

/// Difference of two clocks from which tokens and schedules suffer, in milliseconds.
pub(super) const CLOCK_SKEW_MAX_MS: i64 = 2_000;

/// Checks the store: that it answers and can be written to, its schema, and its clock.
pub(super) async fn store(config: &Config) -> Vec<Finding> {
    let url = config.store.url.reveal();
    if let Some(file) = Store::file_of_url(url).filter(|file| !file.exists()) {
        return vec![missing_file(&file)];
    }
    let mut findings = match inspect(url).await {
        Ok(findings) => findings,
        Err(error) => {
            let text = format!("{error}; start the database, or correct store.url");
            vec![Finding::fail("store", text)]
        }
    };
    if !config.store.replica_url.is_empty() {
        findings.push(match answer_of(config.store.replica_url.reveal()).await {
            Ok(text) => Finding::ok("replica", text),
            Err(error) => Finding::warn(
                "replica",
                format!("{error}; lists are read from the store; correct store.replica_url"),
            ),
        });
    }
    findings
}

/// Returns the finding for a SQLite file that does not exist. It is not created by a check.
fn missing_file(file: &Path) -> Finding {
    let name = file.display();
    let folder = file.ancestors().skip(1).find(|folder| folder.exists());
    // A path without a folder is in the current one.
    if folder.is_none_or(Path::is_dir) {
        let text = format!("{name} does not exist yet; it is created when the hub starts");
        return Finding::warn("store", text);
    }
    Finding::fail("store", format!("{name} cannot be created; correct store.url"))
}

async fn answer_of(url: &str) -> Result<String, StoreError> {
    let store = Store::open_now(url).await?;
    let begin = Instant::now();
    let info = store.info().await;
    let took = begin.elapsed().as_millis();
    store.close().await;
    info.map(|info| format!("{} answers in {took} ms", info.product))
}

async fn inspect(url: &str) -> Result<Vec<Finding>, StoreError> {
    let store = Store::open_now(url).await?;
    let findings = inspect_open(&store).await;
    store.close().await;
    findings
}

async fn inspect_open(store: &Store) -> Result<Vec<Finding>, StoreError> {
    let (begin, asked) = (Instant::now(), clock::now());
    let info = store.info().await?;
    let took = begin.elapsed();
    let answers = format!("{} answers in {} ms", info.product, took.as_millis());
    let schema = store.schema().await?;
    let mut findings = Vec::new();
    if info.is_read_only {
        let text = format!("{answers} and is read-only; point store.url at the primary");
        findings.push(Finding::fail("store", text));
    } else if schema.unknown > 0 {
        let text = format!("{answers}; its schema is of a newer version; upgrade this hub");
        findings.push(Finding::fail("store", text));
    } else if schema.missing > 0 {
        let text = format!(
            "{answers}; its schema lacks {} migrations; run `lonceng migrate`, or start the hub",
            schema.missing
        );
        findings.push(Finding::warn("store", text));
    } else {
        store.ping().await?;
        findings.push(Finding::ok("store", format!("{answers}; the schema is up to date")));
    }
    if let Some(there) = info.now {
        let half = i64::try_from(took.as_millis() / 2).unwrap_or(0);
        findings.push(clock_of("the database", there.0 - asked.0 - half, CLOCK_SKEW_MAX_MS));
    }
    Ok(findings)
}

/// Returns the finding for a clock that is ahead by this many milliseconds.
pub(super) fn clock_of(whose: &str, ahead_ms: i64, most_ms: i64) -> Finding {
    if ahead_ms.abs() <= most_ms {
        return Finding::ok("clock", format!("this machine and {whose} agree"));
    }
    let seconds = ahead_ms.abs() / 1_000;
    let word = if ahead_ms < 0 { "ahead of" } else { "behind" };
    let text = format!("this machine is {seconds} s {word} {whose}; synchronize both with NTP");
    Finding::warn("clock", text)
}

/// Checks that Redis answers.
pub(super) async fn redis(config: &config::Redis) -> Vec<Finding> {
    if config.url.is_empty() {
        return vec![Finding::off("redis")];
    }
    let answer = match Redis::open(config.url.reveal()) {
        Ok(redis) => redis.ping().await,
        Err(error) => Err(error),
    };
    vec![match answer {
        Ok(()) => Finding::ok("redis", "answers"),
        Err(error) => {
            let text = format!(
                "{error}; without it cookie sign-in fails and hubs are told of changes later; \
                 start it, or correct redis.url"
            );
            Finding::warn("redis", text)
        }
    }]
}

/// Checks that the mail server greets and accepts the sign-in.
pub(super) async fn smtp(config: &config::EmailChannel) -> Vec<Finding> {
    if config.url.is_empty() {
        return vec![Finding::off("smtp")];
    }
    vec![match test_email_server(config, TIME_LIMIT).await {
        Ok(()) => Finding::ok("smtp", "the mail server answers"),
        Err(error) => {
            let text = format!(
                "{error}; e-mails wait in the store; start the server, or correct \
                 channels.email.url"
            );
            Finding::warn("smtp", text)
        }
    }]
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn clocks_that_differ_are_a_warning() {
        assert_eq!(clock_of("x", -1_900, 2_000).verdict, Verdict::Ok);
        let ahead = clock_of("the database", -61_000, 2_000);
        assert_eq!(ahead.verdict, Verdict::Warn);
        assert!(ahead.text.starts_with("this machine is 61 s ahead of the database"));
        assert!(clock_of("x", 3_000, 2_000).text.contains("3 s behind x"));
    }
}
