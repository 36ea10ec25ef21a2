//! Events that other services publish, in three shapes, decoded into one.
//!
//! [`decode()`] distinguishes the shapes by their fields; [`identity`] deduplicates.

mod cloudevents;
mod code;
mod decode;
mod fields;
mod identity;
mod raw;
mod shapes;
mod stored;

pub use code::code_of;
pub use decode::{Decoded, decode};
pub use fields::{other_spelling, without_recipients};
pub use identity::Identity;
pub use raw::RawEvent;

use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::{
    notification::{Priority, Timestamp},
    presentation::Presentation,
    trace_context::TraceContext,
    user::{Person, UserId},
};

/// Code of the events that write to the directory (subject `users.upserted`).
pub const USERS_UPSERTED: &str = "USERS_UPSERTED";

/// Code of the type that direct notifications use by default.
pub const MESSAGE: &str = "MESSAGE";

/// Reason for which a direct notification is rejected while its default type is not there.
pub const NO_MESSAGE_TYPE: &str = "the type MESSAGE is not configured; name another type, or add \
to config.toml: [[type]] code = \"MESSAGE\", title = \"Message\", template = \"{message}\", \
target = \"SELF\", each on a line of its own";

/// Event, independent of the shape in which it arrived.
#[derive(Debug, Clone)]
pub struct Event {
    /// ID given by its publisher, or assigned on arrival.
    pub id: String,
    /// Identity for deduplication; `None` if the event has none.
    pub identity: Option<Identity>,
    /// Name under which it was published, such as `booking.created`.
    pub name: String,
    /// Code of its type, such as `BOOKING_CREATED`.
    pub code: String,
    /// Publisher.
    pub source: Option<String>,
    /// User that it concerns: target SELF.
    pub user_id: Option<UserId>,
    /// User that caused it: target ACTOR.
    pub actor_id: Option<UserId>,
    /// Named recipients: target RECIPIENT.
    pub recipients: Vec<UserId>,
    /// Time at which it happened, or arrived.
    pub time: Timestamp,
    /// All other fields.
    pub data: Map<String, Value>,
    /// Size of its payload, in bytes: its share of the queues' budgets.
    pub bytes: usize,
    /// Caller that published it over HTTP, such as `key:orders`, for recall.
    pub publisher: Option<String>,
    /// Overrides of a direct notification (`/notify`).
    pub direct: Option<Box<Direct>>,
    /// Trace that it belongs to.
    pub trace: Option<Arc<TraceContext>>,
    /// Subject, topic or routing key on which it arrived; `None` if it did not come from a broker.
    pub destination: Option<String>,
}

impl Event {
    /// Returns whether it is a test of an administrator, which live feeds do not show.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.direct.as_ref().is_some_and(|direct| direct.text.is_some())
    }

    /// Returns the ID of its trace, for the log.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        self.trace.as_ref().map(|trace| trace.id())
    }
}

/// Overrides of a direct notification.
#[derive(Debug, Clone, Default)]
pub struct Direct {
    /// Recipients, with the fields that the caller gave; unknown users are added to the directory.
    pub targets: Vec<Person>,
    /// Title, instead of the type's.
    pub title: Option<String>,
    /// Priority, instead of the type's.
    pub priority: Option<Priority>,
    /// Action, instead of the type's.
    pub action_url: Option<String>,
    /// Category, icon and actions, instead of the type's.
    pub presentation: Presentation,
    /// Time to live in seconds, instead of the type's.
    pub ttl_seconds: Option<i64>,
    /// Time of creation, if the caller gave one.
    pub created_at: Option<Timestamp>,
    /// Metadata, instead of the event's data.
    pub metadata: Option<Map<String, Value>>,
    /// Seed of the notification IDs, so that a repeated request gets the same ones.
    pub seed: Option<Seed>,
    /// Message of a test, instead of the type's.
    pub text: Option<String>,
}

/// Seed of reproducible notification IDs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Time of the first request.
    pub at: Timestamp,
    /// Idempotency key.
    pub key: String,
}

impl Seed {
    /// Returns the ID of this request's notification for a user: a `UUIDv7` (RFC 9562) whose random
    /// part is a hash.
    #[must_use]
    pub fn id_for(&self, user: &UserId) -> Uuid {
        let hash = Sha256::new()
            .chain_update(&self.key)
            .chain_update([0])
            .chain_update(user.as_str())
            .finalize();
        let mut random = [0; 10];
        random.copy_from_slice(&hash[..10]);
        Builder::from_unix_timestamp_millis(self.at.0.unsigned_abs(), &random).into_uuid()
    }
}
