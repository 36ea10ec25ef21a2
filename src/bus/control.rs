//! Messages from hub to hub, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Message to all hubs, or to one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Control {
    /// Boot ID of the sender.
    pub(super) hub: String,
    /// Content.
    #[serde(flatten)]
    pub(super) content: ControlContent,
}

/// Content of a message to hubs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum ControlContent {
    /// A question, to be answered to its sender.
    Request {
        /// ID of the request.
        id: Uuid,
        /// Question.
        body: Value,
    },
    /// The answer to a question.
    Answer {
        /// ID of the request.
        id: Uuid,
        /// Name of the hub that answers.
        instance: String,
        /// Answer.
        body: Value,
    },
    /// Messages of the sender may have been lost.
    Lost,
    /// An administrator of the sender watches all events, or the last one stopped.
    WatchesAll {
        /// True if one watches.
        on: bool,
    },
}
