//! One message: what it says, and what becomes of it at the broker.

use std::time::Duration;

use async_nats::HeaderMap;
use uuid::Uuid;

use crate::{
    actors::Outcome,
    clock,
    domain::{
        event::{Decoded, Event, Identity, Incoming, decode},
        rejected::Rejected,
    },
    store::DeadLetter,
};

/// Headers that are kept with a dead letter, and longest value kept.
const HEADERS_KEPT: usize = 32;
const HEADER_VALUE_MAX: usize = 1_024;

/// A message as the broker gave it.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) payload: bytes::Bytes,
    /// The broker's own name for it; none without JetStream.
    pub(super) identity: Option<Identity>,
    /// Which delivery this is, from 1.
    pub(super) delivered: u64,
}

/// What the broker is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Done with it.
    Ack,
    /// Bad for ever: keep it as a dead letter, then never send it again.
    Bury(Rejected),
    /// The hub failed on it: to be counted, and sent again or given up.
    Failed(String),
    /// Send it again later.
    Retry {
        after: Duration,
        /// The hub as a whole cannot take events now.
        away: bool,
    },
}

pub(super) fn headers(map: Option<&HeaderMap>) -> Vec<(String, String)> {
    map.into_iter()
        .flat_map(|map| map.iter())
        .filter_map(|(name, values)| {
            let value = values.first()?;
            Some((AsRef::<str>::as_ref(name).to_ascii_lowercase(), value.as_str().to_owned()))
        })
        .collect()
}

impl Message {
    pub(super) fn decode(&self, max_event_bytes: usize) -> Result<Decoded, Rejected> {
        let mut decoded = decode(&Incoming {
            payload: &self.payload,
            headers: &self.headers,
            subject: Some(&self.subject),
            broker_identity: self.identity.clone(),
            now: clock::now(),
            max_event_bytes,
        })?;
        decoded.events.iter_mut().for_each(name);
        Ok(decoded)
    }

    /// What the outcomes of its events mean for the message. The worst one decides.
    pub(super) fn verdict(outcomes: &[Outcome], backoff: Duration) -> Verdict {
        let mut verdict = Verdict::Ack;
        // In a batch that is taken whole or not at all, the others fail because of the worst one: it gives the reason.
        for outcome in outcomes {
            match (outcome, &verdict) {
                (Outcome::Rejected(rejected), _) => return Verdict::Bury(rejected.clone()),
                (Outcome::Unavailable(_) | Outcome::Overloaded | Outcome::Interrupted { .. }, _) => {
                    verdict = Verdict::Retry { after: backoff, away: true };
                }
                (Outcome::Failed(reason), Verdict::Ack) => verdict = Verdict::Failed(reason.clone()),
                (
                    Outcome::Failed(_)
                    | Outcome::Accepted(_)
                    | Outcome::Duplicate
                    | Outcome::Skipped(_)
                    | Outcome::Late(_),
                    _,
                ) => {}
            }
        }
        verdict
    }

    pub(super) fn dead_letter(&self, rejected: &Rejected) -> DeadLetter {
        let id = self.identity.as_ref().map_or_else(Uuid::now_v7, stable_id);
        let mut letter = DeadLetter::new(id, clock::now(), "nats", rejected, &self.payload);
        letter.subject = Some(self.subject.clone());
        letter.identity = self.identity.as_ref().map(|identity| identity.as_str().to_owned());
        let short = |value: &String| value.chars().take(HEADER_VALUE_MAX).collect::<String>();
        letter.headers =
            self.headers.iter().take(HEADERS_KEPT).map(|(name, value)| (name.clone(), short(value))).collect();
        letter
    }
}

fn name(event: &mut Event) {
    if event.id.is_empty() {
        event.id = Uuid::now_v7().to_string();
    }
}

/// The same message dead-lettered twice, because the hub died in between, is one row.
fn stable_id(identity: &Identity) -> Uuid {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(identity.as_str().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{actors::Stored, domain::plan::Skipped};

    fn message(delivered: u64) -> Message {
        Message {
            subject: "events.x".into(),
            headers: Vec::new(),
            payload: bytes::Bytes::from_static(b"{}"),
            identity: Some(Identity::stream("S", 1, 2)),
            delivered,
        }
    }

    #[test]
    fn the_worst_outcome_decides() {
        let second = Duration::from_secs(1);
        let verdict = |outcomes: &[Outcome]| Message::verdict(outcomes, second);
        let fine = [Outcome::Duplicate, Outcome::Skipped(Skipped::NoType), Outcome::Accepted(Stored::default())];
        assert_eq!(verdict(&fine), Verdict::Ack);
        let away = Outcome::Unavailable("away".into());
        assert_eq!(verdict(std::slice::from_ref(&away)), Verdict::Retry { after: second, away: true });
        let failed = Outcome::Failed("refused".into());
        assert_eq!(verdict(&[failed]), Verdict::Failed("refused".into()), "the broker's count decides nothing");
        let bad = Rejected::missing("user_id", "x");
        assert_eq!(verdict(&[away.clone(), Outcome::Rejected(bad.clone())]), Verdict::Bury(bad.clone()));
        let filler = || Outcome::Failed("another event of the batch is bad".into());
        assert_eq!(verdict(&[filler(), Outcome::Rejected(bad.clone())]), Verdict::Bury(bad));
        assert_eq!(verdict(&[filler(), away]), Verdict::Retry { after: second, away: true });
    }

    #[test]
    fn a_message_buried_twice_has_one_id() {
        let rejected = Rejected::missing("user_id", "x");
        assert_eq!(message(1).dead_letter(&rejected).id, message(2).dead_letter(&rejected).id);
    }
}
