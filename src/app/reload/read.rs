//! Reading the configuration's files on a thread of its own, which a file system that hangs may hold up.

use std::{path::Path, time::Duration};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

use crate::{
    app::check,
    config::{self, ConfigError, ConfigIssue, Loaded},
    domain::catalog::LocalTemplate,
};

/// Time that reading may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A configuration and its translations.
pub(super) type Read = (Loaded, Vec<LocalTemplate>);

/// Runs one read at a time, and waits for it only so long.
#[derive(Default)]
pub(super) struct Reader {
    /// Read that has not ended in its time: no other is begun, so that threads do not pile up.
    late: Option<JoinHandle<()>>,
}

impl Reader {
    /// Runs `read` on a thread that may block.
    ///
    /// # Errors
    /// A sentence, when it does not end in time or an earlier one still has not ended.
    pub(super) async fn run<T: Send + 'static>(
        &mut self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let late = || format!("reading the files takes longer than {} seconds", WITHIN.as_secs());
        if self.late.as_ref().is_some_and(|read| !read.is_finished()) {
            return Err(late());
        }
        self.late = None;
        let (tell, told) = tokio::sync::oneshot::channel();
        let thread = spawn_blocking(move || {
            // Nobody waits for it any more when it is late.
            let _ = tell.send(read());
        });
        match timeout(WITHIN, told).await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(_)) => Err("reading the files failed; the log says why".to_owned()),
            Err(_) => {
                self.late = Some(thread);
                Err(late())
            }
        }
    }
}

/// Reads and checks everything, as at a start.
pub(super) fn read(file: &Path) -> Result<Read, ConfigError> {
    let loaded = config::load(file)?;
    check(&loaded)?;
    let local = config::translations(&loaded)?;
    Ok((loaded, local))
}

/// A problem of the file as a whole.
pub(super) fn problem(file: &Path, message: String) -> ConfigIssue {
    ConfigIssue {
        file: Some(file.to_owned()),
        line: None,
        column: None,
        key: String::new(),
        message,
        snippet: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_read_that_hangs_is_given_up_and_no_other_is_begun_beside_it() {
        let mut reader = Reader::default();
        assert_eq!(reader.run(|| 1).await, Ok(1));
        let (end, ended) = std::sync::mpsc::channel::<()>();
        // Time does not go on by itself while a thread is busy.
        let (hung, ()) =
            tokio::join!(reader.run(move || ended.recv().is_ok()), tokio::time::advance(WITHIN));
        assert!(hung.is_err_and(|why| why.contains("10 seconds")));
        assert!(reader.run(|| 2).await.is_err(), "the first has not ended");
        drop(end);
        let thread = reader.late.take().expect("it is kept");
        thread.await.expect("it ends");
        assert_eq!(reader.run(|| 3).await, Ok(3));
    }
}
