//! Messages that are held until they are finished, for brokers that cannot redeliver after a delay.

use std::slice::from_ref;

use futures_util::future::LocalBoxFuture;
use tokio::time::sleep;

use super::{Consumer, Disposition, Processed, SourceMessage};

/// Message that needs no further attempt.
#[derive(Debug)]
pub(super) struct Finished<T> {
    /// Token with which the source acknowledges the message.
    pub(super) token: T,
    /// True if it is stored as a dead letter.
    pub(super) rejected: bool,
}

/// Result of [`Consumer::settle`].
pub(super) struct Settled<T> {
    /// Messages that are finished.
    pub(super) finished: Vec<Finished<T>>,
    /// Messages that take longer: large fan-outs, and those on which the hub failed. Each is
    /// attempted again until it is finished.
    pub(super) later: Vec<LocalBoxFuture<'static, Finished<T>>>,
}

impl Consumer {
    /// Runs messages through the pipeline. While the store is unavailable it waits and tries
    /// again; messages on which only the hub failed are left to the returned futures.
    pub(super) async fn settle<T: 'static>(&self, chunk: Vec<(SourceMessage, T)>) -> Settled<T> {
        let mut settled = Settled { finished: Vec::with_capacity(chunk.len()), later: Vec::new() };
        let mut pending = chunk;
        loop {
            let (messages, tokens): (Vec<_>, Vec<_>) = pending.into_iter().unzip();
            let processed = self.process(&messages).await;
            let mut again = Vec::new();
            for ((processed, message), token) in processed.into_iter().zip(messages).zip(tokens) {
                match processed {
                    Processed::Done(Disposition::Ack) => {
                        settled.finished.push(Finished { token, rejected: false });
                    }
                    Processed::Done(Disposition::Reject(_)) => {
                        settled.finished.push(Finished { token, rejected: true });
                    }
                    Processed::Done(Disposition::Retry { unavailable: true, .. }) => {
                        again.push((message, token));
                    }
                    processed => {
                        let later = self.clone().settle_later(message, token, processed);
                        settled.later.push(Box::pin(later));
                    }
                }
            }
            if again.is_empty() {
                return settled;
            }
            sleep(self.backoff(1)).await;
            self.wait_for_store().await;
            pending = again;
        }
    }

    /// Finishes a message: waits for the end of a large fan-out, and tries again after a failure.
    async fn settle_later<T>(
        self,
        mut message: SourceMessage,
        token: T,
        first: Processed,
    ) -> Finished<T> {
        let mut processed = first;
        loop {
            let disposition = match processed {
                Processed::Done(disposition) => disposition,
                Processed::InProgress(progress) => self.finish(&message, progress).await,
            };
            match disposition {
                Disposition::Ack => return Finished { token, rejected: false },
                Disposition::Reject(_) => return Finished { token, rejected: true },
                Disposition::Retry { after, .. } => sleep(after).await,
                // The consumer has replaced it.
                Disposition::Failed(_) => sleep(self.backoff(1)).await,
            }
            self.wait_for_store().await;
            message.delivered += 1;
            let again = self.process(from_ref(&message)).await.pop();
            processed = again.unwrap_or(Processed::Done(Disposition::Failed(String::new())));
        }
    }
}
