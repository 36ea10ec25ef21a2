//! The only writers of inboxes: the persistence actor and the sweeper.

mod messages;
mod persistence;
mod sweeper;

pub use messages::{Commit, CommitOutcome, Due, MarkEvery, MarkOne, Publish, Reconcile, SweepSome, Swept};
pub use persistence::{Persistence, Settings};
pub use sweeper::Sweeper;
