//! Questions to all other hubs, such as for their connections.

use std::{fmt, time::Duration};

use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use super::{control::ControlContent, handle::Bus, message::EnqueueControl, pending::Answer};

/// Time limit for the answers of the other hubs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum number of answers that wait to be read: more than there are hubs.
const ANSWERS_MAX: usize = 256;

/// Question of another hub, to be answered with [`Requests::answer`].
#[derive(Debug)]
pub struct IncomingRequest {
    /// ID of the request.
    pub(super) id: Uuid,
    /// ID of the process that asks.
    pub(super) hub: String,
    /// Question.
    pub body: Value,
}

/// Sender of questions to the other hubs.
#[derive(Clone)]
pub struct Requests(Bus);

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}

impl Requests {
    /// Creates a sender over this bus.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self(bus)
    }

    /// Asks all other hubs. Returns the answers that came within a second.
    pub async fn ask(&self, body: Value) -> Vec<Answer> {
        let Some(shared) = self.0.shared().filter(|_| self.0.is_shared()) else {
            return Vec::new();
        };
        let mut expected = shared.boots().as_ref().clone();
        let id = Uuid::new_v4();
        let (sender, mut receiver) = mpsc::channel(ANSWERS_MAX);
        let _remove = shared.requests.begin(id, sender);
        let content = ControlContent::Request { id, body };
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let mut answers = Vec::new();
        if shared.publisher.control.send(EnqueueControl { to: None, content }).await.is_err() {
            return answers;
        }
        while !expected.is_empty() {
            let Ok(Some(answer)) = timeout_at(deadline, receiver.recv()).await else { break };
            expected.remove(&answer.boot);
            answers.push(answer);
        }
        answers
    }

    /// Answers a question of another hub.
    pub async fn answer(&self, request: &IncomingRequest, instance: &str, body: Value) {
        if let Some(shared) = self.0.shared() {
            let content =
                ControlContent::Answer { id: request.id, instance: instance.to_owned(), body };
            // Without an answer the other hub lists this one as incomplete.
            let to = Some(request.hub.clone());
            let _ = shared.publisher.control.send(EnqueueControl { to, content }).await;
        }
    }
}
