//! Hubs that share a store: who is there, and who does the work that only one of them does.
//!
//! Every hub writes a heartbeat into the store every second, and reads those of the others. From
//! these it knows whether anybody receives what it publishes on the [`bus`](crate::bus), and when
//! the bus cannot be trusted: then it compares the revisions of its connected users with the store.
//!
//! Work such as sweeping belongs to the hub that holds its [lease](Leases). A hub that died, or
//! lost its connection to the store, loses it within nine seconds, and another one takes over.

mod leases;
mod membership;

pub use leases::{Leases, SCHEDULER, SWEEPER};
pub use membership::{Cluster, Condition, Membership, MembershipConfig};
