//! Events: what other services publish, in the three shapes the contract knows, decoded into one.
//!
//! [`decode()`] tells the shapes apart by their fields; [`identity`] says which events are the same one.

mod cloudevents;
mod code;
mod decode;
mod fields;
mod identity;
mod raw;
mod shapes;

pub use code::code_of;
pub use decode::{Decoded, decode};
pub use fields::{other_spelling, without_recipients};
pub use identity::Identity;
pub use raw::RawEvent;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::{
    notification::{Priority, Timestamp},
    user::{Person, UserId},
};

/// The code of the events that fill the directory (subject `users.upserted`).
pub const USERS_UPSERTED: &str = "USERS_UPSERTED";

/// The code of the type that direct notifications use unless they name another.
pub const MESSAGE: &str = "MESSAGE";

/// One event, whatever shape it came in.
#[derive(Debug, Clone)]
pub struct Event {
    /// What its publisher calls it, or an id made for it on arrival.
    pub id: String,
    /// What makes a second arrival the same event; `None` when nothing does.
    pub identity: Option<Identity>,
    /// The name it was published under, such as `booking.created`.
    pub name: String,
    /// The code of its type, such as `BOOKING_CREATED`.
    pub code: String,
    /// Who published it.
    pub source: Option<String>,
    /// Whom it concerns: SELF.
    pub user_id: Option<UserId>,
    /// Who did it: ACTOR.
    pub actor_id: Option<UserId>,
    /// RECIPIENT.
    pub recipients: Vec<UserId>,
    /// When it happened, or when it arrived.
    pub time: Timestamp,
    /// Everything else it says.
    pub data: Map<String, Value>,
    /// Size of the payload it came in, in bytes: what it takes of the queues.
    pub bytes: usize,
    /// Set by a direct notification (`/notify`): what it decides itself.
    pub direct: Option<Box<Direct>>,
}

/// What a direct notification says beside its message.
#[derive(Debug, Clone, Default)]
pub struct Direct {
    /// The recipients, with what the caller knows of them; unknown ones enter the directory.
    pub targets: Vec<Person>,
    /// Instead of the type's title.
    pub title: Option<String>,
    /// Instead of the type's priority.
    pub priority: Option<Priority>,
    /// Instead of the type's action.
    pub action_url: Option<String>,
    /// Instead of the type's time to live, in seconds.
    pub ttl_seconds: Option<i64>,
    /// When the caller says it was made.
    pub created_at: Option<Timestamp>,
    /// What to keep with it instead of the event's data.
    pub metadata: Option<Map<String, Value>>,
    /// What its notifications' ids are made from, so that a repeated request finds the same ones.
    pub seed: Option<Seed>,
}

/// Makes the same ids again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// When the request first came.
    pub at: Timestamp,
    /// Its key.
    pub key: String,
}

impl Seed {
    /// The id of this request's notification for a user: a `UUIDv7` (RFC 9562) whose random part is a hash.
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
