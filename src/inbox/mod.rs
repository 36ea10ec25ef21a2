//! Changes of inboxes: the persistence actor, and the sweeper that tells it what is due.

mod messages;
mod persistence;
mod sweeper;

pub use messages::{
    Commit, CommitOutcome, DeliverChanges, MarkAll, MarkHandle, MarkOne, Reconcile, Sweep,
    SweepTask, Swept, TakeOut,
};
pub use persistence::{Persistence, PersistenceConfig};
pub use sweeper::Sweeper;

#[cfg(test)]
mod tests;
