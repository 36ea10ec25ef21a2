//! Reading of configuration files on a separate thread, which a hanging file system may block.

use std::time::Duration;

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

/// Time limit of a read.
const WITHIN: Duration = Duration::from_secs(10);

/// Runs one read at a time, with a time limit.
#[derive(Default)]
pub(super) struct Reader {
    /// Read that exceeded its time limit: no other one starts until it ends, so threads do not pile
    /// up.
    late: Option<JoinHandle<()>>,
}

impl Reader {
    /// Runs `read` on a blocking thread.
    ///
    /// # Errors
    /// A description, when it exceeds its time limit or an earlier one still runs.
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
            // There is no receiver after the time limit.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn hanging_read_times_out_and_blocks_further_reads() {
        let mut reader = Reader::default();
        assert_eq!(reader.run(|| 1).await, Ok(1));
        let (end, ended) = std::sync::mpsc::channel::<()>();
        // Paused time does not advance while a thread is busy.
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
