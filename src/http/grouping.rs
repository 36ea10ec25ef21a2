//! Group of requests to the store that arrive together and share one statement or transaction.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, oneshot};

use crate::store::StoreError;

/// Maximum number of requests in one group.
const GROUP_MAX: usize = 500;

/// Requests with the parameter `T` and the result `R`.
#[derive(Debug)]
pub(super) struct Grouping<T, R> {
    waiting: Mutex<Vec<Waiting<T, R>>>,
    /// Held by the caller who asks for all that wait.
    turn: AsyncMutex<()>,
}

#[derive(Debug)]
struct Waiting<T, R> {
    parameter: T,
    /// Receives the result, or the text of the failure.
    done: oneshot::Sender<Result<R, String>>,
}

impl<T, R> Default for Grouping<T, R> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: AsyncMutex::default() }
    }
}

impl<T: Clone, R> Grouping<T, R> {
    /// Requests something together with the others that wait. `request` returns a result for each
    /// parameter, in order.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub(super) async fn join(
        &self,
        parameter: T,
        request: impl AsyncFn(Vec<T>) -> Result<Vec<R>, StoreError>,
    ) -> Result<R, StoreError> {
        loop {
            let (done, mut own) = oneshot::channel();
            self.waiting().push(Waiting { parameter: parameter.clone(), done });
            let _turn = self.turn.lock().await;
            match own.try_recv() {
                Ok(result) => return result.map_err(StoreError::Unavailable),
                // The caller who asked for this one hung up before the end.
                Err(oneshot::error::TryRecvError::Closed) => continue,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            // Requests that have arrived meanwhile get the opportunity to join.
            tokio::task::yield_now().await;
            while let Some(group) = self.next_group() {
                let (parameters, waiting): (Vec<_>, Vec<_>) =
                    group.into_iter().map(|one| (one.parameter, one.done)).unzip();
                let results: Vec<Result<R, String>> = match request(parameters).await {
                    Ok(results) => results.into_iter().map(Ok).collect(),
                    Err(error) => waiting.iter().map(|_| Err(error.to_string())).collect(),
                };
                for (done, result) in waiting.into_iter().zip(results) {
                    // The caller may have hung up.
                    let _ = done.send(result);
                }
                // One of the others asks for those that have come meanwhile.
                if let Ok(result) = own.try_recv() {
                    return result.map_err(StoreError::Unavailable);
                }
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting<T, R>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_group(&self) -> Option<Vec<Waiting<T, R>>> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(GROUP_MAX);
        (count > 0).then(|| waiting.drain(..count).collect())
    }
}
