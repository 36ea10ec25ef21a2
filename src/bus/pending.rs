//! Requests that wait for the answers of other hubs.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Answer of another hub.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// ID of its process.
    pub boot: String,
    /// Name of the hub.
    pub instance: String,
    /// Content.
    pub body: Value,
}

/// Requests that wait for answers.
#[derive(Default)]
pub(super) struct Pending(Mutex<HashMap<Uuid, mpsc::Sender<Answer>>>);

impl Pending {
    fn all(&self) -> MutexGuard<'_, HashMap<Uuid, mpsc::Sender<Answer>>> {
        // Nothing panics while it is held half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request, which ends when the result is dropped.
    pub(super) fn begin(&self, id: Uuid, sender: mpsc::Sender<Answer>) -> Remove<'_> {
        self.all().insert(id, sender);
        Remove(self, id)
    }

    /// Passes an answer to the request, unless that has ended.
    pub(super) fn answered(&self, id: Uuid, answer: Answer) {
        if let Some(request) = self.all().get(&id) {
            let _ = request.try_send(answer);
        }
    }
}

/// Removes a request when it ends in any way.
pub(super) struct Remove<'a>(&'a Pending, Uuid);

impl Drop for Remove<'_> {
    fn drop(&mut self) {
        self.0.all().remove(&self.1);
    }
}
