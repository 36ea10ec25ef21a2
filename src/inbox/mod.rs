//! The only writers of inboxes: the persistence actor and the sweeper.

mod messages;
mod persistence;
mod sweeper;

pub use messages::{
    Commit, CommitOutcome, MarkAll, MarkHandle, MarkOne, Publish, Reconcile, Sweep, SweepTask,
    Swept,
};
pub use persistence::{Persistence, PersistenceConfig};
pub use sweeper::Sweeper;

#[cfg(test)]
mod tests;
